"""Bottleneck slot: h -> (z, code), what stands between encoder and decoder.

Every bottleneck is a Linen module called as `bottleneck(h, key, train) -> (z, code)`, with h
[batch, numbers * code_size] and z [batch, code_size]; `code` is what it knows besides z, a
NamedTuple that travels in the forward pass, or None. Without a key nothing random happens, which is
how codes are read off for analysis. Its fields with a default are those of `config.bottleneck`; it
may own parameters and, in 'batch_stats', statistics. What it offers beyond that is said by the
attributes of `Bottleneck`, and asked for there: nobody compares names.
"""

import math
from collections.abc import Callable
from typing import Annotated, ClassVar, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from flax import linen as nn

from ae_jax.config.schema import Count, Fraction, OneOf

Key = jax.Array | None
Coded = tuple[jax.Array, tuple[jax.Array, ...] | None]


class Prior(NamedTuple):
    """p(z) of a variational bottleneck: independent numbers of mean 0, all alike."""

    name: str  # in tables and figures
    sample: Callable[[jax.Array, tuple[int, int]], jax.Array]  # (key, [n, code_size]) -> codes
    log_density: Callable[[jax.Array], jax.Array]  # z [batch, code_size] -> log p(z) [batch]
    variance: float  # of one number


@runtime_checkable
class Posterior(Protocol):
    """q(z | x) of every image of a batch: the `code` of a variational bottleneck."""

    @property
    def mean(self) -> jax.Array:
        """E[z | x] [batch, code_size]."""

    def draw(self, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        """(z [batch, code_size], log q(z | x) [batch]) of one sample an image, in nats."""

    def kl(self) -> jax.Array:
        """KL(q(z | x) || p(z)) [batch], in nats."""


class Bottleneck(nn.Module):
    """What others may ask a bottleneck for; one says what is otherwise than here."""

    numbers: ClassVar[int] = 1  # that the encoder delivers for one of the code
    prior: ClassVar[Prior | None] = None  # p(z), where `code` is a `Posterior`
    sparse: ClassVar[bool] = False  # whether most numbers of a code are to be 0

    @property
    def separable(self) -> bool:
        """Whether a code can be cut short: each of its numbers depends on its own of h alone.

        One whose numbers in h are 0 must add nothing to the KL, and there are no parameters.
        """
        return False


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
        moments = self.mean**2 + self.deviation**2
        return 0.5 * jnp.sum(moments - 1 - self.log_variance, axis=-1)


class Active(NamedTuple):
    """Which numbers of a code may differ from 0: the `code` of a bottleneck that keeps k."""

    indices: jax.Array  # [batch, k], different ones in each row


class IdentityBottleneck(Bottleneck):
    """z = h."""

    @property
    def separable(self) -> bool:  # noqa: D102
        return True

    def __call__(self, h: jax.Array, key: Key, train: bool) -> Coded:  # noqa: D102
        return h, None


class GaussianBottleneck(Bottleneck):
    """z = mean + deviation * e, e ~ N(0, I) (Kingma & Welling 2014); the mean at evaluation.

    The encoder delivers h [batch, 2 code_size], the means and then numbers s. The deviations and
    log variances are, for 'log_variance', e^(s/2) and s; for 'raw', s itself, of either sign, and
    log(s^2 + 1e-10). `at_eval=True` draws at evaluation too, where there is a key.
    """

    numbers: ClassVar[int] = 2
    prior: ClassVar[Prior | None] = STANDARD_NORMAL

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


class DropoutBottleneck(Bottleneck):
    """z = h * m / (1 - rate), m in {0, 1} with P(m = 0) = `rate` (Srivastava et al. 2014).

    Survivors are rescaled, so E[z] = h. `at_eval=True` keeps the noise at evaluation too: what a
    network does that is never put in evaluation mode.
    """

    rate: Fraction = 0.5
    at_eval: bool = False

    @property
    def separable(self) -> bool:  # noqa: D102
        return True

    def __call__(self, h: jax.Array, key: Key, train: bool) -> Coded:  # noqa: D102
        if key is None or not (train or self.at_eval):
            return h, None
        kept = jax.random.uniform(key, h.shape) >= self.rate
        return h * kept / (1.0 - self.rate), None


def largest(h: jax.Array, k: int) -> jax.Array:
    """Where the k largest of each row of h [batch, width] are, as truth values; exactly k.

    Of equal values the one further left counts as larger.
    """
    return _at(h, jax.lax.top_k(h, k)[1])


def _at(h: jax.Array, indices: jax.Array) -> jax.Array:
    return jnp.put_along_axis(jnp.zeros(h.shape, bool), indices, True, axis=1, inplace=False)


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


BOTTLENECKS: dict[str, type[Bottleneck]] = {
    "identity": IdentityBottleneck,
    "dropout": DropoutBottleneck,
    "gaussian": GaussianBottleneck,
    "top_k": TopKBottleneck,
}
OPEN = {"dropout": ("rate",)}  # see `ae_jax.config.numbers`
