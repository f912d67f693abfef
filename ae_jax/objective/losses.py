"""Reconstruction slot: one number per image, summed over its pixels.

Every loss is `f(p) -> [batch]` of a forward pass `p` (see `ae_jax.model.pipeline.Forward`). The sum
over pixels is exact and fixed; `config.loss.per` only chooses whether the objective divides it by
their number.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from ae_jax.config.schema import NonNegative, Positive
from ae_jax.model.pipeline import Forward

TINY = 1e-6  # a likelihood's width is never smaller, in the network's scale


def squared_error(p: Forward) -> jax.Array:
    """||x - x^||^2 per image, in squared units of the network's scale.

    The sum goes over pixels and channels; it is 4 times as large in 'sym' as in 'unit'.
    """
    return jnp.sum(jnp.square(_flat(p.x) - _flat(p.x_hat)), axis=1)


def bernoulli_nll(p: Forward) -> jax.Array:
    """-sum_i x_i log s(a_i) + (1 - x_i) log(1 - s(a_i)) per image, in nats, from the logits a.

    With softplus(a) = log(1 + e^a) this is sum_i softplus(a_i) - x_i a_i, finite for every a.
    x is in [0,1] and the output the sigmoid, x^ = s(a) (Kingma & Welling 2014, appendix C.1). It is
    least at x^ = x, and not 0 there where pixels are gray: see `baselines.entropy_floor`.
    """
    a = _flat(p.pre_activation)
    return jnp.sum(jax.nn.softplus(a) - _flat(p.x) * a, axis=1)


def emphasised_squared_error(
    p: Forward, corrupted: NonNegative = 1.0, kept: NonNegative = 0.5
) -> jax.Array:
    """corrupted * sum over the changed pixels + kept * sum over the others of (x_i - x^_i)^2.

    Vincent et al. 2010 (full emphasis: kept = 0). A pixel counts as corrupted where
    the noise changed its value. In squared units of the network's scale, per image.
    """
    weight = jnp.where(p.corrupted != p.x, corrupted, kept)
    return jnp.sum(_flat(weight * jnp.square(p.x - p.x_hat)), axis=1)


def gaussian_nll(p: Forward, deviation: Positive | None = None) -> jax.Array:
    """-log N(x; x^, deviation^2 I) per image, in nats: D/2 log(2 pi s^2) + ||x - x^||^2 / (2 s^2).

    D numbers an image, in the network's scale. None: the deviation that makes the batch most
    likely, s^2 = mean (x_i - x^_i)^2, so that no weight between reconstruction and KL has to be
    chosen (Rybkin et al. 2021, "Simple and effective VAE training with calibrated decoders",
    section 4.3). It is taken as given: the loss is flat in it.
    """
    square = jnp.square(_flat(p.x) - _flat(p.x_hat))
    best = jnp.maximum(jnp.mean(square), TINY**2)
    variance = jax.lax.stop_gradient(best) if deviation is None else deviation**2
    return jnp.sum(square / (2 * variance) + jnp.log(2 * jnp.pi * variance) / 2, axis=1)


def laplace_nll(p: Forward, deviation: Positive | None = None) -> jax.Array:
    """-log Laplace(x; x^, b) per image, in nats: sum_i |x_i - x^_i| / b + log(2 b).

    b = deviation / sqrt(2), in the network's scale; None: the best of the batch, b = mean |x - x^|.
    """
    distance = jnp.abs(_flat(p.x) - _flat(p.x_hat))
    best = jax.lax.stop_gradient(jnp.maximum(jnp.mean(distance), TINY))
    b = best if deviation is None else deviation / math.sqrt(2)
    return jnp.sum(distance / b + jnp.log(2 * b), axis=1)


def student_t_nll(p: Forward, freedom: Positive = 5.0, width: Positive = 0.1) -> jax.Array:
    """-log t(x; x^) per image, in nats, of Student's t with so many degrees of freedom.

    Its scale is `width`, in the network's scale. Outliers count as log |x - x^|, not as a square
    (Lange, Little and Taylor 1989).
    """
    square = jnp.square((_flat(p.x) - _flat(p.x_hat)) / width)
    constant = gammaln(freedom / 2) - gammaln((freedom + 1) / 2)
    constant += 0.5 * jnp.log(freedom * jnp.pi) + jnp.log(width)
    return jnp.sum((freedom + 1) / 2 * jnp.log1p(square / freedom) + constant, axis=1)


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
}
OPEN = {
    "gaussian_nll": ("deviation",),
    "laplace_nll": ("deviation",),
    "emphasised_squared_error": ("corrupted", "kept"),
    "student_t_nll": ("freedom", "width"),
}  # see `ae_jax.config.numbers`
