"""Writes the artefact of format 'torch', and compares it with the model."""

import hashlib
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ae_jax.errors import ConfigError
from ae_jax.export import description, examples, safetensors, weights
from ae_jax.export.pytorch.module import WEIGHTS, graphs_of, source, tensors_of
from ae_jax.export.steps import UnknownStepError
from ae_jax.inputs.observed import squared_error
from ae_jax.model.compiled import once
from ae_jax.model.pipeline import Model, Variables
from ae_jax.model.units import FUNCTIONS

MODULE = "network.py"
# How far it may be off, of the largest number: rounding in deep networks is a tenth of it.
MOST = {"float32": 1e-4, "bfloat16": 0.05}


def write(folder: Path, model: Model, variables: Variables, said: dict[str, Any]) -> None:
    """The module and its weights, of a run with this description.

    Raises:
      ConfigError: PyTorch has no function for a step, or the module says something else.
    """
    name = said["config"]["name"]
    try:
        text, content = written(model, variables, said)
    except UnknownStepError as error:
        raise ConfigError(f"format: 'torch' cannot hold '{name}', which has {error}") from error
    (folder / WEIGHTS).write_bytes(content)
    (folder / MODULE).write_text(text, encoding="utf-8")
    if wrong := _wrong(folder, text, model, variables):
        raise ConfigError(f"format: 'torch' cannot hold '{name}': {wrong}")


def written(model: Model, variables: Variables, said: dict[str, Any]) -> tuple[str, bytes]:
    """(the module, the file of its weights).

    Raises:
      UnknownStepError: PyTorch has no function for a step.
    """
    graphs = graphs_of(model, variables)
    tensors = tensors_of(graphs, weights.named(variables), description.door_of(said).scaler)
    content = safetensors.packed(tensors.arrays)
    return source(model, graphs, tensors, said, hashlib.sha256(content).hexdigest()), content


def _wrong(folder: Path, text: str, model: Model, variables: Variables) -> str:
    """What is wrong with the module, if anything is: it is run on random examples."""
    import torch  # of an extra, which may not be there

    module = ModuleType("network")
    module.__file__ = str(folder / MODULE)
    exec(compile(text, MODULE, "exec"), module.__dict__)  # which was written here just now
    network = module.Network.from_file()
    x, labels = examples.some(model), examples.labels(model)
    encode, decode = (once(partial(FUNCTIONS[name], model)) for name in ("encode", "decode"))
    z = np.asarray(encode(variables, *x))
    x_hat = np.asarray(decode(variables, z, *labels))
    error = np.asarray(squared_error(x[0], x_hat))
    told = {"encode": (z, x), "decode": (x_hat, (z, *labels)), "score": (error, (*x, *labels))}
    for name, (said, rows) in told.items():
        with torch.no_grad():
            found = getattr(network, name)(*map(torch.tensor, rows)).numpy()
        if wrong := examples.wrong(found, said, MOST[model.dtype]):
            return f"{name}: {wrong}"
    return ""
