"""Layers and networks of signals that the golden file and the tests share (NumPy only).

A signal is [batch, length, channels], a kernel [k, in, out]. Layers are given small whole numbers,
which add up without rounding in float32, so that theirs must agree bit for bit. The two networks
are `conv_strided` with BatchNorm and `conv_pool` on signals of LENGTH 13 and 2 channels: each
halving leaves an odd rest, and each decoder has something to cut off.
"""

import math
import zlib
from typing import NamedTuple

import numpy as np

Shape = tuple[int, ...]

BATCH, LENGTH, CHANNELS, CODE = 3, 13, 2, 3


class Layer(NamedTuple):
    """One map of signals: what it is given, and its numbers as PyTorch names them."""

    length: int
    kernel: Shape  # [k, in, out]; of a pooling [size, channels, channels]
    stride: int = 1
    padding: int = 0
    extra: int = 0  # output padding of a transposed convolution


# 'same_conv' and 'upsample_conv' pad to the input's length: of an odd number one more behind.
LAYERS: dict[str, list[Layer]] = {
    "conv": [
        Layer(8, (3, 1, 4), 1, 1),
        Layer(13, (3, 2, 5), 2, 1),
        Layer(12, (3, 8, 3), 2, 1),
        Layer(100, (3, 2, 33), 2, 1),
        Layer(11, (4, 3, 2), 3, 0),
        Layer(25, (25, 3, 6)),  # the kernel covers the signal
        Layer(1, (3, 2, 2), 2, 1),
    ],
    "same_conv": [Layer(9, (5, 4, 2)), Layer(13, (6, 2, 3)), Layer(2, (5, 2, 3))],
    "conv_transpose": [
        Layer(4, (3, 8, 1), 2, 1, 1),
        Layer(7, (3, 2, 5), 2, 1, 1),
        Layer(5, (4, 2, 3), 2, 1),
        Layer(4, (5, 1, 2), 3, 1, 2),
        Layer(25, (3, 33, 2), 2, 1, 1),
        Layer(1, (13, 6, 3)),  # a single number: a dense layer
    ],
    "upsample_conv": [  # `stride` is the factor
        Layer(4, (5, 8, 4), 2),
        Layer(7, (6, 2, 3), 2),
        Layer(13, (7, 4, 1), 2),
        Layer(50, (5, 1, 8), 2),
        Layer(5, (3, 2, 2), 3),
    ],
    "max_pool": [Layer(8, (2, 3, 3)), Layer(13, (2, 2, 2)), Layer(10, (3, 1, 1))],
    "avg_pool": [Layer(8, (2, 3, 3)), Layer(13, (2, 2, 2)), Layer(11, (4, 1, 1))],
}

# Parameters by name; a kernel [1, k, in, out] stands for a one-dimensional [k, in, out].
SHAPES: dict[str, dict[str, Shape]] = {
    "conv_strided": {
        "encoder/layer_0/kernel": (1, 3, 2, 4),
        "encoder/layer_0/bias": (4,),
        "encoder/norm_0/scale": (4,),
        "encoder/norm_0/bias": (4,),
        "encoder/layer_1/kernel": (1, 3, 4, 6),
        "encoder/layer_1/bias": (6,),
        "encoder/norm_1/scale": (6,),
        "encoder/norm_1/bias": (6,),
        "encoder/layer_2/kernel": (1, 4, 6, 3),
        "encoder/layer_2/bias": (3,),
        "decoder/layer_0/kernel": (1, 4, 3, 6),
        "decoder/layer_0/bias": (6,),
        "decoder/norm_0/scale": (6,),
        "decoder/norm_0/bias": (6,),
        "decoder/layer_1/kernel": (1, 3, 6, 4),
        "decoder/layer_1/bias": (4,),
        "decoder/norm_1/scale": (4,),
        "decoder/norm_1/bias": (4,),
        "decoder/layer_2/kernel": (1, 3, 4, 2),
        "decoder/layer_2/bias": (2,),
    },
    "conv_pool": {
        "encoder/layer_0/kernel": (1, 5, 2, 3),
        "encoder/layer_0/bias": (3,),
        "encoder/layer_1/kernel": (1, 5, 3, 4),
        "encoder/layer_1/bias": (4,),
        "encoder/layer_2/kernel": (12, 7),
        "encoder/layer_2/bias": (7,),
        "encoder/layer_3/kernel": (7, 3),
        "encoder/layer_3/bias": (3,),
        "decoder/layer_0/kernel": (3, 6),
        "decoder/layer_0/bias": (6,),
        "decoder/layer_1/kernel": (6, 20),
        "decoder/layer_1/bias": (20,),
        "decoder/layer_2/kernel": (1, 5, 5, 4),
        "decoder/layer_2/bias": (4,),
        "decoder/layer_3/kernel": (1, 6, 4, 3),
        "decoder/layer_3/bias": (3,),
        "decoder/layer_4/kernel": (1, 7, 3, 2),
        "decoder/layer_4/bias": (2,),
    },
}


def whole_numbers(name: str, shape: Shape) -> np.ndarray:
    """Float32 numbers from -3 to 3, the same for the same name."""
    stream = np.random.RandomState(zlib.crc32(name.encode()))
    return stream.randint(-3, 4, shape).astype(np.float32)


def layer_inputs(name: str, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    """x [batch, length, in] and kernel [k, in, out] of a layer called `name`."""
    x = whole_numbers(f"{name}/x", (BATCH, layer.length, layer.kernel[1]))
    return x, whole_numbers(f"{name}/kernel", layer.kernel)


def parameters(network: str) -> dict[str, np.ndarray]:
    """Float32 parameters: kernels on (-b, b), b = 1.5/sqrt(numbers per output), the rest near 0.2;
    scales near 1."""
    drawn = {}
    for name, shape in SHAPES[network].items():
        stream = np.random.RandomState(zlib.crc32(f"{network}/{name}".encode()))
        leaf = name.rsplit("/", 1)[1]
        bound = 1.5 / math.sqrt(math.prod(shape[:-1])) if leaf == "kernel" else 0.2
        middle = 1.0 if leaf == "scale" else 0.0
        drawn[name] = stream.uniform(middle - bound, middle + bound, shape).astype(np.float32)
    return drawn


def batch() -> np.ndarray:
    """Signals [BATCH, LENGTH, CHANNELS], float32 in (0, 1)."""
    stream = np.random.RandomState(7)
    return stream.uniform(size=(BATCH, LENGTH, CHANNELS)).astype(np.float32)
