"""Codes as bits: a uniform quantizer, an ideal entropy coder, and PCA as a codec beside them."""

from collections.abc import Callable, Sequence

import numpy as np

from ae_jax.analysis.finding import image_errors
from ae_jax.evaluate import baselines

TAIL = 0.001  # of the training codes may lie outside the quantizer's range on either side


def quantize(codes: np.ndarray, train_codes: np.ndarray, bits: int) -> np.ndarray:
    """Codes [n, k] rounded to 2^bits levels a coordinate, over the range of the training codes.

    Of those, [m, k], a thousandth lies outside the range on either side, to which codes are
    clipped. 32 bits and more leave the codes as they are.
    """
    if bits >= 32:
        return codes
    low, high = np.quantile(train_codes, [TAIL, 1 - TAIL], axis=0)
    step = np.maximum(high - low, 1e-12) / (2**bits - 1)
    level = np.rint((np.clip(codes, low, high) - low) / step)
    return (low + level * step).astype(np.float32)


def errors_by_bits(
    decode: Callable[[np.ndarray], np.ndarray],
    codes: np.ndarray,
    train_codes: np.ndarray,
    images: np.ndarray,
    bits: Sequence[int],
) -> np.ndarray:
    """Squared error per pixel of each image [len(bits), n], of decoded codes [n, k].

    In [0,1] units; the codes are quantized to each number of bits.
    """
    rows = baselines.unit_rows(images)

    def errors(b: int) -> np.ndarray:
        found = decode(quantize(codes, train_codes, b)).reshape(rows.shape)
        return image_errors(found, rows)

    return np.stack([errors(b) for b in bits])


def entropy(codes: np.ndarray, train_codes: np.ndarray, joint: int, values: int) -> float:
    """Bits that an ideal entropy coder takes for a code of codes [n, k], on average.

    sum_j mean_i -log2 p_j(v_ij), v_ij the value of the j-th `joint` numbers of code i, one of
    `values`, and p_j its frequency in the training codes [m, k], with one added to each count so
    that none is 0. Parts of a code are coded independently.
    """
    total = 0.0
    for start in range(0, codes.shape[1], joint):
        part = np.concatenate([v[:, start : start + joint] for v in (train_codes, codes)])
        which = np.unique(part, axis=0, return_inverse=True)[1].ravel()
        counts = np.bincount(which[: len(train_codes)], minlength=which.max() + 1) + 1
        p = counts[which[len(train_codes) :]] / (len(train_codes) + values)
        total -= float(np.log2(p).mean())
    return total


def pca_codec(
    train: np.ndarray, k: int
) -> tuple[Callable[..., np.ndarray], Callable[..., np.ndarray]]:
    """(encode: images -> [n, k], decode: codes -> rows [n, D] in [0,1] units) of PCA of `train`."""
    mean, V = baselines.principal_directions(baselines.unit_rows(train), k, centred=True)
    return (lambda x: (baselines.unit_rows(x) - mean) @ V), (lambda z: z @ V.T + mean)


def pca_errors(train: np.ndarray, images: np.ndarray, k: int) -> np.ndarray:
    """Squared error per pixel of each image [n], in [0,1] units, of PCA of `train`."""
    encode, decode = pca_codec(train, k)
    return image_errors(decode(encode(images)), baselines.unit_rows(images))
