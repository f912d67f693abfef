"""A network of ours with the numbers of a golden file, and what it is held to."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.model.pipeline import Batch
from tests.golden import residual

# Small functions that run once: most of their time would go into optimizing them.
compiled = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def drawn(model):
    """Parameters by their paths, as the script that made the file draws them."""

    def number(path, leaf):
        return jnp.asarray(residual.numbers("/".join(k.key for k in path), leaf.shape))

    shapes = jax.eval_shape(model.init, jax.random.key(0))["params"]
    return jax.tree_util.tree_map_with_path(number, shapes)


def check(model, golden):
    """Codes, outputs and the gradient of the mean squared error are those of the file."""
    batch = Batch(jnp.asarray(residual.batch()))

    def run(params):
        p = model.apply({"params": params}, batch, batch.x, None, True)
        return jnp.mean((p.x_hat - batch.x) ** 2), p

    gradients, p = compiled(jax.grad(run, has_aux=True))(drawn(model))
    leaves = jax.tree_util.tree_leaves_with_path(gradients)
    slopes = {f"grad/{'/'.join(key.key for key in path)}": leaf for path, leaf in leaves}
    found = {"code": p.h, "output": p.x_hat, **slopes}
    assert set(found) == set(golden)
    largest = max(np.abs(golden[name]).max() for name in slopes)
    for name, ours in found.items():
        least = 1e-2 * largest if name in slopes else 0
        most = max(np.abs(golden[name]).max(), least)
        np.testing.assert_allclose(ours, golden[name], rtol=0, atol=2e-5 * most, err_msg=name)
