"""Arithmetic of a training step, counted from a network's definition."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from ae_jax.model.layers import ConvTranspose, Layer
from ae_jax.model.pipeline import Model


def layer_products(model: Model) -> list[int]:
    """Multiplications of one image in each dense and convolutional layer, first to last.

    As in the network's definition, whatever way they are computed: output pixels times the size of
    the kernel, for a transposed convolution input pixels; what falls on padding counts.
    """
    counts: list[int] = []

    def count(
        layer: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        context: nn.module.InterceptorContext,
    ) -> Any:
        y = layer(*args, **kwargs)
        module = context.module
        if isinstance(module, Layer) and context.method_name == "__call__":
            kernel: jax.Array = module.get_variable("params", "kernel")
            pixels = args[0] if isinstance(module, ConvTranspose) else y
            counts.append(kernel.size * math.prod(pixels.shape[1:-1]))
        return y

    with nn.intercept_methods(count):
        jax.eval_shape(model.init, jax.random.key(0), jnp.zeros(model.shape))
    return counts


def step_flops(model: Model, batch: int) -> int:
    """Of a training step: 2 per product forward, 2 for the gradient of the weights, 2 for that of
    the input, which the first layer does not need. Dense and convolutional layers only."""
    products = layer_products(model)
    return 2 * batch * (3 * sum(products) - products[0])
