"""Weights of rows: how often each is trained on."""

from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight


def weights_of(given: Any, X: np.ndarray) -> np.ndarray | None:
    """`sample_weight` as float64 [n]; None where it makes no difference: all are equal.

    Raises:
      ValueError: not one number for each row of X, a negative one, or none above 0.
    """
    if given is None:
        return None
    weights: np.ndarray = _check_sample_weight(given, X, dtype=np.float64, ensure_non_negative=True)
    if not weights.any():  # scikit-learn before 1.9 lets them pass
        raise ValueError("sample_weight: all weights are zero")
    return None if (weights == weights[0]).all() else weights


def drawn(weights: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """Places [n] of n rows drawn by `weights` [n], in order: systematic resampling.

    Row i is drawn n * weights[i] / sum(weights) times on average, and never a whole time more or
    less than that: whole numbers whose sum is n say how often.
    """
    n = len(weights)
    ends = np.cumsum(weights / weights.max())
    places = np.searchsorted(ends / ends[-1] * n, np.arange(n) + random.random_sample(), "right")
    return np.minimum(places, np.flatnonzero(weights)[-1])  # n - 1 + 0.999... may round to n
