"""Placeholder: native convolutions, until the lowering for CPUs is written."""

import jax, jax.numpy as jnp


def conv(x, k, stride=1, padding="SAME", lowering="auto"):
    if isinstance(padding, int):
        padding = [(padding, padding)] * 2
    return jax.lax.conv_general_dilated(
        x, k, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def conv_transpose(x, k, s, p, op=0, lowering="auto"):
    kh, kw = k.shape[:2]
    return jax.lax.conv_general_dilated(
        x,
        k[::-1, ::-1],
        (1, 1),
        [(kh - 1 - p, kh - 1 - p + op), (kw - 1 - p, kw - 1 - p + op)],
        lhs_dilation=(s, s),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def upsample(x, f=2):
    B, H, W, C = x.shape
    return jnp.broadcast_to(x[:, :, None, :, None], (B, H, f, W, f, C)).reshape(B, H * f, W * f, C)


def upsample_conv(x, k, f=2, lowering="auto"):
    return conv(upsample(x, f), k)


def _p(x, s):
    B, H, W, C = x.shape
    return x[:, : H // s * s, : W // s * s].reshape(B, H // s, s, W // s, s, C)


def max_pool(x, s=2):
    return _p(x, s).max((2, 4))


def avg_pool(x, s=2):
    return _p(x, s).mean((2, 4))
