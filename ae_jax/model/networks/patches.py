"""Patch transformers: an image as a grid of patches, all of which see each other in every block.

The blocks are those of Dosovitskiy et al. 2021, "An image is worth 16x16 words", normalized before
attention and before the two layers after it. Tokens stand where their patches do, [batch, rows,
columns, features], so that what works on each of them alone is a 1x1 convolution.
"""

import math
from typing import NamedTuple

import jax
from flax import linen as nn

from ae_jax.config.schema import Count, Side
from ae_jax.errors import ConfigError
from ae_jax.model.layers import (
    ACTIVATIONS,
    ActivationName,
    Affine,
    Conv,
    ConvTranspose,
)
from ae_jax.model.networks.attention import attended
from ae_jax.model.networks.base import Convolutional, OutputName, Shape, along
from ae_jax.model.norms import layer_norm

WIDER = 4  # times the features: the hidden layer of a block


class Style(NamedTuple):
    """What all blocks of a network have in common."""

    init_name: str
    features: int
    heads: int
    activation: str


class Attention(nn.Module):
    """What the tokens attend to, see `attended`. ConfigError if heads do not divide features."""

    style: Style

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[batch, rows, columns, features] -> the same shape."""
        heads, features = self.style.heads, x.shape[-1]
        if features % heads:
            raise ConfigError(
                f"encoder.heads, decoder.heads: {heads} heads do not divide {features} features; "
                "give a divisor"
            )
        return attended(x, heads, self.style.init_name)


class Block(nn.Module):
    """y = x + attention(norm(x)), then y + W_2 f(W_1 norm(y)) of every token alone."""

    style: Style

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[batch, rows, columns, features] -> the same shape."""
        c, init = self.style.features, self.style.init_name
        x = x + Attention(self.style, name="attention")(layer_norm("norm_0")(x))
        y = Conv(WIDER * c, init, size=1, name="layer_0")(layer_norm("norm_1")(x))
        return x + Conv(c, init, size=1, name="layer_1")(ACTIVATIONS[self.style.activation](y))


class PatchEncoder(Convolutional):
    """A token a patch and its place, `blocks` blocks, the normalized tokens' mean, the code.

    A token is `features` numbers: a linear map of its patch of `patch` x `patch` pixels, plus
    numbers that are learned for the place. An image that patches do not fill has zeros behind it.
    Of a signal patches are 1 x `patch`. ConfigError where `heads` do not divide `features`.
    """

    width: int
    init_name: str
    patch: Side = 4
    features: Count = 64
    blocks: Count = 2
    heads: Count = 4
    activation: ActivationName = "gelu"
    code_activation: ActivationName = "linear"

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """[batch, height, width, channels] -> [batch, width]."""
        size = along(x.shape[1:3], self.patch)
        behind = [(0, -n % k) for n, k in zip(x.shape[1:3], size, strict=True)]
        embed = Conv(
            self.features, self.init_name, size=size, stride=size, padding=behind, name="layer_0"
        )
        x = embed(x)
        x = x + self.param("place", nn.initializers.normal(0.02), x.shape[1:])[None]
        style = Style(self.init_name, self.features, self.heads, self.activation)
        for i in range(self.blocks):
            x = Block(style, name=f"block_{i}")(x)
        mean = layer_norm("norm")(x).mean((1, 2))
        code = Affine(self.width, self.init_name, name="code")(mean)
        return ACTIVATIONS[self.code_activation](code)


class PatchDecoder(Convolutional):
    """A linear map of the code to a token a patch, `blocks` blocks, the normalized tokens' patches.

    That map's biases tell tokens where they are. What sticks out of the image is cut off. Fields
    and errors as in the encoder.
    """

    shape: Shape
    init_name: str
    patch: Side = 4
    features: Count = 64
    blocks: Count = 2
    heads: Count = 4
    activation: ActivationName = "gelu"
    output: OutputName = "linear"

    @nn.compact
    def __call__(self, z: jax.Array, encoder: nn.Module, train: bool) -> jax.Array:
        """[batch, code_size] -> [batch, height, width, channels]."""
        H, W, C = self.shape
        size = along(self.shape, self.patch)
        grid = (-(-H // size[0]), -(-W // size[1]), self.features)
        x = Affine(math.prod(grid), self.init_name, name="first")(z).reshape(z.shape[0], *grid)
        style = Style(self.init_name, self.features, self.heads, self.activation)
        for i in range(self.blocks):
            x = Block(style, name=f"block_{i}")(x)
        pixels = ConvTranspose(
            C, self.init_name, size=size, stride=size, padding=0, output_padding=0, name="last"
        )
        return pixels(layer_norm("norm")(x))[:, :H, :W]
