"""The programs of an artefact of format 'stablehlo', read: JAX alone is needed.

Nothing here or imported here knows the code of the model (a contract in pyproject.toml), so that an
artefact works as long as JAX reads it, whatever becomes of the networks.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.export
import numpy as np

from ae_jax.errors import CheckpointError
from ae_jax.files import npz

FUNCTIONS = ("encode", "decode", "reconstruct", "score")
MACHINES = {"cpu": ("cpu",), "accelerator": ("cuda", "tpu")}  # and the platforms of each
WEIGHTS = "weights.npz"

Function = Callable[..., Any]  # (rows, *labels) -> rows


def file_name(function: str, machine: str) -> str:
    """Of the program."""
    return f"{function}.{machine}.jax_export"


def opened(folder: Path) -> dict[str, Function]:
    """The functions of `ae_jax.model.units`, of examples [n, H, W, C] or codes.

    Raises:
      CheckpointError: this JAX cannot read them.
    """
    machine = "cpu" if jax.default_backend() == "cpu" else "accelerator"
    try:
        arrays = jax.device_put(npz.read(folder / WEIGHTS))
        return {
            name: partial(_read(folder / file_name(name, machine)), arrays) for name in FUNCTIONS
        }
    except Exception as error:  # the parser of the format has its own kinds
        why = str(error).partition("\n")[0]
        raise CheckpointError(
            f"{folder}: jax {jax.__version__} cannot read the programs: {why}"
        ) from error


def _read(file: Path) -> Function:
    program = jax.export.deserialize(bytearray(file.read_bytes()))

    def function(arrays: dict[str, jax.Array], rows: jax.Array, *labels: jax.Array) -> Any:
        if rows.dtype == np.uint8:  # images as they are stored
            rows = rows.astype(np.float32) / 255.0
        return program.call(arrays, rows, *labels)

    return jax.jit(function)  # for each size of batch compiled once
