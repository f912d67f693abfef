"""Normalization: of an example by itself, of groups of its channels, of a batch.

All are (x - m) / sqrt(v + 1e-5) * scale + bias, with means and variances of different numbers; the
epsilon is PyTorch's.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn


def layer_norm(name: str | None = None) -> nn.LayerNorm:
    """(x - m) / sqrt(v + 1e-5) * scale + bias of every example by itself (Ba et al. 2016).

    m and v are mean and biased variance over the last axis; x [batch, features], both parameters
    [features]. The epsilon is PyTorch's, flax's own would be 1e-6.
    """
    return nn.LayerNorm(epsilon=1e-5, use_fast_variance=False, name=name)


class GroupNorm(nn.Module):
    """(x - m) / sqrt(v + 1e-5) * scale + bias of every image by itself (Wu & He 2018).

    m and v are mean and biased variance over all pixels and the channels of a group. Sums over the
    pixels come first, channel by channel, then those of a group: on a CPU that takes half the time
    of one sum over both, and sums of many equal numbers, as on a background, are more exact.
    """

    groups: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[batch, height, width, channels] -> the same shape."""
        c = x.shape[-1]
        scale = self.param("scale", nn.initializers.ones, (c,))
        bias = self.param("bias", nn.initializers.zeros, (c,))
        d = x - self.mean(x)
        weight = scale.reshape(1, 1, 1, c) * jax.lax.rsqrt(self.mean(d * d) + 1e-5)
        return d * weight + bias.reshape(1, 1, 1, c)

    def mean(self, x: jax.Array) -> jax.Array:
        """[batch, height, width, channels] -> [batch, 1, 1, channels], equal in a group."""
        size = x.shape[-1] // self.groups
        channels = x.mean((1, 2), dtype=jnp.float32)
        groups = channels.reshape(-1, self.groups, size).mean(2)
        return jnp.repeat(groups, size, 1)[:, None, None]


def still(paths: frozenset[str]) -> Any:
    """A context in which each BatchNorm at one of these paths does in training what it does at
    evaluation: it normalizes by its running averages, which stay.
    """

    def call(function: Any, args: Any, options: Any, context: nn.module.InterceptorContext) -> Any:
        if isinstance(context.module, BatchNorm) and "/".join(context.module.path) in paths:
            return function(args[0], False)
        return function(*args, **options)

    return nn.intercept_methods(call)


class BatchNorm(nn.Module):
    """(x - m) / sqrt(v + 1e-5) * scale + bias over all axes but the last (Ioffe & Szegedy 2015).

    PyTorch's convention: train with the batch's biased variance, keep running averages (weight
    0.1 for the new value) with the unbiased one, evaluate with those.
    """

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """[batch, ..., features] -> the same shape; updates 'batch_stats' when `train`."""
        c = x.shape[-1]
        mean = self.variable("batch_stats", "mean", jnp.zeros, (c,), jnp.float32)
        var = self.variable("batch_stats", "var", jnp.ones, (c,), jnp.float32)
        scale = self.param("scale", nn.initializers.ones, (c,))
        bias = self.param("bias", nn.initializers.zeros, (c,))
        m, v = mean.value, var.value
        if train:
            axes = tuple(range(x.ndim - 1))
            n = x.size // c
            m, v = (f(x, axes, dtype=jnp.float32) for f in (jnp.mean, jnp.var))
            if not self.is_initializing():
                mean.value = 0.9 * mean.value + 0.1 * m
                var.value = 0.9 * var.value + 0.1 * v * (n / max(n - 1, 1))
        shape = (1,) * (x.ndim - 1) + (c,)
        weight = scale * jax.lax.rsqrt(v + 1e-5)
        return (x - m.reshape(shape)) * weight.reshape(shape) + bias.reshape(shape)
