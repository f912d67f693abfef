"""One update from the mean gradient of several batches."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax


class Accumulated(NamedTuple):
    """The batches of a group so far, and the sum of their gradients."""

    batches: jax.Array
    total: optax.Updates
    inner: optax.OptState


def accumulated(inner: optax.GradientTransformation, batches: int) -> optax.GradientTransformation:
    """An update of `inner` by the mean gradient of every so many batches; between them none.

    Where losses are means over images that do not depend on one another, the update is that of one
    batch that many times as large. A group that is not full is carried on to the next epoch; at the
    end of training it is left.
    """

    def init(params: optax.Params) -> Accumulated:
        total = jax.tree.map(jnp.zeros_like, params)
        return Accumulated(jnp.int32(0), total, inner.init(params))

    def update(
        grads: optax.Updates, state: Accumulated, params: optax.Params | None = None
    ) -> tuple[optax.Updates, Accumulated]:
        done, total = state.batches + 1, jax.tree.map(jnp.add, state.total, grads)
        nothing = jax.tree.map(jnp.zeros_like, grads)

        def full() -> tuple[optax.Updates, Accumulated]:
            mean = jax.tree.map(lambda leaf: leaf / batches, total)
            step, own = inner.update(mean, state.inner, params)
            return step, Accumulated(jnp.zeros_like(done), nothing, own)

        def part() -> tuple[optax.Updates, Accumulated]:
            return nothing, Accumulated(done, total, state.inner)

        step, after = jax.lax.cond(done == batches, full, part)
        return step, after

    return optax.GradientTransformation(init, update)
