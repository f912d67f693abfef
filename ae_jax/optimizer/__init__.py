"""Optimizers and learning-rate schedules by name; `build` makes the update rule of a config.

A new optimizer is a function in `adam` or `rules` and a line here. Its parameters with a default
are fields of `config.optim`, beside those that all have (`ae_jax.config.sections.Optim`).
"""

from collections.abc import Callable

import optax

from ae_jax.config.schema import fields
from ae_jax.optimizer import adam, rules

OPTIMIZERS: dict[str, Callable[..., optax.GradientTransformation | rules.Around]] = {
    "sgd": rules.sgd,
    "adam": adam.adam,
    "keras_adam": adam.keras_adam,
    "adamw": adam.adamw,
    "nadam": adam.nadam,
    "adabelief": adam.adabelief,
    "radam": adam.radam,
    "amsgrad": adam.amsgrad,
    "adamax": adam.adamax,
    "adan": adam.adan,
    "yogi": adam.yogi,
    "novograd": adam.novograd,
    "lion": rules.lion,
    "rmsprop": rules.rmsprop,
    "adagrad": rules.adagrad,
    "adadelta": rules.adadelta,
    "adafactor": rules.adafactor,
    "lamb": rules.lamb,
    "lars": rules.lars,
    "muon": rules.muon,
    "schedule_free": rules.schedule_free,
}
# Fields of `optim` that a sweep may leave open: those that all have, and an optimizer's own. Not
# b2, decays like it, `average`: 1 - b2 is made of digits that float32 does not keep, so that as an
# argument it would not be the same.
OPEN_TO_ALL = (
    "learning_rate",
    "momentum",
    "b1",
    "eps",
    "weight_decay",
    "clip_norm",
    "final_fraction",
)
OPEN = {
    "adabelief": ("eps_root",),
    "radam": ("threshold",),
    "adagrad": ("initial_accumulator_value",),
    "adafactor": ("decay_rate", "clipping_threshold"),
    "lars": ("trust_coefficient",),
    "muon": ("consistent_rms",),
    "schedule_free": ("weight_lr_power",),
}
# What they do to an array depends on its shape: zeros that make it wider change the rest.
SHAPED = ("adafactor", "muon")
# They evaluate averages of their own, which take the place of a rate that decays.
AVERAGING = ("schedule_free",)
# Configs may give them numbers that they do not use; later ones refuse these.
LENIENT = ("sgd", "adam", "keras_adam")


def unused(name: str) -> dict[str, str]:
    """The fields of `optim` that must be left as they are with this optimizer, and why."""
    if name in LENIENT:
        return {}
    own = fields(OPTIMIZERS[name])
    idle = [field for field in ("momentum", "b1", "b2", "eps") if field not in own]
    found = dict.fromkeys(idle, "has no such number")
    if "weight_decay" in own:
        found["decoupled"] = "adds weight_decay itself"
    if name in AVERAGING:
        found["average"] = "evaluates an average of its own"
    return found
