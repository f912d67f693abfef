"""Importance-weighted training: the bound by hand, the exact likelihood, one sample, refusals."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

import ae_jax
from ae_jax.errors import ConfigError
from ae_jax.model.pipeline import Batch, build
from ae_jax.objective import objective as objective_lib
from ae_jax.objective import variational
from ae_jax.objective.variational import importance
from ae_jax.streams import stream

SHAPE, D = (2, 3, 1), 6
CONSTANT = D / 2 * math.log(math.pi)  # of N(x^, I/2), which the squared error leaves out


def prepared(samples, **changes):
    """(objective, model, variables, x [8, 2, 3, 1]) of a linear Gaussian model of two numbers."""
    linear = {
        "encoder.hidden": (),
        "decoder": {"hidden": (), "output": "linear"},
        "loss.name": "squared_error",
        "model.code_size": 2,
        "penalties": {"gaussian_kl": {"weight": 1.0}},
    }
    if samples is not None:
        linear["penalties"]["importance"] = {"weight": 1.0, "samples": samples}
    config = ae_jax.load_config("vae", **{**linear, **changes})
    model = build(config, SHAPE)
    variables = model.init(jax.random.key(3))
    x = jax.random.uniform(jax.random.key(1), (8, *SHAPE))
    return objective_lib.build(config, model), model, variables, x


def loss_of(objective, variables, x, key):
    return objective(variables, Batch(x), key, True)[0]


def exact(variables, x):
    """log p(x) of x = z W + b + e: normal, of covariance W^T W + I/2 (Tipping & Bishop 1999)."""
    layer = variables["params"]["decoder"]["layer_0"]
    W, b = (np.asarray(layer[name], np.float64) for name in ("kernel", "bias"))
    rows = np.asarray(x, np.float64).reshape(len(x), D)
    return stats.multivariate_normal(b, W.T @ W + np.eye(D) / 2).logpdf(rows)


# Of 4 draws of 8 images, whose layers make 80 numbers, all are decoded at once, or 3 and 1.
@pytest.mark.parametrize("at_once", [variational.AT_ONCE, 240])
@pytest.mark.parametrize("loss", ["squared_error", "bernoulli_nll"])
def test_the_loss_is_minus_the_bound_of_the_samples(loss, at_once, monkeypatch):
    """Densities of SciPy, sample by sample; the decoder's kernel and bias in numpy."""
    monkeypatch.setattr(variational, "AT_ONCE", at_once)
    k, key = 4, jax.random.key(5)
    changes = {"loss.name": loss}
    if loss == "bernoulli_nll":
        changes["decoder.output"] = "sigmoid"
    objective, model, variables, x = prepared(k, **changes)
    x = jnp.round(x)
    q = model.posterior(variables, x)
    layer = variables["params"]["decoder"]["layer_0"]
    W, b = (np.asarray(layer[name], np.float64) for name in ("kernel", "bias"))
    rows, log_w = np.asarray(x, np.float64).reshape(8, D), []
    for key_of in jax.random.split(stream(key, "penalty/importance"), k):
        z = np.asarray(q.draw(key_of)[0], np.float64)
        a = z @ W + b
        if loss == "bernoulli_nll":
            log_p = stats.bernoulli.logpmf(rows, special.expit(a)).sum(1)
        else:
            log_p = stats.norm.logpdf(rows, a, math.sqrt(0.5)).sum(1) + CONSTANT
        log_q = stats.norm.logpdf(z, q.mean, np.abs(q.deviation)).sum(1)
        log_w.append(log_p + stats.norm.logpdf(z).sum(1) - log_q)
    bound = special.logsumexp(log_w, axis=0) - math.log(k)
    assert loss_of(objective, variables, x, key) == pytest.approx(-bound.mean(), rel=1e-5)


def test_one_sample_is_the_elbo_bit_for_bit():
    """The loss and its gradient, compiled."""
    found = []
    for samples in (None, 1):
        objective, _, variables, x = prepared(samples)
        step = jax.jit(
            jax.value_and_grad(lambda p, o=objective, x=x: loss_of(o, p, x, jax.random.key(6)))
        )
        found.append(jax.tree.leaves(step(variables)))
    for plain, weighted in zip(*found, strict=True):
        assert jnp.array_equal(plain, weighted)


@pytest.mark.slow
def test_the_bound_grows_with_the_samples_and_stays_below_the_exact_likelihood():
    """Means over many keys; with many samples they are nearly the same."""
    bounds, errors, sizes = [], [], {1: 4000, 2: 4000, 8: 2000, 64: 1000, 2000: 40}
    for samples, repeats in sizes.items():
        objective, _, variables, x = prepared(samples)
        keys = jax.random.split(jax.random.key(7), repeats)
        of_key = jax.jit(jax.vmap(lambda k, o=objective, v=variables, x=x: loss_of(o, v, x, k)))
        losses = np.asarray(jax.lax.map(of_key, keys.reshape(20, -1)), np.float64)
        bounds.append(-losses.mean() - CONSTANT)
        errors.append(losses.std() / math.sqrt(losses.size))
    true = exact(variables, x).mean()
    gains = np.diff([*bounds, true])
    assert max(errors) < 0.02
    assert np.all(gains[:-1] > 2 * np.hypot(errors[:-1], errors[1:])), (bounds, errors, true)
    assert true - bounds[0] > 0.5 and abs(gains[-1]) < 0.005 + 3 * errors[-1], (bounds, true)


def test_the_gradient_is_that_of_the_bound():
    """By finite differences, through the draws, in encoder and decoder."""
    objective, _, variables, x = prepared(5)
    key, leaves = jax.random.key(8), jax.tree.leaves(variables["params"])
    of = jax.jit(lambda params: loss_of(objective, {"params": params}, x, key))
    slope = jax.grad(of)(variables["params"])
    keys = jax.random.split(jax.random.key(9), len(leaves))
    move = [  # uphill, so that little cancels
        1e-2 * jax.random.uniform(k, g.shape) * jnp.sign(g)
        for k, g in zip(keys, jax.tree.leaves(slope), strict=True)
    ]
    tree = jax.tree.structure(slope)
    up, down = (
        of(jax.tree.unflatten(tree, [v + s * d for v, d in zip(leaves, move, strict=True)]))
        for s in (0.5, -0.5)
    )
    found = sum(float(jnp.vdot(g, d)) for g, d in zip(jax.tree.leaves(slope), move, strict=True))
    assert float(up - down) == pytest.approx(found, rel=1e-2)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"loss.name": "laplace_nll"}, r"loss\.name: must be 'bernoulli_nll' or 'squared_error'"),
        ({"loss.per": "pixel"}, r"loss\.per: must be 'image' with penalties\.importance"),
        ({"penalties.gaussian_kl": None}, r"importance: needs penalties\.gaussian_kl"),
        (
            {"bottleneck.name": "identity", "penalties.gaussian_kl": None},
            r"penalties\.importance: needs bottleneck\.name 'gaussian'",
        ),
        ({"model.classes": 10}, r"model\.classes: must be 0 with penalties\.importance"),
        (
            {
                "encoder": {"name": "conv_strided", "channels": (2,)},
                "decoder": {"name": "conv_strided", "channels": (2,), "batch_norm": True},
                "decoder.output": "sigmoid",
            },
            r"decoder\.batch_norm: must be false with penalties\.importance",
        ),
    ],
)
def test_what_has_no_such_bound_is_refused(changes, why):
    with pytest.raises(ConfigError, match=why):
        ae_jax.load_config("vae:iwae", **changes)


def test_it_needs_a_posterior():
    with pytest.raises(TypeError, match="need a bottleneck with a posterior"):
        importance(type("Forward", (), {"code": None}), None, {}, None, None)
