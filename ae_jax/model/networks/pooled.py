"""Convolutions with pooling on the way to the code, with upsampling on the way back."""

import math
from typing import Annotated

import jax
from flax import linen as nn

from ae_jax.config.schema import Count, OneOf, Side, Sides, Widths
from ae_jax.errors import ConfigError
from ae_jax.model import convolution
from ae_jax.model.layers import ACTIVATIONS, ActivationName, Affine, Conv
from ae_jax.model.networks.base import Convolutional, OutputName, Shape, along
from ae_jax.model.norms import BatchNorm


class PooledConvEncoder(Convolutional):
    """(conv, f, pooling) per entry of `channels`, then dense `hidden` layers and the code.

    Convs are `kernel` x `kernel` of stride 1 and keep height and width; a pooling of windows of
    `pool_size` x `pool_size`, side by side, divides them by `pool_size`, rounded down. Of a signal
    they are 1 x `kernel` and 1 x `pool_size`. BatchNorm, where it is asked for, stands between f
    and pooling. ConfigError if poolings leave nothing.
    """

    width: int
    init_name: str
    channels: Widths = (4, 8)
    kernel: Side = 5
    pool: Annotated[str, OneOf(("max", "average"))] = "max"
    pool_size: Side = 2
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
            x = pool(x, along(sides, self.pool_size))
            if x.size == 0:
                such = "short signals" if sides[0] == 1 else "small images"
                raise ConfigError(
                    f"encoder.channels: {len(self.channels)} poolings leave nothing of such "
                    f"{such};\ngive it fewer, or a smaller encoder.pool_size"
                )
        x = x.reshape(x.shape[0], -1)
        n = len(self.channels)
        for i, w in enumerate(self.hidden, start=n):
            x = f(Affine(w, self.init_name, name=f"layer_{i}")(x))
        code = Affine(self.width, self.init_name, name=f"layer_{n + len(self.hidden)}")
        return ACTIVATIONS[self.code_activation](code(x))


class UpsampledConvDecoder(Convolutional):
    """Dense layers to a small grid, then (nearest upsampling, conv, f) per entry of `channels`.

    `kernels` has one entry per conv and one more for the last, which has no upsampling. The grid
    is the image divided by `upsampling` per entry, rounded up; what sticks out is cut off. Of a
    signal the length alone is enlarged. f follows every layer but the last, and BatchNorm, where it
    is asked for, every f of a conv. ConfigError if an `upsampling` above 2 makes twice the image or
    more.
    """

    shape: Shape
    init_name: str
    hidden: Widths = (120, 320)
    grid_channels: Count = 16
    channels: Widths = (8, 4)
    kernels: Sides = (5, 6, 7)
    upsampling: Side = 2
    activation: ActivationName = "relu"
    batch_norm: bool = False
    output: OutputName = "linear"

    @nn.compact
    def __call__(self, z: jax.Array, encoder: nn.Module, train: bool) -> jax.Array:
        """[batch, code_size] -> [batch, height, width, channels]."""
        f = ACTIVATIONS[self.activation]
        H, W, C = self.shape
        scale = self.upsampling ** len(self.channels)
        if self.upsampling > 2 and scale >= 2 * max(H, W):
            raise ConfigError(
                f"decoder.upsampling: {len(self.channels)} times {self.upsampling} makes {scale} "
                f"pixels for a side of {max(H, W)};\ngive it less, or fewer decoder.channels"
            )
        grid = (-(-H // scale), -(-W // scale), self.grid_channels)
        widths = (*self.hidden, math.prod(grid))
        for i, w in enumerate(widths):
            z = f(Affine(w, self.init_name, name=f"layer_{i}")(z))
        x = z.reshape(z.shape[0], *grid)
        n = len(widths)
        sizes = [along(self.shape, k) for k in self.kernels]
        times = along(self.shape, self.upsampling)
        for i, (c, size) in enumerate(zip(self.channels, sizes, strict=False), start=n):
            x = f(Conv(c, self.init_name, size=size, upsampled=times, name=f"layer_{i}")(x))
            if self.batch_norm:
                x = BatchNorm(name=f"norm_{i}")(x, train)
        last = Conv(C, self.init_name, size=sizes[-1], name=f"layer_{n + len(self.channels)}")
        return last(x)[:, :H, :W]
