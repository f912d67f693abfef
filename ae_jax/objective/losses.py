"""Reconstruction slot: what every number of an image costs.

Every loss is `f(p) -> [batch, D]` (or [batch, height, width, channels]) of a forward pass `p` (see
`ae_jax.model.pipeline.Forward`), a cost for each of the D numbers of an image. `total` sums those
that were observed; `config.loss.per` only chooses whether the objective divides the sum by D.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from ae_jax.config.schema import NonNegative, Positive
from ae_jax.model.layout import Layout, spans
from ae_jax.model.pipeline import Forward

TINY = 1e-6  # a likelihood's width is never smaller, in the network's scale
STIRLING = 20.0  # above it the second term of the series is less than 1e-6


def total(p: Forward, costs: jax.Array) -> jax.Array:
    """Sum [batch] over the observed numbers of an image, of what a loss returns."""
    costs = _flat(costs)
    if p.observed is not None:
        costs = jnp.where(_flat(p.observed), costs, 0.0)
    return jnp.sum(costs, axis=1)


def squared_error(p: Forward) -> jax.Array:
    """(x_i - x^_i)^2, in squared units of the network's scale.

    Summed, ||x - x^||^2; it is 4 times as large in 'sym' as in 'unit'.
    """
    return jnp.square(_flat(p.x) - _flat(p.x_hat))


def bernoulli_nll(p: Forward) -> jax.Array:
    """-x_i log s(a_i) - (1 - x_i) log(1 - s(a_i)), in nats, from the logits a.

    With softplus(a) = log(1 + e^a) this is softplus(a_i) - x_i a_i, finite for every a.
    x is in [0,1] and the output the sigmoid, x^ = s(a) (Kingma & Welling 2014, appendix C.1). It is
    least at x^ = x, and not 0 there where pixels are gray: see `baselines.entropy_floor`.
    """
    a = _flat(p.pre_activation)
    return jax.nn.softplus(a) - _flat(p.x) * a


def emphasised_squared_error(
    p: Forward, corrupted: NonNegative = 1.0, kept: NonNegative = 0.5
) -> jax.Array:
    """`corrupted` or `kept` times (x_i - x^_i)^2, where the noise changed the number or did not.

    Vincent et al. 2010 (full emphasis: kept = 0). A number that was hidden counts as changed. In
    squared units of the network's scale.
    """
    weight = jnp.where(p.corrupted != p.x, corrupted, kept)
    return _flat(weight * jnp.square(p.x - p.x_hat))


def gaussian_nll(p: Forward, deviation: Positive | None = None) -> jax.Array:
    """-log N(x_i; x^_i, s^2), in nats: log(2 pi s^2) / 2 + (x_i - x^_i)^2 / (2 s^2).

    s is the `deviation`, in the network's scale. None: the one that makes the batch most likely,
    s^2 = mean (x_i - x^_i)^2, so that no weight between reconstruction and KL has to be
    chosen (Rybkin et al. 2021, "Simple and effective VAE training with calibrated decoders",
    section 4.3). It is taken as given: the loss is flat in it.
    """
    square = jnp.square(_flat(p.x) - _flat(p.x_hat))
    best = jnp.maximum(_mean(p, square), TINY**2)
    variance = jax.lax.stop_gradient(best) if deviation is None else deviation**2
    return square / (2 * variance) + jnp.log(2 * jnp.pi * variance) / 2


def laplace_nll(p: Forward, deviation: Positive | None = None) -> jax.Array:
    """-log Laplace(x_i; x^_i, b), in nats: |x_i - x^_i| / b + log(2 b).

    b = deviation / sqrt(2), in the network's scale; None: the best of the batch, b = mean |x - x^|.
    """
    distance = jnp.abs(_flat(p.x) - _flat(p.x_hat))
    best = jax.lax.stop_gradient(jnp.maximum(_mean(p, distance), TINY))
    b = best if deviation is None else deviation / math.sqrt(2)
    return distance / b + jnp.log(2 * b)


def student_t_nll(p: Forward, freedom: Positive = 5.0, width: Positive = 0.1) -> jax.Array:
    """-log t(x_i; x^_i), in nats, of Student's t with so many degrees of freedom.

    Its scale is `width`, in the network's scale. Outliers count as log |x - x^|, not as a square
    (Lange, Little and Taylor 1989).
    """
    square = jnp.square((_flat(p.x) - _flat(p.x_hat)) / width)
    constant = gammaln(freedom / 2) - gammaln((freedom + 1) / 2)
    constant += 0.5 * jnp.log(freedom * jnp.pi) + jnp.log(width)
    return (freedom + 1) / 2 * jnp.log1p(square / freedom) + constant


def poisson_nll(p: Forward) -> jax.Array:
    """-log Poisson(x_i; x^_i), in nats, of counts: x^_i - x_i log x^_i + log x_i!.

    The output is 'softplus': x^ > 0 is the mean, and the variance.
    """
    x, mean = _flat(p.x), _flat(p.x_hat) + TINY
    return mean - x * jnp.log(mean) + gammaln(x + 1)


def negative_binomial_nll(p: Forward, dispersion: Positive | None = None) -> jax.Array:
    """-log NB(x_i; x^_i, a), in nats, of counts with mean x^ and variance x^ + a x^^2.

    a is the `dispersion`; towards 0 it is the Poisson distribution. None: that of the batch by
    moments, a = sum ((x - x^)^2 - x^) / sum x^^2, taken as given (Cameron & Trivedi 1998, section
    2.4.1). The output is 'softplus'. Eraslan et al. 2019, "Single-cell RNA-seq denoising using a
    deep count autoencoder", Nature Communications.
    """
    x, mean = _flat(p.x), _flat(p.x_hat) + TINY
    excess = _mean(p, jnp.square(x - mean) - mean) / _mean(p, jnp.square(mean))
    best = jax.lax.stop_gradient(jnp.maximum(excess, TINY))
    r = 1 / (best if dispersion is None else jnp.asarray(dispersion))
    log_p: jax.Array = _rising(x, r) - gammaln(x + 1) + x * jnp.log(mean)
    return (x + r) * jnp.log1p(mean / r) - log_p


def _rising(x: jax.Array, r: jax.Array) -> jax.Array:
    """log G(x + r) - log G(r) - x log r, by Stirling's series where r is large.

    There the two gamma functions are nearly equal, and float32 would lose their difference.
    """
    exact = gammaln(x + r) - gammaln(r) - x * jnp.log(r)
    series = (x + r - 0.5) * jnp.log1p(x / r) - x + 1 / (12 * (x + r)) - 1 / (12 * r)
    return jnp.where(r > STIRLING, series, exact)


def columns_nll(p: Forward, layout: Layout) -> jax.Array:
    """-log p(x_i | z) of columns of several kinds, in nats, from their pre-activations a.

    Numbers are N(x^, 1) in the network's scale, booleans Bernoulli of the logit a, categories
    softmax(a): each channel costs -x_k log softmax(a)_k, which sum to the cross-entropy. The output
    is 'columns'.
    """
    x, a = _flat(p.x), _flat(p.pre_activation)
    costs = []
    for width, channels in spans(layout):
        v, b = x[:, channels], a[:, channels]
        if width == 0:
            costs.append(jax.nn.softplus(b) - v * b)
        elif width == 1:
            costs.append((jnp.square(v - b) + math.log(2 * math.pi)) / 2)
        else:
            costs.append(-v * jax.nn.log_softmax(b, axis=1))
    return jnp.concatenate(costs, axis=1)


def _mean(p: Forward, costs: jax.Array) -> jax.Array:
    """The mean over all observed numbers of a batch, of costs [batch, D]."""
    if p.observed is None:
        return jnp.mean(costs)
    seen = _flat(p.observed)
    return jnp.sum(jnp.where(seen, costs, 0.0)) / jnp.maximum(jnp.sum(seen), 1)


def _flat(x: jax.Array) -> jax.Array:
    """[batch, pixels]: XLA makes slow loops on CPUs of a last axis of one channel."""
    return x.reshape(len(x), -1)


LOSSES: dict[str, Callable[..., jax.Array]] = {
    "squared_error": squared_error,
    "emphasised_squared_error": emphasised_squared_error,
    "bernoulli_nll": bernoulli_nll,
    "gaussian_nll": gaussian_nll,
    "laplace_nll": laplace_nll,
    "student_t_nll": student_t_nll,
    "poisson_nll": poisson_nll,
    "negative_binomial_nll": negative_binomial_nll,
    "columns_nll": columns_nll,
}
COUNTS = ("poisson_nll", "negative_binomial_nll")  # of whole numbers, as they are
OPEN = {
    "gaussian_nll": ("deviation",),
    "laplace_nll": ("deviation",),
    "emphasised_squared_error": ("corrupted", "kept"),
    "student_t_nll": ("freedom", "width"),
    "negative_binomial_nll": ("dispersion",),
}  # see `ae_jax.config.numbers`
