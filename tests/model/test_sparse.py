"""Sparse codes: penalties by hand and by the textbook, k-sparse bottleneck, dead units, metrics."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.decomposition import PCA

from ae_jax.errors import ConfigError
from ae_jax.evaluate import code_statistics
from ae_jax.model import layers
from ae_jax.model import pipeline as model_lib
from ae_jax.model.bottleneck.sparse import FallingTopKBottleneck, TopKBottleneck
from ae_jax.model.pipeline import Batch, Forward
from ae_jax.objective import objective, penalties
from ae_jax.resolve.config import load_config, resolve
from ae_jax.train import setup

KEY = jax.random.key(5)
compiled = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def with_code(h):
    """A pass of which only the code matters."""
    h = jnp.asarray(h, jnp.float32)
    x = jnp.zeros((len(h), 1, 1, 1))
    return Forward(x, x, h, h, None, x, x)


def top_k(h, k, train=True):
    """The code."""
    z, code = TopKBottleneck(k=k).apply({}, h, None, train)
    assert code.indices.shape == (len(h), k)
    return z


def kl(h, rho):
    return np.asarray(penalties.sparsity_kl(with_code(h), None, None, KEY, rho))


def test_l1_by_hand():
    p = with_code([[1.0, -2.0, 0.5], [0.0, 0.0, -3.0]])
    np.testing.assert_array_equal(penalties.l1(p, None, None, KEY), [3.5, 3.0])


def test_kl_is_zero_at_its_target_and_known_elsewhere():
    at = [[0.1, 0.3], [0.3, 0.1]]  # both units have the mean 0.2, no image has it
    np.testing.assert_allclose(kl(at, 0.2), [0, 0], atol=1e-7)
    # KL(1/2 || 1/4) = log 2 - log(3) / 2, and the same again for 3/4, by symmetry.
    expected = 2 * (np.log(2) - np.log(3) / 2)
    np.testing.assert_allclose(kl([[0.25, 0.75]], 0.5), [expected], rtol=1e-6)


def test_kl_against_scipy_and_its_derivative():
    scipy_stats = pytest.importorskip("scipy.stats")
    h = np.random.default_rng(0).uniform(0.01, 0.9, (6, 4)).astype(np.float32)
    rate = h.astype(np.float64).mean(0)
    expected = sum(scipy_stats.entropy([0.05, 0.95], [q, 1 - q]) for q in rate)
    np.testing.assert_allclose(kl(h, 0.05), np.full(6, expected), rtol=1e-5)
    slope = jax.grad(lambda h: penalties.sparsity_kl(with_code(h), None, None, KEY)[0])(h)
    expected = (-0.05 / rate + 0.95 / (1 - rate)) / 6  # Ng's notes, the term added to delta
    np.testing.assert_allclose(slope, np.broadcast_to(expected, (6, 4)), rtol=1e-4)


def test_kl_of_saturated_units_is_finite():
    h = jnp.array([[0.0, 1.0], [0.0, 1.0]])
    value, slope = jax.value_and_grad(
        lambda h: jnp.mean(penalties.sparsity_kl(with_code(h), None, None, KEY))
    )(h)
    assert np.isfinite(value) and value > 10 and np.all(np.isfinite(slope))


def test_top_k_keeps_exactly_k_by_value():
    h = jnp.array([[3.0, -5.0, 1.0, 2.0], [-1.0, -2.0, -3.0, -4.0], [1.0, 1.0, 1.0, 1.0]])
    z = top_k(h, 2, train=False)
    np.testing.assert_array_equal(z, [[3, 0, 0, 2], [-1, -2, 0, 0], [1, 1, 0, 0]])
    np.testing.assert_array_equal(top_k(h, 4), h)


@pytest.mark.parametrize("k", [1, 7, 20])
def test_top_k_against_sorting(k):
    rng = np.random.default_rng(k)
    h = np.round(rng.normal(size=(50, 20)), 1).astype(np.float32)  # with many ties
    h[h == 0] = 0.05
    z = np.asarray(top_k(jnp.asarray(h), k))
    assert np.all((z != 0).sum(1) == k)
    np.testing.assert_array_equal(np.sort(z[z != 0].reshape(50, k)), np.sort(h)[:, 20 - k :])
    assert np.all(z[z != 0] == h[z != 0])
    _, code = TopKBottleneck(k=k).apply({}, jnp.asarray(h), None, True)
    np.put_along_axis(z := z.copy(), np.asarray(code.indices), 0.0, axis=1)
    assert not z.any(), "elsewhere it is 0"


def test_falling_top_k_keeps_fewer_of_every_batch_and_then_k():
    """From 10 to 4 in three batches; each by sorting, and the gradient where something is kept."""
    h = jnp.asarray(np.random.default_rng(0).normal(size=(5, 20)), jnp.float32)
    bottleneck = FallingTopKBottleneck(k=4, first=10, batches=3)
    variables = bottleneck.init(KEY, h, None, False)
    for kept in (10, 8, 6, 4, 4):
        (z, code), variables = bottleneck.apply(variables, h, None, True, mutable=["batch_stats"])
        least = np.sort(h)[:, 20 - kept, None]
        np.testing.assert_array_equal(z, np.where(h >= least, h, 0))
        np.put_along_axis(z := np.array(z), np.asarray(code.indices), 0.0, axis=1)
        assert not z.any(), "elsewhere it is 0"
        z, _ = bottleneck.apply(variables, h, None, False)
        np.testing.assert_array_equal(z, top_k(h, 4, train=False))

    def total(h):
        at_first = bottleneck.init(KEY, h, None, False)
        return bottleneck.apply(at_first, h, None, True, mutable=["batch_stats"])[0][0].sum()

    np.testing.assert_array_equal(jax.grad(total)(h), h >= np.sort(h)[:, 10, None])
    wrong = {"name": "falling_top_k", "k": 4}
    for first in (3, 33):
        with pytest.raises(
            ConfigError, match=r"bottleneck\.first: must be from bottleneck\.k, 4, to"
        ):
            load_config(
                "undercomplete", **{"model.code_size": 32}, bottleneck=wrong | {"first": first}
            )


def test_top_k_gradient_by_finite_differences():
    h = jnp.asarray(np.random.default_rng(0).normal(size=(3, 6)), jnp.float32)
    weight = jnp.arange(1.0, 19.0).reshape(3, 6)

    def f(h):
        return jnp.sum(weight * top_k(h, 2) ** 2)

    ours = np.asarray(jax.grad(f)(h))
    step = 1e-2
    shifted = h.reshape(1, 1, -1) + step * jnp.stack([jnp.eye(18), -jnp.eye(18)])
    ahead, behind = jax.vmap(jax.vmap(f))(shifted.reshape(2, 18, 3, 6))
    np.testing.assert_allclose(ours.ravel(), (ahead - behind) / (2 * step), rtol=1e-3, atol=1e-3)
    assert np.all((ours != 0).sum(1) == 2)


def revived(k=2, output="linear", hidden=()):
    """(penalty and its gradients of a 3-of-8 code, pass, variables), single images of 2x3."""
    config = resolve(
        {
            "model": {"code_size": 8},
            "bottleneck": {"name": "top_k", "k": 3},
            "decoder": {"output": output, "hidden": hidden},
        }
    )
    model = model_lib.build(config, (2, 3, 1))
    x = jax.random.uniform(jax.random.key(1), (2, 2, 3, 1))

    @compiled
    def everything(variables):
        def mean(variables, h):
            p = model.run(variables, Batch(x), None)
            p = p._replace(h=p.h + h)
            return jnp.mean(penalties.revive(p, model, variables, KEY, k))

        p = model.run(variables, Batch(x), None)
        slopes = jax.grad(mean, (0, 1))(variables, jnp.zeros_like(p.h))
        return p, penalties.revive(p, model, variables, KEY, k), slopes

    variables = compiled(model.init)(jax.random.key(0))
    return variables, *everything(variables)


@pytest.mark.parametrize(("width", "k", "sparse"), [(640, 10, True), (630, 10, False)])
def test_a_sparse_code_is_decoded_from_its_active_units(width, k, sparse, monkeypatch):
    """Loss and gradients are those of dense products; which it is depends on the shape alone."""
    options = {"model.code_size": width, "bottleneck.k": k, "decoder.hidden": (20,)}
    images = np.random.default_rng(0).integers(0, 256, (16, 5, 5, 1)).astype(np.uint8)
    config = load_config("sparse_top_k", **options, **{"train.batch_size": 16})
    trainer = setup.prepare(config, images.shape[1:], 16)
    state = trainer.init(jax.random.key(0), setup.mean_image(images, trainer.model))
    batch, calls, product = Batch(jnp.asarray(images / np.float32(255))), [], layers.sparse_product

    def counted(*args):
        calls.append(1)
        return product(*args)

    def loss_and_gradients():
        def loss(params):
            variables = {"params": params, **state.statistics}
            return trainer.objective(variables, batch, jax.random.key(1), True, None)[0]

        return jax.value_and_grad(loss)(state.params)

    monkeypatch.setattr(layers, "sparse_product", counted)
    found = loss_and_gradients()
    assert bool(calls) == sparse
    monkeypatch.setattr(layers, "SPARSE_FROM", 10**9)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(loss_and_gradients()), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6 * max(1e-3, np.abs(b).max()), rtol=1e-6)


def test_the_sparse_product_is_numpys():
    draw = np.random.default_rng(0)
    indices = np.stack([draw.permutation(50)[:4] for _ in range(6)])
    x, W = np.zeros((6, 50), np.float32), draw.standard_normal((50, 7)).astype(np.float32)
    np.put_along_axis(x, indices, draw.standard_normal((6, 4)).astype(np.float32), axis=1)
    found = layers.sparse_product(jnp.asarray(x), jnp.asarray(indices), jnp.asarray(W))
    np.testing.assert_allclose(found, x @ W, rtol=1e-5, atol=1e-6)


def test_revive_is_gaos_auxiliary_loss_for_a_linear_decoder():
    """||r - W u||^2 in numpy, u the two largest of the units no image used."""
    variables, p, value, _ = revived()
    V = np.asarray(variables["params"]["decoder"]["layer_0"]["kernel"], np.float64)
    h = np.asarray(p.h, np.float64)
    unused = ~np.asarray(p.z != 0).any(0)
    assert 2 < unused.sum() < 8
    expected = []
    for i in range(2):
        best = sorted(np.flatnonzero(unused), key=lambda j: -h[i, j])[:2]
        r = np.asarray(p.x - p.x_hat, np.float64)[i].ravel()
        expected.append(np.square(r - h[i, best] @ V[best]).sum())
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_revive_does_not_look_at_what_was_not_observed():
    variables, p, value, _ = revived()
    model = model_lib.build(
        resolve({"model": {"code_size": 8}, "bottleneck": {"name": "top_k", "k": 3}}), (2, 3, 1)
    )
    seen = jnp.ones(p.x.shape, bool).at[:, 0, 1].set(False)

    def cost(x):
        q = p._replace(x=jnp.where(seen, p.x, x), observed=seen)
        return penalties.revive(q, model, variables, KEY, 2)

    np.testing.assert_array_equal(cost(0.0), cost(9.0))
    whole = penalties.revive(p._replace(observed=jnp.ones_like(seen)), model, variables, KEY, 2)
    np.testing.assert_allclose(whole, value, rtol=1e-6)
    assert (cost(0.0) < whole).all()


def test_revive_gives_gradient_only_to_unused_units():
    _, p, _, (slopes, at_code) = revived()
    unused = ~np.asarray(p.z != 0).any(0)
    slopes = {part: slope["layer_0"] for part, slope in slopes["params"].items()}
    encoder, decoder = slopes["encoder"]["kernel"], slopes["decoder"]["kernel"]
    for gradient, axis in ((at_code, 0), (encoder, 0), (decoder, 1)):
        reached = np.asarray(gradient != 0).any(axis)
        assert not reached[~unused].any()
        assert 2 <= reached[unused].sum() <= 4  # two of each image
    np.testing.assert_allclose(slopes["decoder"]["bias"], 0, atol=1e-6)


def test_revive_through_a_deep_decoder_and_with_fewer_unused_units_than_k():
    _, p, value, (_, at_code) = revived(k=8, output="sigmoid", hidden=(5,))
    unused = ~np.asarray(p.z != 0).any(0)
    np.testing.assert_array_equal(np.asarray(at_code != 0).any(0), unused)
    assert np.all(np.isfinite(value)) and np.all(value > 0)


def test_revive_costs_nothing_where_every_unit_is_used():
    config = resolve({"model": {"code_size": 4}})
    model = model_lib.build(config, (2, 3, 1))
    variables = compiled(model.init)(jax.random.key(0))
    x = jnp.ones((3, 2, 3, 1))
    value = compiled(lambda v: penalties.revive(model.run(v, Batch(x), None), model, v, KEY, 4))(
        variables
    )
    np.testing.assert_array_equal(value, 0)


@pytest.mark.parametrize("name", ["sparse_kl", "sparse_l1", "sparse_top_k:revive"])
def test_the_same_in_training_and_in_evaluation(name):
    config = load_config(name)
    model = model_lib.build(config, (4, 3, 1))
    variables = compiled(model.init)(jax.random.key(0), jnp.zeros((4, 3, 1)))
    goal = objective.build(config, model)
    x = jax.random.uniform(jax.random.key(1), (6, 4, 3, 1))
    of = compiled(lambda train: goal(variables, Batch(x), KEY, train)[1][0], static_argnums=0)
    assert len(of(True)) > 1
    assert of(True) == of(False)


WRONG = {
    "sparse_top_k": ({"model.code_size": 3}, r"^bottleneck\.k: must be at most .*code_size, 3"),
    "sparse_kl": (
        {"encoder.code_activation": "relu"},
        r"^encoder\.code_activation: must be 'sigmoid' .* not 'relu'",
    ),
    "undercomplete": (
        {"penalties.revive.k": 31},
        r"^penalties\.revive\.k: must be at most model\.code_size, 30, not 31",
    ),
    "dense": ({"model.classes": 10, "penalties.revive": {"k": 2}}, r"^model\.classes: must be 0"),
    "sparse_l1": ({"penalties.sparsity_kl.rho": 1.0}, r"rho: must be a number in \(0, 1\), not 1"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_values_are_named(name):
    changes, message = WRONG[name]
    with pytest.raises(ConfigError, match=message) as error:
        load_config(name, **changes)
    assert len(str(error.value).splitlines()) <= 3


def test_code_metrics_by_hand():
    h = [[0.0, 1.0, 2.0, 0.0], [0.0, 1.0, 0.0, -4.0]]
    assert code_statistics.code_metrics(h) == {
        "active_units": 0.5,  # the last two; the first is never on, the second never off
        "dead_units": 2,
        "density": 0.5,
        "mean_activation": 0.0,
    }
    assert code_statistics.code_metrics(h, threshold=2)["active_units"] == 0.25
    assert code_statistics.code_metrics(h, threshold=2)["density"] == 0.125
    mean, deviation = code_statistics.unit_statistics(h)
    np.testing.assert_array_equal(mean, [0, 1, 1, -2])
    np.testing.assert_array_equal(deviation, [0, 0, 1, 2])


@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((0, 3)), np.zeros((3, 0))])
def test_code_metrics_refuses_what_is_no_code(wrong):
    with pytest.raises(ValueError, match=r"codes must be \[n, k\]"):
        code_statistics.code_metrics(wrong)


def test_principal_components_are_those_of_scikit_learn():
    z = np.random.default_rng(3).normal(size=(60, 5)) * [1, 4, 2, 0.5, 0] + 3
    points, shares = code_statistics.principal_components(z, 3)
    pca = PCA(3).fit(z)
    expected = pca.transform(z)
    signs = np.sign((points * expected).sum(0))
    np.testing.assert_allclose(points, expected * signs, atol=1e-10)
    np.testing.assert_allclose(shares, pca.explained_variance_ratio_)
    again, _ = code_statistics.principal_components(np.concatenate([z, np.full((1, 5), np.nan)]), 3)
    np.testing.assert_array_equal(again[:-1], points)  # the same picture, sign and all
    assert np.isnan(again[-1]).all()
    still, none = code_statistics.principal_components(np.ones((4, 5)), 2)
    assert not still.any() and not none.any()
    with pytest.raises(ValueError, match="no 6 components"):
        code_statistics.principal_components(z, 6)


def test_clouds_are_named_where_they_are_by_themselves():
    rng = np.random.default_rng(0)
    shared, left, right = (
        rng.normal((x, 0), 0.1, (n, 2)) for x, n in ((0, 120), (-5, 40), (5, 40))
    )
    clouds = [np.concatenate([half, more]) for half, more in zip(np.split(shared, 2), (left, right),
              strict=True)]  # fmt: skip
    places = code_statistics.places_alone(clouds)
    np.testing.assert_allclose(places, [(-5, 0), (5, 0)], atol=0.1)
    (only,) = code_statistics.places_alone([left])
    np.testing.assert_allclose(only, np.median(left, axis=0))
    assert len(code_statistics.places_alone([left[:1], right[:2]])) == 2
