"""Dense networks, and the decoder that is tied to one."""

import math
from typing import Any, ClassVar

import jax
from flax import linen as nn

from ae_jax.config.schema import CountOrZero, Widths
from ae_jax.model.layers import ACTIVATIONS, INITIALIZERS, ActivationName, Affine
from ae_jax.model.networks.base import Network, OutputName, Shape


class DenseEncoder(Network):
    """h = f_code(W_n ... f(W_1 x + b_1) ... + b_n); linear without `hidden` and f_code.

    x is the image as one column of height * width * channels numbers, W_i the transpose of the
    kernel [in, out] of layer i, f `activation` and f_code `code_activation`.

    `linear_layers` more square matrices, without bias, stand between layer n and f_code: one matrix
    for what the network can express, but the descent of their gradients prefers products of low
    rank, so that a code wider than it need be spans no more dimensions than the data ask for (Jing,
    Zbontar & LeCun 2020, "Implicit rank-minimizing autoencoder").
    """

    width: int
    init_name: str
    hidden: Widths = ()
    activation: ActivationName = "relu"
    code_activation: ActivationName = "linear"
    bias: bool = True
    linear_layers: CountOrZero = 0

    def setup(self) -> None:  # noqa: D102
        self.layer = [Affine(w, self.init_name, self.bias) for w in (*self.hidden, self.width)]
        self.linear = [Affine(self.width, self.init_name, False) for _ in range(self.linear_layers)]

    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """[batch, height, width, channels] -> [batch, width]."""
        h = x.reshape(x.shape[0], -1)
        for layer in self.layer[:-1]:
            h = ACTIVATIONS[self.activation](layer(h))
        h = self.layer[-1](h)
        for square in self.linear:
            h = square(h)
        return ACTIVATIONS[self.code_activation](h)


class DenseDecoder(Network):
    """a = V_n f(... f(V_1 z + c_1)) + c_n, reshaped to an image.

    With `spectral_norm` every V_i is divided by its largest singular value, so that for an f of
    slopes of at most 1 two images `a` are no further apart than their codes.
    """

    takes_active: ClassVar[bool] = True

    shape: Shape
    init_name: str
    hidden: Widths = ()
    activation: ActivationName = "relu"
    bias: bool = True
    spectral_norm: bool = False
    output: OutputName = "linear"

    @nn.compact
    def __call__(
        self, z: jax.Array, encoder: nn.Module, train: bool, active: jax.Array | None = None
    ) -> jax.Array:
        """[batch, code_size] -> [batch, height, width, channels].

        `active` [batch, k], where it is known: the only numbers of each z that may differ from 0.
        """
        widths = (*self.hidden, math.prod(self.shape))
        for i, w in enumerate(widths):
            layer = Affine(w, self.init_name, self.bias, self.spectral_norm, name=f"layer_{i}")
            z = layer(z, active if i == 0 else None, train)
            if i < len(self.hidden):
                z = ACTIVATIONS[self.activation](z)
        return z.reshape(z.shape[0], *self.shape)


class TiedDecoder(Network):
    """a = W_1^T f(... f(W_n^T z + c_n)) + c_1: the dense encoder's own kernels, transposed.

    Only the biases are parameters here, so that there is one kernel by construction and its
    gradient is the sum of both uses. f is the encoder's `activation`. Needs a dense encoder, and a
    code as wide as its output.
    """

    shape: Shape
    init_name: str
    bias: bool = True
    output: OutputName = "linear"

    @nn.compact
    def __call__(self, z: jax.Array, encoder: Any, train: bool) -> jax.Array:
        """[batch, code_size] -> [batch, height, width, channels]."""
        kernels = [layer.get_variable("params", "kernel") for layer in encoder.layer]
        for i, W in reversed(list(enumerate(kernels))):
            z = z.astype(W.dtype) @ W.T
            if self.bias:
                init = INITIALIZERS[self.init_name][1](W.shape[1], W.shape[0])
                z = z + self.param(f"bias_{i}", init, W.shape[:1])[None, :]
            if i > 0:
                z = ACTIVATIONS[encoder.activation](z)
        return z.reshape(z.shape[0], *self.shape)
