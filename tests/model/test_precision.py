"""bfloat16 by config: every product is in bfloat16, all that is kept or added up is float32."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_jax import load_config, load_data
from ae_jax.model.pipeline import Batch
from ae_jax.train import setup

CONFIGS = ["denoise", "tied", "vae", "conv_strided:batchnorm"]


def gradient(name: str, dtype: str) -> tuple[Any, Any, Any]:
    """(loss function's jaxpr, loss, gradient) of one batch of real digits."""
    config = load_config(name, **{"model.dtype": dtype, "train.batch_size": 32})
    trainer = setup.prepare(config, (28, 28, 1), 64)
    key = jax.random.key(0)
    state = trainer.init(key, jnp.zeros((28, 28, 1)))
    batch = Batch(jnp.asarray(load_data("mnist5k").test.images[:32], jnp.float32) / 255)

    def loss(params: Any) -> jax.Array:
        return trainer.objective({"params": params, **state.statistics}, batch, key, True)[0]

    program = jax.make_jaxpr(jax.grad(loss))(state.params)
    return program, *jax.jit(jax.value_and_grad(loss))(state.params)


def products(jaxpr: Any) -> list[Any]:
    """The types of the operands of all dot products, inner programs included."""
    found = []
    for e in jaxpr.eqns:
        if e.primitive.name == "dot_general":
            found.append({v.aval.dtype.name for v in e.invars})
        for inner in jax.tree.leaves(
            list(e.params.values()), is_leaf=lambda v: hasattr(v, "eqns") or hasattr(v, "jaxpr")
        ):
            inner = getattr(inner, "jaxpr", inner)
            found += products(inner) if hasattr(inner, "eqns") else []
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_bfloat16_multiplies_and_float32_adds_up(name: str) -> None:
    _, loss, grads = gradient(name, "float32")
    program, rough, rough_grads = gradient(name, "bfloat16")
    operands = products(program.jaxpr)
    assert operands
    assert all(types == {"bfloat16"} for types in operands)
    assert {g.dtype.name for g in jax.tree.leaves(rough_grads)} == {"float32"}
    assert rough.dtype == jnp.float32
    # bfloat16 keeps 8 bits: 0.4 % a number, less in their sums.
    np.testing.assert_allclose(rough, loss, rtol=5e-3)
    a, b = (jnp.concatenate([g.ravel() for g in jax.tree.leaves(t)]) for t in (grads, rough_grads))
    cosine = jnp.vdot(a, b) / (jnp.linalg.norm(a) * jnp.linalg.norm(b))
    assert cosine > 0.995
