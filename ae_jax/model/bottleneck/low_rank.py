"""Codes that lie in few dimensions: the best approximation of a given rank."""

from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from ae_jax.config.schema import Count
from ae_jax.model.bottleneck.base import Bottleneck, Coded, Key

KEPT = 0.9  # of what is known of earlier batches, at every step
BEYOND = 10  # directions that are followed besides, so that one of them may rise among the first
LEAST = 1e-3  # of the largest singular value: what is less is not told from rounding


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def projector(S: jax.Array, rank: int) -> jax.Array:
    """V_r V_r^T [k, k], V_r the eigenvectors of the `rank` largest eigenvalues of S [k, k].

    S is symmetric. The derivative is sum (v_i^T dS v_j) / (l_i - l_j) (v_i v_j^T + v_j v_i^T) over
    i <= rank < j: it divides by gaps across the rank alone, where those of single eigenvectors
    divide by all. A gap within rounding counts as none and adds nothing, as is right where both
    eigenvalues are 0; elsewhere the projector jumps there, and has no derivative.
    """
    _, V = jnp.linalg.eigh(S)
    top = V[:, -rank:]
    return top @ top.T


@projector.defjvp
def _projector_jvp(rank: int, primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    (S,), (dS,) = primals, tangents
    values, V = jnp.linalg.eigh(S)
    top, rest = V[:, -rank:], V[:, :-rank]
    gap = values[-rank:, None] - values[None, :-rank]
    real = gap > len(S) * jnp.finfo(S.dtype).eps * values[-1]
    turn = jnp.where(real, (top.T @ dS @ rest) / jnp.where(real, gap, 1.0), 0.0)
    half = top @ turn @ rest.T
    return top @ top.T, half + half.T


def truncated(h: jax.Array, rank: int) -> jax.Array:
    """The matrix of `rank` that is nearest to h [n, k] in squared error (Eckart & Young 1936).

    sum_i s_i u_i v_i^T over the `rank` largest singular values, from the smaller one of h^T h and
    h h^T.
    """
    n, k = h.shape
    if rank >= min(n, k):
        return h
    return h @ projector(h.T @ h, rank) if k <= n else projector(h @ h.T, rank) @ h


def leading(A: jax.Array, number: int) -> tuple[jax.Array, jax.Array]:
    """The first singular values [number] of A [n, k], and their right vectors as rows [number, k].

    Of the smaller one of A^T A and A A^T, as an SVD takes many times as long. By the latter, a
    value below LEAST of the largest has a row of zeros.
    """
    n, k = A.shape
    if k <= n:
        values, V = jnp.linalg.eigh(A.T @ A)
        return jnp.sqrt(jnp.maximum(values[::-1][:number], 0)), V[:, ::-1][:, :number].T
    _, U = jnp.linalg.eigh(A @ A.T)
    rows = U[:, ::-1][:, :number].T @ A
    s = jnp.linalg.norm(rows, axis=1)
    real = s > LEAST * s[0]
    return s, jnp.where(real, 1 / jnp.where(real, s, 1.0), 0.0)[:, None] * rows


class TruncatedBottleneck(Bottleneck):
    """z [batch, code_size] = the best approximation of h by a matrix of `rank`, while training.

    The gradient is that of the approximation, through the singular vectors. At evaluation every
    image alone is projected on the first `rank` of an orthonormal basis of all training codes:
    the eigenvectors of a running mean of h^T h / n, of which rank + BEYOND are followed; before the
    first step on the first numbers of the code.

    The rank reduction autoencoder (Mounayer et al. 2024, "Rank reduction autoencoders", arXiv
    2405.13980, the strong formulation; there the basis is that of all codes after training). A
    linear network with squared error then finds PCA of `rank`, however wide its code is.
    """

    low_rank: ClassVar[bool] = True

    rank: Count = 10

    @nn.compact
    def __call__(self, h: jax.Array, key: Key, train: bool) -> Coded:  # noqa: D102
        k = h.shape[1]
        followed = min(k, self.rank + BEYOND)
        basis = self.variable("batch_stats", "basis", jnp.eye, followed, k)
        scale = self.variable("batch_stats", "scale", jnp.zeros, (followed,))
        if not train:
            V = basis.value[: self.rank]
            return (h @ V.T) @ V, None
        if not self.is_initializing():
            known = jnp.sqrt(KEPT) * scale.value[:, None] * basis.value
            new = jnp.sqrt((1 - KEPT) / len(h)) * jax.lax.stop_gradient(h)
            scale.value, basis.value = leading(jnp.concatenate([known, new]), followed)
        return truncated(h, self.rank), None
