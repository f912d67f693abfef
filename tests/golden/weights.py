"""Weights, batches and sampled entries that the golden files and the tests share (NumPy only).

Everything here is drawn from `np.random.RandomState`, whose stream NumPy keeps for good, so the
golden files need to hold only what PyTorch or Keras made of these numbers, not the numbers.

Layout of the parameters (ours):
    dense kernel             [in, out]
    convolution kernel       [height, width, in, out]
    transposed convolution   [height, width, in, out], not flipped: entry (a, b) is what one input
                             pixel adds to the output pixel a rows down and b columns right of its
                             stride position (before the padding is cut)
    norm_i                   the BatchNorm that follows the ReLU of layer_i
Images are [batch, 28, 28, 1]; dense layers read them row by row, and the flattened [7, 7, 8] and
unflattened [7, 7, 16] maps of 'conv_pool' are channels-last.
"""

import itertools
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

Shape = tuple[int, ...]

STEPS = 10
BATCH = 4
SAMPLES = 256
BATCH_SEED = 1
# A ReLU input that happens to lie within rounding error of zero makes two right programs part ways
# for good, above all under BatchNorm. With four images and these weights none does: changing every
# weight by a few units in the last place (20 tries a model) moves no number in the golden files by
# more than 4e-5 of the largest in its array.
WEIGHT_SEED = 205
# These models see 2 u - 1 of the images u that `batches` returns; the others see u itself.
SYM_MODELS = frozenset({"linear", "undercomplete", "denoise"})


def _side(
    side: str, kernels: Sequence[Shape], bias: bool = True, norms: int = 0
) -> list[tuple[str, Shape]]:
    """Names and shapes of one side's parameters; its first `norms` layers carry a BatchNorm."""
    named: list[tuple[str, Shape]] = []
    for i, kernel in enumerate(kernels):
        width = kernel[-1:]
        named.append((f"{side}/layer_{i}/kernel", kernel))
        if bias:
            named.append((f"{side}/layer_{i}/bias", width))
        if i < norms:
            named += [(f"{side}/norm_{i}/scale", width), (f"{side}/norm_{i}/bias", width)]
    return named


def _dense(side: str, *widths: int, bias: bool = True) -> list[tuple[str, Shape]]:
    """Names and shapes of a stack of dense layers through the given widths."""
    return _side(side, list(itertools.pairwise(widths)), bias)


_STRIDED_ENCODER = [(3, 3, 1, 16), (3, 3, 16, 32), (7, 7, 32, 64)]
_STRIDED_DECODER = [(7, 7, 64, 32), (3, 3, 32, 16), (3, 3, 16, 1)]

SHAPES: dict[str, list[tuple[str, Shape]]] = {
    "linear": _dense("encoder", 784, 32, bias=False) + _dense("decoder", 32, 784, bias=False),
    "undercomplete": _dense("encoder", 784, 30) + _dense("decoder", 30, 784),
    "denoise": _dense("encoder", 784, 500) + _dense("decoder", 500, 784),
    "dropout": _dense("encoder", 784, 256, 128) + _dense("decoder", 128, 256, 784),
    "deep": _dense("encoder", 784, 128, 64, 12, 10) + _dense("decoder", 10, 12, 64, 128, 784),
    "conv_strided": _side("encoder", _STRIDED_ENCODER) + _side("decoder", _STRIDED_DECODER),
    "conv_strided_batchnorm": (
        _side("encoder", _STRIDED_ENCODER, norms=2) + _side("decoder", _STRIDED_DECODER, norms=2)
    ),
    "dense": _dense("encoder", 784, 250, 16) + _dense("decoder", 16, 320, 784),
    "conv_pool": (
        _side("encoder", [(5, 5, 1, 4), (5, 5, 4, 8), (392, 150), (150, 16)])
        + _side(
            "decoder",
            [(16, 120), (120, 320), (320, 784), (5, 5, 16, 8), (6, 6, 8, 4), (7, 7, 4, 1)],
        )
    ),
}


def draw(model: str, seed: int = WEIGHT_SEED) -> dict[str, np.ndarray]:
    """Parameters of `model` as float32 arrays by name, drawn one after the other as in `SHAPES`.

    Kernel and bias are uniform on (-b, b) with b = 1/sqrt(fan_in), fan_in being the kernel's entry
    count per output channel; BatchNorm scales are uniform on (0.5, 1.5), its biases on (-0.2, 0.2).
    """
    stream = np.random.RandomState(seed)
    parameters = {}
    bound = 0.0
    for name, shape in SHAPES[model]:
        _, module, leaf = name.split("/")
        if leaf == "kernel":
            bound = 1 / math.sqrt(math.prod(shape[:-1]))  # the bias after it takes the same bound
        low, high = -bound, bound
        if module.startswith("norm"):
            low, high = (0.5, 1.5) if leaf == "scale" else (-0.2, 0.2)
        parameters[name] = stream.uniform(low, high, shape).astype(np.float32)
    return parameters


class Batches(NamedTuple):
    """Ten mini-batches and, for two of the models, the noise that goes with each.

    images: [steps, batch, 28, 28, 1] in [0, 1].
    mask: None, or what 'denoise' multiplies its input by ({0, 2}, shape of the images), or what
        'dropout' multiplies its code by ({0, 5}, [steps, batch, 128]).
    """

    images: np.ndarray
    mask: np.ndarray | None


def batches(model: str, seed: int = BATCH_SEED) -> Batches:
    """Ten float32 mini-batches of random images, four pixels in five black, and their masks."""
    stream = np.random.RandomState(seed)
    shape = (STEPS, BATCH, 28, 28, 1)
    ink = stream.uniform(size=shape) < 0.2
    images = (ink * stream.uniform(size=shape)).astype(np.float32)
    if model == "denoise":
        mask = 2.0 * (stream.uniform(size=shape) < 0.5)
    elif model == "dropout":
        mask = 5.0 * (stream.uniform(size=(STEPS, BATCH, 128)) < 0.2)
    else:
        return Batches(images, None)
    return Batches(images, mask.astype(np.float32))


def sample_indices(name: str, shape: Shape) -> np.ndarray:
    """Sorted flat indices of the at most 256 entries of leaf `name` that the golden files keep."""
    stream = np.random.RandomState(zlib.crc32(name.encode()))
    return np.sort(stream.permutation(math.prod(shape))[:SAMPLES])


def summary(prefix: str, leaves: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """'<prefix>/<name>': sampled entries; '<prefix>norm/<name>': the Euclidean norm, per leaf."""
    kept = {}
    for name, leaf in leaves.items():
        kept[f"{prefix}/{name}"] = leaf.reshape(-1)[sample_indices(name, leaf.shape)]
        kept[f"{prefix}norm/{name}"] = np.linalg.norm(leaf.reshape(-1).astype(np.float64))
    return kept
