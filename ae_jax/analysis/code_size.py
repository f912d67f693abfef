"""How large the code should be: the error of every size, from one training.

The code is one that may be cut short: its numbers are in order, or it spans few dimensions, and
then those of most variance are kept.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, NotRequired, TypedDict

import jax
import numpy as np

from ae_jax.analysis import judge as judging
from ae_jax.analysis.codec import pca_codec
from ae_jax.analysis.dimension import NEIGHBOURS, local_dimension
from ae_jax.analysis.finding import Application, Measured, NotApplicable, Study, image_errors
from ae_jax.analysis.judge import Estimate
from ae_jax.evaluate import baselines, code_statistics
from ae_jax.figures.panels import Panel, line_panels
from ae_jax.objective.penalties import LOW_RANK, ORDERS
from ae_jax.run.trained import Run

NEAR = 1.1  # times the error of the whole code: a size that does about as well
LOCAL = 200  # test images at which the dimension of the data is looked at


class Numbers(TypedDict):
    """Of the run."""

    sizes: list[int]
    mse: list[float]  # of the test images by size, per pixel in [0,1] units
    gain_db: list[Estimate]  # dB over PCA of that size, and its standard error, of the same images
    enough: int  # the smallest size whose error is within NEAR of that of the whole code
    dimension: NotRequired[Estimate]  # of a code of low rank: what its training codes span


class Control(TypedDict):
    """Of PCA, for the same sizes, of no code, and of the images."""

    pca_mse: list[float]
    enough: int
    mean_image_mse: float
    local_dimension: NotRequired[Estimate]  # mean over test images, and its standard error


class Shown(NamedTuple):
    """What the figure shows."""

    run: str  # its config's name


class Axes(NamedTuple):
    """Directions of a code, the first ones to be kept, and the code that is left without any."""

    center: np.ndarray  # [k]
    directions: np.ndarray  # [k, k], orthonormal columns

    def cut(self, codes: np.ndarray, size: int) -> np.ndarray:
        """c + V V^T (z - c) of codes z [n, k], V the first `size` directions, c the center."""
        V = self.directions[:, :size]
        return (self.center + (codes - self.center) @ V @ V.T).astype(codes.dtype)


def own_axes(k: int) -> Axes:
    """Of a code whose numbers are in order: those behind the first ones become 0."""
    return Axes(np.zeros(k), np.eye(k))


def principal_axes(codes: np.ndarray) -> Axes:
    """Of codes [n, k]: eigenvectors of their covariance, the largest variance first."""
    _, V = np.linalg.eigh(np.atleast_2d(np.cov(codes, rowvar=False)))
    return Axes(codes.mean(0, dtype=np.float64), V[:, ::-1])


def is_ordered(run: Run) -> bool:
    """Whether the first numbers of the run's code say most."""
    return bool(run.model.module.bottleneck.ordered or _charged(run, ORDERS))


def is_low_rank(run: Run) -> bool:
    """Whether the run's training looked for codes that span few dimensions."""
    module = run.model.module
    parts = (module.bottleneck, module.encoder)
    asked = any(part.low_rank for part in parts)
    return bool(asked or _charged(run, LOW_RANK))


def _charged(run: Run, names: Iterable[str]) -> bool:
    """Whether one of these penalties has a weight."""
    charged = run.config.penalties
    return any(name in charged and charged[name].weight for name in names)


def errors(run: Run, axes: Axes, images: np.ndarray, labels: np.ndarray | None) -> list[np.ndarray]:
    """Squared error per pixel of each image [n], in [0,1] units, of the code cut to 1, 2, ..."""
    codes, told = run.encode(images), labels if run.model.conditional else None
    sizes = range(1, codes.shape[1] + 1)
    return [image_errors(run.decode(axes.cut(codes, size), told), images) for size in sizes]


def enough(mse: np.ndarray) -> int:
    """The smallest size, from 1, whose error is at most NEAR times that of the last."""
    return int(np.argmax(mse <= NEAR * mse[-1])) + 1


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """The run's code cut short, against PCA of the same sizes; see APPLICATION."""
    run, test = study.run, study.test
    if not (is_ordered(run) or is_low_rank(run)):
        raise NotApplicable(
            "needs a code whose numbers are ordered (bottleneck.name=nested, penalties.prefixes) "
            "or that spans few dimensions (bottleneck.name=truncated_svd, encoder.linear_layers, "
            "penalties.least_volume)"
        )
    k = run.config.model.code_size
    pixels = int(np.prod(run.model.shape))
    if k >= min(pixels, len(study.train.images)):
        raise NotApplicable(
            f"a code of {k} numbers is not smaller than {pixels} pixels, or than the "
            f"{len(study.train.images)} training images that PCA is of"
        )
    trained = None if is_ordered(run) else run.encode(study.train.images)
    axes = own_axes(k) if trained is None else principal_axes(trained)
    ours = errors(run, axes, test.images, test.labels)
    encode, decode = pca_codec(study.train.images, k)
    codes, rows, own = encode(test.images), baselines.unit_rows(test.images), own_axes(k)
    theirs = [image_errors(decode(own.cut(codes, size)), rows) for size in range(1, k + 1)]
    mse, pca_mse = (np.array([e.mean() for e in side]) for side in (ours, theirs))
    numbers: Numbers = {
        "sizes": list(range(1, k + 1)),
        "mse": mse.tolist(),
        "gain_db": [judging.decibels(a, b) for a, b in zip(ours, theirs, strict=True)],
        "enough": enough(mse),
    }
    if trained is not None:
        numbers["dimension"] = judging.jackknifed(code_statistics.dimensions, trained)
    control: Control = {
        "pca_mse": pca_mse.tolist(),
        "enough": enough(pca_mse),
        "mean_image_mse": baselines.mean_image_mse(study.train.images, test.images),
        "local_dimension": local_dimension(test.images[:LOCAL], study.train.images),
    }
    return Measured(numbers, control, Shown(run.config.name))


def judge(numbers: Numbers, control: Control) -> str:
    """At how many sizes the code wins, how many numbers are enough, and what dimensions say."""
    gains = [Estimate(*gain) for gain in numbers["gain_db"]]
    blank, sizes = control["mean_image_mse"], numbers["sizes"]
    won = [
        size
        for size, gain, mse in zip(sizes, gains, numbers["mse"], strict=True)
        if judging.beyond(gain) > 0 and mse < blank
    ]
    lost = sum(judging.beyond(gain) < 0 for gain in gains)
    kept = "principal axes" if "dimension" in numbers else "numbers"
    said = [
        f"cut short to its first 1 to {sizes[-1]:.0f} {kept}, the code wins over PCA at "
        f"{len(won)} of {len(sizes)} sizes and loses at {lost}, "
        f"{gains[-1].text(digits=2, sign=True)} dB with all {sizes[-1]:.0f}",
        f"{numbers['enough']:.0f} {kept} are within 10 % of the error of all "
        f"(PCA {control['enough']:.0f})",
    ]
    if "dimension" in numbers:
        found = Estimate(*numbers["dimension"])
        said.append(
            f"the training codes span {found.text()} dimensions, directions with more than a "
            "thousandth of the largest variance"
        )
    if "local_dimension" in control:
        local = Estimate(*control["local_dimension"])
        said.append(
            f"around a test image the training images span {local.text()} dimensions by a linear "
            f"estimate from its {NEIGHBOURS} nearest neighbors, which finds too few of many"
        )
    return "; ".join(said)


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """The error by size, and the dimensions that were found."""
    numbers, control, shown = measured
    sizes = np.array(numbers["sizes"])
    lines = {
        "the run's code, cut short": (sizes, np.array(numbers["mse"])),
        "PCA": (sizes, np.array(control["pca_mse"])),
    }
    marks = {f"within 10 % of the whole code: {numbers['enough']:.0f}": float(numbers["enough"])}
    if "dimension" in numbers:
        found = Estimate(*numbers["dimension"])
        marks[f"dimension of the codes: {found.text()}"] = found.value
    if "local_dimension" in control:
        local = Estimate(*control["local_dimension"])
        marks[f"local dimension of the images: {local.text()}"] = local.value
    kept = "principal axes of the code kept" if "dimension" in numbers else "numbers in the code"
    axes = (kept, "test mse per pixel, [0,1] units")
    panel = Panel("Error by size", *axes, lines, ["PCA"], True, True, marks=marks)
    return {"": line_panels([panel], f"{shown.run}: one training, every size")}


APPLICATION = Application(measure, judge, draw)
"""The run's code cut short to its first 1, 2, ... numbers, against PCA of as many components.

A code that is not ordered but of low rank is cut along the principal axes of the training codes.
Nothing is trained. PCA is of the study's training images, the errors are of its test images.

Raises:
  NotApplicable: nothing orders the code or lowers its rank, or it is not smaller than the image.
"""
