"""Pixel scales: `unit` is [0,1], `sym` is 2 unit - 1 in [-1,1]; the only place that converts.

An MSE in `sym` units is exactly 4 times the same MSE in `unit` units. The other scales are for
signals and rows, which `ae_jax.data.scales` has brought to them before; here they stay as they are.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

BOUNDS: dict[str, tuple[float, float]] = {"unit": (0.0, 1.0), "sym": (-1.0, 1.0)}
BOUNDS |= {scale: BOUNDS["unit"] for scale in ("standard", "robust", "none")}  # converts nothing
BOUNDED = ("unit", "sym")  # in which values have a smallest and a largest


def to_network(images: Any, scale: str) -> Any:
    """Images (uint8, or float in [0,1]) -> float32 in the network's scale.

    Of an array of NumPy comes one of NumPy, which compiles nothing; of JAX's, one of JAX's.
    """
    unit = images.astype(np.float32)
    if images.dtype == np.uint8:
        unit = unit / 255.0
    low, high = BOUNDS[scale]
    return unit * (high - low) + low


def black_or_white(key: jax.Array, x: jax.Array, scale: str) -> jax.Array:
    """Each pixel white with the probability that its gray says, else black.

    As in Salakhutdinov & Murray 2008 ("On the quantitative analysis of deep belief networks").
    """
    low, high = BOUNDS[scale]
    drawn: jax.Array = jnp.where(jax.random.uniform(key, x.shape) < to_unit(x, scale), high, low)
    return drawn.astype(x.dtype)


def to_unit(x: Any, scale: str) -> Any:
    """The inverse, float32; values outside the bounds are kept (a figure clips, a metric not)."""
    low, high = BOUNDS[scale]
    return (x - low) / (high - low)
