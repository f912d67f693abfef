"""The file of the module: its weights, and its methods."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from ae_jax.export import description
from ae_jax.export.pytorch import header
from ae_jax.export.pytorch.body import INDENT, Body, shown
from ae_jax.export.pytorch.convolutions import HELPERS
from ae_jax.export.pytorch.idioms import idiomatic
from ae_jax.export.pytorch.moving import counted
from ae_jax.export.pytorch.template import MODULE, SCALED, UNIT
from ae_jax.export.pytorch.terms import dims, dtype_of
from ae_jax.export.trace import Graph, graph_of, traced
from ae_jax.inputs.examples import PLURALS
from ae_jax.inputs.observed import squared_error
from ae_jax.inputs.scaler import Scaler
from ae_jax.model.pipeline import Model, Variables

WEIGHTS = "network.safetensors"
TRAINED = "params/"


class Tensors(NamedTuple):
    """What the module has: attribute -> array, and which of them are parameters."""

    arrays: dict[str, np.ndarray]
    trained: frozenset[str]
    names: dict[str, dict[str, str]]  # function -> name in its graph -> Python


def graphs_of(model: Model, variables: Variables) -> dict[str, Graph]:
    """Of the methods that are written out.

    Raises:
      UnknownStepError: there is no step for something that a function does.
    """
    found = {name: graph_of(name, model, variables) for name in ("encode", "decode")}
    (n,) = jax.export.symbolic_shape("n")
    x = jax.ShapeDtypeStruct((n, *model.shape), np.float32)
    error = traced("score", lambda none, *both: squared_error(*both), {}, {"x": x, "x_hat": x})
    return {name: idiomatic(graph) for name, graph in (found | {"score": error}).items()}


def tensors_of(
    graphs: Mapping[str, Graph], arrays: Mapping[str, np.ndarray], scaler: Scaler | None
) -> Tensors:
    """Weights, constants and scale under names of attributes."""
    held: dict[str, np.ndarray] = {}
    attributes: dict[str, str] = {}
    for weight in sorted({v.name for g in graphs.values() for v in g.weights}):
        attributes[weight] = _free(_attribute(weight), held)
        held[attributes[weight]] = arrays[weight]
    names: dict[str, dict[str, str]] = {}
    for function, graph in graphs.items():
        names[function] = {w: f"self.{a}" for w, a in attributes.items()}
        for name, array in graph.constants.items():
            if counted(array, "x") is None:
                attribute = _free(f"constant_{function}", held)
                held[attribute] = array
                names[function][name] = f"self.{attribute}"
    if scaler:
        held |= {"data_shift": scaler.shift, "data_spread": scaler.spread}
    trained = frozenset(a for w, a in attributes.items() if w.startswith(TRAINED))
    return Tensors(held, trained, names)


def _attribute(weight: str) -> str:
    """params/encoder/code/bias -> encoder_code_bias; of one part alone, data/mean -> data_mean."""
    parts = [re.sub(r"\W", "_", part) for part in weight.split("/")]
    return "_".join(parts[1:] if len(parts) > 2 else parts)


def _free(name: str, held: Mapping[str, Any]) -> str:
    """The name, or the first after it that is free."""
    others = (f"{name}_{i}" for i in range(2, 1 << 30))
    return next(n for n in (name, *others) if n not in held) if name in held else name


def source(
    model: Model, graphs: Mapping[str, Graph], tensors: Tensors, said: dict[str, Any], sha256: str
) -> str:
    """The module of a run with a description, whose weights have a digest.

    Raises:
      UnknownStepError: PyTorch has none, as far as is known here, for a step.
    """
    door = description.door_of(said)
    labels = ", labels" if model.conditional else ""
    image, example = door.scaler is None, dims(model.shape)
    bodies = {name: Body(g, tensors.names[name]).text() for name, g in graphs.items()}
    unit = f"{INDENT}x = unit(x)\n" if image else ""
    back = f"{INDENT}x_hat = self.reconstruct(x{labels})\n"
    scaled, text = "", "\n".join(bodies.values())
    if door.scaler:
        outer = dims(door.scaler.examples.outer(model.shape))
        kind = PLURALS[said["kind"]]
        fields = {"example": example, "outer": outer, "kind": kind, "Kind": kind.capitalize()}
        scaled = SCALED.substitute(fields)
    helpers = [HELPERS[name] for name in HELPERS if re.search(rf"(?<![.\w]){name}\(", text)]
    return MODULE.substitute(
        x="x" if image else "network.to_network(x)",
        labels=labels,
        typed=", labels: Tensor" if labels else "",
        names="Network, THRESHOLD" if said["threshold"] else "Network",
        above=" > THRESHOLD" if said["threshold"] else "",
        facts=header.facts(model, said),
        typing="from typing import Any\n" if "Any" in "".join(helpers) else "",
        functional="from torch.nn import functional as F\n" * ("F." in text or bool(helpers)),
        weights=WEIGHTS,
        sha256=sha256,
        constants=header.constants(said),
        helpers="".join(f"\n\n{h.rstrip()}" for h in [*helpers, *[UNIT] * image]),
        example=example,
        code=said["code_size"],
        buffers=_buffers(tensors),
        init="\n".join(_initial(tensors)),
        encode=unit + bodies["encode"],
        decode=bodies["decode"],
        score=unit + back + bodies["score"],
        scaled=scaled,
    )


def _initial(tensors: Tensors) -> Iterable[str]:
    for name, array in tensors.arrays.items():
        dtype = dtype_of(str(array.dtype))
        size = dims(array.shape) or "()"
        zeros = f"torch.zeros({size}{'' if dtype == 'torch.float32' else f', dtype={dtype}'})"
        if name in tensors.trained:
            yield from shown(f"self.{name} = nn.Parameter({zeros})", "")
        else:
            yield from shown(f'self.register_buffer("{name}", {zeros})', "")


def _buffers(tensors: Tensors) -> str:
    """Their types, which `register_buffer` does not say."""
    named = [f"    {name}: Tensor\n" for name in tensors.arrays if name not in tensors.trained]
    return "".join([*named, "\n"] if named else [])
