"""Convolutional networks on signals, images of height 1: those of one-dimensional PyTorch.

The golden file was made by `tests/golden/make_torch_signals.py`.
"""

import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from ae_jax.errors import ConfigError
from ae_jax.model import convolution
from ae_jax.model import pipeline as model_lib
from ae_jax.model.layers import Conv, ConvTranspose
from ae_jax.model.pipeline import Batch
from ae_jax.resolve.config import load_config, resolve
from tests.golden import signals

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "signals.npz")
NETWORKS = {
    "conv_strided": (
        {"channels": (4, 6), "batch_norm": True},
        {"channels": (6, 4), "batch_norm": True},
    ),
    "conv_pool": (
        {"channels": (3, 4), "kernel": 5, "hidden": (7,)},
        {"hidden": (6,), "grid_channels": 5, "channels": (4, 3), "kernels": (5, 6, 7)},
    ),
}
SIGNALS = [(1, 100, 2), (1, 13, 1), (1, 1, 3), (1, 1000, 1)]

families = pytest.mark.parametrize("name", NETWORKS)


def build(name, shape):
    encoder, decoder = ({"name": name, "activation": "tanh", **part} for part in NETWORKS[name])
    raw = {"encoder": encoder, "decoder": decoder, "model": {"code_size": signals.CODE}}
    return model_lib.build(resolve(raw), shape)


def tree(flat):
    """{'encoder/layer_0/kernel': v} -> nested dicts."""
    nested: dict = {}
    for path, value in flat.items():
        side, module, leaf = path.split("/")
        nested.setdefault(side, {}).setdefault(module, {})[leaf] = value
    return nested


def flat(nested):
    leaves = jax.tree_util.tree_leaves_with_path(nested)
    return {"/".join(key.key for key in path): leaf for path, leaf in leaves}


def close(ours, golden, what):
    gap = np.max(np.abs(np.asarray(ours) - golden))
    assert gap <= 2e-5 * np.max(np.abs(golden)), f"{what}: {gap}"


@families
def test_parameters_have_the_shapes_of_one_dimensional_layers(name):
    model = build(name, (1, signals.LENGTH, signals.CHANNELS))
    params = flat(jax.eval_shape(model.init, jax.random.key(0))["params"])
    assert {path: leaf.shape for path, leaf in params.items()} == signals.SHAPES[name]


@pytest.mark.parametrize(("layer", "fan_in"), [(Conv, 5 * 3), (ConvTranspose, 5 * 40)])
def test_initial_weights_are_those_of_one_dimensional_layers(layer, fan_in):
    # PyTorch's U(+-1/sqrt(fan_in)), fan_in = k in of Conv1d, k out of ConvTranspose1d
    made = layer(40, size=(1, 5), stride=(1, 2), padding=(0, 1))
    params = jax.jit(made.init)(jax.random.key(0), jnp.ones((1, 1, 9, 3)))["params"]
    bound = 1 / math.sqrt(fan_in)
    assert params["kernel"].shape == (1, 5, 3, 40)
    assert 0.98 * bound < np.abs(params["kernel"]).max() <= bound
    assert 0.8 * bound < np.abs(params["bias"]).max() <= bound


@pytest.mark.slow
@pytest.mark.parametrize("native", [False, True])
@families
def test_networks_equal_pytorch(name, native, monkeypatch):
    monkeypatch.setattr(convolution, "_is_native", lambda lowering: native)
    model = build(name, (1, signals.LENGTH, signals.CHANNELS))
    params = tree(signals.parameters(name))
    batch = Batch(jnp.asarray(signals.batch())[:, None])

    @jax.jit
    def run(params):
        variables = {"params": params}
        p, updated = model.apply(variables, batch, batch.x, None, True, mutable=["batch_stats"])
        return jnp.mean((p.x_hat - batch.x) ** 2), (p, updated)

    gradients, (p, updated) = jax.jit(jax.grad(run, has_aux=True))(params)
    close(p.h, GOLDEN[f"{name}/code"], "code")
    close(p.x_hat[:, 0], GOLDEN[f"{name}/output"], "output")
    for path, gradient in flat(gradients).items():
        golden = GOLDEN[f"{name}/grad/{path}"]
        close(gradient.reshape(golden.shape), golden, f"gradient of {path}")
    averages = flat(updated.get("batch_stats", {}))
    assert len(averages) == (8 if name == "conv_strided" else 0)
    for path, average in averages.items():
        close(average, GOLDEN[f"{name}/stat/{path}"], path)


@pytest.mark.parametrize("shape", SIGNALS)
@pytest.mark.parametrize("config", ["conv_pool", "conv_strided", "conv_strided:batchnorm"])
def test_published_networks_take_signals(config, shape):
    model = model_lib.build(load_config(config), shape)

    def both(x):
        variables = model.init(jax.random.key(0))
        batch = Batch(x)
        p, _ = model.apply(variables, batch, x, None, True, mutable=["batch_stats"])
        return variables["params"], p

    heights = set()

    def watch(layer, args, kwargs, context):
        y = layer(*args, **kwargs)
        if isinstance(context.module, Conv | ConvTranspose) and context.method_name == "__call__":
            heights.add(y.shape[1])
        return y

    with nn.intercept_methods(watch):
        params, p = jax.eval_shape(both, jax.ShapeDtypeStruct((5, *shape), jnp.float32))
    assert heights == {1}, "rows are made that are cut off later"
    assert p.x_hat.shape == (5, *shape)
    kernels = [leaf.shape for path, leaf in flat(params).items() if leaf.ndim == 4]
    assert len(kernels) >= 5
    assert all(kernel[0] == 1 for kernel in kernels)


@families
def test_a_column_is_a_signal_that_stands(name):
    across, along = (build(name, shape) for shape in ((1, 13, 2), (13, 1, 2)))
    start = f"{name}/stat/"
    averages = {k.removeprefix(start): GOLDEN[k] for k in GOLDEN if k.startswith(start)}
    variables = {"params": tree(signals.parameters(name)), "batch_stats": tree(averages)}
    turned = jax.tree.map(lambda v: v.swapaxes(0, 1) if v.ndim == 4 else v, variables)
    x = jnp.asarray(signals.batch())

    def reconstruct(model, variables, x):
        return jax.jit(lambda variables: model.run(variables, Batch(x), None).x_hat)(variables)

    found = reconstruct(along, turned, x[:, :, None])[:, :, 0]
    expected = reconstruct(across, variables, x[:, None])[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "what"), [((1, 3, 1), "short signals"), ((3, 3, 1), "small images")]
)
def test_poolings_that_leave_nothing_are_refused(shape, what):
    with pytest.raises(
        ConfigError, match=rf"encoder\.channels: 2 poolings leave nothing of such {what}"
    ):
        jax.eval_shape(build("conv_pool", shape).init, jax.random.key(0))
