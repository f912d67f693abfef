"""Likelihoods against scipy.stats, quadrature, finite differences and probabilistic PCA."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from ae_jax.model.pipeline import Forward
from ae_jax.objective import losses
from tests.objective import linear_gaussian

CASES = {  # loss and its options -> scipy's distribution about x^
    "gaussian": (losses.gaussian_nll, {"deviation": 0.3}, stats.norm(scale=0.3)),
    "laplace": (losses.laplace_nll, {"deviation": 0.3}, stats.laplace(scale=0.3 / np.sqrt(2))),
    "student_t": (losses.student_t_nll, {"freedom": 3.0, "width": 0.2}, stats.t(3, scale=0.2)),
}
COUNTS = {  # loss and its options -> scipy's distribution with mean m
    "poisson": (losses.poisson_nll, {}, stats.poisson),
    "negative_binomial": (
        losses.negative_binomial_nll,
        {"dispersion": 0.3},
        lambda m: stats.nbinom(1 / 0.3, 1 / (1 + 0.3 * m)),
    ),
    "nearly_poisson": (  # the difference of two large gamma functions
        losses.negative_binomial_nll,
        {"dispersion": 1e-4},
        lambda m: stats.nbinom(1e4, 1 / (1 + 1e-4 * m)),
    ),
}
BEST = {  # with the best width -> what scipy says it is
    "gaussian": (losses.gaussian_nll, stats.norm),
    "laplace": (losses.laplace_nll, stats.laplace),
}


def forward(x, x_hat):
    """A pass of which only image and reconstruction matter."""
    x, x_hat = (jnp.asarray(v, jnp.float32).reshape(len(v), 2, 3, 1) for v in (x, x_hat))
    return Forward(x, x, None, None, None, None, x_hat)


def per_example(function, p, **options):
    return losses.total(p, function(p, **options))


def pair(seed=0, n=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 6)), rng.normal(size=(n, 6))


@pytest.mark.parametrize("name", CASES)
def test_they_are_scipys(name):
    function, options, truth = CASES[name]
    x, x_hat = pair()
    expected = -truth.logpdf(x - x_hat).sum(1)
    np.testing.assert_allclose(
        per_example(function, forward(x, x_hat), **options), expected, rtol=1e-5
    )


@pytest.mark.parametrize("name", CASES)
def test_they_integrate_to_one(name):
    """Over one of six numbers, the others being right."""
    function, options, truth = CASES[name]
    x_hat = np.zeros((1, 6))
    others = 5 * truth.logpdf(0.0)

    def density(v):
        x = x_hat.copy()
        x[0, 2] = v
        return float(jnp.exp(-per_example(function, forward(x, x_hat), **options)[0] - others))

    total = sum(integrate.quad(density, *ends, limit=200)[0] for ends in ((-60, 0), (0, 60)))
    assert total == pytest.approx(1.0, abs=2e-4)  # student's tail beyond 60 has 5e-8


@pytest.mark.parametrize("name", [*CASES, *(f"best {n}" for n in BEST)])
def test_their_gradients_by_finite_differences(name):
    """Through the best width as well, which is taken as given: the total is flat in it."""
    best = name.startswith("best ")
    function, options, _ = CASES[name.removeprefix("best ")]
    options = {} if best else options
    x, x_hat = pair(1)
    rng = np.random.default_rng(2)
    direction = rng.normal(size=x_hat.shape)

    def total(v):
        return jnp.sum(per_example(function, forward(x, v), **options))

    slope = jnp.sum(jax.grad(total)(jnp.asarray(x_hat, jnp.float32)) * direction)
    step = 1e-3
    found = (total(x_hat + step * direction) - total(x_hat - step * direction)) / (2 * step)
    assert float(slope) == pytest.approx(float(found), rel=1e-2)


def counted(seed=0, n=5):
    rng = np.random.default_rng(seed)
    means = rng.gamma(2.0, 4.0, size=(n, 6))
    return rng.poisson(means), means


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_scipys(name):
    function, options, truth = COUNTS[name]
    x, means = counted()
    expected = -truth(means).logpmf(x).sum(1)
    np.testing.assert_allclose(
        per_example(function, forward(x, means), **options), expected, rtol=2e-5
    )


@pytest.mark.parametrize("name", COUNTS)
def test_counts_sum_to_one(name):
    """Over all values of each of six numbers, with other means."""
    function, options, _ = COUNTS[name]
    x = np.repeat(np.arange(600)[:, None], 6, axis=1)
    means = np.broadcast_to([0.01, 0.5, 1.0, 3.0, 10.0, 30.0], x.shape)
    total = jnp.exp(-function(forward(x, means), **options)).sum(0)
    np.testing.assert_allclose(total, 1.0, rtol=1e-4)


@pytest.mark.parametrize("name", COUNTS)
def test_gradients_of_counts_by_finite_differences(name):
    """In float64 of scipy."""
    function, options, truth = COUNTS[name]
    x, means = counted(1)
    slopes = jax.grad(lambda m: jnp.sum(function(forward(x, m), **options)))(
        jnp.asarray(means, jnp.float32)
    )
    step = 1e-5 * means
    above, below = (-truth(means + s).logpmf(x) for s in (step, -step))
    np.testing.assert_allclose(slopes, (above - below) / (2 * step), rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("dispersion", [0.1, 2.0])
def test_the_dispersion_of_a_batch_is_that_of_its_counts(dispersion):
    """With the true means, as near as 60,000 counts let one see; then the loss is that one's."""
    rng = np.random.default_rng(5)
    means = np.broadcast_to(rng.gamma(2.0, 4.0, size=6), (10_000, 6))
    x = rng.poisson(rng.gamma(1 / dispersion, dispersion * means))
    p = forward(x, means)
    best = per_example(losses.negative_binomial_nll, p)
    around = [
        per_example(losses.negative_binomial_nll, p, dispersion=f * dispersion).mean()
        for f in (0.9, 1.0, 1.1)
    ]
    assert best.mean() < min(around[0], around[2])
    assert best.mean() == pytest.approx(float(around[1]), rel=1e-3)


@pytest.mark.parametrize("name", BEST)
def test_the_best_width_is_that_of_greatest_likelihood(name):
    function, family = BEST[name]
    x, x_hat = pair(3)
    _, scale = family.fit((x - x_hat).ravel(), floc=0)
    expected = -family(scale=scale).logpdf(x - x_hat).sum(1)
    np.testing.assert_allclose(per_example(function, forward(x, x_hat)), expected, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", BEST)
def test_a_perfect_reconstruction_is_finite(name):
    x, _ = pair(4)
    value, grads = jax.value_and_grad(lambda v: jnp.sum(BEST[name][0](forward(x, v))))(
        jnp.asarray(x, jnp.float32)
    )
    assert np.isfinite(value) and np.isfinite(grads).all()


@pytest.mark.slow
def test_sigma_vae_with_a_linear_decoder_is_probabilistic_pca():
    """Its variance is the mean of the discarded eigenvalues (Tipping & Bishop 1999, eq. 8)."""
    rows = linear_gaussian.rows()
    W, losses_ = linear_gaussian.trained("vae:sigma", rows, 0.01)
    noise = np.linalg.eigvalsh(np.cov(rows, rowvar=False, bias=True))[:4].mean()
    truth = linear_gaussian.probabilistic_pca(rows, noise)
    assert np.abs(W.T @ W - truth).max() < 0.03 * np.abs(truth).max()
    C = truth + noise * np.eye(6)
    likelihood = stats.multivariate_normal(np.zeros(6), C).logpdf(rows).mean()
    # The posterior of a linear encoder is exact at the optimum, so the bound is the likelihood.
    assert np.mean(losses_) == pytest.approx(-likelihood, rel=0.01)
