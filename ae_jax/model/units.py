"""What a network does to examples in units outside: images in [0,1], others in `data.scale`.

Here an image may be uint8, NaN is what was not observed, and x^ has the units of x.
"""

from collections.abc import Callable

import jax

from ae_jax.inputs.observed import squared_error
from ae_jax.model import scaling
from ae_jax.model.pipeline import Model, Variables


def encode(model: Model, variables: Variables, images: jax.Array) -> jax.Array:
    """x [n, H, W, C] -> z [n, code_size]."""
    return model.encode(variables, scaling.to_network(images, model.scale))


def decode(model: Model, variables: Variables, codes: jax.Array, *labels: jax.Array) -> jax.Array:
    """z [n, code_size] -> x^ [n, H, W, C]; `labels` [n] where the decoder is told them."""
    return scaling.to_unit(model.decode(variables, codes, *labels), model.scale)


def reconstruct(
    model: Model, variables: Variables, images: jax.Array, *labels: jax.Array
) -> jax.Array:
    """x -> x^, both [n, H, W, C]."""
    return decode(model, variables, encode(model, variables, images), *labels)


def score(model: Model, variables: Variables, images: jax.Array, *labels: jax.Array) -> jax.Array:
    """x [n, H, W, C] -> sum (x - x^)^2 over what was observed, [n]."""
    x = scaling.to_unit(scaling.to_network(images, model.scale), model.scale)
    error: jax.Array = squared_error(x, reconstruct(model, variables, images, *labels))
    return error


# What a model can do that needs no random number: name -> (model, variables, rows, *labels) -> rows
FUNCTIONS: dict[str, Callable[..., jax.Array]] = {
    "encode": encode,
    "decode": decode,
    "reconstruct": reconstruct,
    "score": score,
}
