"""How far the codes of a batch are from the prior, by samples of both."""

from typing import Annotated

import jax
import jax.numpy as jnp

from ae_jax.config.schema import OneOf
from ae_jax.model.bottleneck.gaussian import STANDARD_NORMAL
from ae_jax.model.pipeline import Forward, Model, Variables

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # of the inverse multiquadratic kernel


def rbf(square: jax.Array, size: int, variance: float) -> jax.Array:
    """exp(-d^2 / (2 l^2)) of squared distances d^2, l^2 = size variance (Zhao et al. 2019)."""
    return jnp.exp(-square / (2 * size * variance))


def imq(square: jax.Array, size: int, variance: float) -> jax.Array:
    """sum_s C / (C + d^2), C = 2 size variance s, s of SCALES (Tolstikhin et al. 2018)."""
    widths = [2 * size * variance * s for s in SCALES]
    return sum((c / (c + square) for c in widths[1:]), widths[0] / (widths[0] + square))


KERNELS = {"imq": imq, "rbf": rbf}


def mmd(
    p: Forward,
    model: Model,
    variables: Variables,
    key: jax.Array,
    kernel: Annotated[str, OneOf(KERNELS)] = "imq",
) -> jax.Array:
    """MMD^2(q(z), p(z)), the squared maximum mean discrepancy of codes z and draws e of the prior.

    mean_{i != j} k(z_i, z_j) + mean_{i != j} k(e_i, e_j) - 2 mean_ij k(z_i, e_j) over a batch and
    as many draws: an estimate without bias, which may be negative. The same number for every
    image. The prior is that of the bottleneck, N(0, I) where it has none. The penalty of
    Wasserstein autoencoders (Tolstikhin et al. 2018, algorithm 2) and, beside the KL divergence, of
    InfoVAE (Zhao et al. 2019).
    """
    prior = model.prior or STANDARD_NORMAL
    n, size = p.z.shape
    e = prior.sample(key, (n, size))

    def total(a: jax.Array, b: jax.Array) -> jax.Array:
        square = jnp.sum(jnp.square(a[:, None] - b[None]), axis=-1)
        return jnp.sum(KERNELS[kernel](square, size, prior.variance))

    same = n * KERNELS[kernel](jnp.zeros(()), size, prior.variance)  # i = j
    within = (total(p.z, p.z) + total(e, e) - 2 * same) / max(n * (n - 1), 1)
    return jnp.broadcast_to(within - 2 * total(p.z, e) / n**2, n)
