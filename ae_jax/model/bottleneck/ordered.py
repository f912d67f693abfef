"""Ordered codes: the first numbers say most, so that a code may be cut short."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from ae_jax.config.schema import Fraction
from ae_jax.model.bottleneck.base import Bottleneck, Coded, Key


class NestedBottleneck(Bottleneck):
    """z_j = h_j for j <= b, else 0, with b drawn for every image: nested dropout; z = h at
    evaluation.

    P(b) is proportional to (1 - rate)^b, b = 1 ... code_size; `rate` 0 makes all b alike. A linear
    network with squared error then finds the principal components one by one, in their order, while
    a plain one finds but the space they span (Rippel, Gelbart & Adams 2014, "Learning ordered
    representations with nested dropout").
    """

    ordered: ClassVar[bool] = True

    rate: Fraction = 0.0

    @property
    def separable(self) -> bool:  # noqa: D102
        return False  # b is drawn for the width of the code

    def __call__(self, h: jax.Array, key: Key, train: bool) -> Coded:  # noqa: D102
        if key is None or not train:
            return h, None
        numbers = jnp.arange(h.shape[1])
        b = jax.random.categorical(key, numbers * jnp.log1p(-self.rate), shape=h.shape[:1])
        return jnp.where(numbers[None, :] <= b[:, None], h, 0.0), None
