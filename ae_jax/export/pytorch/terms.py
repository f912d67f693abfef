"""Python text with its precedence, and the shape that it has."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from ae_jax.export.steps import Scalar, Sizes, Step, UnknownStepError

ATOM, UNARY, TIMES, PLUS, AND, XOR, OR, COMPARE = 9, 8, 7, 6, 5, 4, 3, 2

TYPES = {  # JAX's integers index and label: PyTorch's have 64 bits
    "float32": "torch.float32",
    "float64": "torch.float64",
    "float16": "torch.float16",
    "bfloat16": "torch.bfloat16",
    "bool": "torch.bool",
    "int32": "torch.int64",
    "int64": "torch.int64",
    "uint8": "torch.uint8",
}


class Expr(NamedTuple):
    """Python text that gives an array.

    `shape` is what PyTorch has: where the array is only repeated, sizes are 1 or missing in front.
    """

    text: str
    level: int
    shape: Sizes
    number: bool = False  # whether it is a number of Python


class Operand(NamedTuple):
    """An expression, and what it stands for in the graph."""

    expr: Expr
    shape: Sizes
    dtype: str


class Here(NamedTuple):
    """A step, its operands, and the name of an array that is on the device."""

    step: Step
    given: tuple[Operand, ...]
    like: str

    @property
    def shape(self) -> Sizes:
        """Of the result."""
        return self.step.out.shape

    def full(self, i: int) -> Expr:
        """An operand with the shape that it stands for."""
        e, shape, dtype = self.given[i]
        if e.shape == shape:
            return e
        if e.number:
            made = call(
                f"{self.like}.new_full",
                f"({dims(shape)},)" if len(shape) == 1 else several(shape),
                e.text,
                f"dtype={dtype_of(dtype)}",
            )
        else:
            made = method(e, "expand", dims(shape))
        return Expr(*made, shape)

    def made(self, text: str, level: int = ATOM) -> Expr:
        """An expression of the shape of the result."""
        return Expr(text, level, self.shape)


Translated: TypeAlias = Callable[[Here], Expr]  # of a step


def number(value: Scalar) -> Expr:
    """A scalar of a step."""
    if isinstance(value, str):
        text = {"NaN": "torch.nan", "Infinity": "torch.inf", "-Infinity": "-torch.inf"}[value]
    else:
        text = repr(value)
    return Expr(text, UNARY if text.startswith("-") else ATOM, (), True)


def dtype_of(name: str) -> str:
    """PyTorch's name of a type.

    Raises:
      UnknownStepError: it has none.
    """
    if name not in TYPES:
        raise UnknownStepError(f"the type {name}")
    return TYPES[name]


def within(e: Expr, level: int) -> str:
    """The text where something binds as tightly as `level`."""
    return e.text if e.level >= level else f"({e.text})"


def call(name: str, *arguments: str) -> tuple[str, int]:
    """A call of a function: text and level."""
    return f"{name}({', '.join(arguments)})", ATOM


def method(e: Expr, name: str, *arguments: str) -> tuple[str, int]:
    """A call of a method."""
    return call(f"{within(e, ATOM)}.{name}", *arguments)


def dim(d: int | str) -> str:
    """A size as Python."""
    return str(d).replace("*", " * ")


def dims(sizes: Sequence[int | str]) -> str:
    """Several, with commas."""
    return ", ".join(map(dim, sizes))


def several(numbers: Sequence[int | str]) -> str:
    """A tuple, or the number where there is one."""
    return dim(numbers[0]) if len(numbers) == 1 else f"({dims(numbers)})"


def alike(numbers: Sequence[int]) -> str:
    """A tuple, or the number that all are."""
    return several(numbers[:1] if len(set(numbers)) == 1 else numbers)


def stripped(shape: Sizes) -> Sizes:
    """Without ones in front."""
    first = next((i for i, d in enumerate(shape) if d != 1), len(shape))
    return shape[first:]


def together(shapes: Sequence[Sizes]) -> Sizes:
    """The shape of arrays that are broadcast as by NumPy."""
    rank = max(map(len, shapes))
    wide = [(1,) * (rank - len(s)) + s for s in shapes]
    return tuple(next((d for d in axis if d != 1), 1) for axis in zip(*wide, strict=True))
