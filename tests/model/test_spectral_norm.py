"""Kernels of spectral norm 1, and codes of least volume behind them.

Truths: NumPy's largest singular value, finite differences, PCA.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ae_jax
from ae_jax.errors import ConfigError
from ae_jax.model import pipeline
from ae_jax.model.layers import SpectralNorm
from ae_jax.resolve.config import resolve

NET = {
    "encoder": {"hidden": (9,)},
    "decoder": {"hidden": (7, 9), "activation": "tanh", "spectral_norm": True},
    "model": {"code_size": 3},
    "optim": {"learning_rate": 1e-2, "schedule": "cosine"},
    "train": {"batch_size": 16, "epochs": 100},
}


@pytest.mark.parametrize("shape", [(5, 8), (8, 5), (1, 4)])
def test_a_kernel_by_its_largest_singular_value_and_the_gradient(shape):
    rng = np.random.default_rng(0)
    W, c, d = (rng.standard_normal(shape) for _ in range(3))
    norm = SpectralNorm()
    start = jnp.asarray(W, jnp.float32)
    kept = norm.init(jax.random.key(0), start, False)

    def normed(W):
        return W / np.linalg.norm(W, 2)

    np.testing.assert_allclose(norm.apply(kept, start, False), normed(W), rtol=1e-5, atol=1e-6)
    slope = jax.grad(lambda W: jnp.sum(jnp.float32(c) * norm.apply(kept, W, False)))(start)
    by_hand = np.sum(c * (normed(W + 1e-6 * d) - normed(W - 1e-6 * d))) / 2e-6
    np.testing.assert_allclose(np.sum(slope * d), by_hand, rtol=1e-3, atol=1e-5)

    other = start + jnp.asarray(d, jnp.float32)
    for _ in range(200):
        _, kept = norm.apply(kept, other, True, mutable=["batch_stats"])
    np.testing.assert_allclose(norm.apply(kept, other, False), normed(W + d), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_a_trained_decoder_enlarges_no_distance():
    images = np.random.default_rng(0).uniform(size=(64, 4, 4)).astype(np.float32)
    run = ae_jax.fit(
        resolve(NET), ae_jax.from_arrays(images, images), jax.random.key(0), progress=False
    )
    for i, layer in run.variables["params"]["decoder"].items():
        left = run.variables["batch_stats"]["decoder"][i]["spectral"]["left"]
        W = np.asarray(layer["kernel"])
        assert np.linalg.norm(left @ W) == pytest.approx(np.linalg.norm(W, 2), rel=1e-3)
    z = np.random.default_rng(1).standard_normal((2, 500, 3)).astype(np.float32)
    a, b = (np.asarray(run.decode(v)).reshape(500, -1) for v in z)
    ratio = np.linalg.norm(a - b, axis=1) / np.linalg.norm(z[0] - z[1], axis=1)
    assert 0.05 < ratio.max() < 1.001


def test_without_it_a_config_and_its_parameters_are_what_they_were():
    plain = resolve(NET | {"decoder": {"hidden": (7, 9), "spectral_norm": False}})
    assert "spectral_norm" not in plain.to_dict()["decoder"]
    made = [
        pipeline.build(resolve(c), (4, 4, 1)).init(jax.random.key(0))
        for c in (NET, plain.to_dict())
    ]
    assert "batch_stats" in made[0] and "batch_stats" not in made[1]
    jax.tree.map(np.testing.assert_array_equal, made[0]["params"], made[1]["params"])
    with pytest.raises(ConfigError, match=r"decoder\.spectral_norm: needs a model\.init other"):
        resolve(NET | {"model": {"init": "zero"}})


@pytest.mark.slow
@pytest.mark.parametrize("weight", [0.7, 0.0])
def test_a_linear_code_of_least_volume_is_pca(weight):
    """Of a set of rank 3 in 6 numbers three live, with PCA's axes and deviations; else all do.

    The penalty shrinks the deviations: the least of three by 8 % at a weight of 1, 3 at 0.5.
    """
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.standard_normal((8, 8)))[0][:3]
    x = rng.standard_normal((1000, 3)) * [4, 2, 1] @ axes
    rows = np.float32(x - x.mean(0))
    config = resolve(
        {
            "data": {"scale": "none", "center": True},
            "encoder": {"bias": False},
            "decoder": {"bias": False, "spectral_norm": True},
            "loss": {"per": "image"},
            "penalties": {"least_volume": {"weight": weight}},
            "model": {"code_size": 6},
            "optim": {"learning_rate": 0.1, "schedule": "cosine"},
            "train": {"epochs": 2000, "batch_size": 1000},
            "eval": {"every": 2000},
        }
    )
    data = ae_jax.from_arrays(rows, rows)
    run = ae_jax.fit(config, data, jax.random.key(0), progress=False)
    assert np.mean((run.reconstruct(rows) - rows) ** 2) < 0.002 * rows.var()
    deviations = run.encode(rows).std(0)
    order = np.argsort(-deviations)
    if weight == 0:
        assert deviations.min() > 0.1
        return
    assert deviations[order[3:]].max() < 5e-3
    _, s, V = np.linalg.svd(rows, full_matrices=False)
    np.testing.assert_allclose(deviations[order[:3]], s[:3] / np.sqrt(1000), rtol=0.08)
    W = np.asarray(run.variables["params"]["decoder"]["layer_0"]["kernel"])[order[:3]]
    cosines = np.abs(np.sum(W * V[:3], axis=1)) / np.linalg.norm(W, axis=1)
    assert cosines.min() > 0.999


def test_other_decoders_and_distributions_have_no_least_volume():
    penalty = {"penalties": {"least_volume": {"weight": 1.0}}}
    with pytest.raises(ConfigError, match=r"least_volume: needs decoder\.spectral_norm True"):
        resolve(penalty)
    with pytest.raises(ConfigError, match=r"least_volume: needs a bottleneck\.name other than"):
        resolve(penalty | {"decoder": NET["decoder"], "bottleneck": {"name": "gaussian"}})
