"""Convolutions of images `[batch, height, width, channels]` that are fast on CPUs as well.

XLA's convolutions are right for GPUs and TPUs; on CPUs, and in `lax.scan` most of all, a training
step takes them 5 to 10 times PyTorch's time. There each map is one matrix product instead
(`lowering='matmul'`). Along an axis every map of this file is a table: tap `a` of output `o` reads

    conv            input  stride o - padding + a
    conv_transpose  input  (o + padding - a) / stride     where that is an integer
    upsample_conv   input  floor((o - padding + a) / factor)

and the table repeats: `out_step` outputs further on, it reads `in_step` inputs further on. So the
image is cut into equal blocks, and one matrix made of the kernel takes every block of inputs to its
block of outputs (`_multiply_blocks`). Blocks of one pixel are the known im2col, a block that is the
whole image is a dense layer, and strides and upsampling cost nothing: the two sides of a block
differ. Only pads, slices, products and sums are used, so that `grad`, `jacfwd`, `vmap` and what
they compose to need no rule of our own.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from ae_jax.errors import ConfigError

Pairs = Sequence[tuple[int, int]]  # zeros before and behind, for height and width
Padding = str | int | Pairs

# The side of a block that does not overlap its neighbors has at least this many numbers: products
# with narrower matrices leave the vector units idle. 32 beat 16 and 64; 1 is up to 10 times slower.
MIN_COLUMNS = 32


class Axis(NamedTuple):
    """One axis's table (above). `source(o, a)` may be None or outside [0, n_in): both read zero."""

    n_in: int
    n_out: int
    taps: int
    in_step: int
    out_step: int
    source: Callable[[int, int], int | None]


def conv(
    x: Array, kernel: Array, stride: int = 1, padding: Padding = "SAME", lowering: str = "auto"
) -> Array:
    """y[o] = sum_a x[stride o - padding + a] kernel[a], the cross-correlation of PyTorch and Keras.

    x [batch, H, W, in], kernel [kh, kw, in, out] -> [batch, H', W', out]. `padding` is zeros around
    the image: 'SAME' (H' = ceil(H / stride); of an odd number one more behind, as in TensorFlow),
    'VALID' (none), p, or ((top, bottom), (left, right)). `lowering`: 'native' (XLA's convolution),
    'matmul', or 'auto' (matmul on CPUs, native elsewhere); they are equal up to rounding.
    ConfigError if the shapes do not fit or nothing would be left.
    """
    sizes, taps = x.shape[1:3], kernel.shape[:2]
    if isinstance(padding, str):
        padding = lax.padtype_to_pads(sizes, taps, (stride, stride), padding)
    pads: Pairs = [(padding, padding)] * 2 if isinstance(padding, int) else padding
    out = [(n + sum(p) - k) // stride + 1 for n, p, k in zip(sizes, pads, taps, strict=True)]
    _check(x, kernel, out)
    if _is_native(lowering):
        return _native(x, kernel, pads, stride=stride)

    def axis(d: int) -> Axis:
        return Axis(sizes[d], out[d], taps[d], stride, 1, lambda o, a: stride * o - pads[d][0] + a)

    return _multiply_blocks(x, kernel, axis(0), axis(1))


def conv_transpose(
    x: Array,
    kernel: Array,
    stride: int,
    padding: int,
    output_padding: int = 0,
    lowering: str = "auto",
) -> Array:
    """y[stride i - padding + a] += x[i] kernel[a]: PyTorch's ConvTranspose2d.

    x [batch, H, W, in], kernel [kh, kw, in, out] (PyTorch's weight [in, out, kh, kw] with its axes
    moved, not flipped) -> [batch, (H - 1) stride - 2 padding + kh + output_padding, ..., out].
    `lowering` and errors as in `conv`.
    """
    sizes, taps = x.shape[1:3], kernel.shape[:2]
    cut = 2 * padding - output_padding
    out = [(n - 1) * stride + k - cut for n, k in zip(sizes, taps, strict=True)]
    _check(x, kernel, out)
    if _is_native(lowering):
        pads = [(k - 1 - padding, k - 1 - padding + output_padding) for k in taps]
        return _native(x, kernel[::-1, ::-1], pads, dilation=stride)

    def source(o: int, a: int) -> int | None:
        i, remainder = divmod(o + padding - a, stride)
        return None if remainder else i

    axes = [Axis(n, m, k, 1, stride, source) for n, m, k in zip(sizes, out, taps, strict=True)]
    return _multiply_blocks(x, kernel, *axes)


def upsample_conv(x: Array, kernel: Array, factor: int = 2, lowering: str = "auto") -> Array:
    """conv(upsample(x, factor), kernel, padding='SAME'), on CPUs without the enlarged image.

    Copies of one pixel meet several taps; these are summed first and work on the small image.
    x [batch, H, W, in], kernel [kh, kw, in, out] -> [batch, H factor, W factor, out].
    `lowering` and errors as in `conv`.
    """
    out = [n * factor for n in x.shape[1:3]]
    _check(x, kernel, out)
    if _is_native(lowering):
        return conv(upsample(x, factor), kernel, lowering="native")

    def axis(d: int) -> Axis:
        n, k = x.shape[1 + d], kernel.shape[d]
        return Axis(n, out[d], k, 1, factor, lambda o, a: (o - (k - 1) // 2 + a) // factor)

    return _multiply_blocks(x, kernel, axis(0), axis(1))


def upsample(x: Array, factor: int = 2) -> Array:
    """Each pixel `factor` x `factor` times: [batch, H, W, c] -> [batch, H factor, W factor, c]."""
    b, h, w, c = x.shape  # not jnp.repeat: in lax.scan its gather is many times slower on CPUs
    repeated = jnp.broadcast_to(x[:, :, None, :, None, :], (b, h, factor, w, factor, c))
    return repeated.reshape(b, h * factor, w * factor, c)


def max_pool(x: Array, size: int = 2) -> Array:
    """The largest of every window, [batch, H, W, c] -> [batch, H // size, W // size, c].

    Rows and columns that fill no window are dropped. Among equals the first (by row, then column)
    gets the gradient, as in PyTorch and TensorFlow; jnp.max would share it, at a higher cost.
    """
    for axis in (2, 1):  # columns first: of equal values in two rows, the upper one then wins
        first, *others = lax.split(_windows_of(x, axis, size), [1] * size, axis=axis + 1)
        for other in others:
            first = jnp.where((other > first) | jnp.isnan(other), other, first)
        x = first.squeeze(axis + 1)
    return x


def avg_pool(x: Array, size: int = 2) -> Array:
    """The mean of every window; shapes and what is dropped as in `max_pool`."""
    return _windows_of(_windows_of(x, 2, size), 1, size).mean((2, 4))


def _windows_of(x: Array, axis: int, size: int) -> Array:
    """[.., n, ..] -> [.., n // size, size, ..]."""
    n = x.shape[axis] // size
    kept = lax.slice_in_dim(x, 0, n * size, axis=axis)
    return kept.reshape(*x.shape[:axis], n, size, *x.shape[axis + 1 :])


class Cut(NamedTuple):
    """An axis in `n` blocks: block j takes inputs in_first + j in_step + [0, in_size) to outputs
    out_first + j out_step + [0, out_size); table [taps, in_size, out_size] is 1 where a tap does.

    Either the inputs overlap (in_size > in_step) or the outputs do, which are then added up.
    """

    n: int
    in_first: int
    in_step: int
    in_size: int
    out_first: int
    out_step: int
    out_size: int
    table: np.ndarray


def _cut(axis: Axis, tile: int, inputs_overlap: bool) -> Cut:
    """Blocks of `tile` out_steps with all they read, or of `tile` in_steps with all they reach."""
    in_step, out_step, taps = tile * axis.in_step, tile * axis.out_step, range(axis.taps)
    if inputs_overlap:
        n, outs = -(-axis.n_out // out_step), range(out_step)
        read = [i for o in outs for a in taps if (i := axis.source(o, a)) is not None]
        ins = range(min(read), max(read) + 1)
    else:
        n, ins = -(-axis.n_in // in_step), range(in_step)
        far = axis.n_out + axis.n_in * axis.out_step + in_step + axis.taps  # none reaches further
        reached = [o for o in range(-far, far) if any(axis.source(o, a) in ins for a in taps)]
        outs = range(min(reached), max(reached) + 1)
    if n == 1:  # the whole axis is one block: no zeros to read, nothing to crop
        ins, outs = range(axis.n_in), range(axis.n_out)
    hits = np.array([[[axis.source(o, a) == i for o in outs] for i in ins] for a in taps])
    return Cut(n, ins.start, in_step, len(ins), outs.start, out_step, len(outs), hits)


def _plan(height: Axis, width: Axis, c_in: int, c_out: int) -> tuple[Cut, Cut]:
    """The smallest blocks with MIN_COLUMNS numbers on one side; which side: what multiplies less.

    Mostly that is the side with more channels, while the one with fewer overlaps: a first layer
    copies its few inputs into overlapping patches, a last layer adds up its few outputs.
    """

    def cuts(inputs_overlap: bool, numbers: int) -> tuple[Cut, Cut]:
        rows, columns = 1, 1
        while rows * columns * numbers < MIN_COLUMNS:
            rows, columns = (2 * rows, columns) if rows < columns else (rows, 2 * columns)
        return _cut(height, rows, inputs_overlap), _cut(width, columns, inputs_overlap)

    def products(cuts: tuple[Cut, Cut]) -> int:
        return int(np.prod([cut.n * cut.in_size * cut.out_size for cut in cuts]))

    patches = cuts(True, height.out_step * width.out_step * c_out)
    pieces = cuts(False, height.in_step * width.in_step * c_in)
    return min(patches, pieces, key=products)


def _multiply_blocks(x: Array, kernel: Array, height: Axis, width: Axis) -> Array:
    """The map of the two tables: blocks of inputs as rows, one matrix product, blocks of outputs.

    The height is cut last and joined first: the larger copies then move contiguous memory.
    """
    b, (h, w), c_out = x.shape[0], _plan(height, width, *kernel.shape[2:]), kernel.shape[3]
    x = jnp.moveaxis(_gather(x, 2, w), 2, 1).reshape(b * w.n, height.n_in, -1)
    x = _gather(x, 1, h).reshape(b * w.n * h.n, -1)
    y = lax.dot_general(x, _matrix(kernel, h, w), (((1,), (1,)), ((), ())))
    y = _overlap_add(y.reshape(b * w.n, h.n, h.out_size, -1), 1, h, height.n_out)
    y = y.reshape(b, w.n, height.n_out, w.out_size, c_out)
    return _overlap_add(jnp.moveaxis(y, 1, 2), 2, w, width.n_out)


def _matrix(kernel: Array, h: Cut, w: Cut) -> Array:
    """The matrix of a block, [out_h out_w out, in_h in_w in].

    In this order its gradient is dy^T patches, a few per cent faster than patches^T dy.
    """
    for table in (h.table, w.table):  # -> [in, out, in_h, out_h, in_w, out_w]
        taps, n_in, n_out = table.shape
        if n_in * n_out == taps and np.array_equal(table.reshape(taps, taps), np.eye(taps)):
            # a dense layer: the kernel is the matrix already
            kernel = jnp.moveaxis(kernel, 0, -1).reshape(*kernel.shape[1:], n_in, n_out)
        else:  # each tap to all its places; taps that share one add up
            kernel = jnp.tensordot(kernel, jnp.asarray(table, kernel.dtype), (0, 0))
    out = h.out_size * w.out_size * kernel.shape[1]
    return kernel.transpose(3, 5, 1, 2, 4, 0).reshape(out, -1)


def _gather(x: Array, axis: int, cut: Cut) -> Array:
    """[.., n_in, ..] -> [.., n, in_size, ..]: the inputs of each block, zeros outside the image.

    In pieces of `in_step`: the first of all blocks is one reshape of the image, and so on.
    """
    if cut.n == 1:
        return jnp.expand_dims(x, axis)
    pieces = []
    for start in range(0, cut.in_size, cut.in_step):
        piece = _fit(x, axis, cut.in_first + start, cut.n * cut.in_step)
        piece = _windows_of(piece, axis, cut.in_step)
        pieces.append(_fit(piece, axis + 1, 0, min(cut.in_step, cut.in_size - start)))
    return jnp.concatenate(pieces, axis=axis + 1)


def _overlap_add(y: Array, axis: int, cut: Cut, n_out: int) -> Array:
    """[.., n, out_size, ..] -> [.., n_out, ..]: the transpose of `_gather`; what overlaps adds up.

    `lax.split`, because its gradient is one concatenation; that of slices is a sum of pads.
    """
    if cut.n == 1:
        return y.squeeze(axis)
    starts = range(0, cut.out_size, cut.out_step)
    pieces = lax.split(y, [min(cut.out_step, cut.out_size - s) for s in starts], axis + 1)

    def spread(start: int, piece: Array) -> Array:
        piece = _fit(piece, axis + 1, 0, cut.out_step)
        line = piece.reshape(*y.shape[:axis], cut.n * cut.out_step, *y.shape[axis + 2 :])
        return _fit(line, axis, -(cut.out_first + start), n_out)

    return sum(map(spread, starts[1:], pieces[1:]), start=spread(0, pieces[0]))


def _fit(x: Array, axis: int, first: int, size: int) -> Array:
    """x[first : first + size] along the axis, with zeros wherever x has none."""
    pads = [(0, 0, 0)] * x.ndim
    pads[axis] = (-first, first + size - x.shape[axis], 0)
    return lax.pad(x, jnp.zeros((), x.dtype), pads)


def _native(x: Array, kernel: Array, pads: Pairs, stride: int = 1, dilation: int = 1) -> Array:
    steps, holes, axes = (stride, stride), (dilation, dilation), ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, kernel, steps, pads, holes, dimension_numbers=axes)


def _is_native(lowering: str) -> bool:
    """The one switch, read when a program is traced."""
    if lowering not in ("auto", "native", "matmul"):
        raise ConfigError(f"lowering is {lowering!r}; allowed: 'auto', 'native', 'matmul'")
    return lowering == "native" or (lowering == "auto" and jax.default_backend() != "cpu")


def _check(x: Array, kernel: Array, out: list[int]) -> None:
    if x.shape[3] != kernel.shape[2] or min(out) < 1:
        raise ConfigError(
            f"images {x.shape} and kernel {kernel.shape} do not fit: [batch, H, W, in] and "
            f"[kh, kw, in, out] are needed;\nheight and width after this layer would be {out}"
        )
