"""Variational autoencoder: the KL term, and importance-weighted bounds on the likelihood.

q(z | x) = N(mean, deviation^2), both from the encoder; p(z) = N(0, I); p(x | z) as the loss says:
`bernoulli_nll` is -log p(x | z) itself (of black and white pixels; of grey ones a cross-entropy),
`squared_error` is that of N(x^, I/2) up to the constant (D/2) log(pi), D numbers an image.
"""

import math

import jax
import jax.numpy as jnp

from ae_jax.model.bottleneck import gaussian_parameters
from ae_jax.model.pipeline import Batch, Model, Pass, Variables
from ae_jax.objective.losses import bernoulli_nll, squared_error


def deviation_of(model: Model) -> str:
    """How this model's gaussian bottleneck reads the encoder's numbers: 'log_variance' or 'raw'."""
    return model.module.bottleneck.keywords["deviation"]  # type: ignore[attr-defined]


def gaussian_kl(p: Pass, model: Model, variables: Variables, key: jax.Array) -> jax.Array:
    """KL(q(z | x) || N(0, I)) = 1/2 sum_j (mean_j^2 + sigma_j^2 - 1 - log sigma_j^2), in nats.

    Per image [batch] (Kingma & Welling 2014, appendix B). Its weight is the beta of Higgins et al.
    2017. For 'raw' deviations log sigma^2 is log(sigma^2 + 1e-10).
    """
    mean, sigma, log_variance = gaussian_parameters(p.h, deviation_of(model))
    return 0.5 * jnp.sum(mean**2 + sigma**2 - 1 - log_variance, axis=-1)


def log_likelihood_bounds(
    model: Model, variables: Variables, batch: Batch, key: jax.Array, samples: int, loss: str
) -> tuple[jax.Array, jax.Array]:
    """(ELBO, importance-weighted bound) of log p(x) per image [batch], in nats.

    With z_s ~ q(z | x) and w_s = p(x | z_s) p(z_s) / q(z_s | x): mean_s log w_s and
    log mean_s w_s (Burda et al. 2016, equation 8). Both are lower bounds in expectation, the
    second at least as high and exact for many samples.

    Args:
      model: one with a gaussian bottleneck.
      variables: its parameters and statistics.
      batch: clean images in the network's scale, and labels where the decoder is conditioned.
      key: of the samples.
      samples: how many per image.
      loss: 'bernoulli_nll', or 'squared_error' for p(x | z) = N(x^, I/2) in the network's scale.
    """
    h = model.apply(variables, batch.x, method="encode")
    mean, sigma, _ = gaussian_parameters(h, deviation_of(model))

    def log_weight(key: jax.Array) -> jax.Array:
        e = jax.random.normal(key, mean.shape, mean.dtype)
        z = mean + sigma * e
        a = model.apply(variables, z, False, batch.labels, method="decode")
        x_hat = model.apply(variables, a, method="image")
        p = Pass(batch.x, batch.x, h, z, a, x_hat)
        if loss == "bernoulli_nll":
            log_p = -bernoulli_nll(p)
        else:
            log_p = -squared_error(p) - math.prod(model.shape) / 2 * math.log(math.pi)
        # log p(z) - log q(z | x); the two (k/2) log(2 pi) cancel.
        log_ratio = 0.5 * jnp.sum(e**2 - z**2, -1) + jnp.sum(jnp.log(jnp.abs(sigma)), -1)
        return log_p + log_ratio

    log_w = jax.lax.map(log_weight, jax.random.split(key, samples))
    return jnp.mean(log_w, 0), jax.nn.logsumexp(log_w, axis=0) - math.log(samples)
