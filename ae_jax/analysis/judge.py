"""Verdicts: who wins, and whether the difference is more than chance.

An `Estimate` is a number with its standard error. A difference of less than two standard errors is
a tie, a difference that is not a number cannot be judged, and what does not work cannot win. Two
methods that saw the same images are compared image by image, so that what is hard about an image
cancels.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

ERRORS = 2.0  # standard errors that make a difference
Name = TypeVar("Name", bound=str)


class Estimate(NamedTuple):
    """A number and its standard error."""

    value: float
    error: float

    def text(self, unit: float = 1.0, digits: int = 1, sign: bool = False) -> str:
        """'97.2 ± 0.4', in units of 1 / `unit` (100: per cent), with its sign if asked.

        Of the six digits that a file of findings keeps: a number half-way between two shown ones
        reads the same before and after.
        """
        value, error = (unit * float(f"{v:.6g}") for v in self)
        return f"{value:{'+' if sign else ''}.{digits}f} ± {error:.{digits}f}"


def mean(values: ArrayLike) -> Estimate:
    """Mean of values [n] and s / sqrt(n)."""
    values = np.asarray(values, np.float64)
    spread = values.std(ddof=1) if len(values) > 1 else math.nan
    return Estimate(float(values.mean()), float(spread / math.sqrt(len(values))))


def share(hits: ArrayLike) -> Estimate:
    """Share of true entries among hits [n], with sqrt(p (1 - p) / (n + 4)).

    In the error p has two hits and two misses added (Agresti and Coull 1998), so that a share of 0
    or 1 is uncertain, too.
    """
    hits = np.asarray(hits, bool)
    n = len(hits) + 4
    p = (hits.sum() + 2) / n
    return Estimate(float(hits.mean()), float(math.sqrt(p * (1 - p) / n)))


def gain(ours: ArrayLike, theirs: ArrayLike) -> Estimate:
    """Mean of ours - theirs, two arrays [n] of the same images."""
    return mean(np.asarray(ours, np.float64) - np.asarray(theirs, np.float64))


def jackknife(value: float, without: ArrayLike) -> Estimate:
    """A number of a whole set, with the jackknife's error (Efron & Stein 1981).

    `without` [g] are the numbers without one of g groups of equal size, into which the set is
    dealt: sqrt((g - 1) / g sum_i (t_i - mean t)^2). It holds where members are compared with each
    other, so that s / sqrt(n) does not.
    """
    t = np.asarray(without, np.float64)
    error = math.sqrt((len(t) - 1) * t.var()) if len(t) > 1 else math.nan
    return Estimate(float(value), error)


def jackknifed(
    statistic: Callable[[np.ndarray], float], rows: np.ndarray, parts: int = 10
) -> Estimate:
    """statistic(rows [n, ...]), with the jackknife's error over so many parts, every parts-th row.

    For what jumps, such as a number of dimensions, a rough guide.
    """
    place = np.arange(len(rows)) % parts
    return jackknife(statistic(rows), [statistic(rows[place != i]) for i in range(parts)])


def difference(ours: Estimate, theirs: Estimate) -> Estimate:
    """ours - theirs of two independent estimates: their variances add."""
    return Estimate(ours.value - theirs.value, math.hypot(ours.error, theirs.error))


def decibels(ours: ArrayLike, theirs: ArrayLike) -> Estimate:
    """How many dB the mean of our errors lies below that of theirs, [n] each, image by image.

    10 log10(mean(theirs) / mean(ours)); its error is that of the linearized ratio (delta method).
    Where one of them makes no error at all there is no ratio: both numbers are nan.
    """
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if not (ours.mean() > 0 and theirs.mean() > 0):
        return Estimate(math.nan, math.nan)
    unit = 10 / math.log(10)
    change = unit * (theirs / theirs.mean() - ours / ours.mean())
    return Estimate(unit * math.log(theirs.mean() / ours.mean()), mean(change).error)


def auroc(inliers: ArrayLike, outliers: ArrayLike) -> Estimate:
    """Area under ROC of anomaly scores [m] and [n], with its standard error.

    DeLong, DeLong and Clarke-Pearson (Biometrics 1988).
    """
    a, b = _placements(inliers, outliers)
    return Estimate(float(b.mean()), _delong_error(a, b))


def auroc_gain(ours: tuple[Any, Any], theirs: tuple[Any, Any]) -> Estimate:
    """Our area under ROC minus theirs, from (inliers, outliers) of the same images.

    DeLong, DeLong and Clarke-Pearson (Biometrics 1988): the covariance of the two is accounted for.
    """
    (a, b), (c, d) = _placements(*ours), _placements(*theirs)
    return Estimate(float(b.mean() - d.mean()), _delong_error(a - c, b - d))


def beyond(gain: Estimate, least: float = 0.0) -> int:
    """1 for a gain over `least` that is more than chance, -1 for such a loss, else 0; 0 of nan."""
    if not (math.isfinite(gain.value) and math.isfinite(gain.error)):
        return 0
    if abs(gain.value) <= max(ERRORS * gain.error, least):
        return 0
    return 1 if gain.value > 0 else -1


def verdict(
    ours: str,
    theirs: str,
    gain: Estimate,
    works: bool = True,
    least: float = 0.0,
    theirs_works: bool = True,
) -> str:
    """'A wins', 'B wins', 'a tie' ..., of names and a gain that is positive where A is better.

    Args:
      ours: name of A.
      theirs: name of B.
      gain: A's advantage over B, in any unit.
      works: whether A does what it is for (it reconstructs; it beats the trivial baseline). Where
        it does not, A cannot win.
      least: a difference of no more than this is a tie, however certain.
      theirs_works: the same of B as `works` of A.
    """
    if not (math.isfinite(gain.value) and math.isfinite(gain.error)):
        return f"{ours} and {theirs} cannot be compared"
    sign = beyond(gain, least)
    if sign == 0:
        return f"{ours} and {theirs} tie"
    winner, fit = (ours, works) if sign > 0 else (theirs, theirs_works)
    return f"{winner} wins" if fit else f"{winner} does not work"


def best(scores: Mapping[Name, float]) -> Name:
    """The name with the highest score; nan never wins.

    Report the winner on data that did not choose it.
    """
    return max(scores, key=lambda name: -math.inf if math.isnan(scores[name]) else scores[name])


def _placements(inliers: ArrayLike, outliers: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """(share of outliers above each inlier [m], share of inliers below each outlier [n])."""
    inliers, outliers = np.asarray(inliers, np.float64), np.asarray(outliers, np.float64)
    m, n = len(inliers), len(outliers)
    ranks = rankdata(np.concatenate([inliers, outliers]))
    above = 1 - (ranks[:m] - rankdata(inliers)) / n
    below = (ranks[m:] - rankdata(outliers)) / m
    return above, below


def _delong_error(a: np.ndarray, b: np.ndarray) -> float:
    if min(len(a), len(b)) < 2:
        return math.nan
    return math.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
