"""Learning-rate schedules."""

import math
from collections.abc import Callable
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import optax

from ae_jax.config.numbers import Number


class Rates(Protocol):
    """The numbers of a schedule, those of `config.optim` unless a sweep leaves them open."""

    @property
    def learning_rate(self) -> Number:
        """At the start, after the warm-up."""

    @property
    def final_fraction(self) -> Number:
        """Of it at the end."""


def constant(o: Rates, steps: int) -> optax.Schedule:
    """learning_rate at every step."""
    return lambda step: o.learning_rate


def cosine(o: Rates, steps: int) -> optax.Schedule:
    """From learning_rate to final_fraction of it along half a cosine (Loshchilov & Hutter 2017).

    learning_rate * (f + (1 - f) (1 + cos(pi step / steps)) / 2), f = final_fraction; constant after
    `steps`.
    """

    def schedule(step: jax.typing.ArrayLike) -> Any:
        done = jnp.minimum(step / steps, 1.0)
        low = o.final_fraction
        return o.learning_rate * (low + (1 - low) * 0.5 * (1 + jnp.cos(math.pi * done)))

    return schedule


def exponential(o: Rates, steps: int) -> optax.Schedule:
    """learning_rate * final_fraction ** (step / steps); constant after `steps`."""
    return lambda step: o.learning_rate * o.final_fraction ** jnp.minimum(step / steps, 1.0)


SCHEDULES: dict[str, Callable[[Rates, int], optax.Schedule]] = {
    "constant": constant,
    "cosine": cosine,
    "exponential": exponential,
}
