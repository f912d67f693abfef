"""Optimizers and learning-rate schedules, with the conventions of PyTorch and Keras."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_jax.config import numbers as numbers_lib
from ae_jax.config.numbers import Number, Numbers
from ae_jax.config.sections import Config

# Fields of `optim` that a sweep may leave open. Not b2: 1 - b2 is made of digits that float32 does
# not keep, so that as an argument it would not be the same.
OPEN = (
    "learning_rate",
    "momentum",
    "b1",
    "eps",
    "weight_decay",
    "clip_norm",
    "final_fraction",
)


class Hyper(NamedTuple):
    """The numbers of an update rule, as in `config.optim` unless a sweep leaves them open."""

    learning_rate: Number
    momentum: Number | None  # None where it is 0 for certain: then nothing is kept for it
    b1: Number
    b2: Number
    eps: Number
    weight_decay: Number | None  # likewise
    clip_norm: Number | None
    final_fraction: Number


def sgd(o: Hyper) -> optax.GradientTransformation:
    """buf <- momentum buf + g, step = buf: PyTorch's SGD, no damping, no Nesterov."""
    return optax.identity() if o.momentum is None else optax.trace(decay=o.momentum)


def adam(o: Hyper) -> optax.GradientTransformation:
    """Kingma & Ba 2015, eps added after bias correction (Algorithm 1; PyTorch).

    m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2, step = m / (1 - b1^t) / (sqrt(v / (1 - b2^t))
    + eps) with t counted from 1.
    """
    return optax.scale_by_adam(b1=o.b1, b2=o.b2, eps=o.eps)


class KerasAdamState(NamedTuple):
    """Step count and the two moments."""

    step: jax.Array
    m: Any
    v: Any


def keras_adam(o: Hyper) -> optax.GradientTransformation:
    """Adam as Keras writes it: eps added to sqrt(v) *before* v's bias correction.

    step = sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + eps), section 2 of Kingma & Ba 2015, so
    that early steps are damped by an eps that is effectively up to 30 times larger.
    """

    def init(params: optax.Params) -> KerasAdamState:
        # Two separate trees: the state is donated, and a buffer can be given away only once.
        m, v = (jax.tree.map(jnp.zeros_like, params) for _ in range(2))
        return KerasAdamState(jnp.zeros((), jnp.int32), m, v)

    def update(
        grads: optax.Updates, state: KerasAdamState, params: optax.Params | None = None
    ) -> tuple[Any, KerasAdamState]:
        t = (state.step + 1).astype(jnp.float32)
        m = jax.tree.map(lambda m, g: o.b1 * m + (1 - o.b1) * g, state.m, grads)
        v = jax.tree.map(lambda v, g: o.b2 * v + (1 - o.b2) * g * g, state.v, grads)
        rate = jnp.sqrt(1 - o.b2**t) / (1 - o.b1**t)
        step = jax.tree.map(lambda m, v: rate * m / (jnp.sqrt(v) + o.eps), m, v)
        return step, KerasAdamState(state.step + 1, m, v)

    return optax.GradientTransformation(init, update)


OPTIMIZERS: dict[str, Callable[[Hyper], optax.GradientTransformation]] = {
    "sgd": sgd,
    "adam": adam,
    "keras_adam": keras_adam,
}


def constant(o: Hyper, steps: int) -> optax.Schedule:
    """learning_rate at every step."""
    return lambda step: o.learning_rate


def cosine(o: Hyper, steps: int) -> optax.Schedule:
    """From learning_rate to final_fraction of it along half a cosine (Loshchilov & Hutter 2017).

    learning_rate * (f + (1 - f) (1 + cos(pi step / steps)) / 2), f = final_fraction; constant after
    `steps`.
    """

    def schedule(step: jax.typing.ArrayLike) -> Any:
        done = jnp.minimum(step / steps, 1.0)
        low = o.final_fraction
        return o.learning_rate * (low + (1 - low) * 0.5 * (1 + jnp.cos(math.pi * done)))

    return schedule


def exponential(o: Hyper, steps: int) -> optax.Schedule:
    """learning_rate * final_fraction ** (step / steps); constant after `steps`."""
    return lambda step: o.learning_rate * o.final_fraction ** jnp.minimum(step / steps, 1.0)


SCHEDULES: dict[str, Callable[[Hyper, int], optax.Schedule]] = {
    "constant": constant,
    "cosine": cosine,
    "exponential": exponential,
}


def build(
    config: Config, steps_per_epoch: int, numbers: Numbers = numbers_lib.NONE
) -> optax.GradientTransformation:
    """The update rule of a resolved config.

    Order: clip the gradient's global norm; add weight_decay * p to the gradient of *every*
    parameter (PyTorch's `weight_decay`; `decoupled` adds it to the step instead, Loshchilov &
    Hutter 2019); the optimizer; minus the learning rate, warmed up linearly and then scheduled
    over `decay_epochs` (0: `train.epochs`), of which the `warmup_epochs` are a part: at step s it
    is min(1, (s + 1) / warm) * schedule(max(s - warm, 0)), warm the number of steps of the warm-up.
    `numbers` that are open take the place of the config's.
    """
    c, o = config.optim, _hyper(config, numbers)
    steps = max(1, (c.decay_epochs or config.train.epochs) * steps_per_epoch)
    warm = c.warmup_epochs * steps_per_epoch
    after = SCHEDULES[c.schedule](o, max(1, steps - warm))

    def rate(step: jax.Array) -> jax.Array:
        ramp = jnp.minimum(1.0, (step + 1) / max(1, warm))
        return ramp * after(jnp.maximum(step - warm, 0))

    chain = []
    if o.clip_norm is not None:
        chain.append(optax.clip_by_global_norm(o.clip_norm))
    decay = [] if o.weight_decay is None else [optax.add_decayed_weights(o.weight_decay)]
    chain += [] if c.decoupled else decay
    chain.append(OPTIMIZERS[c.name](o))
    chain += decay if c.decoupled else []
    return optax.chain(*chain, optax.scale_by_learning_rate(rate))


def _hyper(config: Config, numbers: Numbers) -> Hyper:
    mine = numbers_lib.of(numbers, "optim")
    own = {field: getattr(config.optim, field) for field in Hyper._fields}
    own |= {field: own[field] or None for field in ("momentum", "weight_decay")}
    return Hyper(**{**own, **mine})
