"""Penalties of what a bottleneck made of the encoder's numbers."""

import jax
import jax.numpy as jnp

from ae_jax.model.bottleneck.base import Gates
from ae_jax.model.pipeline import Forward, Model, Variables


def commitment(p: Forward, model: Model, variables: Variables, key: jax.Array) -> jax.Array:
    """||h - e||^2 per image, e the entries of the codebooks that the code is made of, as given.

    It holds the encoder to its entries, which follow it by themselves; its weight is beta of van
    den Oord et al. 2017 ("Neural discrete representation learning", equation 3), 0.25 there.
    """
    return jnp.sum(jnp.square(p.h - jax.lax.stop_gradient(p.z)), axis=1)


def l0(p: Forward, model: Model, variables: Variables, key: jax.Array) -> jax.Array:
    """How many numbers of the code are not 0, per image, of a bottleneck with thresholds.

    Its gradient is one for the thresholds alone (Rajamanoharan et al. 2024, "Jumping ahead",
    equations 9 and 12).

    Raises:
      TypeError: the bottleneck has no thresholds.
    """
    if not isinstance(p.code, Gates):
        raise TypeError("the number of open units needs a bottleneck with thresholds")
    return jnp.sum(p.code.opened, axis=1)
