"""Where every value of a resolved config is from."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ae_jax.resolve import slots
from ae_jax.resolve.config import Resolved, flat, layers, load_config, merge, nested
from ae_jax.resolve.slots import FIXED, SLOTS


class Explained(NamedTuple):
    """A field, its value, and who says so."""

    field: str
    value: Any
    source: str  # the config's file, `:variant`, 'command line', or 'default'


def explained(path: str, overrides: Mapping[str, Any]) -> list[Explained]:
    """Every field of `load_config(path, **overrides)`.

    Where several say the same field, the last of them is the source.

    Raises:
      As `load_config` does.
    """
    config = load_config(path, **overrides)
    found = [*layers(path), ("command line", nested(overrides))]
    raw: dict[str, Any] = {}
    for _, layer in found:
        raw = merge(raw, layer)
    given = dict(flat(raw))  # without what a layer gave and a later one took away
    said = [(source, dict(flat(layer))) for source, layer in found]

    def source(field: str) -> str:
        if field not in given:
            return "default"
        return next(source for source, fields in reversed(said) if field in fields)

    return [Explained(f, v, source(f)) for f, v in flat(_whole(config))]


def _whole(config: Resolved) -> dict[str, Any]:
    """A config with the young fields as well, which it leaves out at their defaults."""
    found = config.to_dict()
    for section in SLOTS:
        own = found[section]
        found[section] = {**own, **slots.of_slot(section, own["name"], _rest(own)), **own}
    for section in FIXED:
        found[section] = {**found[section], **slots.of_section(section, found[section])}
    return found


def _rest(own: Mapping[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in own.items() if field != "name"}
