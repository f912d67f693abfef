"""How much of the label a code keeps: a linear probe and k nearest neighbours.

Beside the codes: PCA codes of equal size, and the pixels themselves. scikit-learn's classifiers,
one setting for all.
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from ae_jax.analysis import judge
from ae_jax.analysis.compression import pca_codec
from ae_jax.analysis.finding import Finding, Study
from ae_jax.analysis.judge import Estimate
from ae_jax.evaluate import baselines
from ae_jax.figures.panels import grouped_bars

NEIGHBOURS = 5
WAYS = {"linear_probe": "linear probe", "nearest_neighbours": f"{NEIGHBOURS} nearest neighbors"}


def probe(
    train: np.ndarray, labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray
) -> np.ndarray:
    """Which test rows [n] ridge regression onto one-hot labels gets right, codes standardized."""
    scaler = StandardScaler().fit(train)
    fitted = RidgeClassifier(alpha=1.0).fit(scaler.transform(train), labels)
    return np.asarray(fitted.predict(scaler.transform(test)) == test_labels)


def neighbours(
    train: np.ndarray, labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray
) -> np.ndarray:
    """Which test rows [n] the vote of the 5 nearest training codes gets right, Euclidean."""
    fitted = KNeighborsClassifier(NEIGHBOURS, algorithm="brute").fit(train, labels)
    return np.asarray(fitted.predict(test) == test_labels)


def hits(
    train: np.ndarray, labels: Any, test: np.ndarray, test_labels: np.ndarray
) -> dict[str, np.ndarray]:
    """Way -> which of the test rows [n, k] are right, for both WAYS."""
    rows = np.asarray(train, np.float32), labels, np.asarray(test, np.float32), test_labels
    return {"linear_probe": probe(*rows), "nearest_neighbours": neighbours(*rows)}


def accuracies(
    train: np.ndarray, labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray
) -> dict[str, float]:
    """The shares of `hits`, in [0,1]."""
    found = hits(train, labels, test, test_labels)
    return {way: float(right.mean()) for way, right in found.items()}


def measure(found: dict[str, dict[str, np.ndarray]], test_labels: np.ndarray) -> tuple[Any, Any]:
    """(numbers, control) as `analyse` returns them, of the hits of 'run', 'pca' and 'pixels'."""
    table = {name: {way: float(v.mean()) for way, v in row.items()} for name, row in found.items()}
    guess = float(np.bincount(test_labels).max() / len(test_labels))
    numbers: dict[str, Any] = table.pop("run")
    for other in table:
        numbers[f"gain_over_{other}"] = {
            way: judge.gain(right, found[other][way]) for way, right in found["run"].items()
        }
    return numbers, {**table, "commonest_class": guess}


def sentence(numbers: Mapping[str, Any], control: Mapping[str, Any]) -> str:
    """Who wins, from what `analyse` returns: against PCA's codes and against the pixels."""
    words = []
    for way, title in WAYS.items():
        works = numbers[way] > control["commonest_class"]
        parts = []
        for other, name in (("pca", "PCA"), ("pixels", "the image itself")):
            gain = Estimate(*numbers[f"gain_over_{other}"][way])
            who, theirs = judge.verdict("the run", name, gain, works), 100 * control[other][way]
            parts.append(f"{who} ({theirs:.1f} %, {gain.text(100, 2, sign=True)} points)")
        words.append(f"{title}, {100 * numbers[way]:.1f} %: {', '.join(parts)}")
    return "; ".join(words)


def analyse(study: Study, key: jax.Array) -> Finding:
    """The run's codes against PCA's and against pixels.

    The classifiers are fitted to the study's training images and scored on its test images; the
    autoencoder learns nothing from the labels here.

    Returns:
      numbers: 'linear_probe' and 'nearest_neighbours', test accuracies in [0,1]; 'gain_over_pca'
        and 'gain_over_pixels': {way: [difference, its standard error]} of the same test images.
      control: the accuracies of 'pca' codes (as many as the run's) and of 'pixels';
        'commonest_class', the share of the test images that it has.

    Raises:
      NotApplicable: the data have no labels or one class.
    """
    _, test_labels = study.need_classes()
    train, test = study.train, study.test
    pixels = baselines.unit_rows(train.images), baselines.unit_rows(test.images)
    size = study.run.config.model.code_size
    k = min(size, pixels[0].shape[1], len(pixels[0]))
    encode, _ = pca_codec(train.images, k)
    codes = {
        "run": tuple(study.run.encode(part.images) for part in (train, test)),
        "pca": (encode(train.images), encode(test.images)),
        "pixels": pixels,
    }
    found = {name: hits(a, train.labels, b, test_labels) for name, (a, b) in codes.items()}
    numbers, control = measure(found, test_labels)
    names = {
        "run": f"the run, {size}",
        "pca": f"PCA, {k}",
        "pixels": f"pixels, {pixels[0].shape[1]}",
    }
    figure = grouped_bars(
        {
            title: {name: 100 * found[n][way].mean() for n, name in names.items()}
            for way, title in WAYS.items()
        },
        f"Digits from codes: {len(train.images):,} labelled training images",
        "test accuracy (%)",
    )
    return Finding(numbers, control, sentence(numbers, control), {"": figure})
