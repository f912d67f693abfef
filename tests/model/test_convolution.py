"""Convolutions as matrix products against XLA's own: exactly, since all numbers are small integers.

Integers up to 3 add up without rounding in float32, so values and gradients must agree bit for bit
however the sums are ordered.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from ae_jax.errors import ConfigError
from ae_jax.model import blocks
from ae_jax.model.convolution import (
    avg_pool,
    conv,
    conv_transpose,
    max_pool,
    upsample,
    upsample_conv,
)

both_lowerings = pytest.mark.parametrize("lowering", ["matmul", "native"])
AXES = ("NHWC", "HWIO", "NHWC")


def integers(seed: int, *shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).integers(-3, 4, shape), jnp.float32)


def values_and_gradients(f, *inputs):
    """f(*inputs), and the gradients of <f(*inputs), random integers> in each input."""

    @jax.jit
    def program(*inputs):
        y, pull_back = jax.vjp(f, *inputs)
        return y, pull_back(integers(2, *y.shape))

    return program(*inputs)


def assert_equal_maps(f, truth, image, shape):
    x, kernel = integers(0, 2, *image, shape[2]), integers(1, *shape)
    found, expected = (values_and_gradients(g, x, kernel) for g in (f, truth))
    jax.tree.map(np.testing.assert_array_equal, found, expected)


# image (H, W), kernel (kh, kw, in, out), stride, padding
CONVOLUTIONS = [
    ((8, 8), (3, 3, 1, 4), 1, "SAME"),
    ((8, 8), (3, 3, 4, 1), 1, "SAME"),
    ((7, 9), (5, 5, 4, 8), 1, "SAME"),
    ((9, 6), (6, 6, 3, 2), 1, "SAME"),
    ((9, 10), (2, 4, 2, 5), 1, "VALID"),
    ((6, 5), (1, 1, 8, 3), 1, "VALID"),
    ((8, 7), (3, 2, 8, 1), 1, 2),
    ((5, 7), (7, 7, 2, 1), 1, "SAME"),
    ((7, 7), (7, 7, 3, 6), 1, "VALID"),  # the kernel covers the image: a dense layer
    ((8, 8), (3, 3, 1, 16), 2, 1),
    ((9, 7), (3, 3, 8, 5), 2, 1),
    ((9, 9), (4, 4, 2, 3), 2, "SAME"),
    ((7, 8), (5, 3, 6, 1), 2, "VALID"),
    ((10, 11), (3, 3, 2, 7), 3, "SAME"),
    ((11, 8), (2, 2, 3, 1), 3, "VALID"),  # pixels that no tap reads
    ((1, 6), (1, 3, 2, 2), 1, "SAME"),
    ((6, 8), (3, 4, 5, 2), 1, ((0, 2), (3, 1))),
    ((5, 6), (3, 3, 33, 2), 1, "SAME"),
    ((5, 6), (3, 3, 2, 33), 2, "SAME"),
]


@both_lowerings
@pytest.mark.parametrize(("image", "shape", "stride", "padding"), CONVOLUTIONS)
def test_conv_equals_xla(image, shape, stride, padding, lowering):
    def truth(x, kernel):
        pads = [(padding, padding)] * 2 if isinstance(padding, int) else padding
        strides = (stride, stride)
        return lax.conv_general_dilated(x, kernel, strides, pads, dimension_numbers=AXES)

    assert_equal_maps(lambda x, k: conv(x, k, stride, padding, lowering), truth, image, shape)


# image (H, W), kernel (kh, kw, in, out), stride, padding, output_padding
TRANSPOSED = [
    ((4, 4), (3, 3, 8, 1), 2, 1, 1),
    ((4, 3), (3, 3, 1, 8), 2, 1, 1),
    ((3, 4), (5, 5, 4, 6), 1, 2, 0),
    ((3, 5), (2, 4, 3, 2), 2, 0, 0),
    ((3, 3), (4, 4, 2, 2), 2, 1, 0),
    ((4, 3), (2, 2, 5, 3), 3, 0, 1),  # outputs that no tap reaches
    ((3, 4), (5, 3, 1, 3), 3, 1, 2),
    ((5, 5), (1, 1, 2, 3), 2, 0, 1),
    ((1, 1), (7, 7, 6, 3), 1, 0, 0),  # a single pixel: a dense layer
    ((6, 2), (3, 3, 2, 1), 1, 0, 0),
    ((9, 9), (3, 3, 2, 1), 1, 4, 0),  # padding wider than the kernel crops
    ((3, 3), (3, 3, 40, 2), 2, 1, 1),
    ((3, 4), (2, 2, 40, 2), 3, 0, 1),  # outputs that no tap reaches, of blocks of one pixel
    ((4, 3), (1, 1, 40, 40), 2, 0, 0),
]


@both_lowerings
@pytest.mark.parametrize(("image", "shape", "stride", "padding", "extra"), TRANSPOSED)
def test_conv_transpose_is_the_gradient_of_conv(image, shape, stride, padding, extra, lowering):
    # PyTorch defines it so: the transpose of the convolution with the channels exchanged.
    out = [(n - 1) * stride - 2 * padding + k + extra for n, k in zip(image, shape, strict=False)]

    def truth(x, kernel):
        def forward(y):
            pads, strides = [(padding, padding)] * 2, (stride, stride)
            turned = kernel.swapaxes(2, 3)
            y = lax.conv_general_dilated(y, turned, strides, pads, dimension_numbers=AXES)
            return y[:, : image[0], : image[1]]

        return jax.linear_transpose(forward, jnp.zeros((2, *out, shape[3])))(x)[0]

    def ours(x, kernel):
        return conv_transpose(x, kernel, stride, padding, extra, lowering)

    assert_equal_maps(ours, truth, image, shape)


@both_lowerings
@pytest.mark.parametrize(
    ("image", "shape", "factor"),
    [
        ((4, 4), (5, 5, 8, 4), 2),
        ((5, 4), (6, 6, 2, 4), 2),
        ((4, 5), (6, 4, 8, 1), 2),
        ((3, 3), (3, 3, 4, 40), 2),
        ((3, 4), (3, 3, 1, 2), 3),
        ((3, 4), (1, 1, 3, 2), 2),
    ],
)
def test_upsample_conv_is_upsample_then_conv(image, shape, factor, lowering):
    def truth(x, kernel):
        large = x.repeat(factor, axis=1).repeat(factor, axis=2)
        return lax.conv_general_dilated(large, kernel, (1, 1), "SAME", dimension_numbers=AXES)

    assert_equal_maps(lambda x, k: upsample_conv(x, k, factor, lowering), truth, image, shape)


MAPS = {
    "conv": lambda x, k, lowering: conv(x, k, 2, "SAME", lowering),
    "conv_transpose": lambda x, k, lowering: conv_transpose(x, k, 2, 1, 1, lowering),
    "upsample_conv": lambda x, k, lowering: upsample_conv(x, k, 2, lowering),
}


@pytest.mark.slow
@pytest.mark.parametrize("numbers", [1, 7, 10**6])
@pytest.mark.parametrize("channels", [(1, 3), (3, 1)])
@pytest.mark.parametrize("name", MAPS)
def test_any_block_size_gives_the_same_map(numbers, channels, name, monkeypatch):
    monkeypatch.setattr(blocks, "MIN_COLUMNS", numbers)
    ours, xla = (partial(MAPS[name], lowering=lowering) for lowering in ("matmul", "native"))
    assert_equal_maps(ours, xla, (7, 9), (4, 3, *channels))


@both_lowerings
def test_worked_by_hand(lowering):
    x = jnp.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]).reshape(1, 3, 3, 1)
    kernel = jnp.array([[1.0, 10], [100, 1000]]).reshape(2, 2, 1, 1)
    # y[0, 0] = 1 + 2*10 + 4*100 + 5*1000, and so on: the kernel is not flipped
    y = jax.jit(lambda x, k: conv(x, k, 1, "VALID", lowering))(x, kernel)
    np.testing.assert_array_equal(y[0, :, :, 0], [[5421, 6532], [8754, 9865]])
    # an even kernel pads behind: the last row and column read zeros
    y = jax.jit(lambda x, k: conv(x, k, 1, "SAME", lowering))(x, kernel)
    np.testing.assert_array_equal(y[0, 2, :, 0], [87, 98, 9])
    # every pixel writes its multiple of the kernel; the middle is 1*1000 + 2*100 + 4*10 + 5
    y = jax.jit(lambda x, k: conv_transpose(x, k, 1, 0, 0, lowering))(x[:, :2, :2], kernel)
    expected = [[1, 12, 20], [104, 1245, 2050], [400, 4500, 5000]]
    np.testing.assert_array_equal(y[0, :, :, 0], expected)


@pytest.mark.slow
@partial(jax.jit, static_argnames="lowering")
def contractive_penalty(kernels, images, lowering):
    """Mean |Jacobian|^2 of a small network, its gradient, and the Jacobians both ways."""

    def encode(kernels, image):
        h = jnp.tanh(conv(image[None], kernels[0], 2, 1, lowering))
        h = jnp.tanh(upsample_conv(h, kernels[1], 2, lowering))
        return conv_transpose(h, kernels[2], 2, 1, 0, lowering).ravel()

    def jacobians(mode, kernels):
        return jax.vmap(lambda image: mode(encode, argnums=1)(kernels, image))(images)

    def penalty(kernels):
        return jnp.sum(jacobians(jax.jacfwd, kernels) ** 2) / len(images)

    value_and_gradient = jax.value_and_grad(penalty)(kernels)
    return *value_and_gradient, jacobians(jax.jacfwd, kernels), jacobians(jax.jacrev, kernels)


@pytest.mark.slow
def test_forward_mode_second_order_and_vmap():
    shapes = [(3, 3, 1, 3), (3, 3, 3, 2), (3, 3, 2, 1)]
    kernels = [0.1 * integers(seed, *shape) for seed, shape in enumerate(shapes)]
    images = 0.3 * integers(5, 2, 4, 5, 1)
    found, expected = (contractive_penalty(kernels, images, k) for k in ("matmul", "native"))
    assert float(expected[0]) > 0.1
    np.testing.assert_allclose(found[2], found[3], atol=1e-6)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


def test_vmap_over_kernels_trains_an_ensemble():
    x, kernels = integers(0, 3, 2, 5, 5, 2), integers(1, 3, 3, 3, 2, 4)
    together = jax.jit(jax.vmap(lambda x, k: conv(x, k, lowering="matmul")))(x, kernels)
    one_by_one = [conv(a, k, lowering="native") for a, k in zip(x, kernels, strict=True)]
    np.testing.assert_array_equal(together, jnp.stack(one_by_one))


def test_half_precision_stays():
    x, kernel = integers(0, 1, 4, 4, 2), integers(1, 3, 3, 2, 2)
    y = conv(x.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16), lowering="matmul")
    assert y.dtype == jnp.bfloat16
    np.testing.assert_allclose(y, conv(x, kernel, lowering="native"), rtol=1e-2)


@pytest.mark.parametrize(("backend", "native"), [("cpu", False), ("gpu", True), ("tpu", True)])
def test_auto_is_native_except_on_cpus(backend, native, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    images, kernel = jnp.ones((1, 4, 4, 1)), jnp.ones((3, 3, 1, 1))
    for f in (conv, partial(conv_transpose, stride=2, padding=1), upsample_conv):
        program = str(jax.make_jaxpr(lambda x, k: f(x, k))(images, kernel))  # noqa: B023
        assert ("conv_general_dilated" in program) is native
        assert ("dot_general" in program) is not native


@pytest.mark.parametrize(("image", "size"), [((4, 6), 2), ((5, 7), 2), ((7, 9), 3)])
@pytest.mark.parametrize("name", ["max", "mean"])
def test_pools_equal_xla_with_ties(image, size, name):
    x = jax.nn.relu(integers(0, 3, *image, 4))  # many equal zeros, as after a ReLU
    window = (1, size, size, 1)

    def truth(x):
        if name == "max":
            return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")
        return lax.reduce_window(x, 0.0, lax.add, window, window, "VALID") / size**2

    ours = partial({"max": max_pool, "mean": avg_pool}[name], size=size)
    found, expected = (values_and_gradients(f, x) for f in (ours, truth))
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-6), found, expected)


@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_max_pool_does_not_hide_a_nan(place):
    x = jnp.ones((1, 2, 2, 1)).at[0, place[0], place[1], 0].set(jnp.nan)
    assert jnp.isnan(max_pool(x)).all()


def test_upsample_repeats_pixels():
    x = integers(0, 2, 3, 4, 2)
    np.testing.assert_array_equal(upsample(x, 3), np.asarray(x).repeat(3, 1).repeat(3, 2))


def test_errors_name_what_does_not_fit():
    x, kernel = jnp.ones((1, 4, 4, 2)), jnp.ones((5, 5, 2, 1))
    with pytest.raises(ConfigError, match=r"after this layer would be \[0, 0\]"):
        conv(x, kernel, 1, "VALID")
    with pytest.raises(ConfigError, match="do not fit"):
        conv(x, jnp.ones((3, 3, 1, 1)))
    with pytest.raises(ConfigError, match="'matmul'"):
        conv(x, kernel, lowering="fast")
