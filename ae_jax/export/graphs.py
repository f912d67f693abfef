"""The graphs of an artefact of format 'onnx', read: onnxruntime alone is needed."""

from pathlib import Path

import numpy as np

from ae_jax.errors import CheckpointError
from ae_jax.export.composed import Function, functions
from ae_jax.inputs import checks

GRAPHS = ("encode", "decode")


def file_name(graph: str) -> str:
    """Of the graph."""
    return f"{graph}.onnx"


def session(content: bytes) -> Function:
    """The function of a graph's bytes, on CPUs."""
    import onnxruntime  # of an extra, which may not be there

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone: of shapes that are not known it warns
    made = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [given.name for given in made.get_inputs()]

    def function(*rows: np.ndarray) -> np.ndarray:
        found: np.ndarray = made.run(None, dict(zip(names, rows, strict=True)))[0]
        return found

    return function


def opened(folder: Path) -> dict[str, Function]:
    """The functions of `composed`.

    Raises:
      CheckpointError: this onnxruntime cannot read them.
    """
    try:
        inner, decode = (session((folder / file_name(name)).read_bytes()) for name in GRAPHS)
    except Exception as error:  # onnxruntime has its own kinds
        why = str(error).partition("\n")[0]
        raise CheckpointError(f"{folder}: cannot read the graphs: {why}") from error

    return functions(lambda x: inner(checks.unit(x)), decode)
