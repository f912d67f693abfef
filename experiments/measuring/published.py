"""The numbers printed by the tutorials, their meaning, and a config that does better."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ae_jax.resolve.config import variants


class Published(NamedTuple):
    """One printed number and the protocol it belongs to."""

    config: str  # the published protocol, on full MNIST
    printed: str  # of the printed digits the last is known to half a unit
    # 'test': mean over the test set. 'last batch': the last training batch of the last epoch.
    # 'last epoch': the mean over the training batches of the last epoch.
    measure: str
    unit: str
    # Differences from the config with the same parameter count and epochs, and why they help.
    better: Mapping[str, Any]
    why: str
    where: str = "text"  # or in a figure of the source, or in the notebook that goes with it

    @property
    def number(self) -> float:
        """The printed number."""
        return float(self.printed)

    @property
    def rounding(self) -> float:
        """Half a unit of its last digit."""
        return 0.5 * 10.0 ** -len(self.printed.partition(".")[2])


def sourced(name: str) -> str:
    """The config in its source's protocol where it has one (`:published`)."""
    base, colon, _ = name.partition(":")
    return f"{name}{',' if colon else ':'}published" if "published" in variants(base) else name


NOTEBOOK = "companion notebook"
KERAS_BETTER = {"optim.learning_rate": 3e-3, "optim.schedule": "cosine", "model.init": "he"}
TORCH_BETTER = {**KERAS_BETTER, "optim.weight_decay": 0.0}
LINEAR_CODE = {
    "encoder.code_activation": "linear",
    "optim.learning_rate": 2e-3,
    "optim.schedule": "cosine",
}
ELU = {"encoder.activation": "elu", "decoder.activation": "elu"}
SMALL_BATCHES = {**KERAS_BETTER, "optim.learning_rate": 2e-3, "train.batch_size": 100}
COSINE = "a rate that starts higher and decays to zero"
SATURATES = f"a linear code ({{}} numbers in tanh saturate early), {COSINE}"
ROWS: dict[str, Published] = {
    "linear": Published(
        "linear:published",
        "0.10",
        "test",
        "per pixel in [-1,1] (printed as 0.0010: batch means over 100 batches, divided by 10,000)",
        {"optim": {"name": "adam", "learning_rate": 3e-3, "schedule": "cosine", "momentum": 0.0}},
        "Adam with a decaying rate reaches the optimum, PCA's without centring; "
        "SGD is not there after 20 epochs",
    ),
    "undercomplete": Published(
        "undercomplete:published",
        "0.0613",
        "last batch",
        "per pixel in [-1,1]",
        {**LINEAR_CODE, "train.batch_size": 64},
        f"{SATURATES.format(30)}, smaller batches",
        "figure",
    ),
    "dense": Published(
        "dense:published",
        "0.0117",
        "test",
        "per pixel in [0,1]",
        {**LINEAR_CODE, "model.init": "he"},
        f"{SATURATES.format(16)}, He's initializer",
        NOTEBOOK,
    ),
    "conv_pool": Published(
        "conv_pool:published",
        "0.0089",
        "test",
        "per pixel in [0,1]",
        {
            **LINEAR_CODE,
            "model.init": "he",
            "train.batch_size": 50,
            **ELU,
        },
        f"{SATURATES.format(16)}, smaller batches, ELU and He's initializer: no layer starts dead",
        NOTEBOOK,
    ),
    "deep": Published(
        "deep:published",
        "0.025885",
        "last batch",
        "per pixel in [0,1]",
        {
            **TORCH_BETTER,
            "optim.learning_rate": 2e-3,
            **ELU,
        },
        f"ELU, which leaves none of the 12 units beside the code dead, He's initializer, {COSINE}, "
        "no weight decay",
    ),
    "conv_strided": Published(
        "conv_strided:published",
        "0.002479",
        "last batch",
        "per pixel in [0,1]",
        TORCH_BETTER,
        f"{COSINE}, He's initializer, no weight decay",
    ),
    "vae": Published(
        "vae:published,keras",
        "29.2838",
        "last epoch",
        "squared error + KL per image",
        {
            **SMALL_BATCHES,
            "train.batch_size": 50,
            "bottleneck.deviation": "log_variance",
            "encoder.hidden": (235, 173),
            "decoder.hidden": (177, 240),
            "encoder.activation": "gelu",
            "decoder.activation": "gelu",
        },
        f"two layers each way instead of one, of as many parameters in all, and GELU; {COSINE}, "
        "smaller batches, He's initializer, the deviation as a logarithm",
        NOTEBOOK,
    ),
    "cvae": Published(
        "cvae:published",
        "23.1149",
        "last epoch",
        "squared error + KL per image",
        {**SMALL_BATCHES, **ELU},
        f"ELU and He's initializer, {COSINE}, smaller batches",
        NOTEBOOK,
    ),
}
