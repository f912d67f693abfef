"""Labels: whole numbers or text outside, class numbers 0 ... k-1 inside."""

from typing import Any

import numpy as np

from ae_jax.errors import DataError
from ae_jax.inputs.checks import array

Names = tuple[str, ...]


def raw(where: str, value: object, n: int) -> np.ndarray:
    """Labels [n] of n images: int64 >= 0, or text.

    Taken are whole numbers of any type (floats, too), text and [n, 1].

    Raises:
      DataError: names `where` and what is allowed.
    """
    y = array(where, value)
    y = y[:, 0] if y.shape == (n, 1) else y
    if y.shape != (n,):
        onehot = "; of one-hot labels y.argmax(1)" if y.ndim == 2 and len(y) == n else ""
        raise DataError(f"{where}: shape {y.shape}; must be ({n},), one label per image{onehot}")
    if (y.dtype.kind == "O" and all(isinstance(label, str) for label in y)) or y.dtype.kind == "T":
        y = y.astype(str)
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "replace")
    if y.dtype.kind == "U":
        return y
    if y.dtype.kind not in "biuf":
        raise DataError(f"{where}: {y.dtype}; must be whole numbers, or text")
    if y.dtype.kind == "f":
        y = y.astype(np.float64)  # float16 ends before int32 does
        wrong = y[~(np.isfinite(y) & (np.rint(y) == y))]
        if len(wrong):
            raise DataError(f"{where}: {wrong[0]:g}; must be whole numbers, or text")
    if n and not (y.min() >= 0 and y.max() <= np.iinfo(np.int32).max):
        raise DataError(f"{where}: {y.min():g} to {y.max():g}; must be >= 0 and fit int32")
    return y.astype(np.int64)


def numbered(
    parts: dict[str, np.ndarray | None],
) -> tuple[list[np.ndarray | None], Names | None]:
    """Labels of all parts -> (class numbers int32 [n] of each, names of the classes or None).

    Whole numbers that use at least half of 0 ... their largest are class numbers already. Others
    (text, ids such as 20000) become their place among all different ones in order, and what they
    were is the name.

    Args:
      parts: name -> labels as `raw` gives them, or None where they are unknown.

    Raises:
      DataError: numbers in one part, text in another.
    """
    known = {where: y for where, y in parts.items() if y is not None}
    if not known:
        return [None] * len(parts), None
    if len({y.dtype.kind for y in known.values()}) > 1:
        raise DataError(f"{' and '.join(known)}: numbers and text; must be one or the other")
    kinds = np.unique(np.concatenate(list(known.values())))
    if kinds.dtype.kind != "U" and (not len(kinds) or kinds[-1] + 1 <= 2 * len(kinds)):
        return [None if y is None else y.astype(np.int32) for y in parts.values()], None
    places = [
        None if y is None else np.searchsorted(kinds, y).astype(np.int32) for y in parts.values()
    ]
    return places, tuple(map(str, kinds))


def classes_of(where: str, value: object, n: int, classes: int, names: Names | None) -> np.ndarray:
    """Labels [n] as a decoder of so many `classes` is told them: class numbers int32.

    Args:
      where: what messages call them.
      value: class numbers, or names out of `names`.
      n: how many there must be.
      classes: `model.classes`.
      names: of the classes 0 ... k-1; None: they have none.

    Raises:
      DataError: absent, not one per image, or a label that the decoder does not know.
    """
    if value is None:
        raise DataError(f"{where}: this decoder is conditioned on labels; pass one per image")
    y = array(where, value)
    top = min(classes, len(names)) if names else classes
    allowed = f"0 to {top - 1} (model.classes is {classes})"
    if names:
        allowed += f", or a name: {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
    if y.dtype.kind in "iuf" and y.size:
        wrong = y[~((y >= 0) & (y < top) & (np.rint(y) == y))]
        if len(wrong):
            raise DataError(f"{where}: {wrong[0]:g}; must be whole numbers, {allowed}")
    y = raw(where, y, n)
    if y.dtype.kind == "U":
        unknown = sorted({*y.tolist()} - {*(names or ())})
        if unknown:
            raise DataError(f"{where}: '{unknown[0]}'; must be whole numbers, {allowed}")
        place = {name: i for i, name in enumerate(names or ())}
        y = np.array([place[label] for label in y.tolist()], np.int64)
    return y.astype(np.int32)


def for_drawing(where: str, value: object, n: int, names: Names | None) -> tuple[Any, Names]:
    """Labels [n] as a chart takes them: (numbers [n] or None, names of the numbers 0 ... or ()).

    Any number may be drawn, text as a class each; class numbers get the `names` they have.

    Raises:
      DataError: not one per image, or neither numbers nor text.
    """
    if value is None:
        return None, ()
    y = array(where, value)
    y = y[:, 0] if y.shape == (n, 1) else y
    if y.dtype.kind == "f" and y.shape == (n,):
        return y.astype(np.float64), ()
    if y.dtype.kind == "i" and y.shape == (n,) and n and y.min() < 0:
        return y, ()
    y = raw(where, y, n)
    if y.dtype.kind == "U":
        kinds, place = np.unique(y, return_inverse=True)
        return place.reshape(-1), tuple(map(str, kinds))
    return y, names if names and n and y.max() < len(names) else ()
