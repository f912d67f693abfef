"""Strided convolutions to the code, transposed ones back."""

from typing import Any

import jax
from flax import linen as nn

from ae_jax.config.schema import Widths
from ae_jax.model.layers import ACTIVATIONS, ActivationName, BatchNorm, Conv, ConvTranspose
from ae_jax.model.networks.base import Convolutional, OutputName, Shape, along


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
