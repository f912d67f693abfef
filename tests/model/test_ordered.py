"""Nested codes: which numbers are kept how often, PCA axis by axis, codes cut short."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ae_jax
from ae_jax.errors import ConfigError
from ae_jax.model.bottleneck.ordered import NestedBottleneck
from ae_jax.model.pipeline import Batch, build
from ae_jax.objective import penalties


@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_prefixes_have_their_probabilities(rate):
    """P(b) by hand: alike, or each less than the one before by 1 - rate."""
    k, n = 5, 20_000
    h = jnp.ones((n, k))
    z, _ = NestedBottleneck(rate).apply({}, h, jax.random.key(0), True)
    kept = np.asarray(z).sum(1)
    assert np.all(np.diff(np.asarray(z), axis=1) <= 0), "ones first, then zeros"
    weights = (1 - rate) ** np.arange(k)
    expected = weights / weights.sum()
    shares = np.array([(kept == b + 1).mean() for b in range(k)])
    np.testing.assert_allclose(shares, expected, atol=4 * np.sqrt(0.25 / n))


def test_at_evaluation_nothing_is_cut():
    h = jnp.ones((3, 4))
    for key, train in ((None, True), (jax.random.key(0), False)):
        np.testing.assert_array_equal(NestedBottleneck().apply({}, h, key, train)[0], h)


@pytest.mark.slow
def test_a_linear_network_finds_pca_axis_by_axis():
    """Each prefix spans as many leading eigenvectors: a plain one has but the last of these."""
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    deviations = np.array([9, 6.5, 4.5, 3, 0.5, 0.4, 0.3, 0.2]) / 100
    x = rng.standard_normal((512, 8)) * deviations @ axes.T
    images = np.float32(np.clip(0.5 + x, 0, 1)).reshape(-1, 2, 4)
    rows = images.reshape(-1, 8)
    _, _, V = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    found = {}
    by_penalty = {"prefixes": {"weight": 1.0, "sizes": (1, 2, 3, 4)}}
    ways = {"nested": {}, "identity": {}, "averaged": by_penalty}
    for name, extra in ways.items():
        config = ae_jax.load_config(
            "linear",
            bottleneck={"name": "identity" if extra else name},
            penalties=extra,
            data={"scale": "unit", "center": True},
            model={"code_size": 4},
            optim={"name": "adam", "learning_rate": 1e-2, "schedule": "cosine"},
            train={"epochs": 2000, "batch_size": 512},
        )
        data = ae_jax.from_arrays(images, images)
        run = ae_jax.fit(config, data, jax.random.key(0), progress=False)
        W = np.asarray(run.variables["params"]["decoder"]["layer_0"]["kernel"])
        W = W / np.linalg.norm(W, axis=1, keepdims=True)
        found[name] = np.abs(np.sum(W * V[:4], axis=1))
    assert np.all(found["nested"] > 0.995) and np.all(found["averaged"] > 0.999), found
    assert found["identity"].min() < 0.9, found


def test_the_penalty_of_prefixes_by_hand():
    """Codes cut in a loop, decoded by the run itself, squared errors summed over pixels."""
    few = {"model.code_size": 4, "penalties.prefixes": {"weight": 1.0, "sizes": (1, 3)}}
    config = ae_jax.load_config("undercomplete", **few)
    model = build(config, (2, 3, 1))
    variables = model.init(jax.random.key(0))
    x = jax.random.uniform(jax.random.key(1), (5, 2, 3, 1), minval=-1.0)
    found = penalties.prefixes(model.run(variables, Batch(x), None), model, variables, None, (1, 3))
    z = np.array(model.encode(variables, x))
    total = np.zeros(5)
    for size in (1, 3):
        cut = z.copy()
        cut[:, size:] = 0
        back = np.asarray(model.decode(variables, jnp.asarray(cut)))
        total += np.square(np.asarray(x) - back).sum((1, 2, 3)) / 2
    np.testing.assert_allclose(found, total, rtol=1e-5)
    with pytest.raises(ConfigError, match=r"penalties\.prefixes\.sizes: must be at most"):
        ae_jax.load_config("undercomplete", **{**few, "model.code_size": 2})
