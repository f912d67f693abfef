"""An optimizer for some of the parameters; the others stay."""

from collections.abc import Callable
from typing import Any

import jax
import optax

TRAINED, FROZEN = "trained", "frozen"


def sparing(
    inner: optax.GradientTransformation, trained: Callable[[optax.Params], Any]
) -> optax.GradientTransformation:
    """`inner` for those that are trained: nothing of the others enters its norms or its state.

    trained(params) is a tree of booleans. The step of the others is 0.
    """

    def labels(params: optax.Params) -> Any:
        return jax.tree.map(lambda moves: TRAINED if moves else FROZEN, trained(params))

    return optax.partition({TRAINED: inner, FROZEN: optax.set_to_zero()}, labels)


def joined(params: optax.Params, part: optax.Params) -> optax.Params:
    """`part`, a tree as `inner` has it, with those that it lacks out of all `params`."""
    return jax.tree.map(
        lambda p, own: p if isinstance(own, optax.MaskedNode) else own, params, part
    )
