"""Energy minimisation: one routine for inpainting, super-resolution and imputation.

An autoencoder gives two energies for a partly known image y = A x: in the code, ||A g(z) - y||^2
plus how unlikely z is; in the pixels, ||x - r(x)||^2 under the constraint A x = y. Both are
minimised by Adam, all images at once.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

Energy = Callable[[jax.Array, Any, Any], jax.Array]


class Minimum(NamedTuple):
    """Where the descent ended for each of n problems."""

    x: jax.Array  # [n, ...]
    energy: jax.Array  # [n]
    trace: jax.Array  # of every step [steps, n]


def free(x: jax.Array, datum: Any) -> jax.Array:
    """The constraint that allows everything."""
    return x


def minimise(
    energy: Energy,
    x0: jax.Array,
    constraint: Callable[[jax.Array, Any], jax.Array] = free,
    data: Any = (),
    shared: Any = (),
    steps: int = 300,
    learning_rate: float = 0.05,
) -> Minimum:
    """argmin over the allowed x of `energy`, for n independent problems at once.

    Args:
      energy: f(x_i, datum_i, shared) -> a number, differentiable.
      x0: where to start [n, ...].
      constraint: f(x_i, datum_i) -> the nearest allowed x_i; applied to the start and every step.
      data: arrays [n, ...] (any pytree), what differs between the problems.
      shared: what is the same for all, such as a model's variables.
      steps: of Adam, whose rate falls from `learning_rate` to 0 along a cosine.
      learning_rate: in units of x a step.

    Returns:
      the lowest point each descent has seen (never worse than its start).
    """
    return _minimise(energy, constraint, steps, x0, data, shared, jnp.float32(learning_rate))


@partial(jax.jit, static_argnums=(0, 1, 2))
def _minimise(
    energy: Energy, constraint: Any, steps: int, x0: Any, data: Any, shared: Any, rate: Any
) -> Minimum:
    optimiser = optax.scale_by_adam()
    value_and_grad = jax.vmap(jax.value_and_grad(energy), in_axes=(0, 0, None))
    project = jax.vmap(constraint)

    def step(state: Any, i: jax.Array) -> Any:
        x, memory, best, lowest = state
        value, grads = value_and_grad(x, data, shared)
        best, lowest = _better(x, value, best, lowest)
        direction, memory = optimiser.update(grads, memory)
        size = rate * (1 + jnp.cos(jnp.pi * i / steps)) / 2
        return (project(x - size * direction, data), memory, best, lowest), value

    x = project(x0, data)
    start = (x, optimiser.init(x), x, jnp.full(len(x), jnp.inf))
    (x, _, best, lowest), trace = jax.lax.scan(step, start, jnp.arange(steps))
    value, _ = value_and_grad(x, data, shared)
    return Minimum(*_better(x, value, best, lowest), trace)


def _better(x: jax.Array, value: jax.Array, best: jax.Array, lowest: jax.Array) -> Any:
    """(the better of x and best, its energy), image by image."""
    where = (value < lowest).reshape(-1, *(1,) * (x.ndim - 1))
    return jnp.where(where, x, best), jnp.minimum(value, lowest)
