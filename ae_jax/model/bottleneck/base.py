"""What others may ask a bottleneck for, and what it may know of a code."""

from collections.abc import Callable
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

import jax
from flax import linen as nn

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


@runtime_checkable
class Factorized(Posterior, Protocol):
    """A posterior whose numbers are independent: q(z | x) = prod_j q(z_j | x)."""

    def kls(self) -> jax.Array:
        """KL(q(z_j | x) || p(z_j)) [batch, code_size], in nats; `kl` is the sum over j."""

    def log_densities(self, z: jax.Array) -> jax.Array:
        """log q(z_j | x_i) of every z [n, code_size] and every image: [n, batch, code_size]."""


class Bottleneck(nn.Module):
    """What others may ask a bottleneck for; one says what is otherwise than here."""

    numbers: ClassVar[int] = 1  # that the encoder delivers for one of the code
    prior: ClassVar[Prior | None] = None  # p(z), where `code` is a `Posterior`
    factorized: ClassVar[bool] = False  # whether that posterior is `Factorized`
    sparse: ClassVar[bool] = False  # whether most numbers of a code are to be 0
    ordered: ClassVar[bool] = False  # whether the first numbers say most, so the others can go
    low_rank: ClassVar[bool] = False  # whether codes are to span fewer dimensions than they have
    nearest: ClassVar[bool] = False  # whether z is the nearest to h of the values it may take
    gated: ClassVar[bool] = False  # whether `code` is `Gates`

    @property
    def bits(self) -> float | None:
        """That a number of z takes, where it has one of a few values; else None."""
        return None

    @property
    def joint(self) -> int:
        """How many neighboring numbers of z take their value together, where `bits` is known."""
        return 1

    @property
    def separable(self) -> bool:
        """Whether a code can be cut short: each of its numbers depends on its own of h alone.

        One whose numbers in h are 0 must add nothing to the KL, and there are no parameters.
        """
        return False


class Active(NamedTuple):
    """Which numbers of a code may differ from 0: the `code` of a bottleneck that keeps k."""

    indices: jax.Array  # [batch, k], different ones in each row


class Gates(NamedTuple):
    """Which numbers of a code are not 0: the `code` of a bottleneck with thresholds."""

    opened: jax.Array  # 1.0 or 0.0 [batch, code_size], with a gradient for the thresholds
