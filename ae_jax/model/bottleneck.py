"""Bottleneck slot: h -> z, what stands between encoder and decoder.

Every bottleneck is `f(key, h, train, ...) -> z` with h [batch, width] and z [batch, code_size];
without a key nothing random happens, which is how codes are read off for analysis.
"""

from collections.abc import Callable
from typing import Annotated

import jax
import jax.numpy as jnp

from ae_jax.config.schema import Count, Fraction, OneOf


def identity(key: jax.Array | None, h: jax.Array, train: bool) -> jax.Array:
    """z = h."""
    return h


def gaussian_parameters(h: jax.Array, deviation: str) -> tuple[jax.Array, jax.Array, jax.Array]:
    """h [batch, 2 code_size] -> (mean, standard deviation, log variance) of q(z | x).

    Each [batch, code_size]. With s the second half of h they are, for 'log_variance', e^(s/2) and
    s; for 'raw', s itself, of either sign, and log(s^2 + 1e-10).
    """
    mean, s = jnp.split(h, 2, axis=-1)
    if deviation == "log_variance":
        return mean, jnp.exp(s / 2), s
    # The raw number is the deviation itself; its sign means nothing. 1e-10 as in the Keras source.
    return mean, s, jnp.log(jnp.square(s) + 1e-10)


def gaussian(
    key: jax.Array | None,
    h: jax.Array,
    train: bool,
    deviation: Annotated[str, OneOf(("log_variance", "raw"))] = "log_variance",
    at_eval: bool = False,
) -> jax.Array:
    """z = mean + deviation * e, e ~ N(0, I) (Kingma & Welling 2014); the mean at evaluation.

    The encoder delivers h [batch, 2 code_size], the means and then the log variances (or, 'raw',
    the deviations); z is [batch, code_size]. `at_eval=True` draws at evaluation too, where there
    is a key.
    """
    mean, sigma, _ = gaussian_parameters(h, deviation)
    if key is None or not (train or at_eval):
        return mean
    return mean + sigma * jax.random.normal(key, mean.shape, mean.dtype)


def dropout(
    key: jax.Array | None, h: jax.Array, train: bool, rate: Fraction = 0.5, at_eval: bool = False
) -> jax.Array:
    """z = h * m / (1 - rate), m in {0, 1} with P(m = 0) = `rate` (Srivastava et al. 2014).

    Survivors are rescaled, so E[z] = h. `at_eval=True` keeps the noise at evaluation too: what a
    network does that is never put in evaluation mode.
    """
    if key is None or not (train or at_eval):
        return h
    kept = jax.random.uniform(key, h.shape) >= rate
    return h * kept / (1.0 - rate)


def largest(h: jax.Array, k: int) -> jax.Array:
    """Where the k largest of each row of h [batch, width] are, as truth values; exactly k.

    Of equal values the one further left counts as larger.
    """
    _, indices = jax.lax.top_k(h, k)
    return jnp.put_along_axis(jnp.zeros(h.shape, bool), indices, True, axis=1, inplace=False)


def top_k(key: jax.Array | None, h: jax.Array, train: bool, k: Count = 10) -> jax.Array:
    """z_j = h_j where it is among the `k` largest of its image, else 0 (Makhzani & Frey 2014).

    By value, not by size: with a linear code, as there, a negative h_j is kept only where fewer
    than k are positive. The gradient goes through the kept ones only. Evaluation does the same.
    """
    return jnp.where(largest(h, k), h, 0.0)


BOTTLENECKS: dict[str, Callable[..., jax.Array]] = {
    "identity": identity,
    "dropout": dropout,
    "gaussian": gaussian,
    "top_k": top_k,
}
OPEN = {"dropout": ("rate",)}  # see `ae_jax.config.numbers`
WIDTHS = {"gaussian": 2}  # how many numbers the encoder delivers for one of the code; else 1
