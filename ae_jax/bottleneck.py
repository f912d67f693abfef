"""Bottleneck slot: h -> z, what stands between encoder and decoder.

Every bottleneck is `f(key, h, train, ...) -> z` with h [batch, width] and z [batch, code_size];
without a key nothing random happens, which is how codes are read off for analysis.
"""

from collections.abc import Callable

import jax

from ae_jax.schema import Fraction


def identity(key: jax.Array | None, h: jax.Array, train: bool) -> jax.Array:
    """z = h."""
    return h


def dropout(
    key: jax.Array | None, h: jax.Array, train: bool, rate: Fraction = 0.5, at_eval: bool = False
) -> jax.Array:
    """z = h * m / (1 - rate), m in {0, 1} with P(m = 0) = `rate` (Srivastava et al. 2014).

    `at_eval=True` keeps the noise at evaluation too: what a network does that is never put in
    evaluation mode.
    """
    if key is None or not (train or at_eval):
        return h
    kept = jax.random.uniform(key, h.shape) >= rate
    return h * kept / (1.0 - rate)


BOTTLENECKS: dict[str, Callable[..., jax.Array]] = {
    "identity": identity,
    "dropout": dropout,
}
