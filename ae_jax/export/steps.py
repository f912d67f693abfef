"""What traced functions are made of: named arrays, constants, steps; and how JSON has them."""

import math
import re
from collections.abc import Sequence
from enum import Enum
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr

Sizes: TypeAlias = tuple[int | str, ...]
Scalar: TypeAlias = str | float | bool

SIZE = re.compile(r"[0-9n+*() -]+")  # sums and products of n


class UnknownStepError(Exception):
    """What a step cannot say, or a runtime does not have; the message names it."""


class Value(NamedTuple):
    """An array by its name."""

    name: str
    shape: Sizes
    dtype: str


class Step(NamedTuple):
    """out = op(inputs), of which `inputs` are names or scalars."""

    op: str
    inputs: tuple[Scalar, ...]
    out: Value
    params: dict[str, Any]


class Known(NamedTuple):
    """A constant array; of rank 0 where all its numbers are equal, whatever the shape."""

    array: np.ndarray
    shape: Sizes
    dtype: str


def known_of(value: Any, aval: Any = None) -> Known:
    """The constant; where all numbers are equal it keeps one."""
    array = np.asarray(value)
    shape = array.shape if aval is None else tuple(aval.shape)
    dtype = str(array.dtype if aval is None else aval.dtype)
    array = array.astype(dtype)
    if array.size and array.tobytes() == array.flat[0].tobytes() * array.size:
        array = array.reshape(-1)[0].reshape(())
    return Known(array, shape, dtype)


def uniform(v: Value | Known) -> Any:
    """The number that all are, or None."""
    return v.array.item() if isinstance(v, Known) and not v.array.ndim else None


def broadcast(shapes: Sequence[Sizes]) -> Sizes | None:
    """The shape of arrays of one rank together, and of scalars; None: they do not fit."""
    shapes = [s for s in shapes if s]
    if len({len(s) for s in shapes}) > 1:
        return None
    found = [{d for d in axis if d != 1} or {1} for axis in zip(*shapes, strict=True)]
    return tuple(d for axis in found for d in axis) if all(len(a) == 1 for a in found) else None


def sizes(shape: Sequence[Any]) -> Sizes:
    """Whole numbers, and sums and products of n as text.

    Raises:
      UnknownStepError: a size is another function of n.
    """
    return tuple(_size(d) for d in shape)


def _size(d: Any) -> int | str:
    if isinstance(d, int | np.integer):
        return int(d)
    if not SIZE.fullmatch(str(d)):
        raise UnknownStepError(f"the size {d}")
    return str(d)


def scalar(array: np.ndarray) -> Scalar:
    """The number as JSON has it, with the digits that its type has."""
    if array.dtype.kind in "biu":
        found: int | bool = array.item()
        return found
    number = float(str(array))
    if math.isnan(number):
        return "NaN"
    return number if math.isfinite(number) else f"{'-' * (number < 0)}Infinity"


def plain(op: str, value: Any) -> Any:
    """A param of a step as JSON has it.

    Raises:
      UnknownStepError: it is a program or a function.
    """
    if value is None or isinstance(value, bool | str | float):
        return value
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return str(np.dtype(value))
    if hasattr(value, "_asdict"):
        return {k: plain(op, v) for k, v in value._asdict().items()}
    if isinstance(value, tuple | list):
        return [plain(op, v) for v in value]
    if isinstance(value, Jaxpr | ClosedJaxpr) or callable(value):
        raise UnknownStepError(f"the step '{op}'")
    return _size(value)
