"""What a linear map of equal size would do: the error of PCA, the angles between subspaces.

A linear autoencoder's best decoder spans the k leading eigenvectors of the second moment of its
data (Baldi & Hornik 1989); its code axes are arbitrary, but W_enc W_dec is then the identity.
"""

from typing import Any, NamedTuple, NotRequired, TypedDict

import jax
import numpy as np
from scipy.linalg import subspace_angles

from ae_jax import figures
from ae_jax.analysis import judge as judging
from ae_jax.analysis.codec import pca_errors
from ae_jax.analysis.finding import Application, Measured, NotApplicable, Study, image_errors
from ae_jax.analysis.judge import Estimate
from ae_jax.evaluate import baselines
from ae_jax.figures.panels import Panel, line_panels
from ae_jax.model.weights import linear_maps

SAME = 0.02  # dB, half a per cent of the error: the same subspace


class Numbers(TypedDict):
    """Of the run."""

    mse: float  # of the test images, per pixel in [0,1] units
    gain_db: Estimate  # dB over PCA, and its standard error, of the same images
    code_size: int
    largest_angle_degrees: float  # between PCA and the reconstructions
    mean_angle_degrees: float
    identity_deviation: NotRequired[float]  # of a linear dense model: largest |W_enc W_dec - I|


class Control(TypedDict):
    """Of PCA, each error per pixel in [0,1] units."""

    pca_mse: float  # of as many components
    pca_components_of_equal_mse: int  # the fewest no worse than the run; if none, the most tried
    pca_mse_of_the_most: float  # of the most components tried
    mean_image_mse: float


class Shown(NamedTuple):
    """What the figures show."""

    run: str  # its config's name
    curve: np.ndarray  # mse of PCA with 0, 1, ... components
    angles: np.ndarray  # degrees [k], smallest first
    maps: tuple[np.ndarray, np.ndarray] | None  # (W_dec W_enc, W_enc W_dec) of a linear model


def angles(outputs: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Principal angles in degrees [k], smallest first, between two subspaces of pixel space.

    Args:
      outputs: reconstructions [n, ...]; their leading directions about their mean are the model's.
      directions: orthonormal columns [D, k].
    """
    rows = baselines.unit_rows(outputs)
    _, V = baselines.principal_directions(rows, directions.shape[1], centred=True)
    return np.degrees(subspace_angles(V, directions))[::-1]


def errors(train: np.ndarray, test: np.ndarray, most: int) -> np.ndarray:
    """Test mse per pixel of PCA with 0, 1, ..., `most` components, [most + 1], in [0,1] units."""
    rows, held = baselines.unit_rows(train), baselines.unit_rows(test).astype(np.float64)
    mean, V = baselines.principal_directions(rows, most, centred=True)
    moved = held - mean
    energy = np.square(moved @ V).mean(0)
    return (np.square(moved).sum(1).mean() - np.concatenate([[0.0], np.cumsum(energy)])) / len(mean)


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """The run against PCA with as many components as it has codes; see APPLICATION."""
    k, pixels = study.run.config.model.code_size, int(np.prod(study.run.model.shape))
    if k >= pixels:
        raise NotApplicable(f"a code of {k} numbers is not smaller than {pixels} pixels")
    train, test = study.train, study.test
    most = min(max(2 * k, 32), pixels - 1, len(train.images) - 1)
    curve = errors(train.images, test.images, most)
    if (left := curve[min(k, most)] / curve[0]) < baselines.COPIES:
        raise NotApplicable(
            f"a code of {k} numbers can copy (PCA leaves {100 * left:.2g} % of the variance)"
        )
    between = _angles(study, min(k, most))
    ours = image_errors(study.reconstruct(test.images, test.labels), test.images)
    theirs = pca_errors(train.images, test.images, min(k, most))
    found = float(ours.mean())
    numbers: Numbers = {
        "mse": found,
        "gain_db": judging.decibels(ours, theirs),
        "code_size": k,
        "largest_angle_degrees": float(between.max()),
        "mean_angle_degrees": float(between.mean()),
    }
    maps = linear_maps(study.run.config, study.run.variables)
    if maps is not None:
        numbers["identity_deviation"] = float(np.abs(maps[1] - np.eye(k)).max())
    as_good = curve <= found
    control: Control = {
        "pca_mse": float(curve[min(k, most)]),
        "pca_components_of_equal_mse": int(np.argmax(as_good)) if as_good.any() else most,
        "pca_mse_of_the_most": float(curve[-1]),
        "mean_image_mse": float(curve[0]),
    }
    return Measured(numbers, control, Shown(study.run.config.name, curve, between, maps))


def _angles(study: Study, k: int) -> np.ndarray:
    """`angles` between the run's reconstructions of training images and k components of PCA."""
    train, few = study.train, slice(0, 4000)
    _, V = baselines.principal_directions(baselines.unit_rows(train.images), k, centred=True)
    labels = train.labels[few] if train.labels is not None else None
    return angles(study.reconstruct(train.images[few], labels), V)


def judge(numbers: Numbers, control: Control) -> str:
    """Who wins; within SAME dB is a tie."""
    gain, k = Estimate(*numbers["gain_db"]), numbers["code_size"]
    works = numbers["mse"] < control["mean_image_mse"]
    who = judging.verdict("the run", "PCA", gain, works, least=SAME)
    equal = control["pca_components_of_equal_mse"]
    over = "over " if numbers["mse"] < control["pca_mse_of_the_most"] else ""
    return (
        f"{who}: mse {numbers['mse']:.5f} with {k:.0f} numbers, PCA {control['pca_mse']:.5f} "
        f"({gain.text(digits=2, sign=True)} dB); PCA needs {over}{equal:.0f} for the run's error"
    )


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """Error and angles; 'maps', of a linear dense model."""
    numbers, _, shown = measured
    curve, found = shown.curve, ([numbers["code_size"]], [numbers["mse"]])
    panels = [
        Panel(
            "Error",
            "numbers in the code",
            "test mse per pixel, [0,1] units",
            {"PCA": (np.arange(1, len(curve)), curve[1:]), "the run": found},
            ["PCA"],
            True,
            True,
        ),
        Panel(
            "Subspaces",
            "which angle, smallest first",
            "degrees",
            {"reconstructions and PCA": (np.arange(1, len(shown.angles) + 1), shown.angles)},
        ),
    ]
    made = {"": line_panels(panels, f"{shown.run} beside PCA")}
    if shown.maps is not None:
        made["maps"] = figures.linear_maps(*shown.maps)
    return made


APPLICATION = Application(measure, judge, draw)
"""The run against PCA with as many components as it has codes.

Nothing is trained. PCA is of the study's training images, the errors are of its test images; the
angles are between PCA and the reconstructions of at most 4,000 training images.

Raises:
  NotApplicable: the code is not smaller than the image, or so large that it can copy.
"""
