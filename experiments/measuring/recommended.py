"""The runs on full MNIST whose weights come with the package: the configs, as we recommend them."""

from collections.abc import Mapping
from typing import Any

from ae_jax.resolve.config import Resolved, load_config

SEED = 0
TWENTY = {"train.epochs": 20}
DECAYING = {"optim.learning_rate": 2e-3, "optim.schedule": "cosine"}
# Name -> (config, changes to it). The network is that of the config of this name, so that its
# weights can be taken into it; what is changed is how long and how it is trained.
WEIGHTS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "linear": ("linear:optimum", TWENTY),
    "undercomplete": ("undercomplete:published", {**DECAYING, "train.batch_size": 64}),
    "tied": ("tied:published", {}),
    "contractive": ("contractive", {**TWENTY, "penalties.contractive.warmup_epochs": 13}),
    "deep": ("deep", TWENTY),
    "dense": ("dense", {**DECAYING, "train.epochs": 50}),
    "conv_pool": ("conv_pool", TWENTY),
    "conv_strided": (
        "conv_strided:published",
        {**DECAYING, "optim.learning_rate": 3e-3, "optim.weight_decay": 0.0, "model.init": "he"},
    ),
    "denoise": ("denoise", {**TWENTY, "optim.warmup_epochs": 1, "optim.decay_epochs": 0}),
    "vae": ("vae", {"optim.schedule": "cosine", "train.epochs": 50}),
}


def config_of(name: str, data: str) -> Resolved:
    """The resolved config of the run that a name of `WEIGHTS` is the weights of."""
    config, changes = WEIGHTS[name]
    given = {**changes, "name": name, "seed": SEED, "data.name": data}
    return load_config(config, **given)
