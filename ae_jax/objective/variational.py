"""Variational autoencoder: the KL term, and importance-weighted bounds on the likelihood.

q(z | x) and p(z) are those of the model's bottleneck; p(x | z) is as the loss says:
`bernoulli_nll` is -log p(x | z) itself (of black and white pixels; of gray ones a cross-entropy),
`squared_error` is that of N(x^, I/2) up to the constant (D/2) log(pi), D numbers an image.
"""

import math

import jax
import jax.numpy as jnp

from ae_jax.config.schema import NonNegative
from ae_jax.model.bottleneck.base import Factorized, Posterior
from ae_jax.model.pipeline import Batch, Forward, Model, Variables
from ae_jax.objective.losses import bernoulli_nll, squared_error, total


def gaussian_kl(
    p: Forward,
    model: Model,
    variables: Variables,
    key: jax.Array,
    free_bits: NonNegative = 0.0,
) -> jax.Array:
    """KL(q(z | x) || p(z)) per image [batch], in nats, of any bottleneck that has a posterior.

    For a gaussian one 1/2 sum_j (mean_j^2 + sigma_j^2 - 1 - log sigma_j^2) (Kingma & Welling 2014,
    appendix B), where for 'raw' deviations log sigma^2 is log(sigma^2 + 1e-10). Its weight is the
    beta of Higgins et al. 2017.

    With `free_bits`, lambda in nats, every image has sum_j max(0, lambda - KL_j) more, KL_j the
    mean over the batch of that of number j. The mean over the batch is then
    sum_j max(lambda, KL_j): below lambda a number costs nothing, so that it need not collapse
    (Kingma et al. 2016, "Improved variational inference with inverse autoregressive flow",
    equation 15). Evaluation gives the mean over its batches.

    Raises:
      TypeError: the bottleneck has no posterior, or with free bits none of independent numbers.
    """
    if not isinstance(p.code, Posterior):
        raise TypeError("the KL term needs a bottleneck with a posterior")
    if isinstance(free_bits, float) and free_bits == 0:
        return p.code.kl()
    if not isinstance(p.code, Factorized):
        raise TypeError("free bits need a posterior of independent numbers")
    unused = jnp.maximum(free_bits - jnp.mean(p.code.kls(), axis=0), 0.0)
    return p.code.kl() + jnp.sum(unused)


def log_likelihood_bounds(
    model: Model, variables: Variables, batch: Batch, key: jax.Array, samples: int, loss: str
) -> tuple[jax.Array, jax.Array]:
    """(ELBO, importance-weighted bound) of log p(x) per image [batch], in nats.

    With z_s ~ q(z | x) and w_s = p(x | z_s) p(z_s) / q(z_s | x): mean_s log w_s and
    log mean_s w_s (Burda et al. 2016, equation 8). Both are lower bounds in expectation, the
    second at least as high and exact for many samples.

    Args:
      model: one that is variational.
      variables: its parameters and statistics.
      batch: clean images in the network's scale, and labels where the decoder is conditioned.
      key: of the samples.
      samples: how many per image.
      loss: 'bernoulli_nll', or 'squared_error' for p(x | z) = N(x^, I/2) in the network's scale.

    Raises:
      ValueError: a model without a posterior.
    """
    prior, posterior = model.prior, model.posterior
    if prior is None or posterior is None:
        raise ValueError("a bound of the likelihood needs a bottleneck with a posterior")
    h = model.apply(variables, batch.x, method="encode")
    q = posterior(variables, batch.x)

    def log_weight(key: jax.Array) -> jax.Array:
        z, log_q = q.draw(key)
        a = model.apply(variables, z, False, batch.labels, method="decode")
        x_hat = model.apply(variables, a, method="image")
        p = Forward(batch.x, batch.x, h, z, q, a, x_hat)
        if loss == "bernoulli_nll":
            log_p = -total(p, bernoulli_nll(p))
        else:
            log_p = -total(p, squared_error(p)) - math.prod(model.shape) / 2 * math.log(math.pi)
        return log_p + prior.log_density(z) - log_q

    log_w = jax.lax.map(log_weight, jax.random.split(key, samples))
    return jnp.mean(log_w, 0), jax.nn.logsumexp(log_w, axis=0) - math.log(samples)
