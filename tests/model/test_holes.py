"""What was not observed is in no loss, no gradient and no metric."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ae_jax
from ae_jax.data.arrays import Split
from ae_jax.evaluate import metrics
from ae_jax.inputs.observed import squared_error
from ae_jax.model.pipeline import Batch, Forward
from ae_jax.objective import losses
from ae_jax.resolve import config as config_lib
from ae_jax.train import setup
from tests.run.doors import same

RNG = np.random.default_rng(0)
N, D = 6, 5
HOLES = RNG.random((N, D)) < 0.3
HOLES[0] = False  # a row without holes,
HOLES[1] = True  # and one that is nothing else
LAYOUT = (1, 0, 3)  # of columns of several kinds: a number, a boolean, a category
HOLES[:, 3:] = HOLES[:, 2:3]
WIDTHS = {"gaussian_nll": ("deviation", 0.3), "laplace_nll": ("deviation", 0.3)}
CASES = [(name, {}) for name in losses.LOSSES if name != "columns_nll"] + [
    (name, dict([option])) for name, option in WIDTHS.items()
]
COLUMNS = ("columns_nll", {"layout": LAYOUT})


def test_the_error_is_summed_over_what_was_observed():
    x, x_hat = np.float32([[1, np.nan], [np.nan] * 2, [3, 5]]), np.float32([[2, 9], [9, 9], [1, 1]])
    x, x_hat = x.reshape(3, 1, 2, 1), x_hat.reshape(3, 1, 2, 1)
    np.testing.assert_array_equal(squared_error(x, x_hat), [1, 0, 20])
    for given in (x, jnp.asarray(x)):
        found, gradient = jax.vjp(partial(squared_error, given), jnp.asarray(x_hat))
        np.testing.assert_array_equal(found, [1, 0, 20])
        wanted = [[2, 0], [0, 0], [-4, -8]]
        np.testing.assert_array_equal(gradient(jnp.ones(3))[0].reshape(3, 2), wanted)


def cube(x):
    """Rows [n, D] as networks see them."""
    return jnp.asarray(x, jnp.float32)[:, None, None, :]


def a_pass(holes=HOLES):
    """x, x^ and the logits are in (0, 1); a third of what is there was corrupted."""
    rng = np.random.default_rng(1)
    x, x_hat = rng.uniform(0.1, 0.9, (2, N, D))
    noisy = np.where(rng.random((N, D)) < 0.3, np.nan, x)
    a, known = np.log(x_hat / (1 - x_hat)), cube(~holes).astype(bool)
    return Forward(cube(x), cube(noisy), None, None, None, cube(a), cube(x_hat), known)


@pytest.mark.parametrize("name, options", CASES)
def test_a_row_costs_what_its_observed_numbers_cost(name, options):
    """By hand: the loss of what is left when the holes are cut out, row by row."""
    p, loss = a_pass(), losses.LOSSES[name]
    found = losses.total(p, loss(p, **options))
    whole = Forward(*(None if v is None else v.reshape(1, -1)[:, ~HOLES.ravel()] for v in p[:7]))
    costs = np.zeros((N, D))
    costs[~HOLES] = np.asarray(loss(whole, **options))[0]  # a batch of one row without holes
    np.testing.assert_allclose(found, costs.sum(1), rtol=1e-5)
    assert found[1] == 0


def test_columns_of_several_kinds_cost_what_was_observed():
    """By hand: the cross-entropy of a row's columns that are there."""
    p = a_pass()
    found = losses.total(p, losses.columns_nll(p, LAYOUT))
    x, a = (np.asarray(v)[:, 0, 0] for v in (p.x, p.pre_activation))
    softmax = a[:, 2:] - np.log(np.exp(a[:, 2:]).sum(1, keepdims=True))
    costs = np.stack(
        [
            np.square(x[:, 0] - a[:, 0]) / 2 + np.log(2 * np.pi) / 2,
            np.log1p(np.exp(a[:, 1])) - x[:, 1] * a[:, 1],
            -(x[:, 2:] * softmax).sum(1),
        ],
        axis=1,
    )
    np.testing.assert_allclose(found, np.where(HOLES[:, :3], 0, costs).sum(1), rtol=1e-5)


@pytest.mark.parametrize("name, options", [*CASES, COLUMNS])
def test_the_loss_does_not_look_at_what_was_not_observed(name, options):
    p, loss = a_pass(), losses.LOSSES[name]

    def cost(x, x_hat, a):
        q = p._replace(x=x, x_hat=x_hat, pre_activation=a)
        return jnp.sum(losses.total(q, loss(q, **options)))

    grads = jax.grad(cost, (0, 1, 2))(p.x, p.x_hat, p.pre_activation)
    for g in grads:
        assert not np.asarray(g)[cube(HOLES).astype(bool)].any()
    assert all(np.asarray(sum(map(jnp.abs, grads)))[cube(~HOLES).astype(bool)] > 0)
    other = jnp.where(p.observed, p.x, 0.5)
    same(cost(p.x, p.x_hat, p.pre_activation), cost(other, p.x_hat, p.pre_activation))


@pytest.fixture(scope="module")
def model():
    """A small denoiser of rows with an indicator, its state at step 0, and rows with holes."""
    changes = {
        "data": {"scale": "standard", "missing": "mask", "indicator": True},
        "corruption": {"name": "hide", "rate": 0.3},
        "encoder.hidden": (7,),
        "model.code_size": 3,
        "train.batch_size": N,
    }
    t = setup.prepare(config_lib.resolve(config_lib.nested(changes)), (1, 1, D), N)
    x = np.where(HOLES, np.nan, RNG.normal(1.0, 1.0, (N, D))).astype(np.float32)[:, None, None]
    return t, t.init(jax.random.key(1), setup.mean_image(x, t.model)), x


def test_gradients_through_the_whole_model(model):
    """Exactly 0 for what stands at a hole, and finite for every parameter; of every loss."""
    t, state, x = model

    def cost(params, x, name):
        loss = partial(losses.LOSSES[name], **dict([COLUMNS]).get(name, {}))
        objective = t.objective._replace(reconstruction=loss)
        variables = {"params": params, **state.statistics}
        return objective(variables, Batch(x), jax.random.key(2), True)[0]

    @jax.jit
    def grads(params, x):
        return {k: jax.grad(cost, (0, 1))(params, x, k) for k in losses.LOSSES}

    for name, (of_params, of_x) in grads(state.params, x).items():
        assert not np.asarray(of_x)[np.isnan(x)].any(), name
        assert np.asarray(of_x)[~np.isnan(x)].any(), name
        for g in map(np.asarray, jax.tree.leaves(of_params)):
            assert np.isfinite(g).all() and g.any(), name


def test_the_encoder_sees_the_mean_and_an_indicator(model):
    """By hand: the column's mean of what was observed, and beside it 1 where something was."""
    t, state, x = model
    rows, p = x[:, 0, 0], jax.tree.map(np.asarray, state.params["encoder"])
    seen = np.concatenate([np.where(HOLES, np.nanmean(rows, 0), rows), ~HOLES], axis=1)
    h = np.maximum(seen @ p["layer_0"]["kernel"] + p["layer_0"]["bias"], 0)
    by_hand = h @ p["layer_1"]["kernel"] + p["layer_1"]["bias"]
    np.testing.assert_allclose(t.model.encode(state.variables, x), by_hand, atol=1e-5)


def test_metrics_are_per_observed_number(model):
    """By hand, over two batches of which the second is short."""
    t, state, x = model
    key = jax.random.key(4)
    found = metrics.evaluator(t.objective, 4)(state.variables, Split(x, None), key)
    x_hat = np.asarray(t.model.decode(state.variables, t.model.encode(state.variables, x)))
    square = np.square(x - x_hat, dtype=np.float64)
    assert found["mse"] == pytest.approx(np.nanmean(square), rel=1e-5)
    assert found["sse"] == pytest.approx(np.nansum(square) / N, rel=1e-5)
    worst = np.nanmean(np.square(x - np.nanmean(x, 0)))  # of hiding everything
    assert 0 < found["noisy_mse"] < worst
    assert np.isfinite(found["denoised_mse"])


def signals(padding):
    """Twelve signals of different lengths, one channel; beyond their ends stands `padding`."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(12, 9))
    beyond = np.arange(9)[None] >= rng.integers(4, 10, 12)[:, None]
    return np.where(beyond, padding, x), beyond


def fitted(x):
    changes = {
        "data": {"scale": "standard", "indicator": True},
        "corruption": {"name": "hide", "rate": 0.3},
        "encoder": {"hidden": (6,)},
        "model": {"code_size": 2},
        "train": {"batch_size": 5, "epochs": 2},
    }
    return ae_jax.fit(
        changes, ae_jax.from_arrays(x, x[:3], kind="signal"), 0, progress=False, whole=True
    )


@pytest.mark.slow
def test_padded_signals_do_not_depend_on_the_padding():
    """A masked array with anything under the mask is the array with NaN in its place."""
    holed, beyond = signals(np.nan)
    first = fitted(holed)
    assert first.model.shape == (1, 9, 1)
    anything = np.resize([0.0, 1e300, np.inf, np.nan], holed.shape)
    given = np.ma.masked_array(signals(anything)[0], beyond)
    other = fitted(given)
    same(other.state, first.state)
    same(other.history, first.history)
    same((other.code_mean, other.code_cov), (first.code_mean, first.code_cov))
    same(other.impute(given), first.impute(holed))
    same(other.score(given), first.score(holed))
    back = first.impute(holed)
    assert np.isfinite(back).all() and back.shape == (*holed.shape, 1)
    same(back[~beyond, 0], holed[~beyond])
    assert other.origin == first.origin, "nor does the hash of the data"
    signed = ae_jax.from_arrays(signals(-np.nan)[0], holed[:3], kind="signal")
    assert signed.sha256("train") == first.origin.images_sha256, "0 / 0 is -nan on some machines"
