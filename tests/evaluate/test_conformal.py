"""Conformal p-values and findings, beside the formula, scipy and the theory."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control, kstest

from ae_jax.errors import DataError
from ae_jax.evaluate.conformal import findings, p_values


def test_p_values_are_what_the_formula_says_ties_and_all():
    rng = np.random.default_rng(0)
    held, new = rng.integers(0, 9, 40) / 2.0, rng.integers(-1, 11, 30) / 2.0
    by_hand = [(1 + sum(c >= s for c in held)) / 41 for s in new]
    np.testing.assert_allclose(p_values(held, new), by_hand, rtol=1e-15)
    assert p_values(held, [np.nan, np.inf, -np.inf]).tolist() == [1.0, 1 / 41, 1.0]


def test_p_values_of_ordinary_rows_are_uniform():
    """One new row against its own held-out rows each time, whatever the scores' distribution."""
    rng = np.random.default_rng(1)
    draws = rng.standard_cauchy((4000, 100)) ** 3
    p = np.array([p_values(row[1:], row[:1])[0] for row in draws])
    jittered = p - rng.random(len(p)) / 100  # uniform on a grid of 1/100 becomes uniform
    assert kstest(jittered, "uniform").pvalue > 0.01
    assert kstest(np.square(jittered), "uniform").pvalue < 1e-9, "it can fail"


@pytest.mark.parametrize("q", [0.1, 0.3])
def test_the_share_of_false_findings_is_as_promised(q):
    """Over 200 draws: on average at most q pi_0, up to three standard errors; many are found."""
    rng = np.random.default_rng(2)
    false, found = [], []
    for _ in range(200):
        new = rng.normal(size=200) + np.where(np.arange(200) < 160, 0, 4)
        is_found = findings(p_values(rng.normal(size=500), new), q)
        false.append(is_found[:160].sum() / max(1, is_found.sum()))
        found.append(is_found[160:].mean())
    error = np.std(false) / np.sqrt(200)
    assert np.mean(false) <= 0.8 * q + 3 * error
    assert np.mean(false) > 0.4 * q and np.mean(found) > 0.7, "not by finding nothing"


@pytest.mark.parametrize("q", [0.01, 0.1, 0.5])
def test_findings_are_those_of_scipy(q):
    rng = np.random.default_rng(3)
    for n in (1, 2, 50):
        for _ in range(20):
            p = rng.random(n) ** rng.integers(1, 5)
            np.testing.assert_array_equal(findings(p, q), false_discovery_control(p) <= q)
    assert findings([], q).tolist() == []


def test_what_is_no_score_or_p_value_is_refused():
    for held, new in (([], [1.0]), ([1.0, np.nan], [1.0]), ([[1.0]], [1.0])):
        with pytest.raises(DataError):
            p_values(held, new)
    for p, q in (([0.5, 1.5], 0.1), ([np.nan], 0.1), ([0.5], 0.0), ([0.5], 1.0)):
        with pytest.raises(DataError):
            findings(p, q)
