"""Config fields from signatures: a parameter with a default is a field, its annotation the rule.

A new function needs no second description: `def mask(key, x, bounds, rate: Probability = 0.5)` is
the function, the schema of `config.corruption` for `name='mask'`, and its default values.
"""

import ast
import contextlib
import difflib
import functools
import inspect
import math
import numbers
import os
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, NamedTuple

import numpy as np

from ae_jax.errors import ConfigError


class Rule(NamedTuple):
    """What a value must satisfy beyond its type; `allowed` completes 'must be ...'."""

    allowed: str
    holds: Callable[[Any], bool]


class OneOf(NamedTuple):
    """The value must be a key of `choices` (a slot's dict, so a new entry is allowed at once)."""

    choices: Iterable[str]


Probability = Annotated[float, Rule("a number in [0, 1]", lambda v: 0 <= v <= 1)]
Fraction = Annotated[float, Rule("a number in [0, 1)", lambda v: 0 <= v < 1)]
Positive = Annotated[float, Rule("a number > 0", lambda v: v > 0)]
NonNegative = Annotated[float, Rule("a number >= 0", lambda v: v >= 0)]
Count = Annotated[int, Rule("a whole number >= 1 and < 2^31", lambda v: 1 <= v < 2**31)]
CountOrZero = Annotated[int, Rule("a whole number >= 0 and < 2^31", lambda v: 0 <= v < 2**31)]
Share = Annotated[  # of a set: so many, or a part of it
    float,
    Rule("a whole number >= 0, or a fraction in (0, 1)", lambda v: 0 <= v < 1 or v == int(v) > 0),
]
Widths = Annotated[
    tuple[int, ...],
    Rule("a tuple of whole numbers >= 1 and < 2^31", lambda v: all(1 <= w < 2**31 for w in v)),
]
SomeWidths = Annotated[
    tuple[int, ...],
    Rule(
        "a tuple of one or more whole numbers >= 1 and < 2^31",
        lambda v: len(v) > 0 and all(1 <= w < 2**31 for w in v),
    ),
]
# Of a convolution's kernel: a wider one would mostly read beyond any image it is made for.
Side = Annotated[int, Rule("a whole number from 1 to 255", lambda v: 1 <= v <= 255)]
Sides = Annotated[
    tuple[int, ...],
    Rule("a tuple of whole numbers from 1 to 255", lambda v: all(1 <= k <= 255 for k in v)),
]


class Text(str):
    """A value typed on the command line: still to be read as its field's type."""


class Field(NamedTuple):
    """One config field: its annotation and its default."""

    annotation: Any
    default: Any


@functools.cache
def fields(choice: Callable[..., Any]) -> Mapping[str, Field]:
    """The fields of a function, dataclass or Linen module: its parameters that have a default."""
    try:  # `from __future__ import annotations` makes texts of them
        parameters = inspect.signature(choice, eval_str=True).parameters
    except NameError:  # of a type that is only there for type checkers
        parameters = inspect.signature(choice).parameters
    # Linen gives every module these two, which are not the user's to set.
    reserved = ("parent", "name") if "parent" in parameters else ()
    found = {
        p.name: Field(p.annotation, p.default)
        for p in parameters.values()
        if p.default is not inspect.Parameter.empty and p.name not in reserved
    }
    return types.MappingProxyType(found)


def fill(
    where: str,
    given: Mapping[str, Any],
    choices: Iterable[Callable[..., Any]],
    allowed: Mapping[str, OneOf] | None = None,
) -> dict[str, Any]:
    """`given` checked against the fields of all `choices`, and completed by their defaults.

    `allowed` holds rules beside the fields' own, for names of tables that `choices` cannot see.

    Raises:
      ConfigError: a field that does not exist (with the near match) or a value it does not take.
    """
    known = {name: field for choice in choices for name, field in fields(choice).items()}
    for name in given:
        if name not in known:
            raise ConfigError(unknown(f"{where}.{name}", name, known))
    for name, rule in (allowed or {}).items():
        known[name] = known[name]._replace(annotation=Annotated[known[name].annotation, rule])
    return {
        name: check(f"{where}.{name}", given[name], field.annotation)
        if name in given
        else field.default
        for name, field in known.items()
    }


def unknown(where: str, name: str, allowed: Iterable[str], what: str = "field") -> str:
    """The message for a name that is not in `allowed`: the near match first, then the list."""
    allowed = sorted(allowed)
    near = difflib.get_close_matches(name, allowed, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    listed = ", ".join(allowed) if allowed else "none"
    return f"{where}: unknown {what} '{name}'{hint}\nallowed here: {listed}"


def check(where: str, value: object, annotation: Any) -> Any:
    """`value` as the type `annotation` says; ConfigError names `where` and what is allowed."""
    bare: Any = annotation
    rules: list[Any] = []
    if typing.get_origin(annotation) is Annotated:
        bare, *rules = typing.get_args(annotation)
    value = _typed(where, value, bare)
    for rule in rules:
        if isinstance(rule, OneOf) and value not in tuple(rule.choices):
            raise ConfigError(unknown(where, str(value), rule.choices, "choice"))
        if isinstance(rule, Rule) and not rule.holds(value):
            raise ConfigError(f"{where}: must be {rule.allowed}, not {value!r}")
    return value


def _typed(where: str, value: object, bare: Any) -> Any:
    if bare is Any:
        return _literal(value)
    if isinstance(value, np.generic | np.ndarray):  # np.arange in a grid, np.float32(0.1)
        value = value.tolist()
    if bare is str:
        value = os.fspath(value) if isinstance(value, os.PathLike) else value
        if not isinstance(value, str):
            raise ConfigError(f"{where}: must be text, not {value!r}")
        return str(value)
    value = _literal(value)
    origin = typing.get_origin(bare)
    if origin is types.UnionType or origin is typing.Union:
        options = [a for a in typing.get_args(bare) if a is not type(None)]
        return None if value is None else check(where, value, options[0])
    if origin is tuple:
        item = typing.get_args(bare)[0]
        items = value if isinstance(value, (tuple, list)) else (value,)
        return tuple(_typed(where, v, item) for v in items)
    return _scalar(where, value, bare)


def _scalar(where: str, value: object, bare: Any) -> Any:
    says = {int: "a whole number", float: "a number", bool: "true or false"}[bare]
    if bare is bool and isinstance(value, bool):
        return value
    kind = numbers.Real if bare is float else numbers.Integral
    if bare is not bool and isinstance(value, kind) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):  # a whole number too large for a float
            if math.isfinite(value := bare(value)):
                return value
    raise ConfigError(f"{where}: must be {says}, not {value!r}")


def _literal(value: object) -> Any:
    """Command-line text as the Python literal it spells (`true`, `None`, `1e-3`, `(64, 32)`)."""
    if not isinstance(value, Text):
        return value
    spelled = {"true": True, "false": False, "none": None}
    if value.lower() in spelled:
        return spelled[value.lower()]
    try:
        return ast.literal_eval(str(value))
    except (ValueError, SyntaxError):
        return str(value)
