"""Maps along height and width as one matrix product over equal blocks of the image.

Along an axis every map of `ae_jax.model.convolution` is a table: tap `a` of output `o` reads

    conv            input  stride o - padding + a
    conv_transpose  input  (o + padding - a) / stride     where that is an integer
    upsample_conv   input  floor((o - padding + a) / factor)

and the table repeats: `out_step` outputs further on, it reads `in_step` inputs further on. So the
image is cut into equal blocks, and one matrix made of the kernel takes every block of inputs to its
block of outputs (`multiply_blocks`). Blocks of one pixel are the known im2col, a block that is the
whole image is a dense layer, and strides and upsampling cost nothing: the two sides of a block
differ. Only pads, slices, products and sums are used, so that `grad`, `jacfwd`, `vmap` and what
they compose to need no rule of our own.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

# The side of a block that does not overlap its neighbors has at least this many numbers: products
# with narrower matrices leave the vector units idle. 32 beat 16 and 64; 1 is up to 10 times slower.
MIN_COLUMNS = 32


NOWHERE = -(2**40)  # the source of a tap that reads nothing, wherever the block


class Axis(NamedTuple):
    """One axis's table (above). `source(o, a)`, of arrays, may be outside [0, n_in): it reads 0."""

    n_in: int
    n_out: int
    taps: int
    in_step: int
    out_step: int
    source: Callable[[np.ndarray, np.ndarray], np.ndarray]

    @property
    def is_single(self) -> bool:
        """One pixel before and after: nothing along it, as across a signal."""
        return self.n_in == self.n_out == 1


def windows_of(x: Array, axis: int, size: int) -> Array:
    """[.., n, ..] -> [.., n // size, size, ..]."""
    n = x.shape[axis] // size
    kept = lax.slice_in_dim(x, 0, n * size, axis=axis)
    return kept.reshape(*x.shape[:axis], n, size, *x.shape[axis + 1 :])


class Cut(NamedTuple):
    """An axis in `n` blocks: block j takes inputs in_first + j in_step + [0, in_size) to outputs
    out_first + j out_step + [0, out_size).

    Either the inputs overlap (in_size > in_step) or the outputs do, which are then added up.
    """

    n: int
    in_first: int
    in_step: int
    in_size: int
    out_first: int
    out_step: int
    out_size: int


def _cut(axis: Axis, tile: int, inputs_overlap: bool) -> Cut:
    """Blocks of `tile` out_steps with all they read, or of `tile` in_steps with all they reach."""
    in_step, out_step, taps = tile * axis.in_step, tile * axis.out_step, np.arange(axis.taps)
    n = -(-axis.n_out // out_step) if inputs_overlap else -(-axis.n_in // in_step)
    if n == 1:  # the whole axis is one block: no zeros to read, nothing to crop
        return Cut(n, 0, in_step, axis.n_in, 0, out_step, axis.n_out)
    if inputs_overlap:
        read = axis.source(np.arange(out_step), taps[:, None])
        read = read[read != NOWHERE]
        first, size = read.min(), np.ptp(read) + 1
        return Cut(n, int(first), in_step, int(size), 0, out_step, out_step)
    far = axis.n_out + axis.n_in * axis.out_step + in_step + axis.taps  # none reaches further
    outs, reached = np.arange(-far, far), np.zeros(2 * far, bool)
    for tap in taps[:, None]:
        read = axis.source(outs, tap)
        reached |= (read >= 0) & (read < in_step)
    first, size = outs[reached].min(), np.ptp(outs[reached]) + 1
    return Cut(n, 0, in_step, in_step, int(first), out_step, int(size))


def _table(axis: Axis, cut: Cut) -> np.ndarray:
    """[taps, in_size, out_size] of a block: true where a tap leads from the input to the output."""
    ins, outs = cut.in_first + np.arange(cut.in_size), cut.out_first + np.arange(cut.out_size)
    read = axis.source(outs, np.arange(axis.taps)[:, None])
    return read[:, None, :] == ins[:, None]


def _plan(height: Axis, width: Axis, c_in: int, c_out: int) -> tuple[Cut, Cut]:
    """The smallest blocks with MIN_COLUMNS numbers on one side; which side: what multiplies less.

    Mostly that is the side with more channels, while the one with fewer overlaps: a first layer
    copies its few inputs into overlapping patches, a last layer adds up its few outputs.
    """

    def cuts(inputs_overlap: bool, numbers: int) -> tuple[Cut, Cut]:
        rows, columns = 1, 1
        while rows * columns * numbers < MIN_COLUMNS:
            if width.is_single or (rows < columns and not height.is_single):
                rows *= 2
            else:
                columns *= 2
        return _cut(height, rows, inputs_overlap), _cut(width, columns, inputs_overlap)

    def products(cuts: tuple[Cut, Cut]) -> int:
        return int(np.prod([cut.n * cut.in_size * cut.out_size for cut in cuts]))

    patches = cuts(True, height.out_step * width.out_step * c_out)
    pieces = cuts(False, height.in_step * width.in_step * c_in)
    return min(patches, pieces, key=products)


def multiply_blocks(x: Array, kernel: Array, height: Axis, width: Axis) -> Array:
    """The map of the two tables: blocks of inputs as rows, one matrix product, blocks of outputs.

    The height is cut last and joined first: the larger copies then move contiguous memory.
    """
    b, (h, w), c_out = x.shape[0], _plan(height, width, *kernel.shape[2:]), kernel.shape[3]
    tables = _table(height, h), _table(width, w)
    if h.n == w.n == 1 and all(map(_is_dense, tables)):
        return _dense(x, kernel, *(table.shape[1:] for table in tables))
    x = jnp.moveaxis(_gather(x, 2, w), 2, 1).reshape(b * w.n, height.n_in, -1)
    x = _gather(x, 1, h).reshape(b * w.n * h.n, -1)
    y = lax.dot_general(x, _matrix(kernel, *tables), (((1,), (1,)), ((), ())))
    y = _overlap_add(y.reshape(b * w.n, h.n, h.out_size, -1), 1, h, height.n_out)
    y = y.reshape(b, w.n, height.n_out, w.out_size, c_out)
    return _overlap_add(jnp.moveaxis(y, 1, 2), 2, w, width.n_out)


def _dense(x: Array, kernel: Array, height: tuple[int, int], width: tuple[int, int]) -> Array:
    """A dense layer between images and single pixels, with (in, out) sizes along each axis.

    The kernel is large; in this order no one of its numbers moves, or only in runs of `out`.
    """
    (in_h, out_h), (in_w, out_w), (c_in, c_out) = height, width, kernel.shape[2:]
    matrix = kernel.reshape(in_h, out_h, in_w, out_w, c_in, c_out).transpose(0, 2, 4, 1, 3, 5)
    matrix = matrix.reshape(in_h * in_w * c_in, out_h * out_w * c_out)
    y = x.reshape(x.shape[0], -1) @ matrix
    return y.reshape(x.shape[0], out_h, out_w, c_out)


def _is_dense(table: np.ndarray) -> bool:
    """Whether each tap leads from one input to one output, in order: to or from a single one."""
    taps, n_in, n_out = table.shape
    return bool(n_in * n_out == table.sum() == taps and table.reshape(taps, taps).diagonal().all())


def _matrix(kernel: Array, *tables: np.ndarray) -> Array:
    """The matrix of a block, [out_h out_w out, in_h in_w in], of the tables of height and width.

    In this order its gradient is dy^T patches, a few per cent faster than patches^T dy.
    """
    for table in tables:  # -> [in, out, in_h, out_h, in_w, out_w]
        n_in, n_out = table.shape[1:]
        if _is_dense(table):  # the kernel is the matrix already
            kernel = jnp.moveaxis(kernel, 0, -1).reshape(*kernel.shape[1:], n_in, n_out)
        else:  # each tap to all its places; taps that share one add up
            kernel = jnp.tensordot(kernel, jnp.asarray(table, kernel.dtype), (0, 0))
    _, c_out, _, out_h, _, out_w = kernel.shape
    return kernel.transpose(3, 5, 1, 2, 4, 0).reshape(out_h * out_w * c_out, -1)


def _gather(x: Array, axis: int, cut: Cut) -> Array:
    """[.., n_in, ..] -> [.., n, in_size, ..]: the inputs of each block, zeros outside the image.

    In pieces of `in_step`: the first of all blocks is one reshape of the image, and so on.
    """
    if cut.n == 1:
        return jnp.expand_dims(x, axis)
    pieces = []
    for start in range(0, cut.in_size, cut.in_step):
        piece = _fit(x, axis, cut.in_first + start, cut.n * cut.in_step)
        piece = windows_of(piece, axis, cut.in_step)
        pieces.append(_fit(piece, axis + 1, 0, min(cut.in_step, cut.in_size - start)))
    return jnp.concatenate(pieces, axis=axis + 1)


def _overlap_add(y: Array, axis: int, cut: Cut, n_out: int) -> Array:
    """[.., n, out_size, ..] -> [.., n_out, ..]: the transpose of `_gather`; what overlaps adds up.

    Output q + out_step m is the sum of the numbers s of the blocks m - d, of which there is one s
    for each d: out_first + s = q + out_step d. A run of q with the same s - q is one slice, and all
    runs are written in one pass. `lax.split`, because its gradient is one concatenation; that of
    slices is a sum of pads.
    """
    if cut.n == 1:
        return y.squeeze(axis)
    if cut.out_size < cut.out_step:  # a stride wider than the kernel leaves zeros between
        y = _fit(y, axis + 1, 0, cut.out_step)
    n, sources = -(-n_out // cut.out_step), range(y.shape[axis + 1])

    def offsets(q: int) -> tuple[int, ...]:
        return tuple(s - q for s in sources if (cut.out_first + s - q) % cut.out_step == 0)

    runs = [(k, list(g)) for k, g in itertools.groupby(range(cut.out_step), offsets)]
    starts = sorted(qs[0] + offset for found, qs in runs for offset in found)
    sizes = np.diff([*starts, y.shape[axis + 1]]).tolist()
    pieces = dict(zip(starts, lax.split(y, sizes, axis + 1), strict=True))

    def summed(found: tuple[int, ...], first: int) -> Array:
        shifts = [(cut.out_first + offset) // cut.out_step for offset in found]
        terms = [_fit(pieces[first + o], axis, -d, n) for o, d in zip(found, shifts, strict=True)]
        return sum(terms[1:], start=terms[0])

    line = jnp.concatenate([summed(found, qs[0]) for found, qs in runs], axis + 1)
    line = line.reshape(*y.shape[:axis], n * cut.out_step, *y.shape[axis + 2 :])
    return lax.slice_in_dim(line, 0, n_out, axis=axis)


def _fit(x: Array, axis: int, first: int, size: int) -> Array:
    """x[first : first + size] along the axis, with zeros wherever x has none."""
    pads = [(0, 0, 0)] * x.ndim
    pads[axis] = (-first, first + size - x.shape[axis], 0)
    return lax.pad(x, jnp.zeros((), x.dtype), pads)
