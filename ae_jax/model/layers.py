"""Layers the networks are made of: affine maps, convolutions, activations, initializers.

Layers are Linen modules of a few lines; what PyTorch and Keras do by default is a named choice.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from ae_jax.config.schema import OneOf
from ae_jax.model import convolution, platform
from ae_jax.model.convolution import Padding, Size, pair

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "linear": lambda a: a,
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "silu": jax.nn.silu,
    "elu": jax.nn.elu,
    "gelu": partial(jax.nn.gelu, approximate=False),
    "softplus": jax.nn.softplus,
}
ActivationName = Annotated[str, OneOf(ACTIVATIONS)]


def uniform(bound: float) -> nn.initializers.Initializer:
    """Initializer U(-bound, bound)."""

    def init(
        key: jax.Array, shape: tuple[int, ...], dtype: jax.typing.DTypeLike = jnp.float32
    ) -> jax.Array:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


# name -> (kernel, bias), each a function of (fan_in, fan_out).
# PyTorch: weights and biases U(+-1/sqrt(fan_in)). Keras: Glorot-uniform weights, zero biases.
# 'zero': weights 0 and biases as PyTorch, which alone break the symmetry. 'he': for ReLU nets.
# 'sigmoid4': Glorot & Bengio 2010 for layers of sigmoids, which are four times as flat as tanh.
INITIALIZERS = {
    "torch": (
        lambda fan_in, fan_out: uniform(1 / math.sqrt(fan_in)),
        lambda fan_in, fan_out: uniform(1 / math.sqrt(fan_in)),
    ),
    "keras": (
        lambda fan_in, fan_out: uniform(math.sqrt(6 / (fan_in + fan_out))),
        lambda fan_in, fan_out: nn.initializers.zeros,
    ),
    "zero": (
        lambda fan_in, fan_out: nn.initializers.zeros,
        lambda fan_in, fan_out: uniform(1 / math.sqrt(fan_in)),
    ),
    "he": (
        lambda fan_in, fan_out: uniform(math.sqrt(6 / fan_in)),
        lambda fan_in, fan_out: nn.initializers.zeros,
    ),
    "sigmoid4": (
        lambda fan_in, fan_out: uniform(4 * math.sqrt(6 / (fan_in + fan_out))),
        lambda fan_in, fan_out: nn.initializers.zeros,
    ),
}


class Layer(nn.Module):
    """A kernel, and a bias over the last axis, drawn by a named initializer."""

    features: int
    init_name: str = "torch"
    use_bias: bool = True

    def parameters(
        self, shape: tuple[int, ...], fan_in: int, fan_out: int
    ) -> tuple[jax.Array, Any]:
        """(kernel of `shape`, bias [features] or 0.0)."""
        kernel_init, bias_init = INITIALIZERS[self.init_name]
        kernel = self.param("kernel", kernel_init(fan_in, fan_out), shape)
        if not self.use_bias:
            return kernel, jnp.zeros((self.features,), kernel.dtype)
        return kernel, self.param("bias", bias_init(fan_in, fan_out), (self.features,))


# On CPUs, picking the rows of W that belong to k numbers pays from so many times k rows on: 64 of
# 4,096 take 0.7, 32 of 16,384 take 0.26 times as long as all, gradients included.
SPARSE_FROM = 64


def sparse_product(x: jax.Array, indices: jax.Array, W: jax.Array) -> jax.Array:
    """x W where x [batch, in] is 0 but at `indices` [batch, k]: k products instead of `in`.

    sum_j x_j W_j over those j; equal up to rounding. W [in, features]; the j of a row differ.
    """
    values = jnp.take_along_axis(x, indices, axis=1)
    rows = W.at[indices].get(mode="promise_in_bounds")
    return jnp.einsum("bk,bkf->bf", values, rows)


class SpectralNorm(nn.Module):
    """W / s(W), s the largest singular value of a kernel W [in, out]: no distance is enlarged.

    s = |u W|, u the left singular vector of length 1, which 'batch_stats' keeps: at first that of
    the initial kernel, then nearer to that of the present one by one step of power iteration in
    every step of training (Miyato et al. 2018, "Spectral normalization for generative adversarial
    networks"). The gradient takes u as given, which is exact where u is.
    """

    @nn.compact
    def __call__(self, W: jax.Array, train: bool) -> jax.Array:
        """[in, out] -> the same shape; updates 'batch_stats' when `train`."""
        left = self.variable("batch_stats", "left", lambda: _first_left(W))
        if train and not self.is_initializing():
            u = jax.lax.stop_gradient(W @ (left.value @ W))
            left.value = u / jnp.linalg.norm(u)
        s = jnp.linalg.norm(left.value @ W)
        return (W / s).astype(W.dtype)


def _first_left(W: jax.Array) -> jax.Array:
    return jnp.linalg.svd(W, full_matrices=False)[0][:, 0]


class Affine(Layer):
    """x W + b, x [batch, in], W [in, features]; of `spectral_norm` 1 where it is asked for."""

    spectral_norm: bool = False

    @nn.compact
    def __call__(
        self, x: jax.Array, indices: jax.Array | None = None, train: bool = False
    ) -> jax.Array:
        """[batch, in] -> [batch, features]; elsewhere than at `indices` [batch, k] x must be 0."""
        fan_in = x.shape[-1]
        W, b = self.parameters((fan_in, self.features), fan_in, self.features)
        if self.spectral_norm:
            W = SpectralNorm(name="spectral")(W, train)
        x = x.astype(W.dtype)
        if indices is not None and fan_in >= SPARSE_FROM * indices.shape[1] and platform.on_cpu():
            return sparse_product(x, indices, W) + b[None, :]
        return x @ W + b[None, :]


class Conv(Layer):
    """Cross-correlation, as PyTorch's Conv2d and Keras's Conv2D; kernel [k, k, in, features].

    `size` is k or (height, width) of the kernel; `stride`, `padding` and errors are those of
    `convolution.conv`. `upsampled` > 1 enlarges the input by nearest-neighbor repetition first;
    then the stride is 1 and the padding 'SAME', whatever is given.
    """

    size: Size = 3
    stride: Size = 1
    padding: Padding = "SAME"
    upsampled: Size = 1

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[batch, H, W, in] -> [batch, H', W', features]."""
        k1, k2 = pair(self.size)
        c, f = x.shape[-1], self.features
        W, b = self.parameters((k1, k2, c, f), k1 * k2 * c, k1 * k2 * f)
        x = x.astype(W.dtype)
        if pair(self.upsampled) != (1, 1):
            return convolution.upsample_conv(x, W, self.upsampled) + b[None, None, None, :]
        return convolution.conv(x, W, self.stride, self.padding) + b[None, None, None, :]


class ConvTranspose(Layer):
    """PyTorch's ConvTranspose2d; kernel [k, k, in, features], not flipped.

    PyTorch reads its weight (in, out, k, k) with fan_in = out * k * k; so does this layer. `size`
    is as of `Conv`. The defaults double height and width; errors as in `convolution.conv`.
    """

    size: Size = 3
    stride: Size = 2
    padding: Size = 1
    output_padding: Size = 1

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[batch, H, W, in] -> [batch, (H-1) stride - 2 padding + k + output_padding, ...]."""
        k1, k2 = pair(self.size)
        c, f = x.shape[-1], self.features
        W, b = self.parameters((k1, k2, c, f), k1 * k2 * f, k1 * k2 * c)
        x = x.astype(W.dtype)
        y = convolution.conv_transpose(x, W, self.stride, self.padding, self.output_padding)
        return y + b[None, None, None, :]
