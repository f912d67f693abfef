"""Verdicts against scikit-learn, and their standard errors against many repetitions."""

import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ae_jax.analysis import judge
from ae_jax.analysis.judge import Estimate


def _repeated(statistic, times=2000):
    """(estimates, their standard errors) of a statistic of fresh data."""
    rng = np.random.default_rng(0)
    found = [statistic(rng) for _ in range(times)]
    return np.array([e.value for e in found]), np.array([e.error for e in found])


def _share(rng):
    return judge.share(rng.random(300) < 0.97)


def _decibels(rng):
    hard = rng.gamma(2.0, size=200)  # what is hard about an image is hard for both
    return judge.decibels(hard * rng.uniform(0.4, 0.6, 200), hard * rng.uniform(0.8, 1.2, 200))


def _auroc(rng):
    return judge.auroc(rng.normal(size=80), rng.normal(1.0, size=60))


def _auroc_gain(rng):
    a, b = rng.normal(size=80), rng.normal(1.0, size=60)
    worse = (a + rng.normal(size=80), b + rng.normal(size=60))
    return judge.auroc_gain((a, b), worse)


def _difference(rng):
    return judge.difference(judge.share(rng.random(300) < 0.8), judge.mean(rng.random(90)))


@pytest.mark.parametrize("statistic", [_share, _difference, _decibels, _auroc, _auroc_gain])
def test_standard_errors_are_the_spread_over_repetitions(statistic):
    values, errors = _repeated(statistic)
    assert errors.mean() == pytest.approx(values.std(ddof=1), rel=0.1)


def test_auroc_is_scikit_learns_with_ties():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 6, 50), rng.integers(1, 8, 70)
    truth = roc_auc_score(np.r_[np.zeros(50), np.ones(70)], np.r_[a, b])
    assert judge.auroc(a, b).value == pytest.approx(truth, abs=1e-12)


def test_auroc_counts_pairs():
    rng = np.random.default_rng(0)
    normal, strange = rng.integers(0, 9, 40), rng.integers(3, 12, 30)
    pairs = [(s > n) + 0.5 * (s == n) for s in strange for n in normal]
    assert judge.auroc(normal, strange).value == pytest.approx(np.mean(pairs))


def test_decibels_are_the_difference_of_two_psnr():
    ours, theirs = np.array([0.01, 0.03]), np.array([0.04, 0.04])
    psnr = [-10 * math.log10(e.mean()) for e in (ours, theirs)]
    assert judge.decibels(ours, theirs).value == pytest.approx(psnr[0] - psnr[1])


@pytest.mark.parametrize(
    ("gain", "works", "words"),
    [
        (Estimate(0.3, 0.1), True, "A wins"),
        (Estimate(-0.3, 0.1), True, "B wins"),
        (Estimate(0.19, 0.1), True, "A and B tie"),
        (Estimate(0.0, 0.0), True, "A and B tie"),
        (Estimate(0.3, 0.1), False, "A does not work"),
        (Estimate(math.nan, 0.1), True, "A and B cannot be compared"),
        (Estimate(0.3, math.nan), True, "A and B cannot be compared"),
    ],
)
def test_verdicts(gain, works, words):
    assert judge.verdict("A", "B", gain, works) == words


def test_a_perfect_score_is_uncertain():
    assert judge.share([True] * 50).error > 0.01


def test_nan_is_never_best():
    assert judge.best({"a": math.nan, "b": 0.1, "c": 0.2}) == "c"
    assert judge.best({"b": 0.1, "a": math.nan}) == "b"


def test_text():
    assert Estimate(0.972, 0.004).text(100) == "97.2 ± 0.4"
    assert Estimate(1.25, 0.1).text(digits=2, sign=True) == "+1.25 ± 0.10"


def test_too_little_to_compare_is_no_number():
    assert np.isnan(judge.decibels([0.0, 0.0], [0.1, 0.2])).all()
    assert np.isnan(judge.decibels([0.1, 0.2], [0.0, 0.0])).all()
    one = judge.auroc([0.0], [1.0, 2.0])
    assert one.value == 1 and np.isnan(one.error)
    assert judge.verdict("a", "b", one) == "a and b cannot be compared"


def test_what_is_too_small_to_matter_is_a_tie_however_certain():
    tiny = Estimate(0.01, 0.001)
    assert judge.verdict("a", "b", tiny) == "a wins"
    assert judge.verdict("a", "b", tiny, least=0.02) == "a and b tie"
    assert [judge.beyond(Estimate(v, 1.0)) for v in (3.0, -3.0, 1.9, np.nan)] == [1, -1, 0, 0]
    assert judge.beyond(Estimate(3.0, np.nan)) == 0


def test_neither_side_wins_without_working():
    gain = Estimate(-3.0, 1.0)
    assert judge.verdict("a", "b", gain) == "b wins"
    assert judge.verdict("a", "b", gain, theirs_works=False) == "b does not work"
