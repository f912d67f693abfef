"""What the numbers of a code say: the KL of each, and what moving one does."""

from collections.abc import Callable
from functools import partial

import jax
import numpy as np

from ae_jax.data.arrays import Images, blocks
from ae_jax.data.batches import in_batches
from ae_jax.model import scaling
from ae_jax.model.bottleneck.base import Factorized
from ae_jax.model.compiled import compiled, in_pieces
from ae_jax.model.pipeline import Model, Variables

STEPS = 11


def kls(model: Model, variables: Variables, images: Images) -> np.ndarray | None:
    """KL(q(z_j | x) || p(z_j)) of every number j of the code [code_size], in nats.

    The mean over the images [n, height, width, channels], n >= 1, as `Run` takes them; their sum is
    the KL of the code. None where there is no posterior, or none of independent numbers.
    """
    if model.posterior is None or not model.module.bottleneck.factorized:
        return None
    of_batch = partial(compiled(in_pieces, _kls, model), variables)
    sums = [in_batches(of_batch, block).sum(0, np.float64) for block in blocks(images)]
    return np.sum(sums, axis=0) / len(images)


def _kls(model: Model, variables: Variables, images: jax.Array) -> jax.Array:
    assert model.posterior is not None
    code = model.posterior(variables, scaling.to_network(images, model.scale))
    assert isinstance(code, Factorized)
    return code.kls()


def traversal(
    decode: Callable[[np.ndarray], np.ndarray], code: np.ndarray, j: int, ends: tuple[float, float]
) -> np.ndarray:
    """Images [11, H, W, C] of a code [k] whose number j goes from one end to the other."""
    codes = np.repeat(np.asarray(code, np.float32)[None], STEPS, axis=0)
    codes[:, j] = np.linspace(*ends, STEPS)
    return decode(codes)
