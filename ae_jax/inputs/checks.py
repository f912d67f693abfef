"""Checks of arrays before any computation. Every error says how to fix the array.

One function, `images`, checks images wherever they enter: a data set, `fit`, and every method of a
`Run`. It looks at the type and, for floats, at the smallest and the largest value.
"""

import numpy as np

from ae_jax.errors import ConfigError, DataError

UNIT = (0.0, 1.0)
DARK = 16  # a set of uint8 images with no larger value is taken for one of another scale


def array(where: str, value: object, masked: bool = False) -> np.ndarray:
    """`value` as a NumPy array: lists, JAX arrays and all else that NumPy can read.

    Args:
      where: what messages call it.
      value: the array.
      masked: whether a masked array may come, which is returned as it is.

    Raises:
      DataError: ragged lists, or a masked array of which something is masked, for the mask would
        be lost.
    """
    if masked and isinstance(value, np.ma.MaskedArray):
        return value
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
    and 255). Nothing is copied that is right already. With `holes`, uint8 of which something is
    masked becomes float32 in [0,1].

    Args:
      where: what messages call it.
      value: the images.
      limits: the smallest and the largest float.
      room: how far beyond is let pass.
      empty: whether there may be no images.
      holes: whether there may be NaN, of what was not observed; what is masked becomes NaN.

    Raises:
      DataError: another type, shape or range; the message says what mends it.
    """
    x = array(where, value, holes)
    hidden = np.ma.getmaskarray(x) if np.ma.is_masked(x) else None
    x = np.asarray(x)
    if x.dtype == bool:
        x = x * np.uint8(255)
    if x.dtype != np.uint8 and not _is_float(x.dtype):
        raise DataError(f"{where}: {x.dtype}; must be uint8, or float in [0,1]{_of_integers(x)}")
    if x.ndim not in (3, 4) or 0 in x.shape[1:] or not (empty or len(x)):
        raise DataError(f"{where}: shape {x.shape}; must be [n, H, W] or [n, H, W, C], no 0")
    if hidden is not None:
        x = _with_holes(unit(x), hidden)
    if x.dtype != np.uint8:
        with np.errstate(over="ignore", invalid="ignore"):  # infinite: found in the next lines
            x = np.asarray(x, np.float32)
        if not _surely_unit(x):
            x = _in_limits(where, x, limits, room, holes)
    return x if x.ndim == 4 else x[..., None]


def unit(x: np.ndarray) -> np.ndarray:
    """uint8 images as float32 in [0,1]; floats as they are."""
    return x / np.float32(255) if x.dtype == np.uint8 else x


def _with_holes(x: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """NaN where hidden, of one sign, whatever 0/0 gave: hashes are of the bytes."""
    return np.where(hidden, x.dtype.type(np.nan), x)


def _in_limits(
    where: str, x: np.ndarray, limits: tuple[float, float], room: float, holes: bool
) -> np.ndarray:
    """float32 images that were found to be in the limits, or NaN where there may be holes."""
    if not x.size:
        return x
    hidden = np.isnan(x) if holes else None
    seen = x[~hidden] if hidden is not None and hidden.any() else x
    if not seen.size:
        return _with_holes(x, np.isnan(x))
    low, high = float(seen.min()), float(seen.max())  # NaN if there is one
    if not (low >= limits[0] - room and high <= limits[1] + room):
        allowed = "or NaN, not observed" if holes else "no NaN"
        raise DataError(
            f"{where}: values {low:g} to {high:g}; floats must be in "
            f"[{limits[0]:g},{limits[1]:g}], {allowed}{_of_floats(low, high)}"
        )
    return x if seen is x or hidden is None else _with_holes(x, hidden)


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


def of_bytes(value: object) -> bool:
    """Whether it is whole numbers of which some are masked, which `images` makes floats."""
    whole = isinstance(value, np.ma.MaskedArray) and value.dtype in (np.uint8, np.bool_)
    return whole and bool(np.ma.is_masked(value))


def unambiguous(where: str, x: np.ndarray, value: object = None) -> None:
    """Refuses images [n, H, W, C] that are most likely of another layout or another scale.

    Channels first: there are 1, 3 or 4 rows and more than four columns and channels (of 1 row:
    about as many columns as channels, as a row may be a signal). Scale: uint8, or made of a `value`
    of whole numbers, and the largest value of all images is 1 to 16.

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
    most = 0
    if x.dtype == np.uint8:
        most = int(x.max())
    elif of_bytes(value) and (seen := x[~np.isnan(x)]).size:
        most = round(255 * float(seen.max()))
    if 0 < most <= DARK:
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
    given = array(where, value, holes)
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
