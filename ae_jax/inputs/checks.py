"""Checks of arrays before any computation. Every error says how to fix the array.

One function, `images`, checks images wherever they enter: a data set, `fit`, and every method of a
`Run`. It looks at the type and, for floats, at the smallest and the largest value.
"""

import numpy as np

from ae_jax.errors import ConfigError, DataError

UNIT = (0.0, 1.0)
DARK = 16  # a set of uint8 images with no larger value is taken for one of another scale


def array(where: str, value: object) -> np.ndarray:
    """`value` as a NumPy array: lists, JAX arrays and all else that NumPy can read.

    Raises:
      DataError: ragged lists, or a masked array of which something is masked, for the mask would
        be lost.
    """
    parts = value if isinstance(value, list | tuple) else (value,)
    if any(np.ma.is_masked(part) for part in parts):
        raise DataError(f"{where}: a masked array, whose mask would be lost; use x.filled(0)")
    try:
        return np.asarray(value)
    except Exception as error:  # NumPy has its kinds, and what it asks for its data has others
        why = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise DataError(f"{where}: not an array ({why})") from None


def images(
    where: str,
    value: object,
    limits: tuple[float, float] = UNIT,
    room: float = 0.0,
    empty: bool = False,
    holes: bool = False,
) -> np.ndarray:
    """`value` as images [n, H, W, C], uint8, or float32 in `limits`.

    [n, H, W] gets a channel. Floats of any width and byte order become float32, and bool uint8 (0
    and 255). Nothing is copied that is right already.

    Args:
      where: what messages call it.
      value: the images.
      limits: the smallest and the largest float.
      room: how far beyond is let pass.
      empty: whether there may be no images.
      holes: whether there may be NaN, of what was not observed.

    Raises:
      DataError: another type, shape or range; the message says what mends it.
    """
    x = array(where, value)
    if x.dtype == bool:
        x = x * np.uint8(255)
    if x.dtype != np.uint8 and not _is_float(x.dtype):
        raise DataError(f"{where}: {x.dtype}; must be uint8, or float in [0,1]{_of_integers(x)}")
    if x.ndim not in (3, 4) or 0 in x.shape[1:] or not (empty or len(x)):
        raise DataError(f"{where}: shape {x.shape}; must be [n, H, W] or [n, H, W, C], no 0")
    if x.dtype != np.uint8:
        with np.errstate(over="ignore", invalid="ignore"):  # infinite: found in the next lines
            x = np.asarray(x, np.float32)
        if _surely_unit(x):
            return x if x.ndim == 4 else x[..., None]
        least = x[~np.isnan(x)] if holes else x
        if not least.size:
            return x if x.ndim == 4 else x[..., None]
        low, high = float(least.min()), float(least.max())  # NaN if there is one
        if not (low >= limits[0] - room and high <= limits[1] + room):
            raise DataError(
                f"{where}: values {low:g} to {high:g}; floats must be in "
                f"[{limits[0]:g},{limits[1]:g}], no NaN{_of_floats(low, high)}"
            )
    return x if x.ndim == 4 else x[..., None]


def _surely_unit(x: np.ndarray) -> bool:
    """Whether all float32 are in [0,1], in one pass over them instead of two.

    As whole numbers the bits of 0 ... 1 are 0 ... those of 1; negative numbers and NaN are above.
    """
    return bool(x.view(np.uint32).max(initial=0) <= np.float32(1).view(np.uint32))


def _is_float(dtype: np.dtype) -> bool:
    return dtype.kind == "f" or dtype.name == "bfloat16"  # the latter is JAX's


def _of_integers(x: np.ndarray) -> str:
    """What makes images of other whole numbers."""
    if x.dtype.kind not in "iu" or not x.size or x.min() < 0:
        return ""
    if x.max() <= 255:
        return ": x.astype(np.uint8)"
    return ": x / 65535" if x.max() <= 65535 else ""


def _of_floats(low: float, high: float) -> str:
    """What brings floats into [0,1]."""
    if not np.isfinite([low, high]).all():
        return ""
    if low >= 0 and 2 < high <= 255:
        return ": x / 255"
    if -1 <= low < -0.5 and high <= 1:
        return ": (x + 1) / 2"
    return ": np.clip(x, 0, 1)" if low >= -1 and high <= 2 else ""


def unambiguous(where: str, x: np.ndarray) -> None:
    """Refuses images [n, H, W, C] that are most likely of another layout or another scale.

    Channels first: there are 1, 3 or 4 rows and more than four columns and channels (of 1 row:
    about as many columns as channels, as a row may be a signal). Scale: uint8, and the largest
    value of all images is 1 to 16.

    Raises:
      DataError: says what mends it.
    """
    rows, columns, channels = x.shape[1:]
    square = rows > 1 or max(columns, channels) <= 2 * min(columns, channels)
    if rows in (1, 3, 4) and min(columns, channels) > 4 and square:
        raise DataError(
            f"{where}: shape {x.shape} looks like channels first, and must be [n, H, W, C]: "
            "np.moveaxis(x, 1, -1)"
        )
    if x.dtype == np.uint8 and 0 < (most := int(x.max())) <= DARK:
        mend = "x * 255" if most == 1 else "x / 16.0 (or by what is white)"
        raise DataError(
            f"{where}: uint8 of at most {most}, where 255 is white: {mend}; x / 255.0 if they are "
            "that dark"
        )


def images_of(
    where: str,
    value: object,
    shape: tuple[int, int, int],
    limits: tuple[float, float] = UNIT,
    room: float = 0.0,
    holes: bool = False,
) -> np.ndarray:
    """`images` of one known `shape` (height, width, channels), possibly none of them.

    Raises:
      DataError: as `images`, and of images of another shape.
    """
    given = array(where, value)
    one = (shape, shape[:2]) if shape[2] == 1 else (shape,)
    if given.shape[1:] not in one:
        wanted = f"{where} must be [n, {', '.join(map(str, shape))}], not {list(given.shape)}"
        if given.shape in one:
            raise DataError(f"{wanted}; of one image: x[None]")
        if given.ndim == 4 and (*given.shape[2:], given.shape[1]) == shape:
            raise DataError(f"{wanted}; channels come last: np.moveaxis(x, 1, -1)")
        raise DataError(wanted)
    return images(where, given, limits, room, empty=True, holes=holes)


def codes(where: str, value: object, size: int) -> np.ndarray:
    """`value` as codes float32 [n, size], finite; n may be 0.

    Raises:
      DataError: another shape or type, or a number that is not finite in float32.
    """
    z = array(where, value)
    if z.shape == (size,):
        raise DataError(f"{where}: shape {z.shape}; must be [n, {size}]; of one code: z[None]")
    if z.ndim != 2 or z.shape[1] != size:
        raise DataError(f"{where}: shape {z.shape}; must be [n, {size}], a code has {size} numbers")
    if z.dtype.kind not in "iu" and not _is_float(z.dtype):
        raise DataError(f"{where}: {z.dtype}; must be numbers")
    with np.errstate(over="ignore", invalid="ignore"):
        z = np.asarray(z, np.float32)
    if not np.isfinite(z).all():
        raise DataError(f"{where}: NaN or infinite; codes must be finite in float32")
    return z


def count(where: str, value: object, least: int = 0) -> int:
    """A whole number of things, `least` or more; ConfigError says so."""
    if isinstance(value, np.ndarray | np.generic) and np.ndim(value) == 0:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"{where}: must be a whole number >= {least}, not {value!r}")
    return value
