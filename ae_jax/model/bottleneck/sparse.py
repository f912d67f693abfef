"""Codes of which most numbers are 0."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from ae_jax.config.schema import Count, Fraction, Positive
from ae_jax.model.bottleneck.base import Active, Bottleneck, Coded, Gates, Key


def largest(h: jax.Array, k: int) -> jax.Array:
    """Where the k largest of each row of h [batch, width] are, as truth values; exactly k.

    Of equal values the one further left counts as larger.
    """
    return _at(h, jax.lax.top_k(h, k)[1])


def _at(h: jax.Array, indices: jax.Array, values: jax.Array | bool = True) -> jax.Array:
    rows = jax.lax.broadcasted_iota(jnp.int32, indices.shape, 0)
    return jnp.zeros(h.shape, bool).at[rows, indices].set(values)


def nth_largest(values: jax.Array, n: int) -> jax.Array:
    """The n-th largest of float32 values >= 0, of any shape.

    By bisection on its 31 bits, whose order as a whole number is that of the values: on CPUs a
    tenth of the time of sorting or `top_k`, which is made for few.
    """
    bits = jax.lax.bitcast_convert_type(values, jnp.int32)

    def with_bit(i: int, found: jax.Array) -> jax.Array:
        higher = found | (1 << (30 - i))
        return jnp.where(jnp.sum(bits >= higher) >= n, higher, found)

    found = jax.lax.fori_loop(0, 31, with_bit, jnp.int32(0))
    return jax.lax.bitcast_convert_type(found, jnp.float32)


class TopKBottleneck(Bottleneck):
    """z_j = h_j where it is among the `k` largest of its image, else 0 (Makhzani & Frey 2014).

    By value, not by size: with a linear code, as there, a negative h_j is kept only where fewer
    than k are positive. The gradient goes through the kept ones only. Evaluation does the same.
    """

    sparse: ClassVar[bool] = True

    k: Count = 10

    def __call__(self, h: jax.Array, key: Key, train: bool) -> Coded:  # noqa: D102
        _, indices = jax.lax.top_k(h, self.k)
        return jnp.where(_at(h, indices), h, 0.0), Active(indices)


class FallingTopKBottleneck(Bottleneck):
    """The largest of each image as `top_k` keeps them: `first` at the start, `k` in the end.

    In training `first` are kept in the first batch, and fewer, by a straight line, until `batches`
    are done. With few from the start units may never be among the largest, and then never learn
    (Makhzani & Frey 2014: from 100 to 25 in the first half of training). Evaluation keeps k.
    """

    sparse: ClassVar[bool] = True

    k: Count = 10
    first: Count = 20
    batches: Count = 1000

    @nn.compact
    def __call__(self, h: jax.Array, key: Key, train: bool) -> Coded:  # noqa: D102
        done = self.variable("batch_stats", "done", jnp.zeros, ())
        if not train:
            _, indices = jax.lax.top_k(h, self.k)
            return jnp.where(_at(h, indices), h, 0.0), Active(indices)
        _, indices = jax.lax.top_k(h, self.first)  # the largest first
        left = 1 - jnp.minimum(done.value / self.batches, 1.0)
        kept = jnp.arange(self.first) < jnp.round(self.k + left * (self.first - self.k))
        done.value += 1
        return jnp.where(_at(h, indices, kept[None, :]), h, 0.0), Active(indices)


class BatchTopKBottleneck(Bottleneck):
    """z_ij = max(h_ij, 0) where it is among the `k` n largest of a batch of n images, else 0.

    So images may use more or fewer than k; what equals the least one is kept, too. Evaluation,
    where no image may depend on others, keeps h_ij above a threshold: the mean over training
    batches of the least number kept, with a weight of `decay` for the past (Bussmann, Leask & Nanda
    2024, "BatchTopK sparse autoencoders", equations 4 to 6; theirs is the mean over all batches).
    """

    sparse: ClassVar[bool] = True

    k: Count = 10
    decay: Fraction = 0.99

    @nn.compact
    def __call__(self, h: jax.Array, key: Key, train: bool) -> Coded:  # noqa: D102
        h = jnp.maximum(h, 0.0)
        mean = self.variable("batch_stats", "threshold", jnp.zeros, ())
        weight = self.variable("batch_stats", "weight", jnp.zeros, ())  # of the batches so far
        if not train:
            return jnp.where(h > mean.value / jnp.maximum(weight.value, 1e-12), h, 0.0), None
        least = nth_largest(jax.lax.stop_gradient(h), self.k * len(h))
        mean.value = self.decay * mean.value + (1 - self.decay) * least
        weight.value = self.decay * weight.value + (1 - self.decay)
        return jnp.where(h >= least, h, 0.0), None


class JumpReLUBottleneck(Bottleneck):
    """z_j = h_j where h_j > theta_j, else 0, with thresholds theta > 0 that are learned.

    As z does not change with theta but at a jump, the gradients are those of the mean over inputs,
    with a rectangular window K of width `bandwidth` w about the threshold: dz_j/dtheta_j =
    -theta_j / w K((h_j - theta_j) / w), and -1 / w K for whether z_j is open, which the penalty
    `l0` counts (Rajamanoharan et al. 2024, "Jumping ahead: improving reconstruction fidelity with
    JumpReLU sparse autoencoders", equations 10 to 12). log theta is the parameter; `threshold` is
    where it starts.
    """

    sparse: ClassVar[bool] = True
    gated: ClassVar[bool] = True

    threshold: Positive = 0.1
    bandwidth: Positive = 0.1

    @nn.compact
    def __call__(self, h: jax.Array, key: Key, train: bool) -> Coded:
        """[batch, code_size] -> (z of that shape, `Gates`)."""
        start = jnp.log(self.threshold)
        log_theta = self.param("log_threshold", lambda _: jnp.full(h.shape[1:], start))
        theta = jnp.exp(log_theta)[None, :]
        fixed_h, fixed = jax.lax.stop_gradient((h, theta))
        window = (jnp.abs(fixed_h - fixed) < self.bandwidth / 2) / self.bandwidth
        moved = theta - fixed  # 0, with the gradient of theta
        above = fixed_h > fixed
        z = jnp.where(above, h, 0.0) - window * fixed * moved
        return z, Gates(above.astype(h.dtype) - window * moved)
