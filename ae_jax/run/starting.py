"""Where a fit starts: anew, where a run was left, or from another run's weights."""

import hashlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.config.sections import Config
from ae_jax.data.arrays import Images, Split, sha256
from ae_jax.errors import ConfigError, DataError
from ae_jax.model.pipeline import Tree
from ae_jax.resolve.config import changes
from ae_jax.run.trained import Origin, Run
from ae_jax.train import setup

OTHERWISE = "init_from=run starts from its weights alone"


def origin_of(config: Config, train: Split, key: jax.Array) -> Origin:
    """The origin of a run with this config, training set and (typed) key."""
    labels = None
    if config.model.classes and train.labels is not None:
        labels = hashlib.sha256(train.labels.tobytes()).hexdigest()
    images = train.images
    return Origin(tuple(images.shape[1:]), len(images), sha256(images), labels, key_data(key))


def key_data(key: jax.Array) -> tuple[int, ...]:
    """The numbers of a typed key."""
    return tuple(np.asarray(jax.random.key_data(key)).tolist())


def check_same(start: Run, config: Config, origin: Origin) -> None:
    """Whether a run can be continued with this config, data and key.

    Raises:
      ConfigError: it was left with another config or key, or cannot be continued at all.
      DataError: it was trained on other data.
    """
    if start.state is None or start.origin is None:
        raise ConfigError(f"start: this run was kept without what training needs; {OTHERWISE}")
    if changed := changes(start.config.to_dict(), config.to_dict()):
        raise ConfigError(f"start: is a run of another config: {changed[0]}; {OTHERWISE}")
    pairs = zip(Origin._fields, start.origin, origin, strict=True)
    differing = [
        f"{name}: {old} -> {new}"
        for name, old, new in pairs
        if old != new and name != "key" and not (name == "labels_sha256" and old is None)
    ]
    if differing:
        raise DataError(f"start: was trained on other data; {OTHERWISE}\n" + "; ".join(differing))
    if start.origin.key != origin.key:
        raise ConfigError(f"start: was trained with another key; give the same, or {OTHERWISE}")


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
    state = trainer.init(key, setup.mean_image(images, trainer.config.data.scale))
    if init_from is None:
        return state
    own = {name: v for name, v in state.variables.items() if name != "data"}
    theirs = {name: init_from.variables.get(name, {}) for name in own}
    copied = _copied(own, theirs)
    return state._replace(params=copied.pop("params"), statistics={**state.statistics, **copied})


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
        raise ConfigError(f"init_from: {extra[0]} is not there in this config")
    return jax.tree.map(lambda mine, other: jnp.array(other, mine.dtype), own, theirs)


def _leaves(tree: Tree) -> list[tuple[Any, Any]]:
    return jax.tree_util.tree_leaves_with_path(tree)
