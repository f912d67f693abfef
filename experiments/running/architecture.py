"""What a network is made of: its layers and the number of its parameters."""

import textwrap
from typing import Any

import jax
import jax.numpy as jnp

from ae_jax.model.pipeline import Batch, Model, Params, Variables
from experiments.pages import table


def count(params: Params) -> int:
    """Number of parameters."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def layers(model: Model, variables: Variables) -> str:
    """A line for every layer: what it makes of one image, how many parameters, of which shapes."""

    def intermediate(variables: Variables) -> Any:
        x = jnp.zeros((1, *model.shape))
        options = {"capture_intermediates": True, "mutable": ["intermediates"]}
        batch = Batch(x, jnp.zeros(1, jnp.int32))
        return model.apply(variables, batch, x, None, False, **options)[1]["intermediates"]

    outputs = jax.eval_shape(intermediate, variables)  # nothing is computed
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(variables["params"]):
        *place, name = (entry.key for entry in path)
        found.setdefault(tuple(place), {})[name] = leaf
    lines = [("layer", "out", "parameters", "of shapes")]
    for module in sorted(found, key=_place):
        out = outputs
        for name in module:
            out = out[name]
        shapes = [f"{n} {_by(leaf.shape)}" for n, leaf in sorted(found[module].items())[::-1]]
        shape = _by(out["__call__"][0].shape[1:])
        lines.append(("/".join(module), shape, f"{count(found[module]):,}", ", ".join(shapes)))
    return textwrap.indent(table.terminal(lines, right=[2]), "  ")


def _place(module: tuple[str, ...]) -> tuple[bool, int, str]:
    """Encoder before decoder, layer_10 after layer_9."""
    number = module[-1].rpartition("_")[2]
    return module[0] != "encoder", int(number) if number.isdigit() else 0, module[-1]


def _by(shape: Any) -> str:
    return "x".join(map(str, shape))
