"""The objective: loss = reconstruction + sum_i weight_i * penalty_i, averaged only here."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ae_jax.config import numbers as numbers_lib
from ae_jax.config.numbers import Number, Numbers
from ae_jax.model.pipeline import Batch, Forward, Model, Variables
from ae_jax.objective.losses import LOSSES
from ae_jax.objective.penalties import PENALTIES
from ae_jax.streams import stream

Terms = dict[str, jax.Array]
OPEN = ("weight",)  # what a sweep may leave open of every penalty, besides what itself declares


class Penalty(NamedTuple):
    """A penalty and its weight, which may depend on the epoch."""

    function: Callable[..., jax.Array]
    weight: Number
    warmup_epochs: int
    until_epoch: int

    def weight_at(self, epoch: Any) -> Any:
        """The weight after `epoch` (a real number) epochs; None: as it is at full strength.

        weight * min(1, epoch / warmup_epochs), and 0 from `until_epoch` on; a 0 turns either off.
        """
        weight = self.weight
        if epoch is not None and self.warmup_epochs:
            weight = weight * jnp.minimum(1.0, epoch / self.warmup_epochs)
        if epoch is not None and self.until_epoch:
            weight = jnp.where(epoch < self.until_epoch, weight, 0.0)
        return weight


class Objective(NamedTuple):
    """What a config asks to be minimised.

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

    def __call__(
        self, variables: Variables, batch: Batch, key: jax.Array, train: bool, epoch: Any = None
    ) -> tuple[jax.Array, tuple[Terms, Variables]]:
        """Loss of one batch.

        Args:
          variables: parameters and statistics.
          batch: clean images, the target, and where the decoder is conditional their labels.
          key: of the streams 'corruption', 'bottleneck' and 'penalty/...'.
          train: whether BatchNorm uses (and updates with) the batch, and dropout drops.
          epoch: how far training is, for weights that change with it; None: full weights.

        Returns:
          (loss, (terms, variables)): each term is unweighted and averaged over the batch, the
          reconstruction in squared error or nats, per image or per pixel as `config.loss.per`
          says, a penalty in units of its own, always per image; `variables` with new statistics
          when training.
        """
        corrupted = self.model.corrupt(stream(key, "corruption"), batch.x)
        k_code = stream(key, "bottleneck")
        apply = partial(self.model.apply, variables, batch, corrupted, k_code, train)
        if train:
            p, statistics = apply(mutable=["batch_stats"])
            variables = {**variables, **statistics}
        else:
            p = apply()
        loss, terms = self.measure(p, variables, key, epoch)
        return loss, (terms, variables)

    def measure(
        self, p: Forward, variables: Variables, key: jax.Array, epoch: Any = None
    ) -> tuple[jax.Array, Terms]:
        """(loss, its unweighted terms) of a pass that was made already; all are scalars.

        `key` is that of the pass, of which each penalty has a stream of its own.
        """
        scale = 1 / math.prod(self.model.shape) if self.per_pixel else 1.0
        loss = reconstruction = scale * jnp.mean(self.reconstruction(p))
        terms = {"reconstruction": reconstruction}
        for name, penalty in self.penalties.items():
            k = stream(key, f"penalty/{name}")
            terms[name] = jnp.mean(penalty.function(p, self.model, variables, k))
            loss = loss + penalty.weight_at(epoch) * terms[name]
        return loss, terms


def build(config: Any, model: Model, numbers: Numbers = numbers_lib.NONE) -> Objective:
    """The objective a resolved config describes. A penalty of weight 0 is not computed at all.

    `numbers` that are open take the place of the config's. Penalties are added in the order of
    their names, so that the config's order changes no bit.
    """
    penalties = {}
    for name, options in sorted(config.penalties.to_dict().items()):
        mine = numbers_lib.of(numbers, f"penalties.{name}")
        if options["weight"] == 0 and "weight" not in mine:
            continue
        options |= mine
        common = [options.pop(field) for field in ("weight", "warmup_epochs", "until_epoch")]
        penalties[name] = Penalty(partial(PENALTIES[name], **options), *common)
    loss = config.loss.to_dict() | numbers_lib.of(numbers, "loss")
    reconstruction = partial(LOSSES[loss.pop("name")], **{k: loss[k] for k in loss if k != "per"})
    return Objective(model, reconstruction, config.loss.per == "pixel", penalties)
