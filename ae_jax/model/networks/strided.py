"""Strided convolutions to the code, transposed ones back."""

from collections.abc import Mapping
from typing import Any

import jax
from flax import linen as nn

from ae_jax.config.schema import Side, Widths
from ae_jax.errors import ConfigError
from ae_jax.model.layers import ACTIVATIONS, ActivationName, Conv, ConvTranspose
from ae_jax.model.networks.base import Convolutional, OutputName, Shape, along
from ae_jax.model.norms import BatchNorm


class StridedConvEncoder(Convolutional):
    """(conv, f, optional BatchNorm) per entry of `channels`, then one conv over all.

    Convs are `kernel` x `kernel` of `stride` with floor((kernel - 1) / 2) zeros on each side: a
    stride of 2 halves height and width, rounded up for odd kernels, else down. Of a signal they are
    1 x `kernel` and 1 x `stride`. The last convolution covers the whole remaining grid and so
    leaves a 1x1 image of `width` channels: the code, without an activation unless
    `code_activation` says so. ConfigError if convolutions leave nothing.
    """

    width: int
    init_name: str
    channels: Widths = (16, 32)
    kernel: Side = 3
    stride: Side = 2
    activation: ActivationName = "relu"
    code_activation: ActivationName = "linear"
    batch_norm: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """[batch, height, width, channels] -> [batch, width]."""
        sides = x.shape[1:3]
        halving: dict[str, Any] = {
            "size": along(sides, self.kernel),
            "stride": along(sides, self.stride),
            "padding": along(sides, (self.kernel - 1) // 2, single=0),
        }
        for i, c in enumerate(self.channels):
            self._check(sides, x.shape[1:3], halving)
            conv = Conv(c, self.init_name, **halving, name=f"layer_{i}")
            x = ACTIVATIONS[self.activation](conv(x))
            if self.batch_norm:
                x = BatchNorm(name=f"norm_{i}")(x, train)
        name = f"layer_{len(self.channels)}"
        code = Conv(
            self.width, self.init_name, size=(x.shape[1], x.shape[2]), padding="VALID", name=name
        )
        return ACTIVATIONS[self.code_activation](code(x).reshape(x.shape[0], self.width))

    def _check(
        self, sides: tuple[int, ...], left: tuple[int, ...], layer: Mapping[str, tuple[int, int]]
    ) -> None:
        """Refuses what a kernel with its zeros does not fit into."""
        if any(
            n + 2 * p < k for n, p, k in zip(left, layer["padding"], layer["size"], strict=True)
        ):
            raise ConfigError(
                f"encoder.channels: {len(self.channels)} strides leave nothing of examples of "
                f"{sides[0]} x {sides[1]}; give it fewer, or an odd encoder.kernel"
            )


class TransposedConvDecoder(Convolutional):
    """The mirror image: one transposed conv from 1x1 to the grid, then those of `stride`.

    Each but the last has an entry of `channels` and is followed by f and, where it is asked for,
    BatchNorm; the last delivers the image's channels. They are `kernel` x `kernel` and enlarge
    height and width exactly `stride` times (padding floor((kernel - 1) / 2), the output padding
    that this takes). The grid is the image divided by the stride per entry, rounded up; what sticks
    out is cut off. Of a signal they are 1 x `kernel` and 1 x `stride`.
    """

    shape: Shape
    init_name: str
    channels: Widths = (32, 16)
    kernel: Side = 3
    stride: Side = 2
    activation: ActivationName = "relu"
    batch_norm: bool = False
    output: OutputName = "linear"

    @nn.compact
    def __call__(self, z: jax.Array, encoder: nn.Module, train: bool) -> jax.Array:
        """[batch, code_size] -> [batch, height, width, channels]."""
        H, W, C = self.shape
        scale = self.stride ** len(self.channels)
        padding = (self.kernel - 1) // 2
        more = self.stride - self.kernel + 2 * padding  # -1 is refused by `consistency`
        grid = (-(-H // scale), -(-W // scale))  # rounded up; what sticks out is cut off
        whole: dict[str, Any] = {"size": grid, "stride": 1, "padding": 0, "output_padding": 0}
        doubling: dict[str, Any] = {
            "size": along(self.shape, self.kernel),
            "stride": along(self.shape, self.stride),
            "padding": along(self.shape, padding, single=0),
            "output_padding": along(self.shape, more, single=0),
        }
        x = z.reshape(z.shape[0], 1, 1, -1)
        for i, c in enumerate((*self.channels, C)):
            layer = whole if i == 0 else doubling
            x = ConvTranspose(c, self.init_name, **layer, name=f"layer_{i}")(x)
            if i < len(self.channels):
                x = ACTIVATIONS[self.activation](x)
                if self.batch_norm:
                    x = BatchNorm(name=f"norm_{i}")(x, train)
        return x[:, :H, :W]
