"""Codes of few dimensions: linear layers behind the encoder, and the best approximation of a rank.

Truths: NumPy's products and singular values, PCA, sets of known dimension, finite differences.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ae_jax
from ae_jax.errors import ConfigError
from ae_jax.evaluate import baselines
from ae_jax.model import pipeline
from ae_jax.model.bottleneck import low_rank
from ae_jax.objective import contractive
from ae_jax.resolve.config import load_config, resolve


def of_rank(r, n=512):
    """Images [n, 2, 4] whose rows, less their mean 0.5, span r dimensions of like variance."""
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.standard_normal((8, 8)))[0][:r]
    return np.float32(0.5 + 0.1 * rng.uniform(-1, 1, (n, r)) @ axes).reshape(-1, 2, 4)


def fitted(images, **changes):
    config = load_config(
        "linear",
        **{
            "data": {"scale": "unit", "center": True},
            "model": {"code_size": 8},
            "optim": {"name": "adam", "learning_rate": 1e-2, "schedule": "cosine", "momentum": 0.0},
            "train": {"batch_size": 128, "epochs": 100},
            **changes,
        },
    )
    data = ae_jax.from_arrays(images, images)
    return ae_jax.fit(config, data, jax.random.key(0), progress=False)


def spectrum(codes):
    """Singular values of the codes' covariance over the largest."""
    found = np.linalg.svd(np.cov(np.asarray(codes, np.float64).T), compute_uv=False)
    return found / found[0]


DEEP = {"encoder": {"linear_layers": 3, "hidden": (6,)}, "model": {"code_size": 5}}


def test_linear_layers_are_one_matrix():
    """The encoder is that without them, its last kernel and bias times their product."""
    plain = {"encoder": {"hidden": (6,)}, "model": {"code_size": 5}}
    models = [pipeline.build(resolve(raw), (2, 4, 1)) for raw in (DEEP, plain)]
    variables = models[0].init(jax.random.key(0))
    encoder = dict(variables["params"]["encoder"])
    squares = [np.asarray(encoder.pop(f"linear_{i}")["kernel"], np.float64) for i in range(3)]
    assert all(W.shape == (5, 5) for W in squares)
    product = np.linalg.multi_dot(squares)
    encoder["layer_1"] = {n: jnp.asarray(v @ product) for n, v in encoder["layer_1"].items()}
    x = jax.random.uniform(jax.random.key(1), (4, 2, 4, 1))
    folded = {"params": {**variables["params"], "encoder": encoder}}
    np.testing.assert_allclose(
        models[0].encode(variables, x), models[1].encode(folded, x), rtol=1e-5, atol=1e-7
    )


def test_the_jacobian_knows_of_linear_layers():
    model = pipeline.build(resolve(DEEP), (2, 4, 1))
    variables = model.init(jax.random.key(0))
    x = jax.random.uniform(jax.random.key(1), (4, 2, 4, 1))
    p = model.run(variables, pipeline.Batch(x), None)
    found = [
        contractive.contractive(p, model, variables, jax.random.key(2), method)
        for method in ("exact", "naive")
    ]
    np.testing.assert_allclose(*found, rtol=1e-5)


def test_without_linear_layers_a_config_is_what_it_was():
    assert "linear_layers" not in resolve({"encoder": {"linear_layers": 0}}).to_dict()["encoder"]
    assert resolve(DEEP).encoder.linear_layers == 3
    with pytest.raises(ConfigError, match=r"encoder\.linear_layers: must be 0 .*'tied'"):
        resolve({"encoder": {"linear_layers": 1}, "decoder": {"name": "tied"}})


@pytest.mark.slow
@pytest.mark.parametrize("d", [2, 3])
def test_linear_layers_find_the_dimension(d):
    """Of a surface of d dimensions in 12: the code spans d of its 12 numbers, without them most."""
    rng = np.random.default_rng(d)
    bent = np.tanh(
        1.5 * rng.uniform(-1, 1, (1000, d)) @ rng.standard_normal((d, 12))
        + 0.5 * rng.standard_normal(12)
    )
    rows = np.float32(bent)
    for layers in (6, 0):
        run = fitted(
            rows,
            data={"scale": "none", "center": False},
            encoder={"bias": True, "hidden": (64,), "activation": "tanh", "linear_layers": layers},
            decoder={"bias": True, "hidden": (64,), "activation": "tanh"},
            **{"model.code_size": 12, "optim.learning_rate": 3e-3, "train.batch_size": 50},
        )
        left = np.mean((run.reconstruct(rows) - rows) ** 2) / rows.var()
        dimensions = np.sum(spectrum(run.encode(rows)) > 1e-3)
        assert left < 0.005
        assert dimensions == d if layers else dimensions > 2 * d


def nearest(h, rank):
    """By NumPy's singular values, in float64."""
    U, s, V = np.linalg.svd(np.asarray(h, np.float64), full_matrices=False)
    return (U[:, :rank] * s[:rank]) @ V[:rank]


@pytest.mark.parametrize("shape", [(20, 6), (6, 20), (7, 7)])
@pytest.mark.parametrize("rank", [1, 3, 6])
def test_the_nearest_matrix_of_a_rank_and_its_gradient(shape, rank):
    """NumPy's, and the slope of any function of it by finite differences in float64."""
    rng = np.random.default_rng(rank)
    h, c, d = (rng.standard_normal(shape).astype(np.float32) for _ in range(3))
    found = low_rank.truncated(jnp.asarray(h), rank)
    np.testing.assert_allclose(found, nearest(h, rank), atol=1e-4)
    values = np.linalg.svd(np.asarray(found), compute_uv=False)
    np.testing.assert_allclose(values[:rank], np.linalg.svd(h, compute_uv=False)[:rank], rtol=1e-5)
    slope = jax.grad(lambda h: jnp.sum(c * low_rank.truncated(h, rank)))(jnp.asarray(h))
    step = 1e-5 * d.astype(np.float64)
    by_hand = np.sum(c * (nearest(h + step, rank) - nearest(h - step, rank))) / 2e-5
    np.testing.assert_allclose(np.sum(slope * d), by_hand, rtol=2e-3, atol=1e-2)


def test_equal_singular_values_have_a_gradient():
    """Among the kept ones they turn within their space; of a smaller rank, nothing is cut off."""
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.standard_normal((9, 5)))[0].astype(np.float32)
    alike = Q * np.float32([2, 2, 2, 1, 1])
    of_rank_2 = np.float32(rng.standard_normal((9, 2)) @ rng.standard_normal((2, 5)))
    c, d = rng.standard_normal((2, 9, 5)).astype(np.float32)
    slope = jax.grad(lambda h: jnp.sum(c * low_rank.truncated(h, 3)))
    step = 1e-5 * d.astype(np.float64)
    by_hand = np.sum(c * (nearest(alike + step, 3) - nearest(alike - step, 3))) / 2e-5
    np.testing.assert_allclose(np.sum(slope(jnp.asarray(alike)) * d), by_hand, rtol=1e-3)
    for h in (of_rank_2, 0 * of_rank_2):
        np.testing.assert_allclose(low_rank.truncated(jnp.asarray(h), 3), h, atol=1e-5)
        assert np.isfinite(slope(jnp.asarray(h))).all()


@pytest.mark.parametrize("size, tolerance", [(6, 1e-4), (30, 0.1)])
def test_the_basis_is_that_of_a_running_mean(size, tolerance):
    """NumPy's eigenvectors of sum_t 0.1 0.9^(T-t) h_t^T h_t / n; beyond 12 numbers nearly so."""
    rng = np.random.default_rng(0)
    mix = np.float32(rng.standard_normal((size, size)) * np.geomspace(4, 0.1, size))
    bottleneck, rank = low_rank.TruncatedBottleneck(2), 2
    variables = bottleneck.init(jax.random.key(0), jnp.zeros((2, size)), None, False)
    first = jnp.asarray(rng.standard_normal((3, size)), jnp.float32)
    z, _ = bottleneck.apply(variables, first, None, False)
    np.testing.assert_array_equal(z, np.where(np.arange(size) < rank, first, 0))
    moment = np.zeros((size, size))
    for _ in range(30):
        h = np.float32(rng.standard_normal((8, size))) @ mix.T
        moment = 0.9 * moment + 0.1 * np.float64(h).T @ h / 8
        (z, _), variables = bottleneck.apply(
            variables, jnp.asarray(h), None, True, mutable=["batch_stats"]
        )
        np.testing.assert_allclose(z, nearest(h, rank), atol=1e-3)
    V = np.linalg.eigh(moment)[1][:, -rank:]
    x = np.float32(rng.standard_normal((4, size)))
    z = np.stack([bottleneck.apply(variables, r[None], None, False)[0][0] for r in jnp.asarray(x)])
    np.testing.assert_allclose(z, x @ V @ V.T, atol=tolerance)


@pytest.mark.slow
def test_a_linear_network_of_a_rank_is_pca():
    """The error of PCA of 3 components by a code of 8 numbers, of every image by itself."""
    images = of_rank(8) - np.float32(0.5)
    images = 0.5 + images * np.float32([1, 0.9, 0.8, 0.3, 0.2, 0.2, 0.1, 0.1]).reshape(2, 4)
    run = fitted(images, bottleneck={"name": "truncated_svd", "rank": 3}, **{"train.epochs": 400})
    error = np.mean((run.reconstruct(images)[..., 0] - images) ** 2)
    assert error == pytest.approx(baselines.pca_mse(images, images, 3), rel=0.02)
    alone = np.concatenate([run.encode(image[None]) for image in images[:5]])
    np.testing.assert_allclose(alone, run.encode(images)[:5], atol=1e-5)
    assert np.linalg.matrix_rank(run.encode(images), 1e-3) == 3
    with pytest.raises(ConfigError, match=r"bottleneck\.rank: must be at most"):
        run.config.replace(**{"bottleneck.rank": 9})


@pytest.mark.slow
def test_a_set_of_a_rank_keeps_all_of_it():
    images = of_rank(3)
    run = fitted(images, bottleneck={"name": "truncated_svd", "rank": 3})
    h = run.model.apply(run.variables, jnp.asarray(images)[..., None], method="encode")
    np.testing.assert_allclose(run.encode(images), h, atol=1e-4 * float(jnp.abs(h).max()))
