"""Opens what `Run.export` made.

Importing this imports no model: a format with programs needs none.
"""

import os
from functools import partial
from pathlib import Path
from typing import Any

from ae_jax.errors import CheckpointError, ConfigError
from ae_jax.export import artefact, graphs, packages, programs
from ae_jax.export.composed import functions
from ae_jax.export.description import door_of, names_of
from ae_jax.export.loaded import Exported


def load_exported(path: str | os.PathLike[str]) -> Exported:
    """The artefact that `run.export` or `python -m experiments.export` made at `path`.

    Every byte is checked first. 'stablehlo' needs JAX and none of the code of the model. Nothing is
    executed: 'torch', which is Python, is checked and refused with the line that opens it.

    Raises:
      CheckpointError: there is none, it is damaged, or cannot be read by these versions.
      ConfigError: the package of the format is not installed; it is no path; it is of 'torch'.
    """
    folder, said = artefact.read(path)
    try:
        read = READERS[said["format"]]
        packages.check(said["format"], reading=True)
        return read(folder, said)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: its description is not of ae_jax: {error}") from error


def _stablehlo(folder: Path, said: dict[str, Any]) -> Exported:
    return Exported(said, programs.opened(folder))


def _safetensors(folder: Path, said: dict[str, Any]) -> Exported:
    """The run built again of its config and weights; its history and its state are not there."""
    from ae_jax.export import safetensors, weights
    from ae_jax.model import pipeline, units
    from ae_jax.model.compiled import compiled, in_pieces
    from ae_jax.resolve.config import resolve
    from ae_jax.run.exporting import MOMENTS
    from ae_jax.run.origin import from_meta
    from ae_jax.run.trained import Run

    config, door, arrays = resolve(said["config"]), door_of(said), safetensors.read(folder)
    mean, cov = (arrays.pop(name, None) for name in MOMENTS)
    model = pipeline.build(config, door.shape)
    variables = weights.variables_of(model, arrays)
    known = said["run"]["origin"]
    origin = None if known is None else from_meta(known)
    run = Run(config, model, variables, {}, mean, cov, None, origin, names_of(said))
    run = run._replace(scaler=door.scaler, limits=None if door.scaler else door.limits)
    both = units.encode, units.decode  # in pieces: these are the programs of the run
    encode, decode = (partial(compiled(in_pieces, f, model), variables) for f in both)
    return Exported(said, functions(encode, decode), run)


def _onnx(folder: Path, said: dict[str, Any]) -> Exported:
    return Exported(said, graphs.opened(folder))


def _torch(folder: Path, said: dict[str, Any]) -> Exported:
    """Refused: its module would be executed."""
    raise ConfigError(
        f"{folder}: format 'torch' is opened by PyTorch; nothing in an artefact is executed here\n"
        "in a copy of it: from network import Network; network = Network.from_file()"
    )


# Format -> what opens the files in a folder, with their description.
READERS = {"stablehlo": _stablehlo, "safetensors": _safetensors, "onnx": _onnx, "torch": _torch}
