"""Codes of which most numbers are 0."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from ae_jax.config.schema import Count
from ae_jax.model.bottleneck.base import Active, Bottleneck, Coded, Key


def largest(h: jax.Array, k: int) -> jax.Array:
    """Where the k largest of each row of h [batch, width] are, as truth values; exactly k.

    Of equal values the one further left counts as larger.
    """
    return _at(h, jax.lax.top_k(h, k)[1])


def _at(h: jax.Array, indices: jax.Array) -> jax.Array:
    return jnp.put_along_axis(jnp.zeros(h.shape, bool), indices, True, axis=1, inplace=False)


class TopKBottleneck(Bottleneck):
    """z_j = h_j where it is among the `k` largest of its image, else 0 (Makhzani & Frey 2014).

    By value, not by size: with a linear code, as there, a negative h_j is kept only where fewer
    than k are positive. The gradient goes through the kept ones only. Evaluation does the same.
    """

    sparse: ClassVar[bool] = True

    k: Count = 10

    def __call__(self, h: jax.Array, key: Key, train: bool) -> Coded:  # noqa: D102
        _, indices = jax.lax.top_k(h, self.k)
        return jnp.where(_at(h, indices), h, 0.0), Active(indices)
