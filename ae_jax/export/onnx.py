"""ONNX by jax2onnx: a graph that encodes and one that decodes, checked in onnxruntime.

What jax2onnx cannot convert, or converts into something else, is refused by the config's name.
"""

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ae_jax.errors import ConfigError
from ae_jax.export import examples
from ae_jax.export.graphs import GRAPHS, file_name, session
from ae_jax.export.stablehlo import taken
from ae_jax.model.pipeline import Model, Variables
from ae_jax.model.platform import traced_for
from ae_jax.model.units import FUNCTIONS

MOST = 1e-5  # of the largest number: how far a graph may be off


def write(folder: Path, model: Model, variables: Variables, name: str) -> None:
    """The graphs; `name` of the config.

    Raises:
      ConfigError: a graph cannot be made, or does not say what the model says.
    """
    variables, rows = jax.tree.map(np.asarray, variables), examples.some(model)
    for graph in GRAPHS:
        function = partial(FUNCTIONS[graph], model, variables)
        given, said = taken(graph, model, variables), np.asarray(function(*rows))
        for platform in ("cuda", "cpu"):  # with XLA's convolutions; or, as matrix products
            content, wrong = _converted(function, given, platform, rows, said)
            if content is not None:
                (folder / file_name(graph)).write_bytes(content)
                break
        else:
            raise ConfigError(f"format: 'onnx' cannot hold '{name}': {graph}: {wrong}")
        rows = (said, *examples.labels(model))


def _converted(
    function: Callable[..., jax.Array],
    given: Sequence[jax.ShapeDtypeStruct],
    platform: str,
    rows: tuple[np.ndarray, ...],
    said: np.ndarray,
) -> tuple[bytes | None, str]:
    """(the graph traced for a platform, ''); or (None, what is wrong with it)."""
    from jax2onnx import to_onnx  # of an extra, which may not be there

    specs: list[Any] = [jax.ShapeDtypeStruct(("n", *r.shape[1:]), r.dtype) for r in given]
    try:
        with _quiet(), traced_for(platform):
            content = bytes(to_onnx(function, specs).SerializeToString())
        found = session(content)(*rows)
    except Exception as error:  # of three packages, each with its own
        return None, (str(error).splitlines() or [type(error).__name__])[0][:200]
    wrong = examples.wrong(found, said, MOST)
    return (None, wrong) if wrong else (content, "")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of every shape that has no type."""
    log = logging.getLogger("onnx_ir")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
