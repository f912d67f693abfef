"""The start of a fit: new weights, a run to continue, or the weights of another run."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.config.sections import Config
from ae_jax.data.arrays import Images
from ae_jax.errors import ConfigError, DataError
from ae_jax.model.pipeline import Tree
from ae_jax.resolve.config import MAY_CHANGE, OF_IMAGES, changes
from ae_jax.run.origin import Origin, differences
from ae_jax.run.trained import Run
from ae_jax.train import setup

OTHERWISE = "init_from=run starts from its weights only"
TRAINED_ON = ("shape", "n_train", "images_sha256", "labels_sha256", "valid_images_sha256")


def continued(start: Run, config: Config, origin: Origin) -> Origin:
    """The origin of a run that goes on from another with this config, data and key.

    Raises:
      ConfigError: it was left with another config or key, or cannot be continued at all.
      DataError: it was trained on other data.
    """
    if start.state is None or start.origin is None:
        raise ConfigError(f"start: this run was saved without what training needs; {OTHERWISE}")
    free = (*MAY_CHANGE, *OF_IMAGES, "seed")  # images and key are compared themselves
    if changed := changes(start.config.to_dict(), config.to_dict(), free):
        raise ConfigError(f"start: is a run of another config: {changed[0]}; {OTHERWISE}")
    differing = differences(start.origin, origin, TRAINED_ON)
    if differing:
        raise DataError(f"start: was trained on other data; {OTHERWISE}\n" + "; ".join(differing))
    if start.origin.key != origin.key:
        raise ConfigError(f"start: was trained with another key; pass the same key, or {OTHERWISE}")
    return origin._replace(init_sha256=start.origin.init_sha256)


def first_state(
    trainer: setup.Trainer,
    images: Images,
    key: jax.Array,
    start: Run | None,
    init_from: Run | None,
) -> setup.TrainState:
    """A new state, with another run's weights if wanted, or a copy of the one to go on from.

    A copy, for training consumes what it is given.

    Raises:
      ConfigError: a parameter of `init_from` has another shape, or is not there.
    """
    if start is not None:
        return jax.tree.map(jnp.copy, start.state)
    state = trainer.init(key, setup.mean_image(images, trainer.model))
    if init_from is None:
        return state
    own = {name: v for name, v in state.variables.items() if name != "data"}
    theirs = {name: init_from.variables.get(name, {}) for name in own}
    copied = _copied(own, theirs)
    params = copied.pop("params")
    fresh = trainer.optimizer.init(params)  # which may begin with an average of these
    return state._replace(params=params, statistics={**state.statistics, **copied}, optimizer=fresh)


def _copied(own: Tree, theirs: Tree) -> Any:
    """The numbers of `theirs`, which must have the shapes of `own`."""
    known = {
        jax.tree_util.keystr(p, simple=True, separator="/"): leaf for p, leaf in _leaves(theirs)
    }
    wanted = [jax.tree_util.keystr(p, simple=True, separator="/") for p, _ in _leaves(own)]
    for name, (_, leaf) in zip(wanted, _leaves(own), strict=True):
        has = list(np.shape(known[name])) if name in known else "not there"
        if has != list(leaf.shape):
            raise ConfigError(f"init_from: {name} is {has}, but {list(leaf.shape)} in this config")
    if extra := [name for name in known if name not in wanted]:
        raise ConfigError(f"init_from: {extra[0]} is not in this config")
    return jax.tree.map(lambda mine, other: jnp.array(other, mine.dtype), own, theirs)


def _leaves(tree: Tree) -> list[tuple[Any, Any]]:
    return jax.tree_util.tree_leaves_with_path(tree)
