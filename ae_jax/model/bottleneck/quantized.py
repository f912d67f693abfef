"""Quantized codes: every number takes one of a few values."""

import math
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp

from ae_jax.config.schema import Rule
from ae_jax.model.bottleneck.base import Bottleneck, Coded, Key

Levels = Annotated[int, Rule("a whole number from 3 to 65536", lambda v: 3 <= v <= 65536)]
Entries = Annotated[int, Rule("a whole number from 2 to 65536", lambda v: 2 <= v <= 65536)]


class Quantized(NamedTuple):
    """The `code` of a quantized bottleneck."""

    levels: jax.Array  # which value each number or vector has, int32 [batch, ...], from 0


class FiniteBottleneck(Bottleneck):
    """z_j = the nearest of `levels` equal steps in [-1, 1] to tanh(h_j + s).

    With L levels, q = round((L - 1) / 2 tanh(h + s) - o), o = 1/2 where L is even, else 0; s makes
    the argument of `round` 0 at h = 0. z = q / floor(L / 2). The gradient is that without `round`.
    A code is code_size log2(L) bits (Mentzer et al. 2024, "Finite scalar quantization: VQ-VAE made
    simple", equation 1 and appendix A, without its eps: no number is out of range).
    """

    levels: Levels = 5

    @property
    def separable(self) -> bool:  # noqa: D102
        return True

    @property
    def bits(self) -> float:  # noqa: D102
        return math.log2(self.levels)

    def __call__(self, h: jax.Array, key: Key, train: bool) -> Coded:
        """[batch, code_size] -> (z of that shape, `Quantized`)."""
        half, largest = (self.levels - 1) / 2, self.levels // 2
        offset = 0.0 if self.levels % 2 else 0.5
        bounded = half * jnp.tanh(h + math.atanh(offset / half)) - offset
        q = jnp.round(bounded)
        z = (bounded + jax.lax.stop_gradient(q - bounded)) / largest
        return z, Quantized(q.astype(jnp.int32) + largest)
