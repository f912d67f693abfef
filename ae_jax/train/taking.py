"""A state that begins with the weights of another run, as far as they fit (`train.init_from`).

Arrays go by their names, 'params/encoder/layer_0/kernel'. One that is of the same shape in both is
taken, parameters and running averages alike; the others stay as they were drawn. The mean image of
the data ('data/mean') is never taken: it is that of the images trained on.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ae_jax.errors import ConfigError
from ae_jax.model.pipeline import Variables
from ae_jax.train.frozen import names
from ae_jax.train.setup import Trainer, TrainState

Arrays = Mapping[str, Any]
Shape = tuple[int, ...]
OF_DATA = "data/"
SHOWN = 6  # arrays that are named one by one


class Match(NamedTuple):
    """What of a config's arrays another run has, and what else that has."""

    taken: tuple[str, ...]
    differing: Mapping[str, tuple[Shape, Shape | None]]  # name -> (here, there; None: is not there)
    unused: tuple[str, ...]  # arrays that are there alone

    @property
    def whole(self) -> bool:
        """Whether the two have the same arrays."""
        return not self.differing and not self.unused

    def lines(self) -> list[str]:
        """How many are taken, and which are not."""
        total = len(self.taken) + len(self.differing)
        others = [f"{name}: {_words(*of)}" for name, of in self.differing.items()]
        others += [f"{name}: there alone" for name in self.unused]
        if len(others) > SHOWN:
            others = [*others[: SHOWN - 1], f"and {len(others) - SHOWN + 1} others"]
        return [f"{len(self.taken)} of {total} arrays taken", *others]


def match(variables: Variables, arrays: Arrays) -> Match:
    """Which of the variables, which may be abstract, have the shape of the array of their name."""
    here = dict(zip(names(variables), jax.tree.leaves(variables), strict=True))
    here, there = (
        {name: tuple(leaf.shape) for name, leaf in of.items() if not name.startswith(OF_DATA)}
        for of in (here, arrays)
    )
    taken = tuple(name for name, shape in here.items() if there.get(name) == shape)
    differing = {n: (shape, there.get(n)) for n, shape in here.items() if n not in taken}
    return Match(taken, differing, tuple(name for name in there if name not in here))


def check(found: Match, field: str, place: str) -> None:
    """Raises ConfigError where nothing is taken; `field` is named."""
    if not found.taken:
        name, shapes = next(iter(found.differing.items()))
        raise ConfigError(
            f"{field}: none of the {len(found.differing)} arrays of this config has path and shape "
            f"of one of {place}\nthe first, {name}: {_words(*shapes)}"
        )


def begun(trainer: Trainer, state: TrainState, arrays: Arrays) -> TrainState:
    """A state at step 0 with what it can take of the arrays; the optimizer starts from these."""
    own = {"params": state.params, **state.statistics}
    taken = set(match(own, arrays).taken)
    leaves = zip(names(own), jax.tree.leaves(own), strict=True)
    found = [jnp.array(arrays[n], leaf.dtype) if n in taken else leaf for n, leaf in leaves]
    made = jax.tree.unflatten(jax.tree.structure(own), found)
    params = made.pop("params")
    # Which may begin with an average of these.
    return state._replace(params=params, statistics=made, optimizer=trainer.optimizer.init(params))


def _words(here: Shape, there: Shape | None) -> str:
    return f"{list(here)} here, {'absent' if there is None else list(there)} there"
