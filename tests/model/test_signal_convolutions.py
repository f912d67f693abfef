"""Convolutions of signals, images of height 1, against XLA's and PyTorch's one-dimensional ones.

All numbers are small integers, which add up without rounding in float32, so values and gradients
must agree bit for bit. The golden file was made by `tests/golden/make_torch_signals.py`.
"""

from functools import partial
from pathlib import Path

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
from tests.golden import signals

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "signals.npz")
AXES = ("NWC", "WIO", "NWC")

both_lowerings = pytest.mark.parametrize("lowering", ["matmul", "native"])
sizes = pytest.mark.parametrize(
    ("length", "channels"), [(1, (3, 2)), (2, (4, 1)), (13, (3, 33)), (100, (4, 1)), (1001, (1, 4))]
)


def of_signals(f):
    """`f` of images and their kernel as a map of signals [n, L, C] and a kernel [k, in, out]."""

    def one_dimensional(x, *kernel):
        return f(x[:, None], *(k[None] for k in kernel))[:, 0]

    return one_dimensional


def values_and_gradients(f, r, *inputs):
    """f(*inputs), and the gradients of <f(*inputs), r> in each input; r(shape) -> array."""

    @jax.jit
    def program(*inputs):
        y, pull_back = jax.vjp(f, *inputs)
        return y, *pull_back(jnp.asarray(r(y.shape)))

    return program(*(jnp.asarray(v) for v in inputs))


def assert_equal_maps(image_map, truth, length, kernel):
    x, kernel = signals.layer_inputs("x", signals.Layer(length, kernel))
    r = partial(signals.whole_numbers, "r")
    ours = values_and_gradients(of_signals(image_map), r, x, kernel)
    for found, expected in zip(ours, values_and_gradients(truth, r, x, kernel), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
@both_lowerings
@sizes
@pytest.mark.parametrize(("size", "stride", "padding"), [(3, 2, 1), (5, 1, "SAME"), (6, 3, "SAME")])
def test_conv_equals_xla(size, stride, padding, channels, length, lowering):
    def ours(x, kernel):
        pads = padding if isinstance(padding, str) else (0, padding)
        return conv(x, kernel, (1, stride), pads, lowering)

    def truth(x, kernel):
        pads = padding if isinstance(padding, str) else [(padding, padding)]
        return lax.conv_general_dilated(x, kernel, (stride,), pads, dimension_numbers=AXES)

    assert_equal_maps(ours, truth, length, (size, *channels))


@pytest.mark.slow
@both_lowerings
@sizes
def test_conv_transpose_is_the_gradient_of_conv(channels, length, lowering):
    # PyTorch defines it so: the transpose of the convolution with the channels exchanged.
    def truth(x, kernel):
        def forward(y):
            turned = kernel.swapaxes(1, 2)
            return lax.conv_general_dilated(y, turned, (2,), [(1, 1)], dimension_numbers=AXES)

        y = jnp.zeros((len(x), 2 * length, channels[1]))
        return jax.linear_transpose(forward, y)(x)[0]

    def ours(x, kernel):
        return conv_transpose(x, kernel, (1, 2), (0, 1), (0, 1), lowering)

    assert_equal_maps(ours, truth, length, (3, *channels))


@pytest.mark.slow
@both_lowerings
@sizes
@pytest.mark.parametrize("size", [5, 6])
def test_upsample_conv_is_upsample_then_conv(size, channels, length, lowering):
    def truth(x, kernel):
        large = x.repeat(2, axis=1)
        return lax.conv_general_dilated(large, kernel, (1,), "SAME", dimension_numbers=AXES)

    def ours(x, kernel):
        return upsample_conv(x, kernel, (1, 2), lowering)

    assert_equal_maps(ours, truth, length, (size, *channels))


def golden_map(kind, layer, lowering):
    """Our map of images for a layer of the golden file."""
    step = (1, layer.stride)
    return {
        "conv": lambda x, k: conv(x, k, step, (0, layer.padding), lowering),
        "same_conv": lambda x, k: conv(x, k, 1, "SAME", lowering),
        "conv_transpose": lambda x, k: conv_transpose(
            x, k, step, (0, layer.padding), (0, layer.extra), lowering
        ),
        "upsample_conv": lambda x, k: upsample_conv(x, k, step, lowering),
        "max_pool": lambda x: max_pool(x, (1, layer.kernel[0])),
        "avg_pool": lambda x: avg_pool(x, (1, layer.kernel[0])),
    }[kind]


@both_lowerings
@pytest.mark.parametrize(
    ("kind", "i"), [(kind, i) for kind, all_ in signals.LAYERS.items() for i in range(len(all_))]
)
def test_layers_equal_pytorch(kind, i, lowering):
    name, layer = f"{kind}/{i}", signals.LAYERS[kind][i]
    inputs = signals.layer_inputs(name, layer)[: 1 if kind.endswith("pool") else 2]
    f = of_signals(golden_map(kind, layer, lowering))
    found = values_and_gradients(f, partial(signals.whole_numbers, f"{name}/r"), *inputs)
    for ours, what in zip(found, ("y", "x", "kernel"), strict=False):
        np.testing.assert_allclose(ours, GOLDEN[f"{name}/{what}"], rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", ["max", "average"])
def test_pools_of_two_sides_equal_xla(name):
    x = jnp.asarray(signals.whole_numbers("x", (2, 7, 9, 3)))
    window = (1, 2, 3, 1)
    kind = {"max": (-jnp.inf, lax.max, max_pool, 1), "average": (0.0, lax.add, avg_pool, 6)}
    start, join, ours, count = kind[name]
    expected = lax.reduce_window(x, start, join, window, window, "VALID") / count
    np.testing.assert_allclose(ours(x, (2, 3)), expected, rtol=1e-6)


def test_upsample_repeats_along_each_axis_as_often_as_is_said():
    x = signals.whole_numbers("x", (2, 3, 4, 2))
    np.testing.assert_array_equal(upsample(x, (1, 3)), x.repeat(3, 2))
    np.testing.assert_array_equal(upsample(x, (2, 3)), x.repeat(2, 1).repeat(3, 2))


@both_lowerings
def test_height_and_width_may_differ_in_everything(lowering):
    x = jnp.asarray(signals.whole_numbers("x", (2, 9, 8, 2)))
    kernel = jnp.asarray(signals.whole_numbers("k", (3, 4, 2, 3)))
    pads = [(1, 1), (2, 2)]
    axes = ("NHWC", "HWIO", "NHWC")
    expected = lax.conv_general_dilated(x, kernel, (2, 3), pads, dimension_numbers=axes)
    np.testing.assert_array_equal(conv(x, kernel, (2, 3), (1, 2), lowering), expected)

    def forward(y):
        turned = kernel.swapaxes(2, 3)
        return lax.conv_general_dilated(y, turned, (2, 3), pads, dimension_numbers=axes)

    # of (9 - 1) 2 - 2 1 + 3 + 1 and (8 - 1) 3 - 2 2 + 4 + 2
    expected = jax.linear_transpose(forward, jnp.zeros((2, 18, 23, 3)))(x)[0]
    found = conv_transpose(x, kernel, (2, 3), (1, 2), (1, 2), lowering)
    np.testing.assert_array_equal(found, expected)
    large = x.repeat(2, 1).repeat(3, 2)
    expected = lax.conv_general_dilated(large, kernel, (1, 1), "SAME", dimension_numbers=axes)
    np.testing.assert_array_equal(upsample_conv(x, kernel, (2, 3), lowering), expected)


@pytest.mark.parametrize("turned", [False, True])
def test_blocks_of_a_signal_are_as_wide_as_those_of_an_image(turned):
    along = blocks.Axis(64, 64, 3, 1, 1, lambda o, a: o - 1 + a)
    across = blocks.Axis(1, 1, 1, 1, 1, lambda o, a: o + a)
    cuts = blocks._plan(along, across, 4, 4) if turned else blocks._plan(across, along, 4, 4)
    # MIN_COLUMNS numbers of 4 channels are 8 outputs, of which none can lie across
    assert sorted(cut.out_size for cut in cuts) == [1, blocks.MIN_COLUMNS // 4]


def test_a_kernel_that_exceeds_a_signal_is_refused():
    with pytest.raises(ConfigError, match=r"after this layer would be \[1, 0\]"):
        conv(jnp.ones((1, 1, 4, 2)), jnp.ones((1, 5, 2, 1)), (1, 1), "VALID")
    with pytest.raises(ConfigError, match="do not fit"):
        conv_transpose(jnp.ones((1, 1, 4, 2)), jnp.ones((1, 3, 1, 1)), (1, 2), (0, 1))
