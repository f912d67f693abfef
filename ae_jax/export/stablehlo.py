"""StableHLO by `jax.export`: programs that need JAX and no code of the model.

Every function is there twice: for CPUs, where a convolution is a matrix product, and for CUDA and
TPU. The weights are there once, as an argument of all of them; the number of examples is free.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from ae_jax.export import weights
from ae_jax.export.programs import MACHINES, WEIGHTS, file_name
from ae_jax.files import npz
from ae_jax.model import platform
from ae_jax.model.pipeline import Model, Variables
from ae_jax.model.units import FUNCTIONS


def write(folder: Path, model: Model, variables: Variables) -> None:
    """The weights, and a program of each function for each kind of machine."""
    npz.write(folder / WEIGHTS, weights.named(variables))
    like = weights.shapes(variables)
    for name, function in FUNCTIONS.items():
        rows = taken(name, model, variables)
        for machine in MACHINES:
            program = lowered(partial(function, model), like, rows, machine)
            (folder / file_name(name, machine)).write_bytes(program.serialize())


def taken(name: str, model: Model, variables: Variables) -> tuple[jax.ShapeDtypeStruct, ...]:
    """What a function takes beside the weights: examples or codes, and labels if there are."""
    (n,) = jax.export.symbolic_shape("n")
    rows = [jax.ShapeDtypeStruct((n, *model.shape), jnp.float32)]
    if name == "decode":
        codes = jax.eval_shape(model.encode, variables, *rows)
        rows = [jax.ShapeDtypeStruct(codes.shape, jnp.float32)]
    if model.conditional and name != "encode":
        rows.append(jax.ShapeDtypeStruct((n,), jnp.int32))
    return tuple(rows)


def lowered(
    function: Callable[..., jax.Array],
    like: dict[str, jax.ShapeDtypeStruct],
    rows: tuple[jax.ShapeDtypeStruct, ...],
    machine: str,
) -> Any:
    """The `jax.export.Exported` of function(variables, *rows) for the platforms of a machine."""

    def program(arrays: dict[str, jax.Array], *rows: jax.Array) -> jax.Array:
        return function(weights.nested(arrays), *rows)

    platforms = MACHINES[machine]
    with platform.traced_for(platforms[0]):
        return jax.export.export(jax.jit(program), platforms=platforms)(like, *rows)
