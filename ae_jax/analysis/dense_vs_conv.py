"""Dense against convolutional, at the tutorial's sizes and at equal code size.

The tutorial compares a dense model of 10 numbers with a convolutional one of 64, which PCA would
decide too: 64 components leave a quarter of the error of 10. With equal codes, and at 64 of them
nearly equal numbers of parameters, the comparison is one of architectures.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypedDict

import jax
import numpy as np

from ae_jax.analysis import judge as judging
from ae_jax.analysis.codec import pca_errors
from ae_jax.analysis.finding import Application, Measured, NotApplicable, Study, image_errors
from ae_jax.analysis.judge import Estimate
from ae_jax.evaluate.metrics import psnr
from ae_jax.figures import image_rows
from ae_jax.figures.panels import Panel, line_panels
from ae_jax.resolve.config import load_config

Kind = Literal["dense", "convolutional"]
Name = Literal["dense, 10", "dense, 64", "convolutional, 10", "convolutional, 64"]


class Candidate(NamedTuple):
    """An architecture and a code size."""

    kind: Kind
    size: int


class Pair(NamedTuple):
    """Two candidates that are compared."""

    what: str
    dense: Name
    convolutional: Name


CANDIDATES: dict[Name, Candidate] = {
    "dense, 10": Candidate("dense", 10),
    "dense, 64": Candidate("dense", 64),
    "convolutional, 10": Candidate("convolutional", 10),
    "convolutional, 64": Candidate("convolutional", 64),
}
SIZES = (10, 64)  # the tutorial's, of the dense and of the convolutional one
PAIRS = (
    Pair("the tutorial's sizes, 64 against 10", "dense, 10", "convolutional, 64"),
    Pair("10 each", "dense, 10", "convolutional, 10"),
    Pair("64 each", "dense, 64", "convolutional, 64"),
)
STEPS: dict[Kind, int] = {"dense": 2800, "convolutional": 700}  # these take four times as long
PROTOCOL = {  # of training, for all four
    "encoder": {"activation": "elu"},
    "decoder": {"activation": "elu"},
    "model": {"init": "he"},
    "optim": {"learning_rate": 2e-3, "schedule": "cosine", "weight_decay": 0.0},
    "train": {"batch_size": 128},
}
SOURCES: dict[Kind, str] = {"dense": "deep", "convolutional": "conv_strided"}
DRAWN = 12


class Row(TypedDict):
    """Of one candidate, on the test images."""

    mse: float  # per pixel in [0,1] units
    psnr_db: float
    over_pca_db: Estimate  # dB over PCA of equal size, image by image
    params: int  # how many


Numbers = TypedDict(
    "Numbers",
    {
        "dense, 10": Row,
        "dense, 64": Row,
        "convolutional, 10": Row,
        "convolutional, 64": Row,
        "gain_db": dict[str, Estimate],  # pair -> dB of the convolutional one over the dense one
    },
)


class Control(TypedDict):
    """Of PCA."""

    pca_mse: dict[str, float]  # '10' and '64' -> mse of as many components, in [0,1] units
    pca_gain_db: Estimate  # dB of 64 over 10


class Shown(NamedTuple):
    """What the figures show."""

    test: np.ndarray  # images [12, H, W, C] in [0,1]
    outputs: dict[Name, np.ndarray]  # their reconstructions
    losses: dict[Name, np.ndarray]  # [steps] in training


def candidates() -> dict[Name, dict[str, Any]]:
    """Name -> its config: both architectures at both code sizes."""
    found = {}
    for name, (kind, size) in CANDIDATES.items():
        config = load_config(SOURCES[kind]).to_dict()
        changed = {**config, "model": {**config["model"], "code_size": size}}
        if kind == "dense" and size > SIZES[0]:
            # Layers no wider than 64 numbers would be the bottleneck themselves.
            for part in ("encoder", "decoder"):
                widths = tuple(w for w in config[part]["hidden"] if w > size)
                changed[part] = {**config[part], "hidden": widths}
        found[name] = changed
    return found


def scored(
    errors: Mapping[Name, np.ndarray], pca: Mapping[int, np.ndarray], params: Mapping[Name, int]
) -> tuple[Numbers, Control]:
    """(numbers, control) of the errors of each test image [n].

    Args:
      errors: by candidate.
      pca: of PCA, by size.
      params: how many each candidate has.
    """

    def row(name: Name) -> Row:
        mse = float(errors[name].mean())
        over = judging.decibels(errors[name], pca[CANDIDATES[name].size])
        return {"mse": mse, "psnr_db": psnr(mse), "over_pca_db": over, "params": params[name]}

    small, large = SIZES
    numbers: Numbers = {
        "dense, 10": row("dense, 10"),
        "dense, 64": row("dense, 64"),
        "convolutional, 10": row("convolutional, 10"),
        "convolutional, 64": row("convolutional, 64"),
        "gain_db": {
            p.what: judging.decibels(errors[p.convolutional], errors[p.dense]) for p in PAIRS
        },
    }
    control: Control = {
        "pca_mse": {str(k): float(v.mean()) for k, v in pca.items()},
        "pca_gain_db": judging.decibels(pca[large], pca[small]),
    }
    return numbers, control


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """Trains all four and reconstructs the test images."""
    study.need_images()
    if min(study.run.model.shape[:2]) < 16:
        raise NotApplicable("images of at least 16 x 16 pixels are needed for three convolutions")
    test = study.test.images
    params: dict[Name, int] = {}
    errors: dict[Name, np.ndarray] = {}
    shown = Shown(test[:DRAWN], {}, {})
    for i, (name, config) in enumerate(candidates().items()):
        raw = {part: v for part, v in config.items() if part not in ("data", "eval", "seed")}
        steps = STEPS[CANDIDATES[name].kind]
        run = study.fit(jax.random.fold_in(key, i), steps, raw, PROTOCOL)
        outputs = run.reconstruct(test)
        errors[name] = image_errors(outputs, test)
        params[name] = sum(leaf.size for leaf in jax.tree.leaves(run.variables["params"]))
        shown.outputs[name], shown.losses[name] = outputs[:DRAWN], run.history["loss"]
    pca = {k: pca_errors(study.train.images, test, k) for k in SIZES}
    return Measured(*scored(errors, pca, params), shown)


def judge(numbers: Numbers, control: Control) -> str:
    """Who wins in each pair; both have to beat PCA."""
    words = []
    for what, dense, conv in PAIRS:
        gain = Estimate(*numbers["gain_db"][what])
        weak = [
            name
            for name in (dense, conv)
            if judging.beyond(Estimate(*numbers[name]["over_pca_db"])) <= 0
        ]
        if weak:
            who = f"not compared, PCA is no worse than {' and '.join(weak)}"
        else:
            who = judging.verdict("convolutional", "dense", gain)
        sizes = {CANDIDATES[name].size for name in (dense, conv)}
        beside = [f"PCA {k}: {psnr(control['pca_mse'][str(k)]):.1f} dB" for k in sorted(sizes)]
        words.append(
            f"{what}: {who}, {gain.text(digits=2, sign=True)} dB ({numbers[conv]['psnr_db']:.1f} "
            f"and {numbers[dense]['psnr_db']:.1f} dB; {', '.join(beside)})"
        )
    return "; ".join(words)


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """Losses in training, and 'images', reconstructions."""
    numbers, _, shown = measured
    curves: dict[str, Any] = {name: _smooth(loss) for name, loss in shown.losses.items()}
    panel = Panel("", "step", "training loss, mean of 20 steps", curves, log_y=True)
    rows = {f"{n}, {numbers[n]['psnr_db']:.1f} dB": made for n, made in shown.outputs.items()}
    return {
        "": line_panels([panel], "Dense and convolutional, by the size of the code"),
        "images": image_rows({"original": shown.test, **rows}, "Test images and reconstructions"),
    }


def _smooth(loss: np.ndarray, width: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """(steps, means over `width` steps)."""
    width = max(1, min(width, len(loss)))
    kept = loss[: len(loss) // width * width].reshape(-1, width)
    return (np.arange(len(kept)) + 1) * width, kept.mean(1)


APPLICATION = Application(measure, judge, draw)
"""Four models, the same optimizer, the same batch, about the same time.

The convolutional ones are trained for about 700 x effort steps of 128 images, the dense ones, whose
steps are shorter, for 2,800 x effort, on all training images; errors are of the study's test
images. Sizes and layers are the dense or conv tutorial's; He's weights, ELU, and a rate that decays
to zero are not: with its own, the dense one of 10 numbers is little better than PCA for many
epochs.

Raises:
  NotApplicable: the data are points, or images under 16 x 16 pixels.
"""
