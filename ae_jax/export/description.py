"""What an artefact says of itself: a JSON object, and what is made of it again.

It has the kind and the shape of the examples, their columns and scale, the classes, the threshold
of the anomaly score, where the weights come from, and the versions they were exported with.
"""

import importlib.metadata
from typing import Any, NamedTuple

import numpy as np

from ae_jax.inputs.door import Door
from ae_jax.inputs.examples import Column, Examples
from ae_jax.inputs.labels import Names
from ae_jax.inputs.scaler import Scaler

VERSIONS = ("jax", "jaxlib", "flax", "numpy")  # ae_jax may not be installed


class Threshold(NamedTuple):
    """The score above which a new ordinary example lies with probability `false_alarms` at most."""

    score: float
    false_alarms: float
    examples: int  # how many were held out to find it


def versions(own: str) -> dict[str, str]:
    """Of the packages that make an artefact; `own` is that of the ae_jax that runs."""
    others = {name: importlib.metadata.version(name) for name in VERSIONS}
    return {"ae_jax": own, **others}


def of_door(door: Door) -> dict[str, Any]:
    """What the examples must be, and their scale."""
    scaler = door.scaler
    return {
        "kind": "image" if scaler is None else scaler.examples.kind,
        "shape": list(door.shape),  # of an example of the network, [height, width, channels]
        "holes": door.holes,
        "limits": list(door.limits) if scaler is None else None,
        "columns": None if scaler is None else _columns(scaler.examples),
        "shift": None if scaler is None else scaler.shift.tolist(),
        "spread": None if scaler is None else scaler.spread.tolist(),
    }


def door_of(said: dict[str, Any]) -> Door:
    """The inverse of `of_door`; any error means that it is no description of ours."""
    height, width, channels = map(int, said["shape"])
    shape, scaler = (height, width, channels), None
    if said["kind"] != "image":
        columns = said["columns"] and tuple(
            Column(c["name"], c["kind"], tuple(c["categories"])) for c in said["columns"]
        )
        shift, spread = (np.asarray(list(said[name]), np.float64) for name in ("shift", "spread"))
        scaler = Scaler(Examples(said["kind"], columns), shift, spread)
    low, high = said["limits"] or (-np.inf, np.inf)
    return Door(shape, bool(said["holes"]), (float(low), float(high)), scaler)


def _columns(examples: Examples) -> list[dict[str, Any]] | None:
    if examples.columns is None:
        return None
    return [c._asdict() | {"categories": list(c.categories)} for c in examples.columns]


def names_of(said: dict[str, Any]) -> Names | None:
    """What the classes are called, or None."""
    names = said["class_names"]
    return None if names is None else tuple(map(str, names))
