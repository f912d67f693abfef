"""Builds the update rule of a config."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_jax.config import numbers as numbers_lib
from ae_jax.config.numbers import Number, Numbers
from ae_jax.config.schema import fields
from ae_jax.config.sections import Config
from ae_jax.optimizer import OPTIMIZERS
from ae_jax.optimizer.accumulated import accumulated
from ae_jax.optimizer.adam import is_zero
from ae_jax.optimizer.evaluated import running_mean
from ae_jax.optimizer.rules import Around
from ae_jax.optimizer.schedules import SCHEDULES


class Hyper(NamedTuple):
    """The numbers around a rule, as in `config.optim` unless a sweep leaves them open."""

    learning_rate: Number
    final_fraction: Number
    weight_decay: Number
    clip_norm: Number | None


def build(
    config: Config, steps_per_epoch: int, numbers: Numbers = numbers_lib.NONE
) -> optax.GradientTransformation:
    """The update rule of a resolved config.

    Order: clip the gradient's global norm; add weight_decay * p to the gradient of *every*
    parameter (PyTorch's `weight_decay`; `decoupled` adds it to the step instead, Loshchilov &
    Hutter 2019; some optimizers add it themselves); the optimizer; minus the learning rate, warmed
    up linearly and then scheduled over `decay_epochs` (0: `train.epochs`), of which the
    `warmup_epochs` are a part: at step s it is min(1, (s + 1) / warm) * schedule(max(s - warm, 0)),
    warm the number of steps of the warm-up. A step is an update, one of every `accumulate` batches,
    after which the parameters join the `average` that is evaluated.
    `numbers` that are open take the place of the config's.
    """
    c = config.optim
    given = {**c.to_dict(), **numbers_lib.of(numbers, "optim")}
    own = {field: given[field] for field in fields(OPTIMIZERS[c.name])}
    o = Hyper(**{field: given[field] for field in Hyper._fields})
    rate, rule = _rate(config, steps_per_epoch, o), OPTIMIZERS[c.name](**own)
    decay = []
    if "weight_decay" not in own and not is_zero(o.weight_decay):
        decay = [optax.add_decayed_weights(o.weight_decay)]
    before = [] if o.clip_norm is None else [optax.clip_by_global_norm(o.clip_norm)]
    before += [] if c.decoupled else decay
    after = [*(decay if c.decoupled else []), optax.scale_by_learning_rate(rate)]
    if isinstance(rule, Around):
        whole = optax.chain(*before, rule.around(optax.chain(rule.rule, *after), rate))
    else:
        whole = optax.chain(*before, rule, *after)
    whole = running_mean(whole, c.average) if c.average else whole
    return whole if c.accumulate == 1 else accumulated(whole, c.accumulate)


def _rate(config: Config, steps_per_epoch: int, o: Hyper) -> optax.Schedule:
    """The learning rate at an update."""
    c = config.optim
    steps = max(1, (c.decay_epochs or config.train.epochs) * steps_per_epoch // c.accumulate)
    warm = c.warmup_epochs * steps_per_epoch // c.accumulate
    schedule = SCHEDULES[c.schedule](o, max(1, steps - warm))

    def rate(step: jax.Array) -> jax.Array:
        ramp = jnp.minimum(1.0, (step + 1) / max(1, warm))
        return ramp * schedule(jnp.maximum(step - warm, 0))

    return rate
