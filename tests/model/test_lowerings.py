"""Speed never changes results: every convolutional config under both lowerings."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_jax import load_data
from ae_jax.model import convolution
from ae_jax.model.pipeline import Batch
from ae_jax.resolve import config
from ae_jax.train import setup

FILES = sorted(Path("configs").glob("*.py"))
NAMES = [
    name
    for file in FILES
    for name in (file.stem, *(f"{file.stem}:{v}" for v in config.variants(file)))
    if name.startswith("conv") and not name.endswith(":published")  # the same network, more data
]


def loss_and_gradient(name: str) -> Any:
    """Of four real digits."""
    resolved = config.load_config(name, **{"train.batch_size": 4})
    trainer = setup.prepare(resolved, (28, 28, 1), 4)
    key = jax.random.key(0)
    state = trainer.init(key, jnp.zeros((28, 28, 1)))
    batch = Batch(jnp.asarray(load_data("mnist5k").train.images[:4], jnp.float32) / 255)

    @jax.jit
    @jax.value_and_grad
    def loss(params: Any) -> jax.Array:
        return trainer.objective({"params": params, **state.statistics}, batch, key, True)[0]

    return loss(state.params)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_both_lowerings_give_one_gradient(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not convolution._is_native("auto")
    matmul = loss_and_gradient(name)
    monkeypatch.setattr(convolution, "_is_native", lambda lowering: True)
    native = loss_and_gradient(name)
    for ours, xla in zip(jax.tree.leaves(matmul), jax.tree.leaves(native), strict=True):
        gap = np.max(np.abs(ours - xla))
        assert gap <= 1e-4 * max(np.max(np.abs(xla)), 1e-3), gap


def test_there_are_such_configs() -> None:
    assert {"conv_pool", "conv_strided", "conv_strided:batchnorm"} <= set(NAMES)
