"""The gradient of a batch as the mean over microbatches, where that is faster.

On a CPU, what the layers of a convolutional step make of 200 digits does not fit into the caches;
of 100 it does. The gradient is the same up to rounding only if the loss of an image does not depend
on other images: without BatchNorm, noise in the code or a penalty on batch means. The input's noise
is drawn for the whole batch before it is cut, so it is what it is without microbatches.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax

from ae_jax.config.sections import Config
from ae_jax.model import platform, walk
from ae_jax.model.networks import DECODERS, ENCODERS
from ae_jax.model.pipeline import Batch, Model, Params

MOST_IMAGES = 100
MOST_NUMBERS = 6_000_000  # of all layers together, of a microbatch: 24 MB


def size(config: Config, model: Model, batch_size: int) -> int:
    """Images in a microbatch: the largest divisor of the batch that is not too many, else all.

    They are for convolutional networks on CPUs, without BatchNorm, bottleneck or penalties. Where
    the divisor is less than a quarter of what would do, small products cost more than is gained.
    """
    networks = ENCODERS[config.encoder.name], DECODERS[config.decoder.name]
    convolutional = all(network.convolves for network in networks)
    coupled = config.encoder.get("batch_norm") or config.decoder.get("batch_norm")
    noisy = config.bottleneck.name != "identity"
    if not convolutional or coupled or noisy or config.penalties or not platform.on_cpu():
        return batch_size
    most = max(1, min(MOST_IMAGES, MOST_NUMBERS // walk.numbers(model)))
    divisors = (n for n in range(most, most // 4, -1) if batch_size % n == 0)
    return next(divisors, batch_size)


def mean_over(function: Callable[[Any, Any], Any], images: int) -> Callable[[Any, Any], Any]:
    """f(params, batch) -> the mean of function(params, m), m microbatches of so many images."""

    def mean(params: Params, batch: Batch) -> Any:
        n = len(batch.x) // images
        if n == 1:
            return function(params, batch)
        cut = jax.tree.map(lambda v: v.reshape(n, images, *v.shape[1:]), batch)
        found = jax.lax.map(partial(function, params), cut)
        # Added one to another: reducing over so few is slow on CPUs (5 ms for 2 x 250,000 numbers).
        return jax.tree.map(lambda v: sum(v[1:], v[0]) / n, found)

    return mean
