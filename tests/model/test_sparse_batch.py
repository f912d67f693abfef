"""Sparse codes whose threshold is that of a batch, or learned: counts, gradients of the mean."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import ae_jax
from ae_jax.errors import ConfigError
from ae_jax.model.bottleneck.base import Gates
from ae_jax.model.bottleneck.sparse import BatchTopKBottleneck, JumpReLUBottleneck, nth_largest
from ae_jax.model.pipeline import Forward
from ae_jax.objective import codes

KEY = jax.random.key(0)


def normal(seed, n=64, width=50):
    return np.float32(np.random.default_rng(seed).standard_normal((n, width)))


def test_a_batch_keeps_its_k_n_largest():
    """By sorting all numbers of the batch; images have more or fewer than k."""
    h = normal(0)
    bottleneck = BatchTopKBottleneck(k=5)
    variables = bottleneck.init(KEY, h, None, False)
    (z, _), _ = bottleneck.apply(variables, h, KEY, True, mutable=["batch_stats"])
    z = np.asarray(z)
    assert (z != 0).sum() == 5 * len(h) and np.ptp((z != 0).sum(1)) > 1
    least = np.sort(h.ravel())[-5 * len(h)]
    np.testing.assert_array_equal(z, np.where(h >= least, h, 0))
    few = np.where(h > 2.5, h, -1.0)
    (z, _), _ = bottleneck.apply(variables, few, KEY, True, mutable=["batch_stats"])
    np.testing.assert_array_equal(z, np.maximum(few, 0), "no more than are positive")


@pytest.mark.parametrize("n", [1, 3, 200, 399, 400])
def test_the_nth_largest_by_sorting(n):
    """With many equal values, zeros, the largest and the smallest of float32."""
    values = np.round(np.abs(normal(3, 20, 20)), 1)
    values[0, :4] = [np.finfo(np.float32).max, np.finfo(np.float32).tiny, 0.0, np.inf]
    found = nth_largest(jnp.asarray(values), n)
    assert float(found) == np.sort(values.ravel())[-n]


def test_the_threshold_is_the_mean_of_the_least_kept_and_keeps_as_many():
    bottleneck = BatchTopKBottleneck(k=5, decay=0.9)
    variables = bottleneck.init(KEY, normal(0), None, False)
    least = []
    for seed in range(30):
        h = normal(seed)
        _, variables = bottleneck.apply(variables, h, KEY, True, mutable=["batch_stats"])
        least.append(np.sort(h.ravel())[-5 * len(h)])
    weights = 0.9 ** np.arange(30)[::-1]
    threshold = np.sum(weights * least) / weights.sum()
    h = normal(99, n=4000)
    z, _ = bottleneck.apply(variables, h, None, False)
    np.testing.assert_array_equal(np.asarray(z), np.where(h > threshold, h, 0))
    assert (np.asarray(z) != 0).sum(1).mean() == pytest.approx(5, rel=0.03)


def test_gradients_of_thresholds_are_those_of_the_mean_over_inputs():
    """h ~ N(0, 1): d E[open] / d theta = -p(theta), d E[z] / d theta = -theta p(theta)."""
    h = jnp.asarray(normal(1, n=400_000, width=1))
    theta = 0.7
    bottleneck = JumpReLUBottleneck(threshold=theta, bandwidth=0.1)
    variables = bottleneck.init(KEY, h[:1], None, False)

    def means(variables):
        z, code = bottleneck.apply(variables, h, None, True)
        return jnp.mean(z), jnp.mean(code.opened)

    z, opened = means(variables)
    np.testing.assert_allclose(opened, norm.sf(theta), atol=4e-3)
    np.testing.assert_allclose(z, norm.pdf(theta), atol=4e-3)  # the mean above theta
    for of, expected in zip((0, 1), (-theta * norm.pdf(theta), -norm.pdf(theta)), strict=True):
        slope = jax.grad(lambda v, of=of: means(v)[of])(variables)["params"]["log_threshold"]
        np.testing.assert_allclose(slope, [theta * expected], rtol=0.02)  # d theta / d log theta


def test_a_jump_keeps_what_is_above_and_passes_its_gradient():
    h = jnp.array([[0.5, 0.05, -0.3], [0.2, 3.0, 0.09]])
    bottleneck = JumpReLUBottleneck(threshold=0.1, bandwidth=0.01)
    variables = bottleneck.init(KEY, h, None, False)
    z, code = bottleneck.apply(variables, h, None, True)
    np.testing.assert_array_equal(z, np.float32([[0.5, 0, 0], [0.2, 3.0, 0]]))
    np.testing.assert_array_equal(code.opened, [[1, 0, 0], [1, 1, 0]])
    slope = jax.grad(lambda h: bottleneck.apply(variables, h, None, True)[0].sum())(h)
    np.testing.assert_array_equal(slope, code.opened)
    p = Forward(h, h, h, z, code, h, h)
    np.testing.assert_array_equal(codes.l0(p, None, {}, KEY), [1, 2])
    assert isinstance(code, Gates)


def test_bad_input():
    with pytest.raises(TypeError, match="needs a bottleneck with thresholds"):
        h = jnp.zeros((2, 3))
        codes.l0(Forward(h, h, h, h, None, h, h), None, {}, KEY)
    with pytest.raises(ConfigError, match=r"penalties\.l0: needs bottleneck\.name 'jump_relu'"):
        ae_jax.load_config("undercomplete", penalties={"l0": {"weight": 1e-3}})
    with pytest.raises(ConfigError, match=r"bottleneck\.k: must be at most model\.code_size, 32"):
        few = {"name": "batch_top_k", "k": 40}
        ae_jax.load_config("undercomplete", bottleneck=few, **{"model.code_size": 32})
