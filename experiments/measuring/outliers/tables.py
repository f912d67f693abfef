"""Tables X [n, D] with labels y [n], 1 of outliers: 18 files, and others made of scikit-learn's.

The form of the score was chosen on the files (`adbench/...`; Han et al. 2022, "ADBench"); nothing
was chosen on the others.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn import datasets

from ae_jax.errors import DataError

FILES = (
    "2_annthyroid",
    "14_glass",
    "17_InternetAds",
    "20_letter",
    "21_Lymphography",
    "24_mnist",
    "26_optdigits",
    "28_pendigits",
    "30_satellite",
    "31_satimage-2",
    "32_shuttle",
    "35_SpamBase",
    "38_thyroid",
    "42_WBC",
    "44_Wilt",
    "45_wine",
    "46_WPBC",
    "47_yeast",
)


class Table(NamedTuple):
    """Rows and which of them are outliers; the labels are for the measure alone."""

    X: np.ndarray  # float64 [n, D]
    y: np.ndarray  # int [n], 1 or 0


def names() -> list[str]:
    """All of them, 'group/name'."""
    return [*(f"adbench/{name}" for name in FILES), *(f"others/{name}" for name in OTHERS)]


def load(name: str) -> Table:
    """The table 'group/name'.

    Raises:
      DataError: its file is not there, or is another.
    """
    group, _, table = name.partition("/")
    if group == "others":
        return OTHERS[table]()
    folder = os.environ.get("AE_JAX_MANUAL_DIR")
    if not folder:
        raise DataError(f"{name}: set AE_JAX_MANUAL_DIR to the folder that has adbench/*.npz")
    path = Path(folder).expanduser() / "adbench" / f"{table}.npz"
    try:
        with np.load(path) as file:
            X, y = np.asarray(file["X"], np.float64), np.asarray(file["y"]).astype(int)
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{path}: must be an .npz with X [n, D] and y [n] ({error})") from error
    if X.ndim != 2 or y.shape != (len(X),) or set(np.unique(y)) != {0, 1}:
        raise DataError(f"{path}: X {X.shape} and y {y.shape}; must be [n, D] and [n] of 0 and 1")
    return Table(X, y)


def thinned(X: np.ndarray, strange: np.ndarray, share: float) -> Table:
    """All ordinary rows, and of the strange ones so many that they are `share` of the table."""
    rng = np.random.default_rng(0)
    ordinary, others = np.flatnonzero(~strange), np.flatnonzero(strange)
    m = max(1, round(len(ordinary) * share / (1 - share)))
    chosen = np.sort(np.concatenate([ordinary, rng.choice(others, m, replace=False)]))
    return Table(np.asarray(X[chosen], np.float64), strange[chosen].astype(int))


def breast_cancer() -> Table:
    """Malignant ones are 10 % of the rows; 30 columns."""
    X, y = datasets.load_breast_cancer(return_X_y=True)
    return thinned(X, y == 0, 0.1)


def digits() -> Table:
    """Eights are 5 % of the rows; 64 columns."""
    X, y = datasets.load_digits(return_X_y=True)
    return thinned(X, y == 8, 0.05)


def wine() -> Table:
    """The third cultivar is 8 % of the rows; 13 columns."""
    X, y = datasets.load_wine(return_X_y=True)
    return thinned(X, y == 2, 0.08)


def factors() -> Table:
    """Twenty columns of four factors; in 5 % of the rows every column is another row's."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 4)) @ rng.normal(size=(4, 20)) + 0.5 * rng.normal(size=(2000, 20))
    y = (np.arange(2000) < 100).astype(int)
    X[:100] = np.stack([rng.permutation(X[:, c])[:100] for c in range(20)], axis=1)
    return Table(X, y)


def clusters() -> Table:
    """Five clusters of different widths in eight dimensions; 5 % lie anywhere in their box."""
    rng = np.random.default_rng(1)
    centers, widths = rng.uniform(-10, 10, (5, 8)), rng.uniform(0.5, 2, 5)
    which = rng.integers(0, 5, 1900)
    ordinary = centers[which] + widths[which, None] * rng.normal(size=(1900, 8))
    strange = rng.uniform(ordinary.min(0), ordinary.max(0), (100, 8))
    return Table(np.concatenate([ordinary, strange]), (np.arange(2000) >= 1900).astype(int))


def shifted() -> Table:
    """Ten independent skewed columns; in 5 % of the rows three of them are twice as large."""
    rng = np.random.default_rng(2)
    X = rng.lognormal(0, 0.5, (2000, 10))
    for row in X[:100]:
        row[rng.choice(10, 3, replace=False)] *= 2
    return Table(X, (np.arange(2000) < 100).astype(int))


OTHERS: dict[str, Callable[[], Table]] = {
    "breast_cancer": breast_cancer,
    "digits": digits,
    "wine": wine,
    "factors": factors,
    "clusters": clusters,
    "shifted": shifted,
}
