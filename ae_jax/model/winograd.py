"""The 3x3 convolution of stride 1 with 4/9 of the multiplications: Winograd's F(2x2, 3x3).

Lavin & Gray 2016, "Fast algorithms for convolutional neural networks": a tile of 2x2 outputs reads
4x4 inputs d, and with the kernel g, * the product of numbers in the same place,

    y = A^T [(G g G^T) * (B^T d B)] A,

so that 16 products of [tiles, in] and [in, out] matrices replace one of [4 tiles, 9 in] and [9 in,
out]. B and A hold 0, 1 and -1 alone, G halves as well: what it rounds is little in float32.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

INPUTS = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])  # B^T
KERNEL = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])  # G
OUTPUTS = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])  # A^T
# Narrower products leave the vector units idle: they take longer than one with all taps.
MIN_CHANNELS = 32
# Kernels are large beside a small image: 16 matrices of them are then more to move than it saves.
MOST_CHANNELS_PER_TILE = 8


def pays(x: Array, kernel: Array, stride: tuple[int, int], out: Sequence[int]) -> bool:
    """Whether it is faster than one product with all taps, and exact enough: in float32."""
    channels = kernel.shape[2:]
    tiles = _tiles(out[0]) * _tiles(out[1])
    return (
        kernel.shape[:2] == (3, 3)
        and stride == (1, 1)
        and x.dtype == kernel.dtype == jnp.float32
        and min(channels) >= MIN_CHANNELS
        and max(channels) <= MOST_CHANNELS_PER_TILE * tiles
    )


def conv(x: Array, kernel: Array, before: Sequence[int], out: Sequence[int]) -> Array:
    """y[o] = sum_a x[o - before + a] kernel[a], zero where x has none.

    x [batch, H, W, in], kernel [3, 3, in, out] -> [batch, out[0], out[1], out].
    """
    b, n, m, c = x.shape[0], _tiles(out[0]), _tiles(out[1]), kernel.shape[3]
    pads = [
        (zeros, 2 * tiles + 2 - size - zeros, 0)
        for zeros, tiles, size in zip(before, (n, m), x.shape[1:3], strict=True)
    ]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *pads, (0, 0, 0)])
    G = jnp.asarray(KERNEL, kernel.dtype)
    matrices = jnp.einsum("pa,qb,abio->pqio", G, G, kernel)
    rows = _combined(INPUTS, _inputs(x, 1, n))
    tiles = [_combined(INPUTS, _inputs(row, 2, m)) for row in rows]  # 4 x 4 of [b, n, m, in]
    products = [
        [tile.reshape(b * n * m, -1) @ matrices[i, j] for j, tile in enumerate(row)]
        for i, row in enumerate(tiles)
    ]
    halves = [_combined(OUTPUTS, column) for column in zip(*products, strict=True)]  # 4 x 2
    y = [_combined(OUTPUTS, half) for half in zip(*halves, strict=True)]  # 2 x 2
    parts = [[part.reshape(b, n, m, c) for part in row] for row in y]
    joined = jnp.stack([jnp.stack(row, axis=3) for row in parts], axis=2)
    return joined.reshape(b, 2 * n, 2 * m, c)[:, : out[0], : out[1]]


def _tiles(outputs: int) -> int:
    return -(-outputs // 2)


def _inputs(x: Array, axis: int, n: int) -> list[Array]:
    """Along an axis of 2n + 2 the four inputs of each of n tiles, which overlap by two."""
    pairs = x.reshape(*x.shape[:axis], n + 1, 2, *x.shape[axis + 1 :])
    first, second = (lax.index_in_dim(pairs, i, axis + 1, keepdims=False) for i in range(2))
    return [lax.slice_in_dim(v, d, d + n, axis=axis) for d in range(2) for v in (first, second)]


def _combined(matrix: np.ndarray, parts: Sequence[Array]) -> list[Array]:
    """The matrix, of 0, 1 and -1, times the column of parts."""
    found = []
    for line in matrix:
        terms = [
            part if sign > 0 else -part for sign, part in zip(line, parts, strict=True) if sign
        ]
        found.append(sum(terms[1:], start=terms[0]))
    return found
