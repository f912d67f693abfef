"""The score by hidden columns: beside the Gaussian's conditional mean, and by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ae_jax
from ae_jax.errors import ConfigError, DataError
from ae_jax.inputs.examples import Column, Examples
from ae_jax.inputs.scaler import Scaler
from ae_jax.run import hidden

RNG = np.random.default_rng(0)
D = 5
FACTORS = RNG.normal(size=(2, D))
COVARIANCE = FACTORS.T @ FACTORS + 0.3 * np.eye(D)
COVARIANCE /= np.sqrt(np.outer(np.diag(COVARIANCE), np.diag(COVARIANCE)))
X = RNG.multivariate_normal(np.zeros(D), COVARIANCE, 300)


class Bayes:
    """Stands for a model: its reconstruction is the conditional mean, given what is shown."""

    shape, scale, holes = (1, 1, D), "none", True

    def __init__(self, covariance=COVARIANCE):
        self.covariance = jnp.asarray(covariance)

    def run(self, variables, batch, key):
        def one(x):
            seen = ~jnp.isnan(x)
            both = seen[:, None] & seen[None, :]
            inside = jnp.where(both, self.covariance, jnp.eye(len(x)))
            across = jnp.where(seen[None, :], self.covariance, 0.0)
            return across @ jnp.linalg.solve(inside, jnp.where(seen, x, 0.0))

        class Pass:
            x_hat = jax.vmap(one)(batch.x.reshape(len(batch.x), -1)).reshape(batch.x.shape)

        return Pass


def scaler(columns=None, d=D):
    return Scaler(Examples("rows", columns), np.zeros(d), np.ones(d))


def scored(rows, model=None, **options):
    options = {"key": 3, "draws": 8, "scaler": scaler(), **options}
    x = np.asarray(rows, np.float32)[:, None, None, :]
    return hidden.scored(
        model or Bayes(), {}, options["scaler"], x, options["key"], options["draws"]
    )


def by_formula(row, key=3, draws=8):
    """Mean squared error of each column's conditional mean, and that mean, in NumPy."""
    orders = hidden.drawn(jax.random.key(key), draws // 2, D)
    seen = np.flatnonzero(~np.isnan(row))
    errors, means = np.full((len(orders), D), np.nan), np.full((len(orders), D), np.nan)
    for split, order in enumerate(orders):
        ranked = [c for c in order if c in seen]
        first = ranked[: (len(ranked) + 1) // 2]
        for out in (first, [c for c in seen if c not in first]):
            shown = [c for c in seen if c not in out]
            for c in out:
                weights = np.linalg.solve(COVARIANCE[np.ix_(shown, shown)], COVARIANCE[shown, c])
                means[split, c] = weights @ row[shown] if len(shown) else 0.0
                errors[split, c] = min((row[c] - means[split, c]) ** 2, 25.0)
    return errors.mean(0), means.mean(0)


def test_each_part_is_the_error_of_the_conditional_mean():
    rows = X[:20].copy()
    rows[3, 2] = rows[4, :4] = np.nan
    rows[5, 1] = 40.0  # beyond five deviations
    found = scored(rows)
    for row, parts, expected in zip(rows, found.parts, found.expected, strict=True):
        errors, means = by_formula(row)
        np.testing.assert_allclose(parts, np.log(errors + 0.05), rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(expected, means, rtol=1e-3, atol=2e-4)
    np.testing.assert_allclose(found.score, np.nanmean(found.parts, 1), rtol=1e-12)
    assert found.parts[5, 1] == pytest.approx(np.log(25.05), rel=1e-6)
    np.testing.assert_array_equal(np.isnan(found.shown), np.isnan(rows))
    np.testing.assert_allclose(
        found.shown[0], np.log(0.05), rtol=1e-4
    )  # Bayes returns what it sees


def test_over_many_rows_it_is_the_error_that_the_covariance_leaves():
    """The conditional variance, over the same masks, up to three standard errors."""
    many = np.random.default_rng(5).multivariate_normal(np.zeros(D), COVARIANCE, 4000)
    errors = np.exp(scored(many, draws=4).parts) - 0.05
    left = np.zeros(D)
    orders = hidden.drawn(jax.random.key(3), 2, D)
    for order in orders:
        for out, shown in ((order[:3], order[3:]), (order[3:], order[:3])):
            inside = COVARIANCE[np.ix_(shown, shown)]
            for c in out:
                across = COVARIANCE[shown, c]
                left[c] += (1 - across @ np.linalg.solve(inside, across)) / len(orders)
    assert (np.abs(errors.mean(0) - left) < 3 * errors.std(0) / np.sqrt(4000) + 1e-4).all()


def test_a_permutation_of_columns_permutes_the_parts(monkeypatch):
    order = np.array([3, 0, 4, 1, 2])
    place = np.argsort(order)
    found, drawn = scored(X), hidden.drawn
    monkeypatch.setattr(hidden, "drawn", lambda *a: place[drawn(*a)].astype(np.int32))
    other = scored(X[:, order], Bayes(COVARIANCE[np.ix_(order, order)]))
    np.testing.assert_allclose(other.parts, found.parts[:, order], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(other.score, found.score, rtol=1e-3, atol=1e-3)


def test_company_and_padding_change_nothing_and_a_key_is_all_that_is_random():
    found = scored(X)
    np.testing.assert_array_equal(scored(X).parts, found.parts)
    np.testing.assert_allclose(scored(X[7:9]).parts, found.parts[7:9], rtol=1e-5, atol=1e-6)
    assert not np.allclose(scored(X, key=4).parts, found.parts, rtol=1e-2)
    assert scored(X[:0]).score.shape == (0,)


def test_the_numbers_behind_a_hole_count_nowhere():
    rows = X[:3].copy()
    rows[0] = np.nan
    rows[1, [0, 3]] = np.nan
    found = scored(rows)
    assert np.isnan(found.score).tolist() == [True, False, False]
    np.testing.assert_array_equal(np.isnan(found.parts), np.isnan(rows))
    np.testing.assert_array_equal(np.isnan(found.expected), np.isnan(rows))


def test_the_channels_of_a_category_are_hidden_together():
    columns = (Column("a"), Column("kind", "category", ("x", "y", "z")), Column("b"))
    rows = np.array([[0.5, 0, 1, 0, -1.0], [0.1, np.nan, np.nan, np.nan, 2.0]])
    shown = []

    class Recorded(Bayes):
        def run(self, variables, batch, key):
            jax.debug.callback(lambda x: shown.append(np.asarray(x)), batch.x)
            return super().run(variables, batch, key)

    found = scored(rows, Recorded(), scaler=scaler(columns))
    jax.effects_barrier()
    assert found.parts.shape == (2, 3) and np.isnan(found.parts[1]).tolist() == [False, True, False]
    seen = np.isnan(np.concatenate(shown)[:, 0, 0, 1:4])
    assert (seen.all(1) | ~seen.any(1)).all() and 0 < seen[:, 0].mean() < 1


def trained(config, data):
    small = {"model": {"code_size": 8}, "train": {"batch_size": 50, "epochs": 2}}
    return ae_jax.fit({**small, **config}, data, 0, progress=False)


@pytest.mark.slow
def test_a_run_scores_rows_in_their_own_units():
    config = {"data": {"scale": "standard", "indicator": True}, "corruption": {"name": "hide"}}
    run = trained(config, 100 + 20 * X)
    found = run.score_hidden(100 + 20 * X)
    assert found.score.shape == (300,) and np.isfinite(found.parts).all()
    assert found.expected.min() > 60 and found.expected.max() < 140
    rows = 100 + 20 * X[:30]
    rows[3, 2] = np.nan
    errors = np.square((run.reconstruct(rows) - rows) / run.scaler.spread)
    shown = run.score_hidden(rows).shown
    np.testing.assert_allclose(shown, np.log(np.minimum(errors, 25) + 0.05), rtol=1e-3, atol=1e-4)
    with pytest.raises(ConfigError, match="draws: must be a whole number >= 1"):
        run.score_hidden(X, draws=0)
    with pytest.raises(DataError, match=r"rows: must be \[n, 5\]"):
        run.score_hidden(X[:, :3])


@pytest.mark.slow
def test_runs_of_images_and_of_rows_without_holes_are_refused():
    images = np.random.default_rng(1).random((60, 4, 4)).astype(np.float32)
    with pytest.raises(ConfigError, match=r"score_hidden: is for rows \[n, D\]"):
        trained({}, images).score_hidden(images)
    whole = trained({"data": {"scale": "standard", "missing": "refuse"}}, X)
    with pytest.raises(ConfigError, match="score_hidden: this run was trained without holes"):
        whole.score_hidden(X)
