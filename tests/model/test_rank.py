"""Codes of few dimensions: linear layers behind the encoder.

Truths: NumPy's products and singular values, sets of known dimension.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ae_jax
from ae_jax.errors import ConfigError
from ae_jax.model import pipeline
from ae_jax.objective import contractive
from ae_jax.resolve.config import load_config, resolve


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
