"""Imputation of a Gaussian: the conditional mean is the best that there can be."""

import numpy as np
import pytest

import ae_jax
from ae_jax.analysis import judge

D = 6


def rows(n, rng):
    """[n, D] of two factors and noise, their mean [D] and covariance [D, D]."""
    W = np.random.default_rng(1).normal(size=(D, 2)) * [[1], [10], [1e-3], [1], [5], [1]]
    noise = 0.4 * np.linalg.norm(W, axis=1)
    mean = 100.0 * noise
    x = rng.normal(size=(n, 2)) @ W.T + noise * rng.normal(size=(n, D)) + mean
    return x, mean, W @ W.T + np.diag(noise**2)


def conditional_mean(holed, mean, cov):
    """E[x | what was observed], row by row."""
    filled = holed.copy()
    for row in filled:
        h = np.isnan(row)
        known = np.linalg.solve(cov[np.ix_(~h, ~h)], (row - mean)[~h])
        row[h] = mean[h] + cov[np.ix_(h, ~h)] @ known
    return filled


@pytest.mark.slow
def test_imputing_a_gaussian_comes_close_to_the_conditional_mean():
    """Of new rows, too: their error is Bayes's plus the square of what the network is off by."""
    rng = np.random.default_rng(0)
    train, mean, cov = rows(6000, rng)
    test = rows(6000, rng)[0]
    holed, asked = (np.where(rng.random(x.shape) < 0.2, np.nan, x) for x in (train, test))
    run = ae_jax.fit(
        ae_jax.load_config("impute", **{"train.epochs": 60}),
        ae_jax.from_arrays(holed, asked),
        0,
        progress=False,
    )
    for x, y in ((train, holed), (test, asked)):
        holes, deviation = np.isnan(y), np.sqrt(np.diag(cov))
        filled = {
            "ours": run.impute(y),
            "bayes": conditional_mean(y, mean, cov),
            "mean": np.where(holes, mean, y),
        }
        squares = {k: np.square((v - x) / deviation)[holes] for k, v in filled.items()}
        ours, bayes, means = (squares[k].mean() for k in filled)
        excess = judge.gain(squares["ours"], squares["bayes"])
        assert excess.value > -3 * excess.error, "better than the best"
        assert ours < 1.1 * bayes
        assert bayes < 0.5 * means and ours < 0.5 * means
        off = np.square((filled["ours"] - filled["bayes"]) / deviation)[holes].mean()
        assert off < 0.1 * bayes
