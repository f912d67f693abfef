"""Gaussian codes: the posterior of a variational autoencoder, and its prior."""

import math
from typing import Annotated, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from ae_jax.config.schema import OneOf
from ae_jax.model.bottleneck.base import Bottleneck, Coded, Key, Prior


def _normal_log_density(z: jax.Array) -> jax.Array:
    return -0.5 * jnp.sum(z**2 + math.log(2 * math.pi), axis=-1)


STANDARD_NORMAL = Prior("standard normal", jax.random.normal, _normal_log_density, 1.0)


class Gaussian(NamedTuple):
    """q(z | x) = N(mean, deviation^2), each [batch, code_size]; the prior is N(0, I)."""

    mean: jax.Array
    deviation: jax.Array  # of either sign
    log_variance: jax.Array

    def draw(self, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        """z = mean + deviation * e, e ~ N(0, I), and log q(z | x)."""
        e = jax.random.normal(key, self.mean.shape, self.mean.dtype)
        log_q = _normal_log_density(e) - jnp.sum(jnp.log(jnp.abs(self.deviation)), axis=-1)
        return self.mean + self.deviation * e, log_q

    def kl(self) -> jax.Array:
        """1/2 sum_j (mean_j^2 + deviation_j^2 - 1 - log variance_j)."""
        return 0.5 * jnp.sum(self._excess(), axis=-1)

    def kls(self) -> jax.Array:
        """1/2 (mean_j^2 + deviation_j^2 - 1 - log variance_j), [batch, code_size]."""
        return 0.5 * self._excess()

    def _excess(self) -> jax.Array:
        return self.mean**2 + self.deviation**2 - 1 - self.log_variance

    def log_densities(self, z: jax.Array) -> jax.Array:
        """log N(z_j; mean_ij, deviation_ij^2), [n, batch, code_size]."""
        e = (z[:, None] - self.mean[None]) / self.deviation[None]
        log_scale = jnp.log(jnp.abs(self.deviation)) + math.log(2 * math.pi) / 2
        return -0.5 * e**2 - log_scale[None]


class GaussianBottleneck(Bottleneck):
    """z = mean + deviation * e, e ~ N(0, I) (Kingma & Welling 2014); the mean at evaluation.

    The encoder delivers h [batch, 2 code_size], the means and then numbers s. The deviations and
    log variances are, for 'log_variance', e^(s/2) and s; for 'raw', s itself, of either sign, and
    log(s^2 + 1e-10). `at_eval=True` draws at evaluation too, where there is a key.
    """

    numbers: ClassVar[int] = 2
    prior: ClassVar[Prior | None] = STANDARD_NORMAL
    factorized: ClassVar[bool] = True

    deviation: Annotated[str, OneOf(("log_variance", "raw"))] = "log_variance"
    at_eval: bool = False

    @property
    def separable(self) -> bool:  # noqa: D102
        return self.deviation != "raw"  # s = 0 is the prior's log variance, but no deviation

    def __call__(self, h: jax.Array, key: Key, train: bool) -> Coded:
        """[batch, 2 code_size] -> (z [batch, code_size], `Gaussian`)."""
        mean, s = jnp.split(h, 2, axis=-1)
        if self.deviation == "log_variance":
            code = Gaussian(mean, jnp.exp(s / 2), s)
        else:  # 1e-10 as in the Keras source
            code = Gaussian(mean, s, jnp.log(jnp.square(s) + 1e-10))
        if key is None or not (train or self.at_eval):
            return mean, code
        return code.draw(key)[0], code
