"""How much of the label a code keeps: a linear probe and k nearest neighbors.

Beside the codes: PCA codes of equal size, and the pixels themselves. scikit-learn's classifiers,
one setting for all.
"""

from typing import Any, Literal, NamedTuple, TypedDict

import jax
import numpy as np
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from ae_jax.analysis import judge as judging
from ae_jax.analysis.codec import pca_codec
from ae_jax.analysis.finding import Application, Measured, Study
from ae_jax.analysis.judge import Estimate
from ae_jax.evaluate import baselines
from ae_jax.figures.panels import grouped_bars

NEIGHBOURS = 5
Way = Literal["linear_probe", "nearest_neighbors"]
WAYS: dict[Way, str] = {
    "linear_probe": "linear probe",
    "nearest_neighbors": f"{NEIGHBOURS} nearest neighbors",
}
Hits = dict[Way, np.ndarray]  # which test images [n] are right


class Accuracies(TypedDict):
    """Shares of the test images that are right, in [0,1]."""

    linear_probe: float
    nearest_neighbors: float


class Numbers(Accuracies):
    """Of the run's codes."""

    gain_over_pca: dict[Way, Estimate]  # difference in accuracy and its error, same test images
    gain_over_pixels: dict[Way, Estimate]


class Control(TypedDict):
    """Of what the codes are compared with."""

    pca: Accuracies  # of as many codes
    pixels: Accuracies
    commonest_class: float  # the share of the test images that it has


class Shown(NamedTuple):
    """How many numbers an image is described by, and how many images were learned from."""

    codes: int
    components: int
    pixels: int
    images: int


def probe(
    train: np.ndarray, labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray
) -> np.ndarray:
    """Which test rows [n] ridge regression onto one-hot labels gets right, codes standardized."""
    scaler = StandardScaler().fit(train)
    fitted = RidgeClassifier(alpha=1.0).fit(scaler.transform(train), labels)
    return np.asarray(fitted.predict(scaler.transform(test)) == test_labels)


def neighbors(
    train: np.ndarray, labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray
) -> np.ndarray:
    """Which test rows [n] the vote of the 5 nearest training codes gets right, Euclidean."""
    fitted = KNeighborsClassifier(NEIGHBOURS, algorithm="brute").fit(train, labels)
    return np.asarray(fitted.predict(test) == test_labels)


def hits(train: np.ndarray, labels: Any, test: np.ndarray, test_labels: np.ndarray) -> Hits:
    """Which of the test rows [n, k] are right, for both WAYS."""
    rows = np.asarray(train, np.float32), labels, np.asarray(test, np.float32), test_labels
    return {"linear_probe": probe(*rows), "nearest_neighbors": neighbors(*rows)}


def shares(found: Hits) -> Accuracies:
    """Of the test rows."""
    return {
        "linear_probe": float(found["linear_probe"].mean()),
        "nearest_neighbors": float(found["nearest_neighbors"].mean()),
    }


def accuracies(
    train: np.ndarray, labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray
) -> Accuracies:
    """The shares of `hits`."""
    return shares(hits(train, labels, test, test_labels))


def table(run: Hits, pca: Hits, pixels: Hits, test_labels: np.ndarray) -> tuple[Numbers, Control]:
    """What is stored, of the hits of the run, of PCA and of the pixels."""

    def over(others: Hits) -> dict[Way, Estimate]:
        return {way: judging.gain(right, others[way]) for way, right in run.items()}

    numbers: Numbers = {
        **shares(run),
        "gain_over_pca": over(pca),
        "gain_over_pixels": over(pixels),
    }
    commonest = float(np.bincount(test_labels).max() / len(test_labels))
    control: Control = {
        "pca": shares(pca),
        "pixels": shares(pixels),
        "commonest_class": commonest,
    }
    return numbers, control


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """The run's codes against PCA's and against pixels; see APPLICATION."""
    _, test_labels = study.need_classes()
    train, test = study.train, study.test
    pixels = baselines.unit_rows(train.images), baselines.unit_rows(test.images)
    size = study.run.config.model.code_size
    k = min(size, pixels[0].shape[1], len(pixels[0]))
    encode, _ = pca_codec(train.images, k)
    run, pca, raw = (
        hits(a, train.labels, b, test_labels)
        for a, b in (
            (study.run.encode(train.images), study.run.encode(test.images)),
            (encode(train.images), encode(test.images)),
            pixels,
        )
    )
    numbers, control = table(run, pca, raw, test_labels)
    return Measured(numbers, control, Shown(size, k, pixels[0].shape[1], len(train.images)))


def judge(numbers: Numbers, control: Control) -> str:
    """Who wins: against PCA's codes and against the pixels."""
    words = []
    for way, title in WAYS.items():
        works = numbers[way] > control["commonest_class"]
        parts = []
        for name, gains, theirs in (
            ("PCA", numbers["gain_over_pca"], control["pca"]),
            ("the image itself", numbers["gain_over_pixels"], control["pixels"]),
        ):
            gain = Estimate(*gains[way])
            who = judging.verdict("the run", name, gain, works)
            said = f"{100 * theirs[way]:.1f} %, {gain.text(100, 2, sign=True)} points"
            parts.append(f"{who} ({said})")
        words.append(f"{title}, {100 * numbers[way]:.1f} %: {', '.join(parts)}")
    return "; ".join(words)


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """Test accuracies as bars."""
    numbers, control, shown = measured
    bars = {
        title: {
            f"the run, {shown.codes}": 100 * numbers[way],
            f"PCA, {shown.components}": 100 * control["pca"][way],
            f"pixels, {shown.pixels}": 100 * control["pixels"][way],
        }
        for way, title in WAYS.items()
    }
    title = f"Digits from codes: {shown.images:,} labeled training images"
    return {"": grouped_bars(bars, title, "test accuracy (%)")}


APPLICATION = Application(measure, judge, draw)
"""The run's codes against PCA's and against pixels.

The classifiers are fitted to the study's training images and scored on its test images; the
autoencoder learns nothing from the labels here.

Raises:
  NotApplicable: the data have no labels or one class.
"""
