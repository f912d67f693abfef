"""The parameters that are evaluated, where they are not those that are trained."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_jax.optimizer.sparing import joined


class Evaluated(NamedTuple):
    """A state of an optimizer that knows the parameters to evaluate."""

    params: optax.Params
    updates: jax.Array  # so far
    inner: optax.OptState


def with_evaluated(
    inner: optax.GradientTransformation, after: Callable[[Any, Any, jax.Array, Any], Any]
) -> optax.GradientTransformation:
    """`inner`, keeping the parameters to evaluate; those that training starts from at first.

    after(evaluated so far, parameters, number of updates, state of `inner`), all of them after an
    update, are the next ones.
    """

    def init(params: optax.Params) -> Evaluated:
        # Copies: the state is donated, and a buffer can be given away only once.
        return Evaluated(jax.tree.map(jnp.copy, params), jnp.int32(0), inner.init(params))

    def update(
        grads: optax.Updates, state: Evaluated, params: optax.Params | None = None
    ) -> tuple[Any, Evaluated]:
        updates, own = inner.update(grads, state.inner, params)
        new, t = optax.apply_updates(params, updates), state.updates + 1
        return updates, Evaluated(after(state.params, new, t, own), t, own)

    return optax.GradientTransformation(init, update)


def running_mean(inner: optax.GradientTransformation, decay: float) -> optax.GradientTransformation:
    """`inner`, evaluated at the moving average of the parameters p_1 ... p_t after its updates.

    (1 - d) / (1 - d^t) sum_i d^(t - i) p_i, d = `decay` > 0: free of bias toward the parameters
    before the first update, which are evaluated until there is one (Kingma & Ba 2015, section 7.2).
    """
    log = math.log(decay)

    def after(
        mean: optax.Params, params: optax.Params, t: jax.Array, state: optax.OptState
    ) -> optax.Params:
        # The same as a recursion. 1 - d by its logarithm: float32 has few digits of it.
        share = math.expm1(log) / jnp.expm1(t * log)
        return jax.tree.map(lambda a, p: a + share * (p - a), mean, params)

    return with_evaluated(inner, after)


def evaluated(params: optax.Params, state: optax.OptState) -> optax.Params:
    """The parameters to evaluate, of those that are trained and the optimizer's state."""

    def knows(part: object) -> bool:
        return isinstance(part, Evaluated)

    found = [part for part in jax.tree.leaves(state, is_leaf=knows) if knows(part)]
    return joined(params, found[0].params) if found else params
