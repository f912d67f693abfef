"""What the layers of a model are given and make, without computing it."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from ae_jax.model.layers import Layer
from ae_jax.model.pipeline import Model


class Seen(NamedTuple):
    """A layer with a kernel as it is called in a forward pass; shapes are [batch, ...]."""

    layer: Layer
    kernel: tuple[int, ...]
    given: tuple[int, ...]
    made: tuple[int, ...]


def numbers(model: Model) -> int:
    """That all dense and convolutional layers together make of an example."""
    return sum(math.prod(layer.made[1:]) for layer in layers(model))


def layers(model: Model) -> list[Seen]:
    """The dense and convolutional layers of a model, first to last."""
    found: list[Seen] = []

    def see(
        call: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        context: nn.module.InterceptorContext,
    ) -> Any:
        y = call(*args, **kwargs)
        layer = context.module
        if isinstance(layer, Layer) and context.method_name == "__call__":
            kernel: jax.Array = layer.get_variable("params", "kernel")
            found.append(Seen(layer, kernel.shape, args[0].shape, y.shape))
        return y

    with nn.intercept_methods(see):
        jax.eval_shape(model.init, jax.random.key(0), jnp.zeros(model.shape))
    return found
