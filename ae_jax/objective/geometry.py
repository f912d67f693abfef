"""What becomes of lengths and volumes between the code and the image, and of the codes' own.

J [numbers of an image, m] is the derivative of the decoded x^ at a code z of m numbers, and H =
J^T J [m, m] the metric that the decoder gives the code: a step dz is as long as the change of the
image, sqrt(dz^T H dz). J is exact: one forward derivative for each number of the code, so that a
penalty costs m decodings and their gradients. Every penalty here is of a batch, the same number for
every image; evaluation gives the mean over its batches.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ae_jax.config.schema import NonNegative, Positive
from ae_jax.errors import ConfigError
from ae_jax.model.pipeline import Forward, Model, Variables

FLOOR = 1e-6  # of H, relative to the mean of its diagonal: float32 cannot tell less from 0
OF_THE_METRIC = ("isometric", "geometric")


def metric(model: Model, variables: Variables, z: jax.Array) -> jax.Array:
    """H = J^T J [batch, m, m] of the decoder at every code of z [batch, m]."""

    def along(unit: jax.Array) -> jax.Array:
        direction = jnp.broadcast_to(unit[None], z.shape)
        return jax.jvp(lambda z: model.decode(variables, z), (z,), (direction,))[1]

    J = jax.vmap(along)(jnp.eye(z.shape[1], dtype=z.dtype))
    J = J.reshape(*J.shape[:2], -1)
    return jnp.einsum("ibp,jbp->bij", J, J)


def isometric(
    p: Forward, model: Model, variables: Variables, key: jax.Array, eta: NonNegative = 0.2
) -> jax.Array:
    """m mean(Tr H^2) / mean(Tr H)^2 - 1: 0 where H = c I everywhere, with one c, else positive.

    Then distances between codes are those along the decoded images, up to one scale. H is taken at
    a z_i + (1 - a) z_j, codes of the batch in random pairs, a ~ U(-eta, 1 + eta) for every pair, so
    that it is flat between the codes as well. The number does not change with the decoder's scale.

    1 / m of the relaxed distortion measure of Lee et al. 2022 ("Regularized autoencoders for
    isometric representation learning"), which is estimated there with one random direction a code.
    """
    k_pair, k_mix = jax.random.split(key)
    n, m = p.z.shape
    a = jax.random.uniform(k_mix, (n, 1), p.z.dtype, -eta, 1 + eta)
    z = a * p.z + (1 - a) * jax.random.permutation(k_pair, p.z)
    H = metric(model, variables, z)
    trace, square = jnp.trace(H, axis1=1, axis2=2), jnp.sum(jnp.square(H), axis=(1, 2))
    value = m * jnp.mean(square) / jnp.square(jnp.mean(trace)) - 1
    return jnp.broadcast_to(value, n)


def geometric(p: Forward, model: Model, variables: Variables, key: jax.Array) -> jax.Array:
    """The variance over a batch of log10 det H: 0 where the decoder enlarges every volume alike.

    H has 1e-6 of the mean of its diagonal added to it, so that a number of the code that changes
    nothing leaves it finite. Nazari, Damrich & Hamprecht 2023 ("Geometric autoencoders - what you
    see is what you decode"); the base of the logarithm is that of their program, which divides by
    one less than the batch.
    """
    H = metric(model, variables, p.z)
    m = p.z.shape[1]
    floor = FLOOR * jnp.trace(H, axis1=1, axis2=2) / m
    H = H + floor[:, None, None] * jnp.eye(m, dtype=H.dtype)[None]
    volume = jnp.linalg.slogdet(H)[1] / jnp.log(10.0)
    return jnp.broadcast_to(jnp.var(volume), len(p.z))


def orthogonal(p: Forward, model: Model, variables: Variables, key: jax.Array) -> jax.Array:
    """||Z^T Z / n - I||_F^2 of the codes Z [n, m] of a batch: 0 where they are white.

    As of the orthogonal autoencoder (Wang et al. 2019, "Clustering with orthogonal autoencoder"),
    where Z^T Z is not divided by n. The numbers of a code then say different things, each as much.
    """
    n, m = p.z.shape
    off = p.z.T @ p.z / n - jnp.eye(m, dtype=p.z.dtype)
    return jnp.broadcast_to(jnp.sum(jnp.square(off)), n)


def least_volume(
    p: Forward, model: Model, variables: Variables, key: jax.Array, eta: Positive = 1.0
) -> jax.Array:
    """exp(mean_j log(s_j + eta)), s_j the standard deviation of a batch's z_j: their volume.

    It is least where some numbers are constant and the others do all the work. It needs a decoder
    that cannot enlarge what is small: `decoder.spectral_norm`. Then a linear network finds PCA, one
    component a number (Chen & Fuge 2024, "Compressing latent space via least volume"). With a
    large `eta` it grows as the sum of the deviations; a small one favors constant numbers more.
    """
    variance = jnp.var(p.z, axis=0)
    alive = variance > 0  # a square root has no derivative at 0
    s = jnp.where(alive, jnp.sqrt(jnp.where(alive, variance, 1.0)), 0.0)
    return jnp.broadcast_to(jnp.exp(jnp.mean(jnp.log(s + eta))), len(p.z))


def check(name: str, c: Mapping[str, Any]) -> None:
    """Raises ConfigError where a resolved config cannot serve the penalty `name` of this page."""
    if name in OF_THE_METRIC:
        if c["model"]["classes"]:
            raise ConfigError(
                f"model.classes: must be 0 with penalties.{name}, which has no labels"
            )
        if c["decoder"].get("batch_norm"):
            raise ConfigError(
                f"decoder.batch_norm: must be false with penalties.{name}; where the batch decides "
                "about the image, there is no metric of one code"
            )
        if c["model"]["init"] == "zero":
            raise ConfigError(
                f"model.init: must not be 'zero' with penalties.{name}, which has no value where "
                "the decoder is constant"
            )
    if name == "least_volume" and not c["decoder"].get("spectral_norm"):
        raise ConfigError(
            "penalties.least_volume: needs decoder.spectral_norm True, of decoder.name 'dense'; "
            "any other decoder makes up for codes that only shrink"
        )
