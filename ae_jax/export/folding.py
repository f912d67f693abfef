"""Steps from a traced program: calls inlined, constants computed, nothing said twice.

What is multiplied by one or lies in the other branch is left out, too. `ae_jax.export.trace` says
what a step is.
"""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

from ae_jax.export import slicing
from ae_jax.export.steps import (
    Known,
    Scalar,
    Sizes,
    Step,
    Value,
    broadcast,
    known_of,
    plain,
    scalar,
    sizes,
    uniform,
)

Operand: TypeAlias = Value | Known
Params: TypeAlias = dict[str, Any]

CALLS = {
    *("jit", "pjit", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call"),
    *("custom_vjp_call_jaxpr", "remat", "remat2", "checkpoint"),
}
ELEMENTWISE = {
    *("abs", "acos", "acosh", "add", "and", "asin", "asinh", "atan", "atan2", "atanh", "cbrt"),
    *("ceil", "clamp", "convert_element_type", "cos", "cosh", "digamma", "div", "eq", "erf"),
    *("erf_inv", "erfc", "exp", "exp2", "expm1", "floor", "ge", "gt", "integer_pow", "is_finite"),
    *("le", "lgamma", "log", "log1p", "logistic", "lt", "max", "min", "mul", "ne", "neg", "not"),
    *("or", "pow", "rem", "round", "rsqrt", "select_n", "sign", "sin", "sinh", "sqrt", "square"),
    *("stop_gradient", "sub", "tan", "tanh", "xor"),
}
MOVING = ("broadcast_in_dim", "reshape", "squeeze", "transpose", "slice", "rev")  # numbers stay
ALIKE = ("copy", "convert_element_type", "broadcast_in_dim", "reshape", "squeeze", "slice")
COUNTS = ("argmin", "argmax", "iota")  # which are never negative
NEUTRAL = {"add": 0, "sub": 0, "mul": 1, "div": 1, "max": -math.inf, "min": math.inf}
SILENT = {  # params that say nothing of the result, or what its type says
    *("sharding", "out_sharding", "weak_type", "precision", "preferred_element_type", "accuracy"),
    *("indices_are_sorted", "unique_indices", "update_jaxpr", "update_consts", "dtype"),
}
MOST = 1 << 16  # numbers of a constant that is computed here


class Folder:
    """Collects the steps of a program; `run` gives what its results are."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.constants: dict[str, np.ndarray] = {}
        self._said: dict[str, Value] = {}  # what a step says -> what it makes
        self._counts: set[str] = set()  # names of what is never negative

    def run(self, closed: ClosedJaxpr, given: Sequence[Operand]) -> list[Operand]:
        """The results of a program for what is given.

        Raises:
          UnknownStepError: there is no step for something in it.
        """
        jaxpr = closed.jaxpr
        known: dict[Any, Operand] = dict(zip(jaxpr.invars, given, strict=True))
        known |= {v: known_of(c) for v, c in zip(jaxpr.constvars, closed.consts, strict=True)}

        def read(atom: Any) -> Operand:
            return known_of(atom.val, atom.aval) if isinstance(atom, Literal) else known[atom]

        for eqn in jaxpr.eqns:
            known |= zip(eqn.outvars, self._results(eqn, [*map(read, eqn.invars)]), strict=True)
        return [read(atom) for atom in jaxpr.outvars]

    def named(self, operand: Operand) -> str:
        """The name of an array, which becomes a constant or a step where it has none."""
        if isinstance(operand, Value):
            return operand.name
        if operand.array.shape != operand.shape:
            params = {"shape": list(operand.shape), "broadcast_dimensions": []}
            like = operand.shape, operand.dtype
            return self._step("broadcast_in_dim", (scalar(operand.array),), *like, params).name
        for name, array in self.constants.items():
            if array.dtype == operand.array.dtype and np.array_equal(array, operand.array):
                return name
        name = f"c{len(self.constants) + 1}"
        self.constants[name] = operand.array
        return name

    def _results(self, eqn: JaxprEqn, given: list[Operand]) -> list[Operand]:
        op = eqn.primitive.name
        outs = [_type(v.aval) for v in eqn.outvars]
        if not outs:  # what is printed, or checked
            return []
        if op in CALLS:
            inner = next(p for p in eqn.params.values() if isinstance(p, ClosedJaxpr | Jaxpr))
            return self.run(inner if isinstance(inner, ClosedJaxpr) else _closed(inner), given)
        if (folded := _folded(eqn, given, outs)) is not None:
            return folded
        if op in ("split", "unstack"):
            return self._split(given[0], eqn.params["axis"], outs)
        if op == "gather" and (found := self._window(given, eqn.params, outs[0][0])):
            return [found]
        if (same := self._same(op, given, *outs[0], eqn.params)) is not None:
            return [same]
        params = {k: plain(op, v) for k, v in eqn.params.items() if k not in SILENT}
        params = {k: v for k, v in params.items() if v is not None}
        inputs = self._inputs(op, given, outs[0][0])
        if len(outs) == 1:
            return [self._step(op, inputs, *outs[0], params)]
        return [self._step(op, inputs, *o, params | {"result": i}) for i, o in enumerate(outs)]

    def _split(self, x: Operand, axis: int, outs: list[tuple[Sizes, str]]) -> list[Operand]:
        """Its results as slices; without the axis where that is gone (`unstack`)."""
        gone = len(outs[0][0]) < len(x.shape)
        wide = [((*s[:axis], 1, *s[axis:]) if gone else s) for s, _ in outs]
        pairs = zip(wide, slicing.parts(axis, wide), strict=True)
        parts = [self._step("slice", (self.named(x),), s, x.dtype, p) for s, p in pairs]
        if not gone:
            return [*parts]
        params = {"dimensions": [axis]}
        pieces = zip(parts, outs, strict=True)
        return [self._step("squeeze", (part.name,), *out, params) for part, out in pieces]

    def _window(self, given: list[Operand], params: Params, shape: Sizes) -> Operand | None:
        """What is gathered at one place that is known, as a slice."""
        x, indices = given
        if not isinstance(indices, Known) or _fixed(indices.shape) is None:
            return None
        places = np.broadcast_to(indices.array, _fixed(indices.shape) or ())
        if (found := slicing.gathered(params, x.shape, places)) is None:
            return None
        window, sliced, gone = found
        made = self._step("slice", (self.named(x),), window, x.dtype, sliced)
        like = shape, x.dtype
        return self._step("squeeze", (made.name,), *like, {"dimensions": gone}) if gone else made

    def _inputs(self, op: str, given: list[Operand], shape: Sizes) -> tuple[Scalar, ...]:
        """Scalars as they are, if the others have the shape of the result."""
        arrays = [v.shape for v in given if isinstance(v, Value) or v.array.ndim]
        free = op in ELEMENTWISE and broadcast(arrays) == shape
        return tuple(
            scalar(v.array)
            if isinstance(v, Known) and not v.array.ndim and (free or not v.shape)
            else self.named(v)
            for v in given
        )

    def _step(
        self, op: str, inputs: tuple[Scalar, ...], shape: Sizes, dtype: str, params: Params
    ) -> Value:
        """What a new step makes, or one that says the same."""
        if op == "broadcast_in_dim":
            inputs, params = self._once(inputs, params)
        if op == "slice" and set(params.get("strides", [1])) == {1}:
            params = {k: v for k, v in params.items() if k != "strides"}
        if op == "integer_pow" and params["y"] == 2:
            op, params = "square", {}
        text = repr((op, inputs, shape, dtype, sorted(params.items())))
        if text not in self._said:
            out = Value(f"t{len(self.steps) + 1}", shape, dtype)
            self.steps.append(Step(op, inputs, out, params))
            self._said[text] = out
            counted = op in MOVING and inputs[0] in self._counts
            if counted or op in COUNTS or (op == "top_k" and params["result"] == 1):
                self._counts.add(out.name)
        return self._said[text]

    def _once(
        self, inputs: tuple[Scalar, ...], params: Params
    ) -> tuple[tuple[Scalar, ...], Params]:
        """A broadcast of a broadcast array as one of the array itself."""
        for step in self.steps:
            if step.out.name == inputs[0] and step.op == "broadcast_in_dim":
                axes = params["broadcast_dimensions"]
                first = [axes[i] for i in step.params["broadcast_dimensions"]]
                return step.inputs, params | {"broadcast_dimensions": first}
        return inputs, params

    def _same(
        self, op: str, given: list[Operand], shape: Sizes, dtype: str, params: Params
    ) -> Operand | None:
        """What is there already and equals the result of a step, if anything is."""
        if op in ("lt", "ge") and uniform(given[1]) == 0 and self._is_count(given[0]):
            return Known(np.asarray(op == "ge"), shape, dtype)
        if op == "select_n" and (chosen := uniform(given[0])) is not None:
            return given[1 + int(chosen)]
        if op == "transpose":
            return given[0] if list(params["permutation"]) == list(range(len(shape))) else None
        if op in ALIKE:
            return given[0] if (given[0].shape, given[0].dtype) == (shape, dtype) else None
        if op not in NEUTRAL:
            return None
        sides = [given] if op in ("sub", "div") else [given, given[::-1]]
        whole = (v for v, other in sides if uniform(other) == NEUTRAL[op] and v.shape == shape)
        return next(whole, None)

    def _is_count(self, v: Operand) -> bool:
        return v.name in self._counts if isinstance(v, Value) else bool(np.all(v.array >= 0))


def _folded(
    eqn: JaxprEqn, given: list[Operand], outs: list[tuple[Sizes, str]]
) -> list[Operand] | None:
    """The results where they are constants, and small."""
    op, (shape, dtype) = eqn.primitive.name, outs[0]
    constants = [v for v in given if isinstance(v, Known)]
    if len(constants) < len(given):
        return None
    alike = bool(given) and all(not v.array.ndim for v in constants)
    if alike and op in MOVING:
        return [Known(constants[0].array, shape, dtype)]
    if alike and op in ELEMENTWISE:
        return [Known(np.asarray(_bound(eqn, [v.array for v in constants])), shape, dtype)]
    fixed = [_fixed(s) for s in [*(s for s, _ in outs), *(v.shape for v in constants)]]
    if None in fixed or op == "dim_as_value" or max(math.prod(s or ()) for s in fixed) > MOST:
        return None
    full = [np.broadcast_to(v.array, _fixed(v.shape) or ()) for v in constants]
    found = _bound(eqn, full)
    return [known_of(v) for v in (found if eqn.primitive.multiple_results else [found])]


def _fixed(shape: Sizes) -> tuple[int, ...] | None:
    """The shape, if it does not depend on n."""
    found = tuple(d for d in shape if isinstance(d, int))
    return found if len(found) == len(shape) else None


def _bound(eqn: JaxprEqn, arrays: Sequence[np.ndarray]) -> Any:
    with jax.ensure_compile_time_eval():
        return eqn.primitive.bind(*map(jax.numpy.asarray, arrays), **eqn.params)


def _type(aval: Any) -> tuple[Sizes, str]:
    return sizes(aval.shape), str(aval.dtype)


def _closed(jaxpr: Jaxpr) -> ClosedJaxpr:
    """A program without constants of its own."""
    return ClosedJaxpr(jaxpr, ())
