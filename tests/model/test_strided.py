"""Strided networks of other kernels and strides, layer by layer against XLA's convolutions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import ae_jax
from ae_jax.errors import ConfigError
from ae_jax.model.pipeline import Batch, build

LAYOUT = ("NHWC", "HWIO", "NHWC")
SHAPE = (11, 14, 2)


def model_of(kernel, stride, shape=SHAPE):
    part = {"name": "conv_strided", "activation": "tanh", "kernel": kernel, "stride": stride}
    encoder, decoder = {**part, "channels": (3, 4)}, {**part, "channels": (4, 3)}
    fields = {"encoder": encoder, "decoder": decoder, "model": {"code_size": 5}}
    return build(ae_jax.load_config("conv_strided", **fields), shape)


def down(x, W, stride, padding):
    window = (stride, stride), [(padding, padding)] * 2
    return lax.conv_general_dilated(x, W, *window, dimension_numbers=LAYOUT)


def up(x, W, stride, padding):
    """The transpose of `down` from an image `stride` times as large."""
    n, H, W_, _ = x.shape
    large = jax.ShapeDtypeStruct((n, stride * H, stride * W_, W.shape[3]), x.dtype)
    turned = jnp.swapaxes(W, 2, 3)
    return jax.linear_transpose(lambda v: down(v, turned, stride, padding), large)(x)[0]


@pytest.mark.slow
@pytest.mark.parametrize(("kernel", "stride"), [(4, 2), (5, 3), (2, 3), (3, 1)])
def test_against_xla(kernel, stride):
    model = model_of(kernel, stride)
    variables = model.init(jax.random.key(0))
    x = jax.random.uniform(jax.random.key(1), (4, *SHAPE))
    p = jax.jit(lambda v, x: model.run(v, Batch(x), None))(variables, x)
    padding = (kernel - 1) // 2
    layers = [variables["params"]["encoder"][f"layer_{i}"] for i in range(3)]
    for layer in layers[:2]:
        x = jnp.tanh(down(x, layer["kernel"], stride, padding) + layer["bias"][None, None, None, :])
    code = jnp.einsum("bhwc,hwcf->bf", x, layers[2]["kernel"]) + layers[2]["bias"][None, :]
    np.testing.assert_allclose(p.z, code, atol=2e-5)
    first, *others = [variables["params"]["decoder"][f"layer_{i}"] for i in range(3)]
    x = jnp.tanh(
        jnp.einsum("bf,hwfc->bhwc", code, first["kernel"]) + first["bias"][None, None, None, :]
    )
    assert x.shape[1:3] == tuple(-(-side // stride**2) for side in SHAPE[:2])
    for i, layer in enumerate(others):
        x = up(x, layer["kernel"], stride, padding) + layer["bias"][None, None, None, :]
        x = x if i else jnp.tanh(x)
    np.testing.assert_allclose(p.pre_activation, x[:, : SHAPE[0], : SHAPE[1]], atol=2e-5)


def test_what_does_not_fit_is_named():
    with pytest.raises(ConfigError, match=r"decoder\.kernel: must be odd where decoder\.stride"):
        model_of(4, 1)
    with pytest.raises(ConfigError, match="strides leave nothing of examples of 4 x 4"):
        model_of(4, 4, (4, 4, 1)).init(jax.random.key(0))
