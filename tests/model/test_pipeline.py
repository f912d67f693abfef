"""Parameter counts of the published networks, and shapes for images of every kind."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from ae_jax.errors import ConfigError
from ae_jax.model import pipeline as model_lib
from ae_jax.model.layers import ACTIVATIONS
from ae_jax.resolve.config import load_config

COUNTS = {
    "linear": 50_176,
    "undercomplete": 47_854,
    "denoise": 785_284,
    "dropout:zero": 109_520,
    "dropout:two": 202_258,
    "dropout": 468_368,
    "dropout:denoise": 419_120,
    "dense": 457_370,
    "conv_pool": 359_263,
    "deep": 220_066,
    "conv_strided": 210_369,
    "conv_strided:batchnorm": 210_561,
    "vae": 652_824,
    "vae:keras": 472_894,
    "cvae": 618_991,
    "tied": 784 * 32,
    "tied:tanh": 784 * 30 + 30 + 784,
}


def variables_of(name, shape=(28, 28, 1), **overrides):
    model = model_lib.build(load_config(name, **overrides), shape)
    return model, jax.eval_shape(model.init, jax.random.key(0), jnp.zeros(shape))


@pytest.mark.parametrize("name", COUNTS)
def test_parameter_count(name):
    _, variables = variables_of(name)
    assert sum(leaf.size for leaf in jax.tree.leaves(variables["params"])) == COUNTS[name]


@pytest.mark.parametrize("name", ["denoise", "tied", "conv_pool", "conv_strided:batchnorm"])
@pytest.mark.parametrize("shape", [(32, 32, 3), (17, 9, 1)])
def test_any_image_shape(name, shape):
    model, variables = variables_of(name, shape)
    code, image = jax.eval_shape(
        lambda v, x: (model.encode(v, x), model.decode(v, model.encode(v, x))),
        variables,
        jax.ShapeDtypeStruct((5, *shape), jnp.float32),
    )
    assert code.shape == (5, load_config(name).model.code_size)
    assert image.shape == (5, *shape)


def test_images_too_small_to_pool_are_refused():
    with pytest.raises(ConfigError, match=r"encoder\.channels: 2 poolings leave nothing"):
        variables_of("conv_pool", (3, 3, 1))


def test_activations_are_those_of_the_frameworks():
    a = np.linspace(-4, 4, 81)
    normal = 0.5 * (1 + special.erf(a / np.sqrt(2)))  # PyTorch's and Keras's GELU is exact
    np.testing.assert_allclose(ACTIVATIONS["gelu"](jnp.asarray(a)), a * normal, atol=1e-6)


@pytest.mark.slow
def test_tied_weights_are_one_leaf_and_its_gradient_is_the_sum_of_both_uses():
    config = load_config("tied:tanh", model={"code_size": 3})
    model = model_lib.build(config, (2, 3, 1))
    variables = model.init(jax.random.key(0))
    kernels = [p for p, _ in jax.tree_util.tree_leaves_with_path(variables["params"])]
    assert sum("kernel" in jax.tree_util.keystr(p) for p in kernels) == 1
    x = jax.random.uniform(jax.random.key(1), (4, 2, 3, 1))
    params = variables["params"]
    b = params["encoder"]["layer_0"]["bias"][None]
    c = params["decoder"]["bias_0"][None]

    def by_hand(W, V):
        rows = x.reshape(4, 6)
        return jnp.sum((jnp.tanh(jnp.tanh(rows @ W + b) @ V.T + c) - rows) ** 2)

    def ours(params):
        return jnp.sum(
            (model.decode({"params": params}, model.encode({"params": params}, x)) - x) ** 2
        )

    W = params["encoder"]["layer_0"]["kernel"]
    g_encoder, g_decoder = jax.grad(by_hand, (0, 1))(W, W)
    gradient = jax.grad(ours)(params)["encoder"]["layer_0"]["kernel"]
    assert jnp.allclose(gradient, g_encoder + g_decoder, rtol=1e-5)
    assert not jnp.allclose(gradient, g_encoder, rtol=1e-2)
