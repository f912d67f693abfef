"""Whose weights a run begins with: `train.init_from`, and `init_from` of `fit`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ae_jax.config.schema import unknown
from ae_jax.config.sections import Config
from ae_jax.errors import AeJaxError, ConfigError
from ae_jax.export import artefact, weights
from ae_jax.model.weights import params_sha256
from ae_jax.resolve.config import changes
from ae_jax.run import keeping, pretrained
from ae_jax.run.exported import load_exported
from ae_jax.run.trained import Run
from ae_jax.train import taking
from ae_jax.train.setup import Trainer

FIELD = "train.init_from"
# Of a config, what its weights mean: with others they are numbers of the same shape.
OF_NETWORK = ("encoder", "bottleneck", "decoder", "model", "data")
NO_MATTER = ("model.init", "data.name", "data.manual_dir")


class Source(NamedTuple):
    """Another run's weights."""

    place: str  # where they are, in words
    config: Config
    arrays: Mapping[str, Any]  # 'params/encoder/layer_0/kernel' -> array
    sha256: str  # of the parameters, as summary.json of that run has it


def of_run(run: Run, place: str = "that run") -> Source:
    """The weights of a run: those that are evaluated."""
    arrays = weights.named(run.variables)
    return Source(place, run.config, arrays, params_sha256(run.variables["params"]))


def settled(place: str | None) -> str | None:
    """`train.init_from` as it means the same from everywhere: a name, or an absolute path.

    A directory that is called as one of the names is told by its path: ./vae.
    """
    if place is None or place in pretrained.names():
        return place
    return os.path.abspath(artefact.expanded(place))


def read(place: str) -> Source:
    """The weights that `train.init_from` names.

    Raises:
      ConfigError: it is neither work directory, nor artefact with weights, nor a name.
      CheckpointError: what is there cannot be read.
    """
    try:
        return of_run(_run(place), place)
    except AeJaxError as error:
        if str(error).startswith(FIELD):
            raise
        raise type(error)(f"{FIELD}: {error}") from error


def _run(place: str) -> Run:
    if place in pretrained.names():
        return pretrained.pretrained(place)
    path = artefact.expanded(place)
    if (path / "config.json").is_file():
        return keeping.restore(str(path))
    if not (path / artefact.DESCRIPTION).is_file():
        what = "holds no run and no artefact" if path.exists() else "is not there"
        known = unknown("pretrained", Path(place).name, pretrained.names(), "run")
        raise ConfigError(f"{FIELD}: {path} {what}\n{known}")
    found = load_exported(path)
    if not isinstance(found.run, Run):
        kind = found.description["format"]
        raise ConfigError(f"{FIELD}: {path} is of format '{kind}'; only 'safetensors' has weights")
    return found.run


def of_trainer(trainer: Trainer, given: Run | None = None) -> Source | None:
    """Whose weights a new run begins with: those of a `given` run, or of `train.init_from`, if any.

    Raises:
      ConfigError: nothing of it has path and shape of what the config has; errors of `read`.
    """
    place = trainer.config.train.init_from
    if given is None and place is None:
        return None
    source = read(str(place)) if given is None else of_run(given)
    taking.check(match(source, trainer), FIELD if given is None else "init_from", source.place)
    return source


def match(source: Source, trainer: Trainer) -> taking.Match:
    """What a config can take of a source."""
    return taking.match(trainer.abstract().variables, source.arrays)


def lines(source: Source, trainer: Trainer) -> list[str]:
    """What is taken and what is not, in a few lines."""
    first, *rest = match(source, trainer).lines()
    meant = changes(_of_network(source.config), _of_network(trainer.config), NO_MATTER)
    if meant:
        listed = "; ".join(meant[:3]) + ("; ..." if len(meant) > 3 else "")
        rest.append(f"made for another network: {listed}")
    whose = f"weights of {source.place} ({source.sha256[:12]}): {first}"
    return [whose, *(f"  {line}" for line in rest)]


def _of_network(config: Config) -> dict[str, Any]:
    """The sections that say what weights mean; of the data their scale alone."""
    whole = config.to_dict()
    scaled = {name: whole["data"][name] for name in ("scale", "center")}
    return {**{name: whole[name] for name in OF_NETWORK}, "data": scaled}
