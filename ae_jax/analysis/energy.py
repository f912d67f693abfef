"""Energy minimization: one routine for inpainting, super-resolution and imputation.

An autoencoder gives two energies for a partly known image y = A x: in the code, ||A g(z) - y||^2
plus how unlikely z is; in the pixels, ||x - r(x)||^2 under the constraint A x = y. Both are
minimized by Adam, all images at once.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ae_jax.model import scaling
from ae_jax.model.compiled import compiled
from ae_jax.model.pipeline import Model, Tree
from ae_jax.run.trained import Run

Energy = Callable[[jax.Array, Any, Any], jax.Array]


class Minimum(NamedTuple):
    """Where the descent ended for each of n problems."""

    x: jax.Array  # [n, ...]
    energy: jax.Array  # [n]
    trace: jax.Array  # of every step [steps, n]


def free(x: jax.Array, datum: Tree) -> jax.Array:
    """The constraint that allows everything."""
    return x


def minimize(
    energy: Energy,
    x0: jax.Array,
    constraint: Callable[[jax.Array, Any], jax.Array] = free,
    data: Tree = (),
    shared: Tree = (),
    steps: int = 300,
    learning_rate: float = 0.05,
) -> Minimum:
    """argmin over the allowed x of `energy`, for n independent problems at once.

    Args:
      energy: f(x_i, datum_i, shared) -> a number, differentiable.
      x0: where to start [n, ...].
      constraint: f(x_i, datum_i) -> the nearest allowed x_i. Adam moves a free x and the energy is
        that of its projection: projecting after each step instead would not end in the constrained
        minimum, since Adam scales every coordinate differently.
      data: arrays [n, ...] (any pytree), what differs between the problems.
      shared: what is the same for all, such as a model's variables.
      steps: of Adam, whose rate falls from `learning_rate` to 0 along a cosine.
      learning_rate: in units of x a step.

    Returns:
      the lowest point each descent has seen (never worse than its start).
    """
    program = compiled(_minimize, energy, constraint, steps)
    found: Minimum = program(x0, data, shared, jnp.float32(learning_rate))
    return found


def _minimize(
    energy: Energy,
    constraint: Callable[[jax.Array, Tree], jax.Array],
    steps: int,
    x0: jax.Array,
    data: Tree,
    shared: Tree,
    rate: jax.Array,
) -> Minimum:
    optimizer = optax.scale_by_adam()
    project = jax.vmap(constraint)

    def at_projection(x: jax.Array, datum: Tree, shared: Tree) -> jax.Array:
        return energy(constraint(x, datum), datum, shared)

    value_and_grad = jax.vmap(jax.value_and_grad(at_projection), in_axes=(0, 0, None))

    def step(state: Tree, i: jax.Array) -> Any:
        x, memory, best, lowest = state
        value, grads = value_and_grad(x, data, shared)
        best, lowest = _better(x, value, best, lowest)
        direction, memory = optimizer.update(grads, memory)
        size = rate * (1 + jnp.cos(jnp.pi * i / steps)) / 2
        return (x - size * direction, memory, best, lowest), value

    start = (x0, optimizer.init(x0), x0, jnp.full(len(x0), jnp.inf))
    (x, _, best, lowest), trace = jax.lax.scan(step, start, jnp.arange(steps))
    value, _ = value_and_grad(x, data, shared)
    best, lowest = _better(x, value, best, lowest)
    return Minimum(project(best, data), lowest, trace)


def _better(x: jax.Array, value: jax.Array, best: jax.Array, lowest: jax.Array) -> Any:
    """(the better of x and best, its energy), image by image."""
    where = (value < lowest).reshape(-1, *(1,) * (x.ndim - 1))
    return jnp.where(where, x, best), jnp.minimum(value, lowest)


class Prior(NamedTuple):
    """A Gaussian over codes and the variance of what the decoder leaves unexplained."""

    mean: jax.Array  # [k]
    precision: jax.Array  # inverse covariance [k, k]
    noise: jax.Array  # variance of a pixel about its reconstruction, in [0,1] units


def prior_of(run: Run, images: np.ndarray) -> Prior:
    """The moments of a run's codes of images [n, H, W, C] in [0,1], and its error there.

    A variational run's own prior, N(0, I) or one taken as normal with its variance, is kept.
    """
    codes = run.encode(images)
    noise = float(np.mean(np.square(run.decode(codes) - np.asarray(images))))
    if (own := run.model.prior) is not None:
        alike = jnp.eye(codes.shape[1]) / own.variance
        return Prior(jnp.zeros(codes.shape[1]), alike, jnp.float32(noise))
    cov = np.cov(codes, rowvar=False).reshape(codes.shape[1], -1)
    cov += 1e-3 * np.trace(cov) / len(cov) * np.eye(len(cov)) + 1e-9 * np.eye(len(cov))
    precision = np.linalg.inv(cov)
    return Prior(
        jnp.asarray(codes.mean(0)), jnp.asarray(precision, jnp.float32), jnp.float32(noise)
    )


def closest(
    run: Run,
    prior: Prior,
    operator: Callable[[jax.Array, Any], jax.Array],
    data: tuple[Any, Any],
    starts: Sequence[np.ndarray],
    steps: int = 200,
) -> Minimum:
    """The most probable codes of images known only through an operator A, the best of many starts.

    argmin over z of ||A g(z) - y||^2 / (2 noise) + (z - m)^T P (z - m) / 2: the point on the
    learned manifold closest to what is known, in the prior's own units.

    Args:
      run: whose decoder g is searched.
      prior: mean m, precision P and noise, see `prior_of`.
      operator: A(image [H, W, C] in [0,1], a) -> what is known of it.
      data: (y, a), arrays [n, ...]; `a` is the operator's own, such as a mask.
      starts: codes [n, k], any number of them.
      steps: of the descent, each about a twentieth of a code's spread (given the others) at first.

    Returns:
      codes [n, k], their energies [n], and the trace [steps, n] of the start that won.
    """
    spread = float(jnp.mean(jax.lax.rsqrt(jnp.diagonal(prior.precision))))
    found = [
        minimize(
            _code_energy(run.model, operator),
            jnp.asarray(z, jnp.float32),
            data=data,
            shared=(run.variables, prior),
            steps=steps,
            learning_rate=0.05 * spread,
        )
        for z in starts
    ]
    winner = jnp.argmin(jnp.stack([m.energy for m in found]), axis=0)
    each = jnp.arange(len(winner))
    return Minimum(
        jnp.stack([m.x for m in found])[winner, each],
        jnp.stack([m.energy for m in found])[winner, each],
        jnp.stack([m.trace for m in found])[winner, :, each].T,
    )


@lru_cache(maxsize=8)  # the same function for the same model and operator compiles once
def _code_energy(model: Model, operator: Callable[[jax.Array, Tree], jax.Array]) -> Energy:
    def energy(z: jax.Array, datum: Tree, shared: Tree) -> jax.Array:
        (known, a), (variables, prior) = datum, shared
        image = scaling.to_unit(model.decode(variables, z[None])[0], model.scale)
        off = z - prior.mean
        misfit = jnp.sum(jnp.square(operator(image, a) - known))
        return misfit / (2 * prior.noise) + off @ prior.precision @ off / 2

    return energy
