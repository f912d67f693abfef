"""Convolutions of images `[batch, height, width, channels]` that are fast on CPUs as well.

XLA's convolutions are right for GPUs and TPUs; on CPUs, and in `lax.scan` most of all, a training
step takes them 5 to 10 times PyTorch's time. There each map is one matrix product instead
(`lowering='matmul'`), by `ae_jax.model.blocks`.

A signal is an image of height 1. What has a `Size` is one number for height and width, or the pair
(height, width): (1, 2) strides, pools and enlarges along the width alone.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from ae_jax.errors import ConfigError
from ae_jax.model import platform, winograd
from ae_jax.model.blocks import NOWHERE, Axis, multiply_blocks, windows_of

Size = int | tuple[int, int]  # of height and width alike, or of (height, width)
Pairs = Sequence[tuple[int, int]]  # zeros before and behind, for height and width
Padding = str | Size | Pairs


def pair(size: Size) -> tuple[int, int]:
    """(height, width) of a `Size`."""
    return (size, size) if isinstance(size, int) else size


def conv(
    x: Array, kernel: Array, stride: Size = 1, padding: Padding = "SAME", lowering: str = "auto"
) -> Array:
    """y[o] = sum_a x[stride o - padding + a] kernel[a], the cross-correlation of PyTorch and Keras.

    x [batch, H, W, in], kernel [kh, kw, in, out] -> [batch, H', W', out]. `padding` is zeros around
    the image: 'SAME' (H' = ceil(H / stride); of an odd number one more behind, as in TensorFlow),
    'VALID' (none), a `Size`, or ((top, bottom), (left, right)). `lowering`: 'native' (XLA's
    convolution), 'matmul', or 'auto' (matmul on CPUs, native elsewhere); they are equal up to
    rounding.
    ConfigError if the shapes do not fit or nothing would be left.
    """
    sizes, taps, steps = x.shape[1:3], kernel.shape[:2], pair(stride)
    if isinstance(padding, str):
        padding = lax.padtype_to_pads(sizes, taps, steps, padding)
    pads = [pair(p) for p in ((padding, padding) if isinstance(padding, int) else padding)]
    out = [(n + sum(p) - k) // s + 1 for n, p, k, s in zip(sizes, pads, taps, steps, strict=True)]
    _check(x, kernel, out)
    if _is_native(lowering):
        return _native(x, kernel, pads, strides=steps)

    if winograd.pays(x, kernel, steps, out):
        return winograd.conv(x, kernel, [p[0] for p in pads], out)

    def axis(d: int) -> Axis:
        step, before = steps[d], pads[d][0]
        return Axis(sizes[d], out[d], taps[d], step, 1, lambda o, a: step * o - before + a)

    return multiply_blocks(x, kernel, axis(0), axis(1))


def conv_transpose(
    x: Array,
    kernel: Array,
    stride: Size,
    padding: Size,
    output_padding: Size = 0,
    lowering: str = "auto",
) -> Array:
    """y[stride i - padding + a] += x[i] kernel[a]: PyTorch's ConvTranspose2d.

    x [batch, H, W, in], kernel [kh, kw, in, out] (PyTorch's weight [in, out, kh, kw] with its axes
    moved, not flipped) -> [batch, (H - 1) stride - 2 padding + kh + output_padding, ..., out].
    `lowering` and errors as in `conv`.
    """
    sizes, taps, steps = x.shape[1:3], kernel.shape[:2], pair(stride)
    pads, extra = pair(padding), pair(output_padding)
    out = [(sizes[d] - 1) * steps[d] - 2 * pads[d] + taps[d] + extra[d] for d in range(2)]
    _check(x, kernel, out)
    if _is_native(lowering):
        kept = [(k - 1 - p, k - 1 - p + e) for k, p, e in zip(taps, pads, extra, strict=True)]
        return _native(x, kernel[::-1, ::-1], kept, dilation=steps)

    def axis(d: int) -> Axis:
        def source(o: np.ndarray, a: np.ndarray) -> np.ndarray:
            i, remainder = np.divmod(o + pads[d] - a, steps[d])
            return np.where(remainder == 0, i, NOWHERE)

        return Axis(sizes[d], out[d], taps[d], 1, steps[d], source)

    return multiply_blocks(x, kernel, axis(0), axis(1))


def upsample_conv(x: Array, kernel: Array, factor: Size = 2, lowering: str = "auto") -> Array:
    """conv(upsample(x, factor), kernel, padding='SAME'), on CPUs without the enlarged image.

    Copies of one pixel meet several taps; these are summed first and work on the small image.
    x [batch, H, W, in], kernel [kh, kw, in, out] -> [batch, H factor, W factor, out].
    `lowering` and errors as in `conv`.
    """
    times = pair(factor)
    out = [n * f for n, f in zip(x.shape[1:3], times, strict=True)]
    _check(x, kernel, out)
    if _is_native(lowering):
        return conv(upsample(x, factor), kernel, lowering="native")

    def axis(d: int) -> Axis:
        n, k, f = x.shape[1 + d], kernel.shape[d], times[d]
        return Axis(n, out[d], k, 1, f, lambda o, a: (o - (k - 1) // 2 + a) // f)

    return multiply_blocks(x, kernel, axis(0), axis(1))


def upsample(x: Array, factor: Size = 2) -> Array:
    """Each pixel `factor` x `factor` times: [batch, H, W, c] -> [batch, H factor, W factor, c]."""
    b, h, w, c = x.shape  # not jnp.repeat: in lax.scan its gather is many times slower on CPUs
    rows, columns = pair(factor)
    repeated = jnp.broadcast_to(x[:, :, None, :, None, :], (b, h, rows, w, columns, c))
    return repeated.reshape(b, h * rows, w * columns, c)


def max_pool(x: Array, size: Size = 2) -> Array:
    """The largest of every window, [batch, H, W, c] -> [batch, H // size, W // size, c].

    Rows and columns that fill no window are dropped. Among equals the first (by row, then column)
    gets the gradient, as in PyTorch and TensorFlow; jnp.max would share it, at a higher cost.
    """
    for axis in (2, 1):  # columns first: of equal values in two rows, the upper one then wins
        n = pair(size)[axis - 1]
        first, *others = lax.split(windows_of(x, axis, n), [1] * n, axis=axis + 1)
        for other in others:
            first = jnp.where((other > first) | jnp.isnan(other), other, first)
        x = first.squeeze(axis + 1)
    return x


def avg_pool(x: Array, size: Size = 2) -> Array:
    """The mean of every window; shapes and what is dropped as in `max_pool`."""
    rows, columns = pair(size)
    return windows_of(windows_of(x, 2, columns), 1, rows).mean((2, 4))


def _native(x: Array, kernel: Array, pads: Pairs, strides: Size = 1, dilation: Size = 1) -> Array:
    steps, holes, axes = pair(strides), pair(dilation), ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, kernel, steps, pads, holes, dimension_numbers=axes)


def _is_native(lowering: str) -> bool:
    """The one switch, read when a program is traced."""
    if lowering not in ("auto", "native", "matmul"):
        raise ConfigError(f"lowering is {lowering!r}; allowed: 'auto', 'native', 'matmul'")
    return lowering == "native" or (lowering == "auto" and not platform.on_cpu())


def _check(x: Array, kernel: Array, out: list[int]) -> None:
    if x.shape[3] != kernel.shape[2] or min(out) < 1:
        raise ConfigError(
            f"images {x.shape} and kernel {kernel.shape} do not fit: [batch, H, W, in] and "
            f"[kh, kw, in, out] are needed;\nheight and width after this layer would be {out}"
        )
