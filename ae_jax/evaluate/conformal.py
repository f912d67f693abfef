"""From scores of strangeness to a list of findings with a promise (Bates et al. 2023).

Rows that were held out of the training are the measure. Where a new row is exchangeable with them,
its p-value is at most t with probability at most t, whatever the score and the data. Of the
findings among many rows, the expected share of false ones is then at most q (Benjamini and Hochberg
1995; conformal p-values depend on each other in a way that leaves this true).

>>> p = p_values([0.1, 0.4, 0.2, 0.3], [0.25, 9.0])
>>> p.round(1).tolist()
[0.6, 0.2]
>>> findings(p, 0.5).tolist()
[False, True]
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from ae_jax.errors import DataError

FALSE_ALARMS = 0.05


def p_values(calibration: ArrayLike, scores: ArrayLike) -> np.ndarray:
    """(1 + #{calibration >= score}) / (m + 1) for each of the scores [n], float64 in (0, 1].

    Args:
      calibration: scores [m] of rows that neither training nor threshold has seen; m >= 1.
      scores: of new rows, the higher, the stranger; of NaN, where nothing is known, comes 1.

    Raises:
      DataError: no calibration score, or one that is NaN; arrays of other dimensions.
    """
    held, new = np.asarray(calibration, np.float64), np.asarray(scores, np.float64)
    if held.ndim != 1 or new.ndim != 1:
        raise DataError(f"scores: shapes {held.shape} and {new.shape}; must be [m] and [n]")
    if not len(held) or np.isnan(held).any():
        raise DataError("calibration: must have one score at least, and no NaN")
    below = np.searchsorted(np.sort(held), new, side="left")
    at_least = np.where(np.isnan(new), len(held), len(held) - below)
    return (1.0 + at_least) / (len(held) + 1.0)


def threshold(calibration: ArrayLike, rate: float = FALSE_ALARMS) -> float:
    """The score above which a new normal example lies with probability at most `rate`.

    The ceil((n + 1)(1 - rate))-th smallest of n held-out normal scores; infinite where n is too
    small to promise anything (split conformal prediction, Vovk et al. 2005).
    """
    held = np.asarray(calibration)
    rank = math.ceil((len(held) + 1) * (1 - rate))
    return float(np.sort(held)[rank - 1]) if rank <= len(held) else math.inf


def findings(p: ArrayLike, q: float) -> np.ndarray:
    """Which of the p-values [n] are findings, bool [n], so that at most a share q is false.

    Benjamini and Hochberg: with p_(1) <= ... <= p_(n) and k the largest i with p_(i) <= q i / n,
    those with p <= p_(k); none where there is no such i.

    Raises:
      DataError: p-values outside [0, 1], or q outside (0, 1).
    """
    values = np.asarray(p, np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise DataError("p: must be numbers [n] in [0, 1]")
    if not 0 < q < 1:
        raise DataError(f"q: must be in (0, 1), not {q!r}")
    ordered = np.sort(values)
    held = np.flatnonzero(ordered <= q * np.arange(1, len(ordered) + 1) / max(1, len(ordered)))
    return values <= (ordered[held[-1]] if len(held) else -1.0)
