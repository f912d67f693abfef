"""The total correlation: a Gaussian of known covariance, sums in loops, 0 where there is none."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

import ae_jax
from ae_jax.errors import ConfigError
from ae_jax.model.bottleneck.gaussian import Gaussian
from ae_jax.objective.divergence import total_correlation

COVARIANCE = np.array([[1.0, 0.8, -0.3], [0.8, 1.5, 0.0], [-0.3, 0.0, 0.7]])  # of the means
VARIANCES = np.array([0.5, 0.3, 0.6])  # of every posterior


def code(mean, variance, sign=1.0):
    mean = jnp.asarray(mean, jnp.float32)
    variance = jnp.broadcast_to(jnp.asarray(variance, jnp.float32), mean.shape)
    return Gaussian(mean, sign * jnp.sqrt(variance), jnp.log(variance))


def estimate(posterior, key):
    return total_correlation(type("Forward", (), {"code": posterior}), None, {}, key)


def closed_form(covariance):
    """-1/2 log det of the correlation matrix: KL between two Gaussians of equal variances."""
    scale = np.sqrt(np.diag(covariance))
    return -0.5 * np.linalg.slogdet(covariance / np.outer(scale, scale))[1]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_gaussian_with_a_known_covariance(sign):
    """Means of N(0, C) and posteriors of variances v: codes are N(0, C + diag v)."""
    n, batches = 1500, 12
    root = np.linalg.cholesky(COVARIANCE).T

    @jax.jit
    def of_batch(key):
        k_mean, k = jax.random.split(key)
        means = jax.random.normal(k_mean, (n, 3)) @ jnp.asarray(root, jnp.float32)
        return estimate(code(means, VARIANCES, sign), k).mean()

    keys = jax.random.split(jax.random.key(0), batches)
    found = np.array([of_batch(k) for k in keys], np.float64)
    true = closed_form(COVARIANCE + np.diag(VARIANCES))
    assert true > 0.15
    # A batch is a mixture of 1,500 posteriors, not all of them: a little above.
    assert found.mean() == pytest.approx(true, abs=4 * found.std() / math.sqrt(batches) + 0.005)


def test_sums_in_loops():
    """Densities of SciPy, image by image and number by number."""
    rng = np.random.default_rng(1)
    means, deviations = rng.normal(size=(5, 2)), rng.uniform(0.3, 1.5, (5, 2))
    posterior, key = code(means, deviations**2), jax.random.key(2)
    z = np.asarray(posterior.draw(key)[0], np.float64)
    for i, value in enumerate(estimate(posterior, key)):
        log_q = stats.norm.logpdf(z[i], means, deviations)  # by the posteriors of all five
        joint = special.logsumexp(log_q.sum(1)) - math.log(5)
        each = [special.logsumexp(log_q[:, j]) - math.log(5) for j in range(2)]
        assert value == pytest.approx(joint - sum(each), rel=1e-4, abs=1e-5)


def test_one_number_and_one_image_have_none():
    posterior = code(np.random.default_rng(3).normal(size=(7, 1)), 0.4)
    np.testing.assert_allclose(estimate(posterior, jax.random.key(0)), 0.0, atol=1e-5)
    posterior = code(np.ones((1, 4)), 0.4)
    np.testing.assert_allclose(estimate(posterior, jax.random.key(0)), 0.0, atol=1e-5)


def test_its_gradient_is_that_of_the_estimate_with_any_number_of_images():
    """Minibatch-weighted sampling by its own formula, N = 60,000, and finite differences."""
    rng = np.random.default_rng(4)
    means, slopes = rng.normal(size=(6, 3)), rng.normal(size=(6, 3))
    deviation, key, N = math.sqrt(0.4), jax.random.key(5), 60_000
    e = np.asarray(code(means, 0.4).draw(key)[0], np.float64) - means

    def weighted(means):
        log_q = stats.norm.logpdf((means + e)[:, None], means[None], deviation)
        joint = special.logsumexp(log_q.sum(2), axis=1) - math.log(N * 6)
        each = special.logsumexp(log_q, axis=1) - math.log(N * 6)
        return (joint - each.sum(1)).mean()

    def ours(means):
        return estimate(code(means, 0.4), key).mean()

    assert weighted(means) - ours(means) == pytest.approx(2 * math.log(N), rel=1e-5)
    gradient = jax.grad(ours)(jnp.asarray(means, jnp.float32))
    by_difference = (weighted(means + 1e-5 * slopes) - weighted(means - 1e-5 * slopes)) / 2e-5
    assert np.sum(np.asarray(gradient) * slopes) == pytest.approx(by_difference, rel=1e-3)


def test_it_needs_a_posterior_with_a_density_of_each_number():
    with pytest.raises(ConfigError, match=r"penalties\.total_correlation: needs bottleneck\.name"):
        ae_jax.load_config("undercomplete", **{"penalties.total_correlation.weight": 1.0})
    with pytest.raises(TypeError, match="independent numbers"):
        estimate(None, jax.random.key(0))
