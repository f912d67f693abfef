"""Parses the grid of a sweep from the command line into checked members."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from ae_jax.config.schema import Text
from ae_jax.config.sections import Config
from ae_jax.errors import ConfigError
from ae_jax.resolve import config as config_lib
from ae_jax.sweep.members import Member

from ..workdirs import place

EXAMPLE = "--grid='optim.learning_rate=1e-3,3e-4;model.code_size=8,16'"


def parse(text: str | None) -> dict[str, list[Text]]:
    """'a.b=1,2;c=(3,4),(5,)' -> {'a.b': ['1', '2'], 'c': ['(3,4)', '(5,)']}; None -> {}.

    Raises:
      ConfigError: no field, no value, or a field that is there twice.
    """
    if text is None:
        return {}
    grid: dict[str, list[Text]] = {}
    for axis in filter(str.strip, text.split(";")):
        field, equals, values = (part.strip() for part in axis.partition("="))
        field = field.removeprefix("config.")
        if not (field and equals and values):
            raise ConfigError(
                f"--grid: '{axis.strip()}' is not <field>=<value>,...\nas in {EXAMPLE}"
            )
        if field in grid:
            raise ConfigError(f"--grid: {field} is given twice; list its values once")
        if field in ("seed", "name"):
            raise ConfigError(f"--grid: {field} cannot vary; --seeds says how many seeds there are")
        grid[field] = [Text(value) for value in _split(values)]
    if not grid:
        raise ConfigError(f"--grid: is empty; leave it out to vary seeds only, or use\n{EXAMPLE}")
    return grid


def _split(values: str) -> list[str]:
    """At the commas that are outside brackets."""
    parts, depth = [""], 0
    for character in values:
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def members(
    path: str, overrides: Mapping[str, Any], grid: Mapping[str, Sequence[Any]], seeds: int
) -> list[Member]:
    """Every point of the grid with every seed; the seeds are the config's and the ones after it.

    Raises:
      ConfigError: as `config.resolve` does, a point that is there twice, or no seed.
    """
    if seeds < 1:
        raise ConfigError(f"--seeds: must be a whole number >= 1, not {seeds}")
    base = config_lib.merge(config_lib.read(path), config_lib.nested(overrides))
    found: list[Member] = []
    points: list[dict[str, Any]] = []
    if base.get("seed", 0) is None:
        raise ConfigError("seed: must be a whole number, the first of the members'")
    for values in itertools.product(*grid.values()):
        raw = config_lib.merge(base, config_lib.nested(dict(zip(grid, values, strict=True))))
        config = place.settled(config_lib.resolve(raw))
        leaves = dict(config_lib.flat(config))
        point = {field: leaves.get(field, _absent(config, field)) for field in grid}
        if point in points:
            raise ConfigError(f"--grid: the same point twice: {describe(point)}")
        points.append(point)
        found += [Member(config.seed + i, point, config) for i in range(seeds)]
    return found


def _absent(config: Config, field: str) -> Any:
    """The value of a field that is not listed, since it is as everywhere; None if there is none."""
    part: Any = config
    for name in field.split("."):
        part = getattr(part, name, None)
    return part


def describe(point: Mapping[str, Any]) -> str:
    """'optim.learning_rate=0.001 model.code_size=8'."""
    return " ".join(f"{field}={value}" for field, value in point.items()) or "the config unchanged"
