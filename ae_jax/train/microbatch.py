"""The gradient of a batch as the mean over microbatches, where that is faster.

On a CPU, the activations of a convolutional step do not fit into the caches for 200 images; for 100
they do. The gradient is the same up to rounding only if the loss of an image does not depend on
other images: without noise (which is drawn for whole batches), BatchNorm, or a penalty on batch
means.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax

from ae_jax.config.sections import Config
from ae_jax.model.networks import DECODERS, ENCODERS
from ae_jax.model.pipeline import Batch, Params

LEAST, MOST = 25, 100  # images in a microbatch


def size(config: Config, batch_size: int) -> int:
    """Images in a microbatch: a divisor of the batch, LEAST to MOST; else the whole batch.

    They are for convolutional networks on CPUs, without BatchNorm, corruption, bottleneck or
    penalties.
    """
    networks = ENCODERS[config.encoder.name], DECODERS[config.decoder.name]
    convolutional = all(network.convolves for network in networks)
    coupled = config.encoder.get("batch_norm") or config.decoder.get("batch_norm")
    noisy = config.corruption.name != "none" or config.bottleneck.name != "identity"
    if not convolutional or coupled or noisy or config.penalties or jax.default_backend() != "cpu":
        return batch_size
    divisors = (n for n in range(MOST, LEAST - 1, -1) if batch_size % n == 0)
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
