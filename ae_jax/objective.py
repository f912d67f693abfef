"""The objective: loss = reconstruction + sum_i weight_i * penalty_i, averaged here and only here."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ae_jax.losses import LOSSES
from ae_jax.model import Model, Pass, Variables
from ae_jax.penalties import PENALTIES

Terms = dict[str, jax.Array]


class Objective(NamedTuple):
    """What a config asks to be minimised."""

    model: Model
    reconstruction: Callable[[Pass], jax.Array]
    per_pixel: bool
    penalties: Mapping[str, Callable[..., jax.Array]]
    weights: Mapping[str, float]

    def __call__(
        self, variables: Variables, x: jax.Array, key: jax.Array, train: bool
    ) -> tuple[jax.Array, tuple[Terms, Variables]]:
        """Loss of one batch x [batch, height, width, channels] in the network's scale.

        Args:
          variables: parameters and statistics.
          x: clean images, the target.
          key: split here for corruption, bottleneck and penalties.
          train: whether BatchNorm uses (and updates with) the batch, and dropout drops.

        Returns:
          (loss, (terms, variables)): each term is unweighted and averaged over the batch, in units
          of the loss (squared error or nats, per image or per pixel as `config.loss.per` says);
          `variables` with new statistics when training.
        """
        k_noise, k_code, k_penalty = jax.random.split(key, 3)
        noisy = self.model.corrupt(k_noise, x)
        apply = partial(self.model.module.apply, variables, x, noisy, k_code, train)
        if train:
            p, statistics = apply(mutable=["batch_stats"])
            variables = {**variables, **statistics}
        else:
            p = apply()
        per_image = {"reconstruction": self.reconstruction(p)}
        if self.per_pixel:
            per_image["reconstruction"] /= math.prod(self.model.shape)
        for i, (name, penalty) in enumerate(self.penalties.items()):
            key = jax.random.fold_in(k_penalty, i)
            per_image[name] = penalty(p, self.model, variables, key)
        terms = {name: jnp.mean(value) for name, value in per_image.items()}
        loss = terms["reconstruction"]
        for name, weight in self.weights.items():
            loss = loss + weight * terms[name]
        return loss, (terms, variables)


def build(config: Any, model: Model) -> Objective:
    """The objective a resolved config describes. A penalty of weight 0 is not computed at all."""
    penalties, weights = {}, {}
    for name, options in config.penalties.to_dict().items():
        weight = options.pop("weight")
        if weight == 0:
            continue
        penalties[name] = partial(PENALTIES[name], **options)
        weights[name] = weight
    reconstruction = LOSSES[config.loss.name]
    return Objective(model, reconstruction, config.loss.per == "pixel", penalties, weights)
