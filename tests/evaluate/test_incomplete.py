"""PCA with holes against PCA without, and against rows of low rank; errors by column by hand."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from ae_jax.evaluate import baselines, columns, incomplete
from ae_jax.inputs.examples import Column, Examples
from ae_jax.inputs.scaler import Scaler


def rows(n, rank, noise, seed=0):
    rng = np.random.default_rng(seed)
    W = np.random.default_rng(9).normal(size=(rank, 8))
    return rng.normal(size=(n, rank)) @ W + noise * rng.normal(size=(n, 8)) + np.arange(8)


def test_without_holes_it_is_pca():
    x = rows(200, 3, 0.3)
    mean, V = incomplete.principal(x, 2)
    truth = PCA(2).fit(x)
    np.testing.assert_allclose(mean, truth.mean_)
    np.testing.assert_allclose(V @ V.T, truth.components_.T @ truth.components_, atol=1e-10)
    back = truth.inverse_transform(truth.transform(x[:50]))
    assert incomplete.pca_mse(x, x[:50], 2) == pytest.approx(np.square(back - x[:50]).mean())


def test_holes_of_low_rank_rows_are_filled_with_what_was_there():
    x = rows(300, 2, 0.0)
    hidden = np.random.default_rng(1).random(x.shape) < 0.15
    holes = np.where(hidden, np.nan, x)
    filled = incomplete.fill(holes, *incomplete.principal(holes, 2))
    sure = hidden & ((~hidden).sum(1) >= 5)[:, None]
    assert np.abs(filled - x)[sure].mean() < 0.01 * x.std()
    np.testing.assert_array_equal(filled[~hidden], x[~hidden])


def test_of_many_columns_the_directions_are_those_of_few(monkeypatch):
    """With holes and without, above EXACT columns and below."""
    x = rows(300, 3, 0.3)
    holes = np.where(np.random.default_rng(1).random(x.shape) < 0.2, np.nan, x)
    exact = [incomplete.pca_mse(v, v[:50], 2) for v in (x, holes)]
    monkeypatch.setattr(incomplete, "EXACT", 4)
    monkeypatch.setattr(incomplete, "EXTRA", 1)  # else all eight are kept
    found = [incomplete.pca_mse(v, v[:50], 2) for v in (x, holes)]
    np.testing.assert_allclose(found, exact, rtol=2e-3)


def test_baselines_of_rows_with_holes_look_at_what_was_observed():
    x = rows(300, 2, 0.1).astype(np.float32).reshape(-1, 1, 1, 8)
    holes = np.where(np.random.default_rng(1).random(x.shape) < 0.2, np.nan, x)
    train, test = holes[:200], holes[200:]
    by_hand = np.nanmean(np.square(test - np.nanmean(train, axis=0)))
    assert baselines.mean_image_mse(train, test) == pytest.approx(by_hand, rel=1e-5)
    whole = baselines.pca_mse(x[:200], x[200:], 2)
    assert 0.5 * whole < baselines.pca_mse(train, test, 2) < 2 * whole


def test_columns_are_measured_in_their_own_units():
    examples = Examples("rows", (Column("euro"), Column("meter"), Column("constant")))
    scaler = Scaler(examples, np.array([5.0, 0.0, 1.0]), np.array([100.0, 0.1, 1.0]))
    train = np.array([[0.0, -1, 0], [0, 1, 0]]).reshape(2, 1, 1, 3)
    test = np.array([[1.0, np.nan, 0], [-1, 2, 0]]).reshape(2, 1, 1, 3)
    back = np.array([[0.5, 9, 0], [-1, 1, 0]]).reshape(2, 1, 1, 3)
    found = columns.column_errors(scaler, train, test, back)
    assert found.names == ["euro", "meter", "constant"]
    # euro: (0.25 + 0) / 2 of 1; meter: 1 of 4, the row that was not observed left out.
    np.testing.assert_allclose(found.rmse, [100 * np.sqrt(0.125), 0.1, 0.0])
    np.testing.assert_allclose(found.unexplained, [0.125, 0.25, np.nan])
    assert found.of_all() == pytest.approx(0.1875)
    assert found.rows()[2] == {"name": "constant", "rmse": 0.0}
