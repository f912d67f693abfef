"""Columns of several kinds: the sum of their own losses, whatever their order."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import log_loss

import ae_jax
from ae_jax.data.arrays import from_arrays
from ae_jax.errors import ConfigError
from ae_jax.inputs.examples import Column
from ae_jax.model import layout as layouts
from ae_jax.model.corruption import CORRUPTIONS
from ae_jax.model.pipeline import Forward
from ae_jax.objective import losses

LAYOUT = (1, 3, 0, 1, 2)  # number, category of 3, boolean, number, category of 2
BLOCKS = [list(range(*s.indices(8))) for _, s in layouts.spans(LAYOUT)]


def rows(n=6, seed=0):
    rng = np.random.default_rng(seed)
    parts = [rng.normal(size=(n, 1)), np.eye(3)[rng.integers(0, 3, n)]]
    parts += [rng.integers(0, 2, (n, 1)), rng.normal(size=(n, 1)), np.eye(2)[rng.integers(0, 2, n)]]
    return np.concatenate(parts, 1).astype(np.float32), rng.normal(size=(n, 8)).astype(np.float32)


def forward(x, a, observed=None):
    x, a = (jnp.asarray(v).reshape(len(v), 1, 1, -1) for v in (x, a))
    if observed is not None:
        observed = jnp.asarray(observed).reshape(x.shape)
    return Forward(x, x, None, None, None, a, None, observed)


def test_the_loss_is_the_sum_of_the_columns_losses():
    x, a = rows()
    found = losses.total(p := forward(x, a), losses.columns_nll(p, LAYOUT))
    probabilities = np.exp(a[:, 1:4]) / np.exp(a[:, 1:4]).sum(1, keepdims=True)
    for i in range(len(x)):
        expected = -stats.norm.logpdf(x[i, [0, 5]], a[i, [0, 5]]).sum()
        chosen = x[i : i + 1, 1:4].argmax(1)
        expected += log_loss(chosen, probabilities[i : i + 1], labels=[0, 1, 2])
        expected += -stats.bernoulli.logpmf(x[i, 4], 1 / (1 + np.exp(-a[i, 4])))
        two = np.exp(a[i, 6:]) / np.exp(a[i, 6:]).sum()
        expected += -np.log(two[x[i, 6:].argmax()])
        assert found[i] == pytest.approx(expected, rel=1e-5)


def test_an_order_of_the_columns_is_none():
    x, a = rows()
    order = [3, 1, 4, 0, 2]
    channels = [i for c in order for i in BLOCKS[c]]
    q = forward(x[:, channels], a[:, channels])
    moved = losses.columns_nll(q, tuple(LAYOUT[c] for c in order))
    same = losses.columns_nll(forward(x, a), LAYOUT)[:, np.array(channels)]
    np.testing.assert_array_equal(moved, same)


def test_categories_sum_to_one_and_booleans_stay_between_0_and_1():
    _, a = rows()
    made = np.asarray(layouts.output(jnp.asarray(a), LAYOUT))
    np.testing.assert_allclose(made[:, 1:4].sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(made[:, 6:].sum(1), 1, rtol=1e-6)
    np.testing.assert_array_equal(made[:, [0, 5]], a[:, [0, 5]])
    np.testing.assert_allclose(made[:, 4], 1 / (1 + np.exp(-a[:, 4])), rtol=1e-6)
    decided = layouts.decided(made, LAYOUT)
    np.testing.assert_array_equal(decided[:, 1:4].argmax(1), a[:, 1:4].argmax(1))
    assert set(np.unique(decided[:, [1, 2, 3, 4, 6, 7]])) <= {0.0, 1.0}


def test_a_hidden_category_costs_nothing_and_is_hidden_whole():
    x, a = rows()
    seen = np.ones(x.shape, bool)
    seen[:, 1:4] = False
    p = forward(x, a, seen)
    without = losses.columns_nll(p, LAYOUT)[:, np.array([0, 4, 5, 6, 7])].sum(1)
    np.testing.assert_allclose(losses.total(p, losses.columns_nll(p, LAYOUT)), without, rtol=1e-6)
    many = jnp.zeros((500, 1, 1, 8))
    hidden = CORRUPTIONS["hide"](jax.random.key(0), many, (0, 1), layout=LAYOUT, rate=0.4)
    gone = np.isnan(np.asarray(hidden))[:, 0, 0]
    for block in BLOCKS:
        assert (gone[:, block] == gone[:, block[:1]]).all()
        assert gone[:, block[0]].mean() == pytest.approx(0.4, abs=4 * np.sqrt(0.24 / 500))


@pytest.fixture(scope="module")
def people():
    """A category that says what a number is about, and a boolean that says its sign."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, 600)
    height = np.array([-5.0, 0.0, 5.0])[kind] + 0.1 * rng.normal(size=600)
    x = np.concatenate([height[:, None] * 100, np.eye(3)[kind], (height > 0)[:, None]], 1)
    columns = [Column("height"), Column("kind", "category", ("a", "b", "c"))]
    return from_arrays(x, columns=[*columns, Column("tall", "boolean")])


CONFIG = {
    "data": {"scale": "standard", "indicator": True},
    "corruption": {"name": "hide", "rate": 0.4},
    "encoder": {"hidden": (32,)},
    "decoder": {"hidden": (32,), "output": "columns"},
    "loss": {"name": "columns_nll"},
    "model": {"code_size": 8},
    "optim": {"learning_rate": 5e-3},
    "train": {"batch_size": 54, "epochs": 30},
}


@pytest.mark.slow
def test_a_hidden_category_is_imputed_from_what_it_decides(people):
    run = ae_jax.fit(CONFIG, people, 0, progress=False)
    assert run.config.data.layout == (1, 3, 0)
    x = people.test.images[:, 0, 0]
    holes = x.copy()
    holes[:, 1:4] = np.nan
    filled = run.impute(holes)
    assert (filled[:, 1:4] == x[:, 1:4]).all(1).mean() > 0.95
    np.testing.assert_array_equal(filled[:, [0, 4]], x[:, [0, 4]])
    holes = x.copy()
    holes[:, 0] = np.nan
    assert np.abs(run.impute(holes)[:, 0] - x[:, 0]).mean() < 100  # of a deviation of 400


def test_loss_and_output_of_columns_go_together():
    for changes in ({"loss.name": "squared_error"}, {"decoder.output": "linear"}):
        with pytest.raises(ConfigError, match="go together"):
            ae_jax.resolve.config.resolve(CONFIG).replace(**changes)
