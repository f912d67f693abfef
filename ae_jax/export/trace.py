"""A function of a model as a short list of steps, which other runtimes are written from.

`graph_of("encode", model, variables)` traces a function of `ae_jax.model.units` for a machine that
has convolutions. Calls are inlined, what is constant is computed, what is not needed is dropped.
`Graph.json()` gives, of a network 784-30:

    {"version": 1,
     "function": "encode",
     "inputs": [{"name": "x", "shape": ["n", 28, 28, 1], "dtype": "float32"}],
     "weights": [{"name": "params/encoder/code/kernel", "shape": [784, 30], "dtype": "float32"},
                 ...],
     "constants": [{"name": "c1", "shape": [2], "dtype": "int32", "data": [0, 1]}],
     "steps": [{"op": "reshape", "in": ["x"], "out": "t1", "shape": ["n", 784],
                "dtype": "float32", "params": {"new_sizes": ["n", 784]}},
               {"op": "dot_general", "in": ["t1", "params/encoder/code/kernel"], "out": "t2", ...},
               ...],
     "outputs": ["t4"]}

Names: the inputs are `x` (examples [n, H, W, C]) or `z` (codes [n, code_size]), then `labels` [n]
int32 where the decoder is told them (not of `encode`). Images are float32 in [0,1], signals and
rows in `data.scale`; NaN was not observed. Weights have the names of `ae_jax.export.weights`,
'params/...' what is trained, others what is not; those that no step needs are not there. `c1`, ...
are arrays that do not depend on inputs or weights, their `data` flat in C order; `t1`, ... are made
by the steps, each once and before it is needed. There is one output.

Sizes are whole numbers, or text: a sum or product of whole numbers and `n`, the number of examples,
such as "n" or "49*n". Types are float32, bfloat16, int32, uint8, bool and so on, as NumPy calls
them.

A step is a primitive of `jax.lax` by its name, and has one result. `in` has names, and scalars as
they are: numbers, true and false, and "NaN", "Infinity", "-Infinity", of the type of the arrays
beside them (the cases of `select_n`: of that of the result). Operands of elementwise steps are
broadcast as by NumPy: each has the rank of the result and its sizes or 1, or rank 0. In
`params` is what the primitive takes, under its own names; what is None, and what concerns speed
alone, is left out. Those with several results are steps with `params.result`, the number of the
result (`top_k`: 0 values, 1 indices).

    elementwise, one operand    abs exp expm1 log log1p logistic neg rsqrt sqrt square tanh erfc ...
    round                       rounding_method: TO_NEAREST_EVEN, or AWAY_FROM_ZERO of halves
    integer_pow                 y: the exponent
    stop_gradient               x itself, whose gradient is 0
    convert_element_type        new_dtype; bool becomes 0 and 1
    elementwise, two            add sub mul div max min and or eq ne lt le gt ge ...; max and min
                                of NaN are NaN, and `ne x x` is whether x is NaN
    select_n                    in: which, case 0, case 1; case 1 where `which` is true
    clamp                       in: low, x, high
    reshape                     new_sizes, in C order
    squeeze                     dimensions, which are 1
    transpose                   permutation: axis i of the result is axis permutation[i]
    rev                         dimensions that are reversed
    broadcast_in_dim            shape, broadcast_dimensions: axis i, of that size or 1, becomes axis
                                broadcast_dimensions[i]; along the others x repeats
    concatenate                 dimension
    slice                       start_indices, limit_indices, strides (left out: 1)
    iota                        shape, dimension: 0, 1, ... along that axis
    reduce_sum, reduce_max      axes, which vanish
    argmin, argmax              axes: [axis]; the first of equal ones
    top_k                       k, axis, result; falling, the first of equal ones first
    dot_general                 dimension_numbers: [[contracted of a, of b], [batch of a, of b]];
                                axes of the result: batch, the others of a, the others of b
    conv_general_dilated        window_strides, padding, lhs_dilation (zeros between pixels),
                                rhs_dilation; dimension_numbers: lhs_spec and out_spec are the axes
                                of (batch, channel, height, width), rhs_spec those of (out, in,
                                height, width); the kernel is not flipped
    gather, scatter             XLA's; dimension_numbers, slice_sizes, mode. In configs x[i] and
                                x[i] = updates, where the last axis of the indices is those of
                                the first axes of x

`USED` are the primitives in the configs of the package. Others, under their names in `jax.lax`,
come with choices that were registered. Control flow (`scan`, `while`, `cond`) has no step.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from ae_jax.export import weights
from ae_jax.export.folding import Folder
from ae_jax.export.stablehlo import taken
from ae_jax.export.steps import Scalar, Step, Value, scalar, sizes
from ae_jax.model import platform
from ae_jax.model.pipeline import Model, Variables
from ae_jax.model.units import FUNCTIONS

VERSION = 1
MACHINE = "tpu"  # which has convolutions
USED = (
    *("abs", "add", "argmin", "broadcast_in_dim", "concatenate", "conv_general_dilated"),
    *("convert_element_type", "div", "dot_general", "eq", "erfc", "exp", "expm1", "gather", "gt"),
    *("iota", "log1p", "logistic", "lt", "max", "mul", "ne", "neg", "or", "reduce_max"),
    *("reduce_sum", "reshape", "rev", "round", "rsqrt", "scatter", "select_n", "slice", "sqrt"),
    *("square", "squeeze", "stop_gradient", "sub", "tanh", "top_k", "transpose"),
)


class Graph(NamedTuple):
    """See above; `constants` are arrays here."""

    function: str
    inputs: tuple[Value, ...]
    weights: tuple[Value, ...]
    constants: dict[str, np.ndarray]
    steps: tuple[Step, ...]
    outputs: tuple[str, ...]

    def json(self) -> dict[str, Any]:
        """What `json.dump` takes."""
        constants = [
            {"name": k, "shape": [*a.shape], "dtype": str(a.dtype), "data": [*map(scalar, a.flat)]}
            for k, a in self.constants.items()
        ]
        return {
            "version": VERSION,
            "function": self.function,
            "inputs": [v._asdict() for v in self.inputs],
            "weights": [v._asdict() for v in self.weights],
            "constants": constants,
            "steps": [_said(step) for step in self.steps],
            "outputs": list(self.outputs),
        }


def _said(step: Step) -> dict[str, Any]:
    out = {"out": step.out.name, "shape": list(step.out.shape), "dtype": step.out.dtype}
    return {"op": step.op, "in": list(step.inputs), **out, "params": step.params}


def graph_of(name: str, model: Model, variables: Variables) -> Graph:
    """The graph of one of `ae_jax.model.units.FUNCTIONS`; the variables may be abstract.

    Raises:
      UnknownStepError: there is no step for something that the function does.
    """
    rows = taken(name, model, variables)
    names = ("z" if name == "decode" else "x", "labels")
    given = dict(zip(names, rows, strict=False))

    def function(arrays: dict[str, jax.Array], *rows: jax.Array) -> jax.Array:
        return FUNCTIONS[name](model, weights.nested(arrays), *rows)

    return traced(name, function, weights.shapes(variables), given)


def traced(
    name: str,
    function: Callable[..., jax.Array],
    like: dict[str, jax.ShapeDtypeStruct],
    given: dict[str, jax.ShapeDtypeStruct],
) -> Graph:
    """The graph of function(arrays, *rows), arrays `like` these and rows as the `given`.

    Raises:
      UnknownStepError: as of `graph_of`.
    """
    with platform.traced_for(MACHINE):
        program = jax.make_jaxpr(function)(like, *given.values())
    arrays, rows = _values(like), _values(given)
    folder = Folder()
    output = folder.named(folder.run(program, (*arrays, *rows))[0])
    steps, names = needed(folder.steps, output)
    return Graph(
        name,
        rows,
        tuple(v for v in arrays if v.name in names),
        {k: v for k, v in folder.constants.items() if k in names},
        *_counted(steps, output),
    )


def _values(like: dict[str, jax.ShapeDtypeStruct]) -> tuple[Value, ...]:
    """By name, in the order in which JAX passes the arrays of a dict."""
    return tuple(Value(k, sizes(v.shape), str(v.dtype)) for k, v in like.items())


def needed(steps: list[Step], output: str) -> tuple[list[Step], set[Scalar]]:
    """(the steps that make the output, the names that they read)."""
    kept: list[Step] = []
    names: set[Scalar] = {output}
    for step in reversed(steps):
        if step.out.name in names:
            kept.insert(0, step)
            names |= set(step.inputs)
    return kept, names


def _counted(steps: list[Step], output: str) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The steps and the output, with names t1, t2, ... without gaps."""
    new: dict[Scalar, str] = {s.out.name: f"t{i}" for i, s in enumerate(steps, 1)}
    renamed = tuple(
        s._replace(
            inputs=tuple(new.get(v, v) if isinstance(v, str) else v for v in s.inputs),
            out=s.out._replace(name=new[s.out.name]),
        )
        for s in steps
    )
    return renamed, (new.get(output, output),)
