"""The published networks against PyTorch and Keras: forward, gradients, ten optimizer steps.

The golden files were made by `tests/golden/make_torch.py` and `make_keras.py`; neither library is
needed here.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_jax.model.bottleneck.base import Bottleneck
from ae_jax.model.pipeline import Batch
from ae_jax.resolve.config import load_config
from ae_jax.train import loop, setup
from tests.golden import weights

GOLDEN = Path(__file__).parents[1] / "golden"
CONFIGS = {
    "linear": "linear",
    "undercomplete": "undercomplete",
    "denoise": "denoise:published",
    "dropout": "dropout",
    "deep": "deep:published",
    "conv_strided": "conv_strided",
    "conv_strided_batchnorm": "conv_strided:batchnorm",
    "dense": "dense",
    "conv_pool": "conv_pool:published",
}


def close(ours, golden, what):
    """Relative to the largest golden value: single entries may be near zero."""
    golden = np.asarray(golden)
    gap = np.max(np.abs(np.asarray(ours).reshape(golden.shape) - golden))
    assert gap <= 1e-4 * np.max(np.abs(golden)), (
        f"{what}: relative gap {gap / np.abs(golden).max()}"
    )


def tree(flat):
    """{'encoder/layer_0/kernel': v} -> nested dicts."""
    nested: dict = {}
    for path, value in flat.items():
        side, module, leaf = path.split("/")
        nested.setdefault(side, {}).setdefault(module, {})[leaf] = jnp.asarray(value)
    return nested


class Times(Bottleneck):
    """z = h * mask."""

    mask: jax.Array

    def __call__(self, h, key, train):
        return h * self.mask, None


def with_mask(trainer, mask):
    """The trainer with the golden noise in the place of its own."""
    model = trainer.model
    if trainer.config.corruption.name != "none":
        model = model._replace(corrupt=lambda key, x: x * mask)
    elif trainer.config.bottleneck.name != "identity":
        model = model._replace(module=model.module.clone(bottleneck=Times(mask)))
    return trainer._replace(model=model, objective=trainer.objective._replace(model=model))


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=pytest.mark.slow if name.startswith("conv") else ())
        for name in CONFIGS
    ],
)
def case(request):
    name = request.param
    config = load_config(CONFIGS[name], train={"batch_size": weights.BATCH})
    trainer = setup.prepare(config, (28, 28, 1), weights.BATCH * weights.STEPS)
    images, mask = weights.batches(name)
    x = jnp.asarray(2 * images - 1 if name in weights.SYM_MODELS else images)
    mask = jnp.zeros(len(x)) if mask is None else jnp.asarray(mask)
    state = trainer.init(jax.random.key(0), jnp.zeros((28, 28, 1)))
    assert jax.tree.map(jnp.shape, state.params) == jax.tree.map(
        jnp.shape, tree(weights.draw(name))
    )
    state = state._replace(params=tree(weights.draw(name)))
    return name, trainer, state, x, mask, np.load(GOLDEN / f"{name}.npz")


def leaves(golden, kind):
    return [key.removeprefix(f"{kind}/") for key in golden if key.startswith(f"{kind}/")]


def sampled(values, path):
    side, module, leaf = path.split("/")
    value = np.asarray(values[side][module][leaf])
    return value.ravel()[weights.sample_indices(path, value.shape)], np.linalg.norm(value)


def test_first_batch_follows(case):
    name, trainer, state, x, mask, golden = case
    masked = with_mask(trainer, mask[0])

    def loss_of(params):
        variables = {"params": params, **state.statistics}
        return masked.objective(variables, Batch(x[0]), jax.random.key(0), True)[0]

    module = masked.model.module
    noisy = masked.model.corrupt(jax.random.key(0), x[0])
    p, _ = module.apply(
        state.variables, Batch(x[0]), noisy, jax.random.key(0), True, mutable=["batch_stats"]
    )
    # The golden code of the dropout model is the one before its dropout.
    close(p.h, golden["code"], "code")
    close(p.x_hat.reshape(len(x[0]), -1), golden["output"], "output")
    grads = jax.jit(jax.grad(loss_of))(state.params)
    for path in leaves(golden, "grad"):
        sample, norm = sampled(grads, path)
        close(sample, golden[f"grad/{path}"], f"{name} gradient of {path}")
        close(norm, golden[f"gradnorm/{path}"], f"{name} gradient norm of {path}")


@pytest.mark.slow
def test_ten_steps_follow(case):
    name, trainer, state, x, mask, golden = case

    @jax.jit
    def ten_steps(state):
        def step(state, batch):
            x, mask = batch
            masked = with_mask(trainer, mask)
            return loop.train_step(masked, state, Batch(x), jax.random.key(0))

        return jax.lax.scan(step, state, (x, mask))

    state, metrics = ten_steps(state)
    close(metrics["loss"], golden["losses"], "losses")
    for path in leaves(golden, "param"):
        sample, norm = sampled(state.params, path)
        close(sample, golden[f"param/{path}"], f"{name} {path} after ten steps")
        close(norm, golden[f"paramnorm/{path}"], f"{name} norm of {path} after ten steps")
    for path in leaves(golden, "stat"):
        sample, _ = sampled(state.statistics["batch_stats"], path)
        close(sample, golden[f"stat/{path}"], f"{name} running {path}")
    if "eval_output" in golden:
        p = trainer.model.run(state.variables, Batch(x[0]), None)
        close(p.x_hat.reshape(len(x[0]), -1), golden["eval_output"], "output in evaluation mode")
