"""Dense networks, and the decoder that is tied to one."""

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar

import jax
from flax import linen as nn

from ae_jax.config.schema import CountOrZero, Widths
from ae_jax.errors import ConfigError
from ae_jax.model.layers import ACTIVATIONS, INITIALIZERS, ActivationName, Affine
from ae_jax.model.networks.base import Network, OutputName, Shape
from ae_jax.model.norms import layer_norm


def hidden_layer(
    h: jax.Array,
    layer: Callable[[jax.Array], jax.Array],
    norm: nn.Module | None,
    f: str,
    skip: bool,
) -> jax.Array:
    """f(norm(layer(h))), and h [batch, in] itself added where `skip` and the widths are equal."""
    a = layer(h)
    y = ACTIVATIONS[f](a if norm is None else norm(a))
    return h + y if skip and h.shape == y.shape else y


def check_skips(side: str, given: int, hidden: tuple[int, ...]) -> None:
    """ConfigError where no layer of `hidden` is as wide as what it is given."""
    if not any(a == b for a, b in pairwise((given, *hidden))):
        raise ConfigError(
            f"{side}.skip: no layer of {side}.hidden is as wide as what it is given, widths "
            f"{(given, *hidden)[:-1]}; set two equal widths there, or leave it False"
        )


class DenseEncoder(Network):
    """h = f_code(W_n ... f(W_1 x + b_1) ... + b_n); linear without `hidden` and f_code.

    x is the image as one column of height * width * channels numbers, W_i the transpose of the
    kernel [in, out] of layer i, f `activation` and f_code `code_activation`.

    `linear_layers` more square matrices, without bias, stand between layer n and f_code: one matrix
    for what the network can express, but the descent of their gradients prefers products of low
    rank, so that a code wider than it need be spans no more dimensions than the data ask for (Jing,
    Zbontar & LeCun 2020, "Implicit rank-minimizing autoencoder").

    With `layer_norm` the numbers of every hidden layer are normalized before f, example by example
    (Ba et al. 2016, "Layer normalization"). With `skip` a hidden layer that is as wide as what it
    is given adds that: h + f(W h + b) (He et al. 2016, "Deep residual learning"); ConfigError where
    there is none.
    """

    width: int
    init_name: str
    hidden: Widths = ()
    activation: ActivationName = "relu"
    code_activation: ActivationName = "linear"
    bias: bool = True
    linear_layers: CountOrZero = 0
    layer_norm: bool = False
    skip: bool = False

    @property
    def chain(self) -> bool:  # noqa: D102
        return not (self.linear_layers or self.layer_norm or self.skip)

    @property
    def low_rank(self) -> bool:  # noqa: D102
        return self.linear_layers > 0

    def setup(self) -> None:  # noqa: D102
        self.layer = [Affine(w, self.init_name, self.bias) for w in (*self.hidden, self.width)]
        self.norm = [layer_norm() if self.layer_norm else None for _ in self.hidden]
        self.linear = [Affine(self.width, self.init_name, False) for _ in range(self.linear_layers)]

    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """[batch, height, width, channels] -> [batch, width]."""
        h = x.reshape(x.shape[0], -1)
        if self.skip:
            check_skips("encoder", h.shape[1], self.hidden)
        for layer, norm in zip(self.layer[:-1], self.norm, strict=True):
            h = hidden_layer(h, layer, norm, self.activation, self.skip)
        h = self.layer[-1](h)
        for square in self.linear:
            h = square(h)
        return ACTIVATIONS[self.code_activation](h)


class DenseDecoder(Network):
    """a = V_n f(... f(V_1 z + c_1)) + c_n, reshaped to an image.

    With `spectral_norm` every V_i is divided by its largest singular value, so that for an f of
    slopes of at most 1 two images `a` are no further apart than their codes. `layer_norm` and
    `skip` are as in the encoder.
    """

    takes_active: ClassVar[bool] = True

    shape: Shape
    init_name: str
    hidden: Widths = ()
    activation: ActivationName = "relu"
    bias: bool = True
    spectral_norm: bool = False
    layer_norm: bool = False
    skip: bool = False
    output: OutputName = "linear"

    @nn.compact
    def __call__(
        self, z: jax.Array, encoder: nn.Module, train: bool, active: jax.Array | None = None
    ) -> jax.Array:
        """[batch, code_size] -> [batch, height, width, channels].

        `active` [batch, k], where it is known: the only numbers of each z that may differ from 0.
        """
        if self.skip:
            check_skips("decoder", z.shape[1], self.hidden)
        for i, w in enumerate((*self.hidden, math.prod(self.shape))):
            affine = Affine(w, self.init_name, self.bias, self.spectral_norm, name=f"layer_{i}")
            layer = partial(affine, indices=active if i == 0 else None, train=train)
            if i < len(self.hidden):
                norm = layer_norm(f"norm_{i}") if self.layer_norm else None
                z = hidden_layer(z, layer, norm, self.activation, self.skip)
        return layer(z).reshape(z.shape[0], *self.shape)


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
