"""Reconstruction slot: one number per image, summed over its pixels.

Every loss is `f(p) -> [batch]` of a forward pass `p` (see `ae_jax.model.pipeline.Forward`). The sum
over pixels is exact and fixed; `config.loss.per` only chooses whether the objective divides it by
their number.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from ae_jax.config.schema import NonNegative
from ae_jax.model.pipeline import Forward


def squared_error(p: Forward) -> jax.Array:
    """||x - x^||^2 per image, in squared units of the network's scale.

    The sum goes over pixels and channels; it is 4 times as large in 'sym' as in 'unit'.
    """
    return jnp.sum(jnp.square(_flat(p.x) - _flat(p.x_hat)), axis=1)


def bernoulli_nll(p: Forward) -> jax.Array:
    """-sum_i x_i log s(a_i) + (1 - x_i) log(1 - s(a_i)) per image, in nats, from the logits a.

    With softplus(a) = log(1 + e^a) this is sum_i softplus(a_i) - x_i a_i, finite for every a.
    x is in [0,1] and the output the sigmoid, x^ = s(a) (Kingma & Welling 2014, appendix C.1). It is
    least at x^ = x, and not 0 there where pixels are grey: see `controls.entropy_floor`.
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


def _flat(x: jax.Array) -> jax.Array:
    """[batch, pixels]: XLA makes slow loops on CPUs of a last axis of one channel."""
    return x.reshape(len(x), -1)


LOSSES: dict[str, Callable[..., jax.Array]] = {
    "squared_error": squared_error,
    "emphasised_squared_error": emphasised_squared_error,
    "bernoulli_nll": bernoulli_nll,
}
OPEN = {"emphasised_squared_error": ("corrupted", "kept")}  # see `ae_jax.config.numbers`
