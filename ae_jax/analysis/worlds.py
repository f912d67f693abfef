"""Images of other worlds: the same pixels without their shapes, noise, another data set."""

import jax
import numpy as np

from ae_jax.analysis.finding import Study

TEST, STRANGE = "test images", "shuffled blocks"


def shuffled_blocks(images: np.ndarray, key: jax.Array, size: int = 4) -> np.ndarray:
    """Images cut into size x size blocks that change places: their pixels, but not their shapes.

    [n, H, W, C]; rows and columns beyond the last whole block stay.
    """
    n, H, W, C = images.shape
    h, w = H // size, W // size
    kept = images[:, : h * size, : w * size]
    blocks = kept.reshape(n, h, size, w, size, C).swapaxes(2, 3).reshape(n, h * w, size, size, C)
    order = np.asarray(
        jax.vmap(lambda k: jax.random.permutation(k, h * w))(jax.random.split(key, n))
    )
    moved = np.take_along_axis(blocks, order[:, :, None, None, None], 1)
    out = images.copy()
    out[:, : h * size, : w * size] = (
        moved.reshape(n, h, w, size, size, C).swapaxes(2, 3).reshape(n, h * size, w * size, C)
    )
    return out


def inner(train: np.ndarray) -> tuple[slice, slice]:
    """(rows, columns) of the smallest box outside of which fewer than 2 % of the images are lit.

    Lit is a pixel over 0.05, of images [n, H, W, C] in [0,1]. What no training image lights cannot
    be copied, whatever the model.
    """
    lit = (np.asarray(train) > 0.05).mean(0).max(-1) > 0.02
    spans = [np.flatnonzero(lit.any(axis)) for axis in (1, 0)]
    rows, columns = (slice(int(v[0]), int(v[-1]) + 1) for v in spans)
    return rows, columns


def worlds(study: Study, key: jax.Array) -> dict[str, np.ndarray]:
    """World -> images [n, H, W, C] that are to be copied."""
    k_noise, k_blocks = jax.random.split(key)
    test = study.test.images[:500]
    box = (slice(None), *inner(study.train.images))
    shuffled, noise = np.zeros_like(test), np.zeros_like(test)
    shuffled[box] = shuffled_blocks(test[box], k_blocks)
    noise[box] = jax.random.uniform(k_noise, test[box].shape)
    found = {TEST: test, STRANGE: shuffled, "uniform noise": noise}
    if study.strange is not None:
        found["another data set"] = study.strange[:500]
    return found
