"""What the examples of a data set are: images, signals or rows; and what their columns mean.

Inside, all examples are [n, height, width, channels]: a signal [n, L, C] is an image of height 1,
[n, 1, L, C], and a row [n, D] is one pixel of D channels, [n, 1, 1, D].
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ae_jax.errors import ConfigError, DataError
from ae_jax.inputs import checks

AXES = {"image": (2, 3), "signal": (1, 2), "rows": (1,)}  # of one example, as a user sees it
PLURALS = {"image": "images", "signal": "signals", "rows": "rows"}
SHAPES = {
    "image": "[n, H, W] or [n, H, W, C]",
    "signal": "[n, L] or [n, L, C]",
    "rows": "[n, D]",
}


class Column(NamedTuple):
    """A column of a table, or a channel of a signal.

    A number or a boolean (0 and 1) is one channel of a row; a category is one channel of 0 or 1
    for each of its `categories`, of which one is 1.
    """

    name: str
    kind: str = "number"  # 'number', 'boolean' or 'category'
    categories: tuple[str, ...] = ()  # what the channels of a category stand for

    @property
    def width(self) -> int:
        """How many channels it has."""
        return len(self.categories) if self.kind == "category" else 1


class Examples(NamedTuple):
    """The kind of a data set's examples, and their columns if they have names."""

    kind: str = "image"
    columns: tuple[Column, ...] | None = None

    @property
    def layout(self) -> tuple[int, ...]:
        """The channels of every column, see `ae_jax.model.layout`; () where all are numbers."""
        kinds = [(c.kind, c.width) for c in self.columns or ()]
        if all(kind == "number" for kind, _ in kinds):
            return ()
        return tuple({"number": 1, "boolean": 0}.get(kind, width) for kind, width in kinds)

    def inner(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """(height, width, channels) of an example of the user's `shape`."""
        if self.kind == "rows":
            return 1, 1, *shape
        filled = shape if len(shape) == AXES[self.kind][-1] else (*shape, 1)
        return (1, *filled) if self.kind == "signal" else filled

    def outer(self, shape: tuple[int, int, int]) -> tuple[int, ...]:
        """The shape that a user sees of an example [height, width, channels]."""
        return shape[{"image": 0, "signal": 1, "rows": 2}[self.kind] :]


def as_examples(
    where: str, value: object, kind: str | None, columns: Sequence[str | Column] | None
) -> tuple[Examples, np.ndarray]:
    """(what an array's examples are, the array [n, H, W, C] as `Examples` says).

    NaN, and what is masked, was not observed, and is NaN in what comes back.

    Raises:
      DataError: errors of `checks.images` or `numbers`; not one name for each column.
      ConfigError: an unknown kind, or columns of images.
    """
    x = checks.array(where, value, masked=True)  # a mask says what was not observed
    kind = kind or ("rows" if x.ndim == 2 else "image")
    if kind not in AXES:
        raise ConfigError(f"kind: must be one of {', '.join(AXES)}, not {kind!r}")
    if kind == "image":
        if columns is not None:
            raise ConfigError("columns: images have none; they are for kind='rows' or 'signal'")
        return Examples(), checks.images(where, x, holes=True)
    named = None
    if columns is not None:
        named = tuple(c if isinstance(c, Column) else Column(str(c)) for c in columns)
    examples = Examples(kind, named)
    x = numbers(where, value, examples)
    if named is not None:
        repeated = [c.name for i, c in enumerate(named) if c.name in {d.name for d in named[:i]}]
        if repeated:
            raise DataError(f"{where}: columns: '{repeated[0]}' is there twice")
        if (width := sum(c.width for c in named)) != x.shape[-1]:
            raise DataError(f"{where}: columns: {width} named, but there are {x.shape[-1]}")
    return examples, x


def numbers(
    where: str, value: object, examples: Examples, empty: bool = False, first: int = 0
) -> np.ndarray:
    """Signals or rows as float64 [n, H, W, C], NaN where nothing was observed.

    Args:
      where: what messages call it.
      value: any real numbers, in the user's shape or in [n, H, W, C]; masked ones become NaN.
      examples: what they are.
      empty: whether there may be none.
      first: the number of the first, for messages.

    Raises:
      DataError: another type or shape, or an infinite number.
    """
    given = checks.array(where, value, masked=True)
    hidden = np.ma.getmaskarray(given) if isinstance(given, np.ma.MaskedArray) else None
    x = np.asarray(given)
    if x.dtype.kind not in "buif" and x.dtype.name != "bfloat16":  # the latter is JAX's
        raise DataError(f"{where}: {x.dtype}; {examples.kind} must be numbers, NaN where unknown")
    axes = AXES[examples.kind]
    inside = x.ndim == 4 and (x.shape[1] == 1 and (examples.kind == "signal" or x.shape[2] == 1))
    if (x.ndim - 1 not in axes and not inside) or 0 in x.shape[1:] or not (empty or len(x)):
        one = "; of one: x[None]" if x.ndim == axes[0] else ""
        raise DataError(f"{where}: shape {x.shape}; must be {SHAPES[examples.kind]}, no 0{one}")
    with np.errstate(over="ignore", invalid="ignore"):
        x = x.astype(np.float64, copy=False)
    hidden = np.isnan(x) if hidden is None else hidden | np.isnan(x)
    if hidden.any():
        x = np.where(hidden, np.nan, x)  # of one sign, whatever 0/0 gave: hashes are of the bytes
    if np.isinf(x).any():
        row, *_, column = (int(i[0]) for i in np.nonzero(np.isinf(x)))
        raise DataError(
            f"{where}: infinite in row {first + row}, column {column}; NaN says that nothing is "
            "known"
        )
    return x if inside else x.reshape(len(x), *examples.inner(x.shape[1:]))
