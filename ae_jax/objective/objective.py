"""The objective: loss = reconstruction + sum_i weight_i * penalty_i, averaged only here."""

import inspect
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from ae_jax.config import numbers as numbers_lib
from ae_jax.config.numbers import Number, Numbers
from ae_jax.config.sections import Config
from ae_jax.model.pipeline import Batch, Forward, Model, Variables
from ae_jax.objective import losses
from ae_jax.objective.penalties import PENALTIES
from ae_jax.streams import stream

Terms = dict[str, jax.Array]
OPEN = ("weight",)  # what a sweep may leave open of every penalty, besides what itself declares
COMMON = ("weight", "warmup_epochs", "until_epoch", "cycle_epochs")  # fields of every penalty


class Penalty(NamedTuple):
    """A penalty and its weight, which may depend on the epoch."""

    function: Callable[..., jax.Array] | nn.Module  # a module owns parameters
    weight: Number
    warmup_epochs: int
    until_epoch: int
    cycle_epochs: int = 0

    def weight_at(self, epoch: jax.Array | None) -> Any:
        """The weight after `epoch` (a real number) epochs; None: as it is at full strength.

        weight * min(1, epoch / warmup_epochs), and 0 from `until_epoch` on; a 0 turns either off.
        With `cycle_epochs` the first `epoch` is counted from the last multiple of these on: the
        cyclical schedule of Fu et al. 2019 ("Cyclical annealing schedule", section 3.1), whose R is
        warmup_epochs / cycle_epochs.
        """
        weight = self.weight
        if epoch is not None and self.warmup_epochs:
            grown = epoch % self.cycle_epochs if self.cycle_epochs else epoch
            weight = weight * jnp.minimum(1.0, grown / self.warmup_epochs)
        if epoch is not None and self.until_epoch:
            weight = jnp.where(epoch < self.until_epoch, weight, 0.0)
        return weight


class Objective(NamedTuple):
    """What a config asks to be minimized.

    loss = c mean(reconstruction) + sum_i weight_i mean(penalty_i), the means over the images of a
    batch; c = 1 / (height * width * channels) where `per_pixel`, else 1.
    """

    model: Model
    reconstruction: Callable[[Forward], jax.Array]
    per_pixel: bool
    penalties: Mapping[str, Penalty]

    @property
    def names(self) -> list[str]:
        """What a step records: the loss and its unweighted terms."""
        return ["loss", "reconstruction", *self.penalties]

    def init(self, variables: Variables, key: jax.Array) -> Variables:
        """A model's fresh variables, and beside them those that penalties own.

        `key` is a run's; each penalty's are drawn from the stream of its name.
        """
        functions = {name: penalty.function for name, penalty in self.penalties.items()}
        modules = {n: f for n, f in functions.items() if isinstance(f, nn.Module)}
        if not modules:
            return variables
        x = jnp.zeros((2, *self.model.shape), jnp.float32)
        p = self.model.run(variables, Batch(x, jnp.zeros(len(x), jnp.int32)), None)
        for name, module in modules.items():
            k = stream(key, f"penalty/{name}")
            own = module.init(k, p, self.model, variables, k)
            variables = _with_own(variables, name, own)
        return variables

    def __call__(
        self,
        variables: Variables,
        batch: Batch,
        key: jax.Array,
        train: bool,
        epoch: jax.Array | None = None,
    ) -> tuple[jax.Array, tuple[Terms, Variables]]:
        """Loss of one batch.

        Args:
          variables: parameters and statistics.
          batch: clean images, the target, and where the decoder is conditional their labels; with
            `data.binarize` as `Model.drawn` draws them.
          key: of the streams 'corruption', 'bottleneck' and 'penalty/...'.
          train: whether BatchNorm uses (and updates with) the batch, and dropout drops.
          epoch: how far training is, for weights that change with it; None: full weights.

        Returns:
          (loss, (terms, variables)): each term is unweighted and averaged over the batch, the
          reconstruction in squared error or nats, per image or per pixel as `config.loss.per`
          says, a penalty in units of its own, always per image; `variables` with new statistics
          when training.
        """
        corrupted = batch.corrupted
        if corrupted is None:
            corrupted = self.model.corrupt(stream(key, "corruption"), batch.x)
        k_code = stream(key, "bottleneck")
        apply = partial(self.model.apply, variables, batch, corrupted, k_code, train)
        if train:
            p, statistics = apply(mutable=["batch_stats"])
            variables = {**variables, **statistics}
        else:
            p = apply()
        return self.measure(p, variables, key, train, epoch)

    def measure(
        self,
        p: Forward,
        variables: Variables,
        key: jax.Array,
        train: bool = False,
        epoch: jax.Array | None = None,
    ) -> tuple[jax.Array, tuple[Terms, Variables]]:
        """What a call returns, of a pass that was made already.

        `key` is that of the pass, of which each penalty has a stream of its own.
        """
        scale = 1 / math.prod(self.model.shape) if self.per_pixel else 1.0
        loss = reconstruction = scale * jnp.mean(losses.total(p, self.reconstruction(p)))
        terms = {"reconstruction": reconstruction}
        for name, penalty in self.penalties.items():
            values, variables = self.penalty(name, p, variables, key, train)
            terms[name] = jnp.mean(values)
            loss = loss + penalty.weight_at(epoch) * terms[name]
        return loss, (terms, variables)

    def penalty(
        self, name: str, p: Forward, variables: Variables, key: jax.Array, train: bool
    ) -> tuple[jax.Array, Variables]:
        """The values [batch] of a penalty, and `variables` with its own as they are after it.

        `key` is that of the pass.
        """
        function = self.penalties[name].function
        of = (p, self.model, variables, stream(key, f"penalty/{name}"))
        if not isinstance(function, nn.Module):
            return function(*of), variables
        kept = ["batch_stats"] if train else []
        values, changed = function.apply(_own(variables, name), *of, mutable=kept)
        return values, _with_own(variables, name, changed)


def _own(variables: Variables, name: str) -> Variables:
    """The variables that the penalty `name` owns, as its module names them."""
    found = {kind: tree.get("penalties", {}).get(name) for kind, tree in variables.items()}
    return {kind: tree for kind, tree in found.items() if tree is not None}


def _with_own(variables: Variables, name: str, own: Mapping[str, Any]) -> Variables:
    """`variables` with those of the penalty at 'penalties' / `name` of each collection."""
    changed = dict(variables)
    for kind, tree in own.items():
        others = changed.get(kind, {})
        changed[kind] = {**others, "penalties": {**others.get("penalties", {}), name: tree}}
    return changed


def build(config: Config, model: Model, numbers: Numbers = numbers_lib.NONE) -> Objective:
    """The objective a resolved config describes. A penalty of weight 0 is not computed at all.

    `numbers` that are open take the place of the config's. Penalties are added in the order of
    their names, so that the config's order changes no bit.
    """
    loss = config.loss.to_dict() | numbers_lib.of(numbers, "loss")
    cost = losses.LOSSES[loss.pop("name")]
    if "layout" in inspect.signature(cost).parameters:
        loss["layout"] = model.module.layout
    reconstruction = partial(cost, **{k: loss[k] for k in loss if k != "per"})
    penalties = {}
    for name, options in sorted(config.penalties.to_dict().items()):
        mine = numbers_lib.of(numbers, f"penalties.{name}")
        if options["weight"] == 0 and "weight" not in mine:
            continue
        options |= mine
        common = [options.pop(field, 0) for field in COMMON]
        kind = PENALTIES[name]
        if "cost" in inspect.signature(kind).parameters:
            options["cost"] = reconstruction
        made = kind(**options) if isinstance(kind, type) else partial(kind, **options)
        penalties[name] = Penalty(made, *common)
    return Objective(model, reconstruction, config.loss.per == "pixel", penalties)
