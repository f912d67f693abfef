"""The start of a fit: new weights, a run to continue, or the weights of another run."""

import os
import warnings

import jax
import jax.numpy as jnp

from ae_jax.config.sections import Config
from ae_jax.data.arrays import Images
from ae_jax.errors import ConfigError, DataError
from ae_jax.resolve.config import MAY_CHANGE, OF_IMAGES, Resolved, changes
from ae_jax.run import sources
from ae_jax.run.origin import Origin, differences
from ae_jax.run.sources import Source
from ae_jax.run.trained import Run
from ae_jax.train import setup, taking

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


def begins(
    config: Resolved, start: Run | None, init_from: Run | str | os.PathLike[str] | None
) -> tuple[Resolved, Run | None]:
    """(the config, in which `train.init_from` says what a path or name in `init_from` does, the run
    that `init_from` is).

    Raises:
      ConfigError: two things to begin with, or nothing of the kind.
    """
    if start is not None and init_from is not None:
        raise ConfigError(
            "start, init_from: pass only one; start continues a run, init_from begins a new one"
        )
    place = config.train.init_from
    if init_from is not None and place is not None:
        raise ConfigError(
            f"init_from: the config has one, {sources.FIELD} '{place}'; pass only one"
        )
    run = init_from if isinstance(init_from, Run) else None
    if run is None and init_from is not None:
        if not isinstance(init_from, str | os.PathLike):
            raise ConfigError(f"init_from: must be a Run, a path or a name, not {init_from!r}")
        place = os.fspath(init_from)
    settled = sources.settled(place)
    if settled != config.train.init_from:
        config = config.replace(**{sources.FIELD: settled})
    return config, run


def first_state(
    trainer: setup.Trainer,
    images: Images,
    key: jax.Array,
    start: Run | None,
    source: Source | None,
) -> setup.TrainState:
    """A new state, with what it can take of another run's weights, or a copy of the one to go on
    from: a copy, for training consumes what it is given.
    """
    if start is not None:
        return jax.tree.map(jnp.copy, start.state)
    state = trainer.init(key, setup.mean_image(images, trainer.model))
    return state if source is None else taking.begun(trainer, state, source.arrays)


def source_of(given: Run | None, trainer: setup.Trainer) -> Source | None:
    """As `sources.of_trainer`; a warning lists the arrays that only one of the two has."""
    source = sources.of_trainer(trainer, given)
    if source is not None and not sources.match(source, trainer).whole:
        said = "\n".join(sources.lines(source, trainer))
        warnings.warn(f"init_from: {said}", stacklevel=3)
    return source
