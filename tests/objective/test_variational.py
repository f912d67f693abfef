"""The variational autoencoder against closed forms: KL, likelihoods, probabilistic PCA."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_jax.model import pipeline as model_lib
from ae_jax.model.bottleneck.gaussian import GaussianBottleneck
from ae_jax.model.pipeline import Batch, Forward
from ae_jax.objective import objective as objective_lib
from ae_jax.objective import variational
from ae_jax.objective.losses import bernoulli_nll, total
from ae_jax.resolve.config import load_config
from tests.objective import linear_gaussian


def a_pass(code=None, a=None, x=None):
    nothing = jnp.zeros((1, 1, 1, 1))
    return Forward(x if x is not None else nothing, nothing, None, None, code, a, nothing)


def nll_of(p):
    return total(p, bernoulli_nll(p))


def code_of(h, **options):
    """What the gaussian bottleneck knows of the encoder's numbers h."""
    return GaussianBottleneck(**options).apply({}, h, None, False)[1]


def tiny_vae(shape=(2, 3, 1), code=2, **overrides):
    config = load_config(
        "vae",
        **{"encoder.hidden": (5,), "decoder.hidden": (5,), "model.code_size": code, **overrides},
    )
    model = model_lib.build(config, shape)
    return config, model, model.init(jax.random.key(3))


@pytest.mark.parametrize("deviation", ["log_variance", "raw"])
def test_kl_is_zero_at_the_prior_and_a_half_at_mean_one(deviation):
    s = 0.0 if deviation == "log_variance" else 1.0
    h = jnp.array([[0.0, 0.0, s, s], [1.0, 0.0, s, s], [1.0, -1.0, s, s]])
    p = a_pass(code_of(h, deviation=deviation))
    kl = variational.gaussian_kl(p, None, None, None)
    np.testing.assert_allclose(kl, [0.0, 0.5, 1.0], atol=1e-6)


def test_kl_equals_monte_carlo():
    h = jnp.array([[0.3, -1.2, 0.5, -0.8]])
    mean, sigma = np.array([0.3, -1.2]), np.exp(np.array([0.5, -0.8]) / 2)
    e = np.random.default_rng(0).normal(size=(400_000, 2))
    z = mean + sigma * e
    log_ratio = (-0.5 * e**2 - np.log(sigma) + 0.5 * z**2).sum(1)
    kl = variational.gaussian_kl(a_pass(code_of(h)), None, None, None)
    error = log_ratio.std() / math.sqrt(len(e))
    assert abs(float(kl[0]) - log_ratio.mean()) < 4 * error


def all_images():
    return jnp.array(list(itertools.product([0.0, 1.0], repeat=6))).reshape(64, 2, 3, 1)


def test_bernoulli_sums_to_one_over_all_images():
    a = jax.random.normal(jax.random.key(0), (1, 2, 3, 1)) * 3
    images = all_images()
    nll = nll_of(a_pass(a=jnp.broadcast_to(a, images.shape), x=images))
    assert jnp.sum(jnp.exp(-nll)) == pytest.approx(1.0, rel=1e-5)


def test_bernoulli_is_finite_at_huge_logits_and_never_below_the_gray_floor():
    x = jax.random.uniform(jax.random.key(1), (5, 2, 3, 1))
    floor = -jnp.sum(x * jnp.log(x) + (1 - x) * jnp.log(1 - x), (1, 2, 3))
    best = nll_of(a_pass(a=jnp.log(x / (1 - x)), x=x))
    np.testing.assert_allclose(best, floor, rtol=1e-5)
    for scale in (1.0, 100.0):
        nll = nll_of(a_pass(a=scale * jnp.sign(x - 0.3), x=x))
        assert jnp.all(jnp.isfinite(nll)) and jnp.all(nll >= floor)
    assert nll_of(a_pass(a=jnp.full((1, 1, 1, 1), 100.0), x=jnp.ones((1, 1, 1, 1)))) < 1e-6


def exact_log_likelihood(model, variables, images):
    """log of the integral of p(x | z) N(z; 0, I) over a grid in two dimensions."""
    t = jnp.linspace(-6, 6, 241)
    z = jnp.stack(jnp.meshgrid(t, t), -1).reshape(-1, 2)
    log_prior = -0.5 * jnp.sum(z**2, 1) - math.log(2 * math.pi) + 2 * math.log(12 / 240)
    a = model.apply(variables, z, method="decode").reshape(len(z), 6)
    x = images.reshape(len(images), 6)
    log_p = -jnp.sum(jax.nn.softplus(a), 1)[None, :] + x @ a.T
    return jax.nn.logsumexp(log_p + log_prior[None, :], axis=1)


@pytest.mark.long
def test_elbo_below_importance_weighted_below_exact():
    _, model, variables = tiny_vae()
    images = all_images()
    exact = exact_log_likelihood(model, variables, images)
    assert jnp.sum(jnp.exp(exact)) == pytest.approx(1.0, rel=1e-3)  # a distribution over images
    elbo, weighted = variational.log_likelihood_bounds(
        model, variables, Batch(images), jax.random.key(0), 40_000, "bernoulli_nll"
    )
    assert jnp.all(elbo <= weighted)
    assert jnp.mean(elbo) < jnp.mean(weighted) <= jnp.mean(exact) + 1e-3
    np.testing.assert_allclose(weighted, exact, atol=0.05)


@pytest.mark.slow
def test_loss_is_minus_the_elbo():
    """Monte Carlo over the objective's own noise against the bound's, two separate code paths."""
    config, model, variables = tiny_vae()
    objective = objective_lib.build(config, model)
    batch = Batch(all_images())
    losses = jax.lax.map(
        lambda k: objective(variables, batch, k, True)[0], jax.random.split(jax.random.key(1), 2000)
    )
    elbo, _ = variational.log_likelihood_bounds(
        model, variables, batch, jax.random.key(2), 2000, "bernoulli_nll"
    )
    assert jnp.mean(losses) == pytest.approx(-float(jnp.mean(elbo)), rel=2e-3)


@pytest.mark.slow
def test_linear_decoder_recovers_probabilistic_pca():
    """SSE + KL is p(x | z) = N(x^, I/2): W W^T = U (L - 1/2) U^T (Tipping & Bishop 1999, eq. 7)."""
    rows = linear_gaussian.rows()
    W, _ = linear_gaussian.trained("vae", rows, 0.02, **{"loss.name": "squared_error"})
    truth = linear_gaussian.probabilistic_pca(rows, 0.5)
    assert np.abs(W.T @ W - truth).max() < 0.03 * np.abs(truth).max()


@pytest.mark.slow
def test_warmup_and_end_of_the_penalty():
    config, model, variables = tiny_vae(
        **{"penalties.gaussian_kl": {"weight": 2.0, "warmup_epochs": 4, "until_epoch": 6}}
    )
    objective = objective_lib.build(config, model)
    batch, key = Batch(all_images()), jax.random.key(0)
    for epoch, weight in ((0.0, 0.0), (1.0, 0.5), (5.0, 2.0), (6.0, 0.0), (None, 2.0)):
        loss, (terms, _) = objective(variables, batch, key, True, epoch)
        expected = terms["reconstruction"] + weight * terms["gaussian_kl"]
        assert loss == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.long
def test_conditional_decoder_sees_the_label(digits):
    config = load_config("cvae")
    model = model_lib.build(config, (28, 28, 1))
    variables = model.init(jax.random.key(0))
    z = jnp.zeros((2, 10))
    same = model.decode(variables, z, jnp.array([3, 3]))
    other = model.decode(variables, z, jnp.array([3, 4]))
    assert jnp.array_equal(same[0], same[1]) and jnp.array_equal(other[0], same[0])
    assert not jnp.allclose(other[0], other[1])
