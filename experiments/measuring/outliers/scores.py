"""Scores of rows [n, D], the higher, the stranger: ours and scikit-learn's, one setting for all."""

from collections.abc import Callable

import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.preprocessing import StandardScaler

OURS = ("AnomalyDetector", "hidden columns", "reconstruction")
SHARE = 0.9  # of the variance that PCA keeps
NEIGHBORS = 5  # the distance to the last of them counts


def isolation_forest(X: np.ndarray, seed: int) -> np.ndarray:
    """Of scikit-learn's defaults."""
    return -IsolationForest(random_state=seed).fit(X).score_samples(X)


def pca(X: np.ndarray, seed: int) -> np.ndarray:
    """Squared distance to the components that keep SHARE of the variance."""
    x = StandardScaler().fit_transform(X)
    model = PCA(SHARE, svd_solver="full").fit(x)
    return np.square(x - model.inverse_transform(model.transform(x))).sum(1)


def nearest(X: np.ndarray, seed: int) -> np.ndarray:
    """Distance to the fifth other row."""
    x = StandardScaler().fit_transform(X)
    return NearestNeighbors(n_neighbors=NEIGHBORS).fit(x).kneighbors()[0][:, -1]


def local_factor(X: np.ndarray, seed: int) -> np.ndarray:
    """Of scikit-learn's defaults, on standardized columns."""
    x = StandardScaler().fit_transform(X)
    return -LocalOutlierFactor().fit(x).negative_outlier_factor_


RANDOM: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {"isolation forest": isolation_forest}
FIXED: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "PCA": pca,
    "k-NN": nearest,
    "LOF": local_factor,
}
METHODS = (*OURS, *RANDOM, *FIXED)


def ours(X: np.ndarray, seed: int, steps: int) -> dict[str, np.ndarray]:
    """By the detector, and by what it joins: hidden columns, and the networks' reconstructions."""
    from ae_jax.sklearn import AnomalyDetector

    detector = AnomalyDetector(steps=steps, random_state=seed).fit(X)
    return {
        "AnomalyDetector": -detector.score_samples(X),
        "hidden columns": np.mean(
            [run.score_hidden(X, seed).score for run in detector.runs_], axis=0
        ),
        "reconstruction": np.mean([run.score(X) for run in detector.runs_], axis=0),
    }


def found(kind: str, X: np.ndarray, seed: int, steps: int) -> dict[str, np.ndarray]:
    """Method -> scores [n]: of 'ours', of the 'random' and of the 'fixed' peers."""
    if kind == "ours":
        return ours(X, seed, steps)
    peers = RANDOM if kind == "random" else FIXED
    return {name: score(X, seed) for name, score in peers.items()}
