"""What a network is made of: its layers and the number of its parameters."""

import textwrap
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from ae_jax.model.pipeline import Batch, Model, Params, Variables

from ..pages import table


def count(params: Params) -> int:
    """Number of parameters."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def layers(model: Model, variables: Variables) -> str:
    """A line for every layer: what it makes of one image, how many parameters, of which shapes.

    Those of a penalty's own come last; they are no part of the pass of an image.
    """

    def intermediate(variables: Variables) -> Any:
        x = jnp.zeros((1, *model.shape))
        options = {"capture_intermediates": True, "mutable": ["intermediates"]}
        batch = Batch(x, jnp.zeros(1, jnp.int32))
        return model.apply(variables, batch, x, None, False, **options)[1]["intermediates"]

    called: dict[tuple[str, ...], None] = {}  # in the order of the pass

    def note(call: Any, args: Any, kwargs: Any, context: nn.module.InterceptorContext) -> Any:
        called.setdefault(context.module.path)
        return call(*args, **kwargs)

    with nn.intercept_methods(note):
        outputs = jax.eval_shape(intermediate, variables)  # nothing is computed
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(variables["params"]):
        *place, name = (entry.key for entry in path)
        found.setdefault(tuple(place), {})[name] = leaf
    lines = [("layer", "out", "parameters", "of shapes")]
    for module in (*(m for m in called if m in found), *(m for m in found if m not in called)):
        out = outputs
        for name in module if module in called else ():
            out = out[name]
        shapes = [f"{n} {_by(leaf.shape)}" for n, leaf in sorted(found[module].items())[::-1]]
        shape = _by(out["__call__"][0].shape[1:]) if module in called else ""
        lines.append(("/".join(module), shape, f"{count(found[module]):,}", ", ".join(shapes)))
    return textwrap.indent(table.terminal(lines, right=[2]), "  ")


def _by(shape: Any) -> str:
    return "x".join(map(str, shape))
