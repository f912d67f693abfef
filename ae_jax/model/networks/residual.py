"""Residual networks: at every resolution, blocks add something to what they are given.

The blocks are those of He et al. 2016, "Identity mappings in deep residual networks" (figure 1b),
with the group normalization of Wu & He 2018 in place of BatchNorm, so that what becomes of an image
does not depend on the others of its batch.
"""

import math
from typing import NamedTuple

import jax
from flax import linen as nn

from ae_jax.config.schema import Count, CountOrZero, Side, SomeWidths
from ae_jax.errors import ConfigError
from ae_jax.model.layers import ACTIVATIONS, ActivationName, Affine, Conv
from ae_jax.model.networks.attention import attended
from ae_jax.model.networks.base import Convolutional, OutputName, Shape, along
from ae_jax.model.norms import GroupNorm


class Style(NamedTuple):
    """What all parts of a network have in common."""

    init_name: str
    size: tuple[int, int]  # of kernels
    groups: int
    activation: str


class Normed(nn.Module):
    """f(GroupNorm(x)): each group of an image's channels less its mean, by its deviation.

    Then scale and bias of every channel, and the activation f; without `groups` f alone.
    ConfigError if the groups do not divide the channels.
    """

    style: Style

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[batch, H, W, channels] -> the same shape."""
        groups = self.style.groups
        if groups and x.shape[-1] % groups:
            raise ConfigError(
                f"encoder.groups, decoder.groups: {x.shape[-1]} channels do not make {groups} "
                "groups; give a divisor of all channels, or 0 for no normalization"
            )
        if groups:
            x = GroupNorm(groups, name="group")(x)
        return ACTIVATIONS[self.style.activation](x)


class Block(nn.Module):
    """x + conv(f(norm(conv(f(norm(x)))))); x by a 1x1 convolution where the channels change."""

    features: int
    style: Style

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[batch, H, W, channels] -> [batch, H, W, features]."""
        y = x
        for i in range(2):
            y = Normed(self.style, name=f"norm_{i}")(y)
            conv = Conv(
                self.features, self.style.init_name, size=self.style.size, name=f"layer_{i}"
            )
            y = conv(y)
        if x.shape[-1] != self.features:
            x = Conv(self.features, self.style.init_name, size=1, name="skip")(x)
        return x + y


class Attention(nn.Module):
    """x and what the normalized x attends to, all pixels with one head; see `attended`."""

    style: Style

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[batch, H, W, channels] -> the same shape."""
        y = Normed(self.style._replace(activation="linear"), name="norm")(x)
        return x + attended(y, 1, self.style.init_name)


class ResidualEncoder(Convolutional):
    """A convolution; `blocks` blocks and a halving per entry of `channels`; f(norm), the code.

    Halving is a 3x3 convolution of stride 2; height and width are rounded up. With `attention` one
    more part, on the smallest grid, lets all its pixels see each other. Of a signal kernels are
    1 x `kernel`, halving ones 1x3. ConfigError where `groups` do not divide the channels.
    """

    width: int
    init_name: str
    channels: SomeWidths = (32, 64)
    blocks: Count = 1
    kernel: Side = 3
    groups: CountOrZero = 8
    attention: bool = False
    activation: ActivationName = "silu"
    code_activation: ActivationName = "linear"

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """[batch, height, width, channels] -> [batch, width]."""
        sides = x.shape[1:3]
        size, stride = along(sides, 3), along(sides, 2)
        padding = along(sides, 1, single=0)
        style = Style(self.init_name, along(sides, self.kernel), self.groups, self.activation)
        x = Conv(self.channels[0], self.init_name, size=style.size, name="layer_0")(x)
        for i, c in enumerate(self.channels):
            for j in range(self.blocks):
                x = Block(c, style, name=f"block_{i}_{j}")(x)
            x = Conv(
                c, self.init_name, size=size, stride=stride, padding=padding, name=f"down_{i}"
            )(x)
        if self.attention:
            x = Attention(style, name="attention")(x)
        x = Normed(style, name="norm")(x)
        code = Affine(self.width, self.init_name, name="code")(x.reshape(x.shape[0], -1))
        return ACTIVATIONS[self.code_activation](code)


class ResidualDecoder(Convolutional):
    """A dense layer to the smallest grid; an enlargement and `blocks` blocks per entry of
    `channels`; f(norm) and a convolution to the image.

    The grid is the image divided by 2 per entry, rounded up; what sticks out is cut off. Enlarging
    is nearest-neighbor upsampling and a 3x3 convolution. `attention`, `groups` and signals as in
    the encoder.
    """

    shape: Shape
    init_name: str
    channels: SomeWidths = (64, 32)
    blocks: Count = 1
    kernel: Side = 3
    groups: CountOrZero = 8
    attention: bool = False
    activation: ActivationName = "silu"
    output: OutputName = "linear"

    @nn.compact
    def __call__(self, z: jax.Array, encoder: nn.Module, train: bool) -> jax.Array:
        """[batch, code_size] -> [batch, height, width, channels]."""
        H, W, C = self.shape
        scale = 2 ** len(self.channels)
        grid = (-(-H // scale), -(-W // scale), self.channels[0])
        size, twice = along(self.shape, 3), along(self.shape, 2)
        style = Style(self.init_name, along(self.shape, self.kernel), self.groups, self.activation)
        x = Affine(math.prod(grid), self.init_name, name="first")(z).reshape(z.shape[0], *grid)
        if self.attention:
            x = Attention(style, name="attention")(x)
        for i, c in enumerate(self.channels):
            x = Conv(c, self.init_name, size=size, upsampled=twice, name=f"up_{i}")(x)
            for j in range(self.blocks):
                x = Block(c, style, name=f"block_{i}_{j}")(x)
        x = Normed(style, name="norm")(x)
        return Conv(C, self.init_name, size=style.size, name="last")(x)[:, :H, :W]
