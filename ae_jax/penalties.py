"""Penalty slot: what is added to the reconstruction, one number per image.

Every penalty is `f(p, model, variables, key, ...) -> [batch]` of a forward pass `p`; the objective
averages it over the batch and multiplies it by `config.penalties.<name>.weight`.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from ae_jax.model import Model, Pass, Variables


def weight_l2(p: Pass, model: Model, variables: Variables, key: jax.Array) -> jax.Array:
    """sum over the kernels W of mean(W^2), biases left alone; the same number for every image."""
    leaves = jax.tree_util.tree_leaves_with_path(variables["params"])
    kernels = [W for path, W in leaves if path[-1].key == "kernel"]
    return jnp.full(len(p.x), sum(jnp.mean(jnp.square(W)) for W in kernels))


PENALTIES: dict[str, Callable[..., jax.Array]] = {
    "weight_l2": weight_l2,
}
