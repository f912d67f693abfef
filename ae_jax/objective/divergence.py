"""How far the codes of a batch are from the prior, and from independent numbers, by samples."""

import math
from typing import Annotated

import jax
import jax.numpy as jnp

from ae_jax.config.schema import OneOf
from ae_jax.model.bottleneck.base import Factorized
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


def total_correlation(p: Forward, model: Model, variables: Variables, key: jax.Array) -> jax.Array:
    """log q(z) - sum_j log q(z_j) per image, z a draw of its posterior; in nats.

    q(z) = mean_i q(z | x_i) over the images of the batch, which is taken as the population. The
    mean over the batch is an estimate without bias of the total correlation of that mixture,
    KL(q(z) || prod_j q(z_j)). Minibatch-weighted sampling of Chen et al. 2018 ("Isolating sources
    of disentanglement in variational autoencoders") takes log q(z) and every log q(z_j) to be
    smaller by log N, N the images of the training set: its number is larger than this one by the
    constant (code_size - 1) log N, its gradient is the same.

    The mixture of few images is correlated more than that of all. Where codes tell the images of a
    batch apart, log q(z) is log q(z | x) - log(batch), and the term is a charge on what codes say
    of their image, too: it is meant for small codes and large batches.

    With a weight of beta - 1, beside `gaussian_kl` of weight 1, it is the beta-TCVAE. It computes
    batch^2 code_size numbers.

    Raises:
      TypeError: the posterior has no density of each number.
    """
    if not isinstance(p.code, Factorized):
        raise TypeError("the total correlation needs a posterior of independent numbers")
    z, _ = p.code.draw(key)
    log_q = p.code.log_densities(z)  # [of image, by the posterior of image, number]
    n = log_q.shape[1]
    joint = jax.nn.logsumexp(jnp.sum(log_q, axis=2), axis=1) - math.log(n)
    each = jax.nn.logsumexp(log_q, axis=1) - math.log(n)
    return joint - jnp.sum(each, axis=1)
