"""How large the code should be: the error of every size, from one training of an ordered code."""

from typing import Any, NamedTuple, TypedDict

import jax
import numpy as np

from ae_jax.analysis import judge as judging
from ae_jax.analysis.codec import pca_codec
from ae_jax.analysis.finding import Application, Measured, NotApplicable, Study, image_errors
from ae_jax.analysis.judge import Estimate
from ae_jax.evaluate import baselines
from ae_jax.figures.panels import Panel, line_panels
from ae_jax.objective.penalties import ORDERS
from ae_jax.run.trained import Run

NEAR = 1.1  # times the error of the whole code: a size that does about as well


class Numbers(TypedDict):
    """Of the run."""

    sizes: list[int]
    mse: list[float]  # of the test images by size, per pixel in [0,1] units
    gain_db: list[Estimate]  # dB over PCA of that size, and its standard error, of the same images
    enough: int  # the smallest size whose error is within NEAR of that of the whole code


class Control(TypedDict):
    """Of PCA, for the same sizes, and of no code."""

    pca_mse: list[float]
    enough: int
    mean_image_mse: float


class Shown(NamedTuple):
    """What the figure shows."""

    run: str  # its config's name


def errors(run: Run, images: np.ndarray, labels: np.ndarray | None) -> list[np.ndarray]:
    """Squared error per pixel of each image [n], in [0,1] units, of the first 1, 2, ... numbers."""
    codes, told = run.encode(images), labels if run.model.conditional else None
    sizes = range(1, codes.shape[1] + 1)
    return [image_errors(run.decode(_cut(codes, size), told), images) for size in sizes]


def _cut(codes: np.ndarray, size: int) -> np.ndarray:
    return np.where(np.arange(codes.shape[1]) < size, codes, 0)


def enough(mse: np.ndarray) -> int:
    """The smallest size, from 1, whose error is at most NEAR times that of the last."""
    return int(np.argmax(mse <= NEAR * mse[-1])) + 1


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """The run's code cut short, against PCA of the same sizes; see APPLICATION."""
    run, test = study.run, study.test
    if not (run.model.module.bottleneck.ordered or set(ORDERS) & set(run.config.penalties)):
        raise NotApplicable(
            "needs a code whose numbers are ordered; bottleneck.name=nested makes it so, or "
            "penalties.prefixes"
        )
    k = run.config.model.code_size
    pixels = int(np.prod(run.model.shape))
    if k >= min(pixels, len(study.train.images)):
        raise NotApplicable(f"a code of {k} numbers is not smaller than {pixels} pixels")
    ours = errors(run, test.images, test.labels)
    encode, decode = pca_codec(study.train.images, k)
    codes, rows = encode(test.images), baselines.unit_rows(test.images)
    theirs = [image_errors(decode(_cut(codes, size)), rows) for size in range(1, k + 1)]
    mse, pca_mse = (np.array([e.mean() for e in side]) for side in (ours, theirs))
    numbers: Numbers = {
        "sizes": list(range(1, k + 1)),
        "mse": mse.tolist(),
        "gain_db": [judging.decibels(a, b) for a, b in zip(ours, theirs, strict=True)],
        "enough": enough(mse),
    }
    control: Control = {
        "pca_mse": pca_mse.tolist(),
        "enough": enough(pca_mse),
        "mean_image_mse": baselines.mean_image_mse(study.train.images, test.images),
    }
    return Measured(numbers, control, Shown(run.config.name))


def judge(numbers: Numbers, control: Control) -> str:
    """At how many sizes the code wins, and how many numbers are enough."""
    gains = [Estimate(*gain) for gain in numbers["gain_db"]]
    blank, sizes = control["mean_image_mse"], numbers["sizes"]
    won = [
        size
        for size, gain, mse in zip(sizes, gains, numbers["mse"], strict=True)
        if judging.beyond(gain) > 0 and mse < blank
    ]
    lost = sum(judging.beyond(gain) < 0 for gain in gains)
    last = f"{gains[-1].text(digits=2, sign=True)} dB with all {sizes[-1]:.0f}"
    return (
        f"cut short to 1 to {sizes[-1]:.0f} numbers the code wins over PCA at {len(won)} of "
        f"{len(sizes)} sizes and loses at {lost}, {last}; {numbers['enough']:.0f} numbers are "
        f"within 10 % of the error of all (PCA {control['enough']:.0f})"
    )


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """The error by size."""
    numbers, control, shown = measured
    sizes = np.array(numbers["sizes"])
    lines = {
        "the run's code, cut short": (sizes, np.array(numbers["mse"])),
        "PCA": (sizes, np.array(control["pca_mse"])),
    }
    axes = ("numbers in the code", "test mse per pixel, [0,1] units")
    panel = Panel("Error by size", *axes, lines, ["PCA"], True, True)
    return {"": line_panels([panel], f"{shown.run}: one training, every size")}


APPLICATION = Application(measure, judge, draw)
"""The run's code cut short to its first 1, 2, ... numbers, against PCA of as many components.

Nothing is trained. PCA is of the study's training images, the errors are of its test images.

Raises:
  NotApplicable: nothing orders the code, or the code is not smaller than the image.
"""
