"""The residual networks that golden files and their tests share (NumPy only)."""

import math
import zlib

import numpy as np

BATCH, SHAPE, CODE = 3, (6, 5, 2), 3
CHANNELS, BLOCKS, GROUPS = (4, 8), 2, 2
PATCH, FEATURES, HEADS, DEPTH = 2, 8, 2, 1  # of the patch transformer
HIDDEN = (60, 7, 7, 3)  # of the dense network: as wide as the image, alike, as the code


def numbers(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Float32 normals, the same for the same name; of a kernel by the root of its fan-in."""
    drawn = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    last = name.split("/")[-1]
    if last == "scale":
        drawn = 1 + 0.3 * drawn
    elif last == "kernel":
        drawn = drawn / math.sqrt(math.prod(shape[:-1]))
    return drawn.astype(np.float32)


def batch() -> np.ndarray:
    """[batch, height, width, channels]."""
    return numbers("images", (BATCH, *SHAPE))
