"""Which pixels of an image are missing, and how far off a guess at them is.

Images are [n, H, W, C] in [0,1] units; `known` is 1 or 0 [n, H, W, 1].
"""

import jax
import numpy as np
from numpy.typing import ArrayLike

from ae_jax.analysis.filling import GREY
from ae_jax.run.trained import Run

RATE, BOX = 0.5, 8
CORNER = (8, 12)  # rows and columns the box's corner is drawn from: the Keras tutorial's repair


def scattered(key: jax.Array, shape: tuple[int, ...], rate: float = RATE) -> np.ndarray:
    """Which pixels are known: 1 or 0 [n, H, W, 1]; a pixel is missing with probability `rate`."""
    return np.asarray(jax.random.uniform(key, (*shape[:3], 1)) >= rate, np.float32)


def boxes(key: jax.Array, shape: tuple[int, ...], size: int = BOX) -> np.ndarray:
    """1 or 0 [n, H, W, 1], 0 in one square of `size` an image, its corner drawn near the middle.

    It is half as wide as the image at most.
    """
    n, H, W = shape[:3]
    size = min(size, H // 2, W // 2)
    low, high = CORNER
    spans = [(min(low, max(side - size, 0)), min(high, side - size + 1)) for side in (H, W)]
    k_rows, k_columns = jax.random.split(key)
    top, left = (
        np.asarray(jax.random.randint(k, (n, 1), a, max(b, a + 1)))
        for k, (a, b) in zip((k_rows, k_columns), spans, strict=True)
    )
    rows, columns = np.arange(H)[None], np.arange(W)[None]
    inside = ((rows >= top) & (rows < top + size))[:, :, None] & (
        (columns >= left) & (columns < left + size)
    )[:, None, :]
    return 1.0 - inside[..., None].astype(np.float32)


def fill(known: np.ndarray, images: np.ndarray, guess: ArrayLike) -> np.ndarray:
    """What is known of the images, and the guess elsewhere, clipped to [0,1]."""
    return known * images + (1 - known) * np.clip(guess, 0, 1)


def mse(known: np.ndarray, images: np.ndarray, guess: np.ndarray) -> float:
    """Squared error a missing pixel, in [0,1] units."""
    return float(squares(known, images, guess).sum() / ((1 - known).sum() * images.shape[-1]))


def squares(known: np.ndarray, images: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """Squared error of each image [n], summed over the missing pixels, in [0,1] units."""
    wrong = np.square((1 - known) * (np.clip(guess, 0, 1) - images), dtype=np.float64)
    return wrong.sum((1, 2, 3))


def masked(image: jax.Array, known: jax.Array) -> jax.Array:
    """The operator of inpainting: what is known of an image [H, W, C], 0 elsewhere."""
    return known * image


def as_trained(run: Run, known: np.ndarray, images: np.ndarray) -> np.ndarray:
    """The images without what is missing, in [0,1] units: as the run's corruption would have made
    them where it drops pixels, filled with gray for any other run."""
    corruption, low = run.config.corruption, -1.0 if run.model.scale == "sym" else 0.0
    if corruption.name not in ("mask", "dropout"):
        return fill(known, images, GREY)
    kept = known * (images * (1 - low) + low)  # dropped pixels are 0 in the network's scale
    if corruption.name == "dropout":  # survivors are rescaled
        kept = kept / (1 - corruption.rate)
    return (kept - low) / (1 - low)
