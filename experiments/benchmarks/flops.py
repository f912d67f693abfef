"""Arithmetic of a training step, counted from a network's definition."""

import math

from ae_jax.model import walk
from ae_jax.model.layers import ConvTranspose
from ae_jax.model.pipeline import Model


def layer_products(model: Model) -> list[int]:
    """Multiplications of one image in each dense and convolutional layer, first to last.

    As in the network's definition, whatever way they are computed: output pixels times the size of
    the kernel, for a transposed convolution input pixels; what falls on padding counts.
    """

    def products(seen: walk.Seen) -> int:
        pixels = seen.given if isinstance(seen.layer, ConvTranspose) else seen.made
        return math.prod(seen.kernel) * math.prod(pixels[1:-1])

    return [products(seen) for seen in walk.layers(model)]


def step_flops(model: Model, batch: int) -> int:
    """Of a training step: 2 per product forward, 2 for the gradient of the weights, 2 for that of
    the input, which the first layer does not need. Dense and convolutional layers only."""
    products = layer_products(model)
    return 2 * batch * (3 * sum(products) - products[0])
