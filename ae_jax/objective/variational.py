"""Variational autoencoder: the KL term, and importance-weighted bounds on the likelihood.

q(z | x) and p(z) are those of the model's bottleneck; p(x | z) is as the loss says:
`bernoulli_nll` is -log p(x | z) itself (of black and white pixels; of gray ones a cross-entropy),
`squared_error` is that of N(x^, I/2) up to the constant (D/2) log(pi), D numbers an image.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from ae_jax.config.schema import Count, NonNegative
from ae_jax.model import walk
from ae_jax.model.bottleneck.base import Factorized, Posterior
from ae_jax.model.pipeline import Batch, Forward, Model, Variables
from ae_jax.objective.losses import bernoulli_nll, squared_error, total

AT_ONCE = 6_000_000  # numbers of all layers together, of draws that are decoded at once: 24 MB
Cost = Callable[[Forward], jax.Array]
# Losses that are -log p(x | z) of an image, up to a constant.
LIKELIHOODS: dict[str, Cost] = {"bernoulli_nll": bernoulli_nll, "squared_error": squared_error}


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


def importance(
    p: Forward, model: Model, variables: Variables, key: jax.Array, cost: Cost, samples: Count = 5
) -> jax.Array:
    """-log mean_s w_s - (cost + KL) per image [batch], in nats: what k samples bring to the bound.

    w_s = p(x | z_s) p(z_s) / q(z_s | x), z_s one of k = `samples` draws from q; `cost` is the
    reconstruction's, -log p(x | z) up to a constant, and KL that of `gaussian_kl`. Added to both,
    each with weight 1, the loss is minus the k-sample bound log mean_s w_s: an importance-weighted
    autoencoder (Burda et al. 2016, equation 8), whose gradient is taken through the draws. With a
    weight in (0, 1) it is between minus that bound and minus the ELBO. With one sample it is 0, and
    the loss minus the ELBO with the KL in closed form, of which log w is an estimate without bias.

    A pass costs `samples` decodings more.

    Raises:
      TypeError: the bottleneck has no posterior.
    """
    if not isinstance(p.code, Posterior):
        raise TypeError("importance weights need a bottleneck with a posterior")
    if samples == 1:
        return jnp.zeros(len(p.x))
    log_w = _log_weights(p, model, variables, key, samples, cost)
    bound = jax.nn.logsumexp(log_w, axis=0) - math.log(samples)
    return -bound - (total(p, cost(p)) + p.code.kl())


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
    if model.posterior is None:
        raise ValueError("a bound of the likelihood needs a bottleneck with a posterior")
    p = model.run(variables, batch, None)
    log_w = _log_weights(p, model, variables, key, samples, LIKELIHOODS[loss], batch.labels)
    if loss == "squared_error":
        log_w -= math.prod(model.shape) / 2 * math.log(math.pi)
    return jnp.mean(log_w, 0), jax.nn.logsumexp(log_w, axis=0) - math.log(samples)


def _log_weights(
    p: Forward,
    model: Model,
    variables: Variables,
    key: jax.Array,
    samples: int,
    cost: Cost,
    labels: jax.Array | None = None,
) -> jax.Array:
    """log w_s [samples, batch] of draws from the posteriors of a pass, -log p(x | z) = `cost`."""
    q, prior = p.code, model.prior
    assert isinstance(q, Posterior) and prior is not None

    def log_weight(key: jax.Array) -> jax.Array:
        z, log_q = q.draw(key)
        a = model.apply(variables, z, False, labels, method="decode")
        x_hat = model.apply(variables, a, method="image")
        drawn = p._replace(z=z, pre_activation=a, x_hat=x_hat)
        return -total(drawn, cost(drawn)) + prior.log_density(z) - log_q

    together = max(1, AT_ONCE // (len(p.x) * walk.numbers(model)))
    log_w: jax.Array = jax.lax.map(
        log_weight, jax.random.split(key, samples), batch_size=min(samples, together)
    )
    return log_w
