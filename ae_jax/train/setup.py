"""Combines a config with a training set: the constants and the state of a training."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ae_jax.config import numbers as numbers_lib
from ae_jax.config.numbers import Numbers
from ae_jax.config.sections import Config
from ae_jax.data.arrays import Dataset, Images, Split, blocks
from ae_jax.errors import ConfigError, DataError
from ae_jax.model import pipeline, scaling
from ae_jax.model.compiled import once
from ae_jax.model.pipeline import Model, Variables
from ae_jax.objective import objective as objective_lib
from ae_jax.objective.objective import Objective
from ae_jax.optimizer.build import build
from ae_jax.optimizer.evaluated import evaluated
from ae_jax.optimizer.sparing import sparing
from ae_jax.resolve.registering import registered
from ae_jax.streams import stream
from ae_jax.train import frozen as frozen_lib
from ae_jax.train import shapes
from ae_jax.train.frozen import Frozen

Metrics = dict[str, jax.Array]  # 'loss' and its unweighted terms


class TrainState(NamedTuple):
    """Everything the next step needs; what a step measures is returned beside it."""

    step: jax.Array
    params: Any
    statistics: Variables  # the other collections: BatchNorm averages, the data's mean
    optimizer: optax.OptState

    @property
    def variables(self) -> Variables:
        """What the functions of `Model` take: what is evaluated, kept and read everywhere.

        Where the optimizer averages parameters, these are the averages, not what it trains.
        """
        return {"params": evaluated(self.params, self.optimizer), **self.statistics}


class Trainer(NamedTuple):
    """A config made ready for one training set: pure functions and static sizes."""

    config: Config
    model: Model
    objective: Objective
    optimizer: optax.GradientTransformation
    n_train: int
    mesh: Any = None  # the devices a batch is spread over; see `devices`
    frozen: Frozen = frozenset()  # arrays that stay as they are

    @property
    def batches(self) -> tuple[int, int]:
        """(number of full batches in an epoch, size of the short last one or 0)."""
        full, rest = divmod(self.n_train, self.config.train.batch_size)
        return full, 0 if self.config.train.drop_remainder else rest

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of the batches, the usual one and where there is a short last one its own."""
        rest = self.batches[1]
        return (self.config.train.batch_size, *((rest,) if rest else ()))

    @property
    def steps_per_epoch(self) -> int:
        """Steps in an epoch, the short last one counted."""
        full, rest = self.batches
        return full + (rest > 0)

    def init(self, key: jax.Array, mean: jax.Array) -> TrainState:
        """The state at step 0; the `mean` image is used only where the data are to be centered."""
        state: TrainState = once(self.initial)(key, mean)
        return state

    def initial(self, key: jax.Array, mean: jax.Array) -> TrainState:
        """`init` as a function to be compiled with others."""
        variables = self.model.init(stream(key, "init"), mean)
        params, statistics = part(self.objective.init(variables, key))
        return TrainState(jnp.int32(0), params, statistics, self.optimizer.init(params))

    def metrics(self) -> Metrics:
        """Room for the loss and its terms at each step of an epoch, [steps_per_epoch] each."""
        return {n: jnp.zeros(self.steps_per_epoch, jnp.float32) for n in self.objective.names}

    def abstract(self) -> TrainState:
        """Shapes and types of a state, nothing computed."""
        mean = jax.ShapeDtypeStruct(self.model.shape, jnp.float32)
        return jax.eval_shape(self.initial, jax.random.key(0), mean)


def check_labels(
    config: Config, data: Split, part: str = "train", names: tuple[str, ...] | None = None
) -> None:
    """Refuses labels that a label-conditioned decoder does not know.

    Args:
      config: resolved; where `model.classes` is 0 nothing is asked for.
      data: images with their labels.
      part: which they are, 'train', 'valid' or 'test'.
      names: of the labels, `Dataset.label_names`.

    Raises:
      ConfigError: the training set has no labels, or not all below `model.classes`.
      DataError: the same of another part.
    """
    classes = config.model.classes
    if not classes or not len(data.images):
        return
    highest = -1 if data.labels is None else int(data.labels.max())
    if 0 <= highest < classes:
        return
    called = f" ('{names[highest]}')" if names and highest >= 0 else ""
    if part == "train":
        found = "no labels" if highest < 0 else f"labels up to {highest}{called}"
        raise ConfigError(f"model.classes: {classes}, but the data set has {found}")
    found = "none" if highest < 0 else f"{highest}{called} is among them"
    raise DataError(
        f"{part}_labels: {found}; the decoder is told the label of each image, which must be 0 to "
        f"{classes - 1} (model.classes is {classes})"
    )


def check_all_labels(config: Any, data: Dataset) -> None:
    """`check_labels` of every part; a test or validation part without labels has none to check."""
    check_labels(config, data.train, "train", data.label_names)
    for name, part in (("test", data.test), ("valid", data.valid)):
        if part is not None and part.labels is not None:
            check_labels(config, part, name, data.label_names)


def prepare(
    config: Config,
    shape: tuple[int, int, int],
    n_train: int,
    mesh: jax.sharding.Mesh | None = None,
    numbers: Numbers = numbers_lib.NONE,
) -> Trainer:
    """The trainer for a resolved config and `n_train` images of `shape`, on the devices of `mesh`.

    `numbers`, arguments of a sweep's program, take the place of the config's; see
    `ae_jax.config.numbers`.

    Raises:
      ConfigError: the batch is larger than the set; an update takes more than an epoch; a choice
        that was registered here does not give what its slot gives; `train.frozen` names what is
        not there, or everything.
    """
    if config.train.batch_size > n_train:
        raise ConfigError(
            f"train.batch_size: {config.train.batch_size} is larger than the training set; must be "
            f"at most {n_train}"
        )
    model = pipeline.build(config, shape, numbers)
    objective = objective_lib.build(config, model, numbers)
    full, rest = divmod(n_train, config.train.batch_size)
    steps = full + (rest > 0 and not config.train.drop_remainder)
    if config.optim.accumulate > steps:
        raise ConfigError(
            f"optim.accumulate: {config.optim.accumulate} batches are more than an epoch has; must "
            f"be at most {steps}"
        )
    if own := registered(config):
        shapes.check(objective, config.model.code_size, own)
    trainer = Trainer(config, model, objective, build(config, steps, numbers), n_train, mesh)
    return _sparing(trainer) if config.train.frozen else trainer


def _sparing(trainer: Trainer) -> Trainer:
    """The trainer that leaves what `train.frozen` names as it is."""
    variables = trainer.abstract().variables
    names = frozen_lib.find(trainer.config.train.frozen, variables)
    model = trainer.model._replace(still=frozen_lib.still(names))
    optimizer = sparing(trainer.optimizer, partial(frozen_lib.trained, names))
    objective = trainer.objective._replace(model=model)
    return trainer._replace(model=model, objective=objective, optimizer=optimizer, frozen=names)


def mean_image(images: Images, model: Model) -> jax.Array:
    """The mean image [height, width, channels] in the network's scale.

    Of images [n, height, width, channels] as stored: uint8, or float in [0,1]. Where there may be
    holes it is the mean of each channel, of what was observed.
    """
    if model.holes:
        return _mean_channels(images, model)
    total = sum(block.sum(0, dtype=np.float64) for block in blocks(images))
    unit = total / len(images) / (255 if images.dtype == np.uint8 else 1)
    return jnp.asarray(scaling.to_network(np.asarray(unit, np.float32), model.scale))


def _mean_channels(images: Images, model: Model) -> jax.Array:
    sums = sum(np.nansum(block, (0, 1, 2), dtype=np.float64) for block in blocks(images))
    seen = sum((~np.isnan(block)).sum((0, 1, 2)) for block in blocks(images))
    unit = np.asarray(sums) / np.maximum(seen, 1)
    return scaling.to_network(jnp.broadcast_to(jnp.asarray(unit), model.shape), model.scale)


def part(variables: Variables) -> tuple[Any, Variables]:
    """(params, the other collections)."""
    return variables["params"], {k: v for k, v in variables.items() if k != "params"}
