"""The choices of each slot, and the fields whose values are names of functions."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ae_jax.config import sections
from ae_jax.config.schema import OneOf, fields, fill
from ae_jax.config.values import Section
from ae_jax.model.bottleneck import BOTTLENECKS
from ae_jax.model.corruption import CORRUPTIONS
from ae_jax.model.layers import INITIALIZERS
from ae_jax.model.networks import DECODERS, ENCODERS
from ae_jax.objective.losses import LOSSES
from ae_jax.objective.penalties import PENALTIES
from ae_jax.optimizer import OPTIMIZERS
from ae_jax.optimizer.schedules import SCHEDULES


class Slot(NamedTuple):
    """A slot: its choices, the default one, and the fields that every choice has."""

    choices: Mapping[str, Any]
    default: str
    common: type[Section]


FIXED: dict[str, type[Section]] = {
    "data": sections.Data,
    "model": sections.Network,
    "train": sections.Train,
    "eval": sections.Eval,
}
SLOTS = {
    "corruption": Slot(CORRUPTIONS, "none", sections.Corruption),
    "encoder": Slot(ENCODERS, "dense", sections.Encoder),
    "bottleneck": Slot(BOTTLENECKS, "identity", sections.Bottleneck),
    "decoder": Slot(DECODERS, "dense", sections.Decoder),
    "loss": Slot(LOSSES, "squared_error", sections.Loss),
    "optim": Slot(OPTIMIZERS, "adam", sections.Optim),
}
# Fields younger than saved configs: a config that leaves them at their defaults does not list them.
OFTEN_ABSENT = {
    "dense": ("linear_layers", "spectral_norm", "layer_norm", "skip"),
    "conv_pool": ("pool_size", "upsampling"),
    "conv_strided": ("kernel", "stride"),
}
# Fields that name an entry of a table: (section, field) -> the table.
TABLES: dict[tuple[str, str], Mapping[str, Any]] = {
    ("model", "init"): INITIALIZERS,
    ("optim", "schedule"): SCHEDULES,
}


def of_section(section: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of one of `FIXED`, checked and completed; raises as `fill`."""
    return fill(section, given, [FIXED[section]], _tables(section))


def of_slot(section: str, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a slot's choice without its name, checked and completed; raises as `fill`."""
    choices = [SLOTS[section].common, SLOTS[section].choices[name]]
    return fill(section, given, choices, _tables(section))


def kept(section: str, old: object, new: object) -> set[str]:
    """The fields that a slot keeps where another choice is made.

    They are those that every choice has, but for one that either choice gives a default of its own.
    """
    slot = SLOTS[section]
    stay = dict(fields(slot.common))  # type: ignore[arg-type]
    for name in (old, new):
        own = fields(slot.choices[name]) if isinstance(name, str) and name in slot.choices else {}
        stay = {f: v for f, v in stay.items() if f not in own or own[f].default == v.default}
    return set(stay)


def _tables(section: str) -> dict[str, OneOf]:
    return {field: OneOf(table) for (where, field), table in TABLES.items() if where == section}


def of_penalty(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of one of `PENALTIES`, checked and completed; raises as `fill`."""
    return fill(f"penalties.{name}", given, [sections.Penalty, PENALTIES[name]])
