"""Corruption slot: x~ ~ p(x~ | x), fresh noise from an explicit key at every step.

Every corruption is `f(key, x, bounds, ...) -> x~` with x, x~ [batch, height, width, channels] in
the scale the network trains in, and `bounds` = (value of black, value of white) in that scale.
Noise that is drawn for each pixel is drawn for each of its channels.
Where a corruption has a `lowest`, each image's level is drawn uniformly between it and the level.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.ndimage import map_coordinates

from ae_jax.config.schema import Count, Fraction, NonNegative, Probability
from ae_jax.errors import ConfigError
from ae_jax.model.layout import Layout, column_of

Bounds = tuple[float, float]


def none(key: jax.Array, x: jax.Array, bounds: Bounds) -> jax.Array:
    """x~ = x."""
    return x


def mask(
    key: jax.Array,
    x: jax.Array,
    bounds: Bounds,
    rate: Probability = 0.5,
    lowest: Probability | None = None,
) -> jax.Array:
    """x~ = x * m, m in {0, 1} per pixel, P(m = 0) = `rate` (Vincent et al. 2010, masking noise).

    What is masked becomes 0, which is black in the scale 'unit' and mid-gray in 'sym'.
    """
    key, rate = _level(key, x, rate, lowest)
    return x * _kept(key, x.shape, rate)


def hide(
    key: jax.Array,
    x: jax.Array,
    bounds: Bounds,
    layout: Layout,
    rate: Probability = 0.5,
    lowest: Probability | None = None,
) -> jax.Array:
    """x~_i is not shown (NaN) with probability `rate`, else x_i: masking noise that says where.

    The channels of a category are hidden together. The encoder sees the mean there, and the
    indicator if there is one (`data.indicator`). A model that is trained on it learns to impute
    (`run.impute`). For examples that may have holes.
    """
    key, rate = _level(key, x, rate, lowest)
    if not layout:
        return jnp.where(_kept(key, x.shape, rate) > 0, x, jnp.nan)
    kept = _kept(key, (*x.shape[:3], len(layout)), rate)[..., column_of(layout)]
    return jnp.where(kept > 0, x, jnp.nan)


def dropout(key: jax.Array, x: jax.Array, bounds: Bounds, rate: Fraction = 0.5) -> jax.Array:
    """x~ = x * m / (1 - rate), m in {0, 1}: survivors are rescaled, so E[x~] = x.

    P(m = 0) = `rate` for each pixel; values may leave the bounds.
    """
    return x * _kept(key, x.shape, rate) / (1.0 - rate)


def gaussian(
    key: jax.Array,
    x: jax.Array,
    bounds: Bounds,
    sigma: NonNegative = 0.3,
    lowest: NonNegative | None = None,
) -> jax.Array:
    """x~ = x + sigma * e, e ~ N(0, I); `sigma` in the network's scale, values not clipped.

    Vincent et al. 2010, Gaussian noise. Equal noise has twice the `sigma` in 'sym' as in 'unit'.
    """
    key, sigma = _level(key, x, sigma, lowest)
    return x + sigma * jax.random.normal(key, x.shape, x.dtype)


def salt_and_pepper(
    key: jax.Array,
    x: jax.Array,
    bounds: Bounds,
    rate: Probability = 0.1,
    lowest: Probability | None = None,
) -> jax.Array:
    """A fraction `rate` of the pixels becomes black or white, a fair coin each.

    x~_i is black or white with probability rate / 2 each, else x_i (Vincent et al. 2010).
    """
    key, rate = _level(key, x, rate, lowest)
    # One uniform number decides both: below rate/2 black, between rate/2 and rate white.
    u = jax.random.uniform(key, x.shape)
    low, high = bounds
    return jnp.where(u < rate / 2, low, jnp.where(u < rate, high, x))


def box(
    key: jax.Array, x: jax.Array, bounds: Bounds, size: Count = 8, level: Probability = 0.5
) -> jax.Array:
    """One size x size square per image, anywhere, is painted `level` (0 black, 1 white).

    All channels alike; a `size` larger than the image paints all of it.
    """
    batch, height, width, _ = x.shape
    key_row, key_column = jax.random.split(key)
    top = jax.random.randint(key_row, (batch, 1), 0, max(height - size, 0) + 1)
    left = jax.random.randint(key_column, (batch, 1), 0, max(width - size, 0) + 1)
    rows, columns = jnp.arange(height)[None, :], jnp.arange(width)[None, :]
    in_rows = (rows >= top) & (rows < top + size)
    in_columns = (columns >= left) & (columns < left + size)
    inside = in_rows[:, :, None, None] & in_columns[:, None, :, None]
    low, high = bounds
    return jnp.where(inside, low + level * (high - low), x)


def warp(
    key: jax.Array,
    x: jax.Array,
    bounds: Bounds,
    stretch: NonNegative = 0.15,
    shift: NonNegative = 2.0,
) -> jax.Array:
    """x~(p) = x(A p + t): each image turned, sheared, scaled and moved a little, black outside.

    The entries of A - I are uniform in +-`stretch`, those of t in +-`shift` pixels, p is counted
    from the middle. The target is the image as it was, so the code is asked to keep what a digit is
    rather than how it lies: the elastic cousin of noise (deformations of Simard et al. 2003).
    """
    k_stretch, k_shift = jax.random.split(key)
    A = jax.random.uniform(k_stretch, (len(x), 2, 2), minval=-stretch, maxval=stretch)
    t = jax.random.uniform(k_shift, (len(x), 2), minval=-shift, maxval=shift)
    return affine(x, jnp.eye(2)[None] + A, t, bounds[0])


def affine(x: jax.Array, A: jax.Array, t: jax.Array, outside: float) -> jax.Array:
    """x(A p + t) by bilinear interpolation, p from the middle of the image.

    Shapes: x [n, H, W, C], A [n, 2, 2] and t [n, 2] in pixels (rows, columns) -> [n, H, W, C].
    Beyond the image every pixel is `outside`.
    """
    H, W = x.shape[1:3]
    middle = jnp.array([[(H - 1) / 2, (W - 1) / 2]])
    grid = jnp.stack(jnp.mgrid[:H, :W], -1).reshape(-1, 2) - middle
    places = jnp.einsum("nij,pj->nip", A, grid) + (t + middle)[:, :, None]

    def plane(image: jax.Array, at: jax.Array) -> jax.Array:
        return map_coordinates(image, list(at), order=1, mode="constant", cval=outside)

    moved = jax.vmap(jax.vmap(plane, (-1, None), -1))(x, places)  # [n, H * W, C]
    return moved.reshape(x.shape)


def downscale(key: jax.Array, x: jax.Array, bounds: Bounds, factor: Count = 2) -> jax.Array:
    """Means over factor x factor pixels, enlarged again by bicubic interpolation (a = -1/2).

    A model trained on it does super-resolution; nothing here is random. At edges the interpolation
    overshoots, so that values may leave the bounds.

    Raises:
      ConfigError: `factor` does not divide height and width.
    """
    return enlarge(shrink(x, factor), factor)


def shrink(x: jax.Array, factor: int) -> jax.Array:
    """Means over squares: [n, H, W, C] -> [n, H / factor, W / factor, C].

    Raises ConfigError where `factor` does not divide H and W.
    """
    n, H, W, C = x.shape
    if H % factor or W % factor:
        raise ConfigError(f"corruption.factor: {factor} does not divide images of {H} x {W}")
    return x.reshape(n, H // factor, factor, W // factor, factor, C).mean((2, 4))


def enlarge(x: jax.Array, factor: int) -> jax.Array:
    """Bicubic interpolation (a = -1/2): [n, H, W, C] -> [n, factor H, factor W, C]."""
    n, H, W, C = x.shape
    return jax.image.resize(x, (n, factor * H, factor * W, C), "cubic")


def _level(key: jax.Array, x: jax.Array, highest: Any, lowest: Any) -> tuple[jax.Array, Any]:
    """(key to go on with, the level): each image draws its own where a `lowest` is given."""
    if lowest is None:
        return key, highest
    key, key_level = jax.random.split(key)
    u = jax.random.uniform(key_level, (len(x), 1, 1, 1))
    return key, lowest + u * (highest - lowest)


def _kept(key: jax.Array, shape: tuple[int, ...], rate: Any) -> jax.Array:
    # `rate` itself is compared with the bits, so that it may be open.
    # Drawn as rows of pixels: on CPUs a last axis of one channel makes the loops slow.
    u = jax.random.uniform(key, (shape[0], math.prod(shape[1:])))
    return (u >= jnp.reshape(rate, (-1, 1))).astype(jnp.float32).reshape(shape)


CORRUPTIONS: dict[str, Callable[..., jax.Array]] = {
    "none": none,
    "mask": mask,
    "hide": hide,
    "dropout": dropout,
    "gaussian": gaussian,
    "salt_and_pepper": salt_and_pepper,
    "box": box,
    "warp": warp,
    "downscale": downscale,
}
OPEN = {  # see `ae_jax.config.numbers`
    "mask": ("rate", "lowest"),
    "hide": ("rate", "lowest"),
    "dropout": ("rate",),
    "gaussian": ("sigma", "lowest"),
    "salt_and_pepper": ("rate", "lowest"),
    "box": ("level",),
    "warp": ("stretch", "shift"),
}

HIDES = ("hide",)  # says what is not shown: the model has holes, whatever the data
NEEDS_BOUNDS = ("salt_and_pepper", "box", "warp")  # the smallest and the largest value
NEEDS_AREA = ("box", "warp", "downscale")  # height and width
NEEDS_ALL = ("downscale",)  # of one unknown pixel the interpolation makes a whole row

# How far each can take a value beyond the bounds, in the network's scale, whose values are at most
# 1 in size; those that are not here stay within.
BEYOND: dict[str, Callable[[Mapping[str, Any]], float]] = {
    "dropout": lambda options: 1 / (1 - options["rate"]) - 1,
    # Eight standard deviations: of 1e14 pixels one is farther out.
    "gaussian": lambda options: 8 * max(options["sigma"], options["lowest"] or 0),
    # The weights of bicubic interpolation in two dimensions sum to 25/16 in size: 9/32 each way.
    "downscale": lambda options: 0.3 * 2,
}
