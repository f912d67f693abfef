"""Encoder and decoder slots: Linen modules from images to numbers and back.

An encoder maps x [batch, height, width, channels] to h [batch, width], a decoder maps z
[batch, code_size] to the pre-activation `a` of the image; `output` names the activation that turns
`a` into x^. Module fields without a default (`width`, `shape`, `init_name`) come from the data and
from the model; those with one are the fields of `config.encoder` and `config.decoder`.
A decoder is handed the encoder it belongs to, so that it may mirror its weights.

Convolutions know two lengths of an image's axis: one pixel, and more. Along an axis of one pixel
every kernel, stride, pooling and upsampling is 1, so a signal, an image of height 1, has the
parameters of a one-dimensional network: kernels [1, k, in, out]. Along any other axis they are as
they are named, also where the axis, at first or after some layers, is shorter than a kernel: the
kernel then reads zeros beside the image.
"""

import math
from typing import Annotated, Any, ClassVar

import jax
from flax import linen as nn

from ae_jax.config.schema import Count, OneOf, Side, Sides, Widths
from ae_jax.errors import ConfigError
from ae_jax.model import convolution
from ae_jax.model.layers import (
    ACTIVATIONS,
    INITIALIZERS,
    ActivationName,
    Affine,
    BatchNorm,
    Conv,
    ConvTranspose,
)

OutputName = Annotated[str, OneOf(("linear", "tanh", "sigmoid", "softplus", "columns"))]
Shape = tuple[int, int, int]


def along(sides: tuple[int, ...], usual: int, single: int = 1) -> tuple[int, int]:
    """`usual` for height and width, but `single` where an image of these `sides` has one pixel."""
    height, width = (single if n == 1 else usual for n in sides[:2])
    return height, width


class Network(nn.Module):
    """What others may ask an encoder or decoder for."""

    convolves: ClassVar[bool] = False  # whether it takes neighbors in an image to belong together
    takes_active: ClassVar[bool] = False  # whether a decoder can be told which of z are not 0


class Convolutional(Network):
    """Made of convolutions."""

    convolves = True


class DenseEncoder(Network):
    """h = f_code(W_n ... f(W_1 x + b_1) ... + b_n); linear without `hidden` and f_code.

    x is the image as one column of height * width * channels numbers, W_i the transpose of the
    kernel [in, out] of layer i, f `activation` and f_code `code_activation`.
    """

    width: int
    init_name: str
    hidden: Widths = ()
    activation: ActivationName = "relu"
    code_activation: ActivationName = "linear"
    bias: bool = True

    def setup(self) -> None:  # noqa: D102
        self.layer = [Affine(w, self.init_name, self.bias) for w in (*self.hidden, self.width)]

    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """[batch, height, width, channels] -> [batch, width]."""
        h = x.reshape(len(x), -1)
        for layer in self.layer[:-1]:
            h = ACTIVATIONS[self.activation](layer(h))
        return ACTIVATIONS[self.code_activation](self.layer[-1](h))


class DenseDecoder(Network):
    """a = V_n f(... f(V_1 z + c_1)) + c_n, reshaped to an image."""

    takes_active: ClassVar[bool] = True

    shape: Shape
    init_name: str
    hidden: Widths = ()
    activation: ActivationName = "relu"
    bias: bool = True
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
            layer = Affine(w, self.init_name, self.bias, name=f"layer_{i}")
            z = layer(z, active if i == 0 else None)
            if i < len(self.hidden):
                z = ACTIVATIONS[self.activation](z)
        return z.reshape(len(z), *self.shape)


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
        return z.reshape(len(z), *self.shape)


class PooledConvEncoder(Convolutional):
    """(conv, f, 2x2 pooling) per entry of `channels`, then dense `hidden` layers and the code.

    Convs are `kernel` x `kernel` of stride 1 and keep height and width; a pooling halves them,
    rounded down. Of a signal they are 1 x `kernel` and 1x2. BatchNorm, where it is asked for,
    stands between f and pooling. ConfigError if poolings leave nothing.
    """

    width: int
    init_name: str
    channels: Widths = (4, 8)
    kernel: Side = 5
    pool: Annotated[str, OneOf(("max", "average"))] = "max"
    hidden: Widths = (150,)
    activation: ActivationName = "relu"
    code_activation: ActivationName = "linear"
    batch_norm: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """[batch, height, width, channels] -> [batch, width]."""
        f = ACTIVATIONS[self.activation]
        pool = convolution.max_pool if self.pool == "max" else convolution.avg_pool
        sides = x.shape[1:3]
        for i, c in enumerate(self.channels):
            x = f(Conv(c, self.init_name, size=along(sides, self.kernel), name=f"layer_{i}")(x))
            if self.batch_norm:
                x = BatchNorm(name=f"norm_{i}")(x, train)
            x = pool(x, along(sides, 2))
            if x.size == 0:
                such = "short signals" if sides[0] == 1 else "small images"
                raise ConfigError(
                    f"encoder.channels: {len(self.channels)} poolings leave nothing of such "
                    f"{such}; give it fewer"
                )
        x = x.reshape(len(x), -1)
        n = len(self.channels)
        for i, w in enumerate(self.hidden, start=n):
            x = f(Affine(w, self.init_name, name=f"layer_{i}")(x))
        code = Affine(self.width, self.init_name, name=f"layer_{n + len(self.hidden)}")
        return ACTIVATIONS[self.code_activation](code(x))


class UpsampledConvDecoder(Convolutional):
    """Dense layers to a small grid, then (2x nearest upsampling, conv, f) per entry of `channels`.

    `kernels` has one entry per conv and one more for the last, which has no upsampling. The grid
    is the image divided by 2 per upsampling, rounded up; what sticks out is cut off. Of a signal
    the length alone is enlarged. f follows every layer but the last, and BatchNorm, where it is
    asked for, every f of a conv.
    """

    shape: Shape
    init_name: str
    hidden: Widths = (120, 320)
    grid_channels: Count = 16
    channels: Widths = (8, 4)
    kernels: Sides = (5, 6, 7)
    activation: ActivationName = "relu"
    batch_norm: bool = False
    output: OutputName = "linear"

    @nn.compact
    def __call__(self, z: jax.Array, encoder: nn.Module, train: bool) -> jax.Array:
        """[batch, code_size] -> [batch, height, width, channels]."""
        f = ACTIVATIONS[self.activation]
        H, W, C = self.shape
        scale = 2 ** len(self.channels)
        grid = (-(-H // scale), -(-W // scale), self.grid_channels)
        widths = (*self.hidden, math.prod(grid))
        for i, w in enumerate(widths):
            z = f(Affine(w, self.init_name, name=f"layer_{i}")(z))
        x = z.reshape(len(z), *grid)
        n = len(widths)
        sizes = [along(self.shape, k) for k in self.kernels]
        twice = along(self.shape, 2)
        for i, (c, size) in enumerate(zip(self.channels, sizes, strict=False), start=n):
            x = f(Conv(c, self.init_name, size=size, upsampled=twice, name=f"layer_{i}")(x))
            if self.batch_norm:
                x = BatchNorm(name=f"norm_{i}")(x, train)
        last = Conv(C, self.init_name, size=sizes[-1], name=f"layer_{n + len(self.channels)}")
        return last(x)[:, :H, :W]


class StridedConvEncoder(Convolutional):
    """(conv 3x3 stride 2, f, optional BatchNorm) per entry of `channels`, then one conv over all.

    A stride halves height and width, rounded up. Of a signal kernels are 1x3 and strides 1x2. The
    last convolution covers the whole remaining grid and so leaves a 1x1 image of `width` channels:
    the code, without an activation unless `code_activation` says so.
    """

    width: int
    init_name: str
    channels: Widths = (16, 32)
    activation: ActivationName = "relu"
    code_activation: ActivationName = "linear"
    batch_norm: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """[batch, height, width, channels] -> [batch, width]."""
        sides = x.shape[1:3]
        halving: dict[str, Any] = {
            "size": along(sides, 3),
            "stride": along(sides, 2),
            "padding": along(sides, 1, single=0),
        }
        for i, c in enumerate(self.channels):
            conv = Conv(c, self.init_name, **halving, name=f"layer_{i}")
            x = ACTIVATIONS[self.activation](conv(x))
            if self.batch_norm:
                x = BatchNorm(name=f"norm_{i}")(x, train)
        name = f"layer_{len(self.channels)}"
        code = Conv(
            self.width, self.init_name, size=(x.shape[1], x.shape[2]), padding="VALID", name=name
        )
        return ACTIVATIONS[self.code_activation](code(x).reshape(len(x), self.width))


class TransposedConvDecoder(Convolutional):
    """The mirror image: one transposed conv from 1x1 to the grid, then 3x3 ones of stride 2.

    Each but the last has an entry of `channels` and is followed by f and, where it is asked for,
    BatchNorm; the last delivers the image's channels. The grid is the image divided by 2 per
    entry, rounded up; what sticks out is cut off. Of a signal kernels are 1x3 and strides 1x2.
    """

    shape: Shape
    init_name: str
    channels: Widths = (32, 16)
    activation: ActivationName = "relu"
    batch_norm: bool = False
    output: OutputName = "linear"

    @nn.compact
    def __call__(self, z: jax.Array, encoder: nn.Module, train: bool) -> jax.Array:
        """[batch, code_size] -> [batch, height, width, channels]."""
        H, W, C = self.shape
        scale = 2 ** len(self.channels)
        grid = (-(-H // scale), -(-W // scale))  # rounded up; what sticks out is cut off
        whole: dict[str, Any] = {"size": grid, "stride": 1, "padding": 0, "output_padding": 0}
        doubling: dict[str, Any] = {
            "size": along(self.shape, 3),
            "stride": along(self.shape, 2),
            "padding": along(self.shape, 1, single=0),
            "output_padding": along(self.shape, 1, single=0),
        }
        x = z.reshape(len(z), 1, 1, -1)
        for i, c in enumerate((*self.channels, C)):
            layer = whole if i == 0 else doubling
            x = ConvTranspose(c, self.init_name, **layer, name=f"layer_{i}")(x)
            if i < len(self.channels):
                x = ACTIVATIONS[self.activation](x)
                if self.batch_norm:
                    x = BatchNorm(name=f"norm_{i}")(x, train)
        return x[:, :H, :W]


ENCODERS: dict[str, Any] = {
    "dense": DenseEncoder,
    "conv_pool": PooledConvEncoder,
    "conv_strided": StridedConvEncoder,
}
DECODERS: dict[str, Any] = {
    "dense": DenseDecoder,
    "tied": TiedDecoder,
    "conv_pool": UpsampledConvDecoder,
    "conv_strided": TransposedConvDecoder,
}
