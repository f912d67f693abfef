"""How much of the label a code keeps: a linear probe and k nearest neighbours.

Beside the codes: PCA codes of equal size, and the pixels themselves. scikit-learn's classifiers,
one setting for all.
"""

from typing import Any

import jax
import numpy as np
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from ae_jax import controls
from ae_jax.analysis.compression import pca_codec
from ae_jax.analysis.finding import Finding, Study
from ae_jax.panels import grouped_bars

NEIGHBOURS = 5


def probe(train: Any, labels: Any, test: Any, test_labels: Any) -> float:
    """Accuracy in [0,1] of ridge regression onto one-hot labels, of standardised codes [n, k]."""
    scaler = StandardScaler().fit(train)
    fitted = RidgeClassifier(alpha=1.0).fit(scaler.transform(train), labels)
    return float(fitted.score(scaler.transform(test), test_labels))


def neighbours(train: Any, labels: Any, test: Any, test_labels: Any) -> float:
    """Accuracy in [0,1] of the vote of the 5 nearest training codes [n, k], Euclidean."""
    fitted = KNeighborsClassifier(NEIGHBOURS, algorithm="brute").fit(train, labels)
    return float(fitted.score(test, test_labels))


def accuracies(train: Any, labels: Any, test: Any, test_labels: Any) -> dict[str, float]:
    """Both accuracies, of rows [n, k]: {'linear_probe', 'nearest_neighbours'}."""
    rows = np.asarray(train, np.float32), labels, np.asarray(test, np.float32), test_labels
    return {"linear_probe": probe(*rows), "nearest_neighbours": neighbours(*rows)}


def analyse(study: Study, key: jax.Array) -> Finding:
    """The run's codes against PCA's and against pixels.

    The classifiers are fitted to the study's training images and scored on its test images; the
    autoencoder learns nothing from the labels here.

    Returns:
      numbers: 'linear_probe' and 'nearest_neighbours', test accuracies in [0,1].
      control: the same of 'pca' codes (as many as the run's) and of 'pixels'.

    Raises:
      NotApplicable: the data have no labels.
    """
    study.need_labels()
    train, test = study.train, study.test
    pixels = controls.unit_rows(train.images), controls.unit_rows(test.images)
    k = min(study.run.config.model.code_size, pixels[0].shape[1], len(pixels[0]))
    encode, _ = pca_codec(train.images, k)
    encode_run = study.run.encode
    found = {
        f"the run, {study.run.config.model.code_size}": (
            encode_run(train.images),
            encode_run(test.images),
        ),
        f"PCA, {k}": (encode(train.images), encode(test.images)),
        f"pixels, {pixels[0].shape[1]}": pixels,
    }
    table = {name: accuracies(a, train.labels, b, test.labels) for name, (a, b) in found.items()}
    numbers, pca, raw = table.values()
    ways = {
        "linear probe": "linear_probe",
        f"{NEIGHBOURS} nearest neighbours": "nearest_neighbours",
    }
    figure = grouped_bars(
        {
            way: {name: 100 * row[field] for name, row in table.items()}
            for way, field in ways.items()
        },
        f"Digits from codes: {len(train.images):,} labelled training images",
        "test accuracy (%)",
    )
    sentence = ", ".join(
        f"{'the run' if numbers[f] >= pca[f] else 'PCA'} wins by {way} "
        f"({100 * numbers[f]:.1f} %, PCA {100 * pca[f]:.1f}, pixels {100 * raw[f]:.1f})"
        for way, f in ways.items()
    )
    return Finding(numbers, {"pca": pca, "pixels": raw}, sentence, {"": figure})
