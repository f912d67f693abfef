"""The maximum mean discrepancy: two Gaussians in closed form, sums by hand, no bias."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate

import ae_jax
from ae_jax.model.pipeline import build
from ae_jax.objective import divergence
from ae_jax.streams import stream


def forward(z):
    return type("Forward", (), {"z": jnp.asarray(z, jnp.float32)})


def model(size):
    return build(ae_jax.load_config("undercomplete", **{"model.code_size": size}), (2, 2, 1))


def discrepancy(size, mean, variance, expected):
    """MMD^2 of N(mean, variance I) and N(0, I), of `expected`: (|mean|^2, variance of a - b)."""
    square = size * mean**2
    return expected(0.0, 2 * variance) + expected(0.0, 2.0) - 2 * expected(square, 1 + variance)


def rbf_mean(size):
    """E exp(-|d|^2 / (2 l^2)) of d ~ N(m, v I), l^2 = size, by completing the square."""

    def expected(square, v):
        return (size / (size + v)) ** (size / 2) * math.exp(-square / (2 * (size + v)))

    return expected


def imq_mean(size):
    """C / (C + r) is the mean of exp(-t r / C) over t ~ Exp(1): an integral of the above."""

    def expected(square, v):
        def at(t, c):
            l2 = c / (2 * t)
            return math.exp(-t) * (l2 / (l2 + v)) ** (size / 2) * math.exp(-square / 2 / (l2 + v))

        widths = [2 * size * s for s in divergence.SCALES]
        return sum(integrate.quad(at, 1e-12, 60, args=(c,), limit=200)[0] for c in widths)

    return expected


@pytest.mark.parametrize(("mean", "variance"), [(0.0, 1.0), (0.7, 1.0), (0.3, 0.4)])
@pytest.mark.parametrize("kernel", ["rbf", "imq"])
def test_the_mean_of_many_batches_is_the_closed_form(kernel, mean, variance):
    size, n, batches = 3, 20, 4000
    true = discrepancy(size, mean, variance, {"rbf": rbf_mean, "imq": imq_mean}[kernel](size))
    net = model(size)

    @jax.jit
    @jax.vmap
    def estimates(key):
        z = mean + math.sqrt(variance) * jax.random.normal(key, (n, size))
        return divergence.mmd(forward(z), net, {}, stream(key, "penalty/mmd"), kernel)[0]

    found = np.asarray(estimates(jax.random.split(jax.random.key(0), batches)))
    error = found.std() / math.sqrt(batches)
    assert abs(found.mean() - true) < 4 * error
    assert found.min() < 0 or mean, "without bias it is negative at times"
    assert error < 0.02 * max(true, 0.1)


def test_sums_by_hand():
    """The kernels of all pairs in loops; one number for every image."""
    z = np.random.default_rng(0).standard_normal((4, 2))
    key = jax.random.key(1)
    found = divergence.mmd(forward(z), model(2), {}, key, "imq")
    e = np.asarray(jax.random.normal(key, (4, 2)), np.float64)

    def k(a, b):
        return sum(4 * s / (4 * s + np.sum((a - b) ** 2)) for s in divergence.SCALES)

    pairs = [(i, j) for i in range(4) for j in range(4)]
    own = sum(k(v[i], v[j]) for v in (z, e) for i, j in pairs if i != j) / 12
    by_hand = own - 2 * sum(k(z[i], e[j]) for i, j in pairs) / 16
    np.testing.assert_allclose(found, [by_hand] * 4, rtol=1e-5)


def test_a_single_image_has_no_pairs():
    assert np.isfinite(divergence.mmd(forward(np.ones((1, 2))), model(2), {}, jax.random.key(0)))
