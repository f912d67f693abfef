"""Configs: plain data, resolved against the signatures of the slots.

A config file holds `CONFIG`, a dict with only the differences from the defaults, and optionally
`VARIANTS`, named dicts of further differences. `load_config` returns the resolved config: every
field of `ae_jax.config.sections` is present, typed and checked. It is frozen, with attribute
access.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Protocol

from ae_jax.config import values
from ae_jax.config.schema import CountOrZero, OneOf, Text, check, unknown
from ae_jax.config.sections import OF_SOURCES, Config, parts_of
from ae_jax.errors import ConfigError
from ae_jax.files import json_file
from ae_jax.objective.penalties import PENALTIES
from ae_jax.resolve import slots
from ae_jax.resolve.consistency import check_together
from ae_jax.resolve.files import execute
from ae_jax.resolve.slots import FIXED, SLOTS

# A run may go on in its work directory when nothing but these has changed.
MAY_CHANGE = (
    "train.epochs",
    "train.patience",
    "train.log_every",
    "train.checkpoint_every",
    "eval",
    "data.manual_dir",
    "data.streaming",
)
# Which images: where these are known to be the same, another way to say so is no change.
OF_IMAGES = tuple(
    f"data.{field}" for field in ("name", "split", "n_train", "n_test", "n_valid", *OF_SOURCES)
)


class HasDict(Protocol):
    """A config, or what can be told as one."""

    def to_dict(self) -> dict[str, Any]:
        """Section -> field -> value."""


Given = HasDict | Mapping[str, Any] | str | os.PathLike[str]  # see `as_config`


@values.section
class Resolved(Config):
    """A config whose every field was checked: what `load_config` returns and a run keeps."""

    def replace(self, **changes: Any) -> "Resolved":
        """Another config, with `changes` as `load_config` takes them, checked again.

        Raises:
          ConfigError: a field does not exist, or a value is not allowed.
        """
        return resolve(merge(self.to_dict(), nested(changes)))


def load_config(path: str, **overrides: Any) -> Resolved:
    """The resolved config of a file `configs/x.py`, `configs/x.py:variant`, or by its name `x`.

    Args:
      path: a file, or the name of one of the project's configs; after a colon the names of
        variants, separated by commas.
      **overrides: sections as dicts (`train=dict(epochs=3)`) or dotted
        (`**{"train.epochs": 3}`).

    Raises:
      ConfigError: the file, the variant or a field does not exist, or a value is not allowed.
    """
    return resolve(merge(read(path), nested(overrides)))


def read(path: str) -> dict[str, Any]:
    """The unresolved dict of a config file with its variants applied; `name` from the file.

    The config.json of a work directory is one, too.

    Raises:
      CheckpointError: a config.json cannot be read.
      ConfigError: there is no such file or variant, or the file cannot be run or has no CONFIG.
    """
    config: dict[str, Any] = {}
    for _, layer in layers(path):
        config = merge(config, layer)
    return config


def layers(path: str) -> list[tuple[str, dict[str, Any]]]:
    """(what it is, nested dict) of a config file and of each variant, to be merged in this order.

    Raises:
      See `read`.
    """
    file, _, chosen = path.partition(":")
    if file.endswith(".json"):  # of a work directory
        return [(file, json_file.read(Path(file).expanduser()))]
    source, module = execute(file)
    found = [(source.name, {"name": source.stem, **nested(module["CONFIG"])})]
    table = module.get("VARIANTS", {})
    for variant in filter(None, chosen.split(",")):
        if variant not in table:
            raise ConfigError(unknown(f"{file}:{variant}", variant, table, "variant"))
        name = f"{found[-1][1]['name']}_{variant}"
        found.append((f":{variant}", {"name": name, **nested(table[variant])}))
    return found


def variants(path: str) -> list[str]:
    """The names of the variants a config file offers; errors of `read`."""
    return list(execute(path)[1].get("VARIANTS", {}))


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """{'a.b': 1, 'c': {'d': 2}} -> {'a': {'b': 1}, 'c': {'d': 2}}."""
    result: dict[str, Any] = {}
    for path, value in flat.items():
        head, _, rest = path.partition(".")
        value = nested({rest: value}) if rest else value
        value = nested(value) if isinstance(value, Mapping) else value
        result = _merged(result, {head: value})
    return result


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`changes` over `base`, whatever they are of."""
    result = dict(base)
    for key, value in changes.items():
        old = result.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            value = _merged(old, value)
        result[key] = value
    return result


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`changes` over `base`; a slot given another `name` starts from that choice's defaults.

    Kept are then only the fields that every choice of the slot has (`loss.per`), with one default.
    """
    result = dict(base)
    for key, value in changes.items():
        old = result.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            if key in SLOTS and value.get("name", old.get("name")) != old.get("name"):
                stay = slots.kept(key, old.get("name"), value["name"])
                old = {field: v for field, v in old.items() if field in stay}
            result[key] = merge(old, value)
        else:
            result[key] = value
    return result


def as_config(given: Given) -> Resolved:
    """The config of a name or path, of a dict of differences from the defaults, or as it is.

    What has a method `to_dict` (a ConfigDict) is taken for the dict that this returns.

    Raises:
      ConfigError: it is nothing of these; errors of `load_config`.
    """
    if isinstance(given, Resolved):
        return given
    if isinstance(given, str | os.PathLike):
        return load_config(os.fspath(given))
    raw = given.to_dict() if hasattr(given, "to_dict") else given
    if not isinstance(raw, Mapping):
        raise ConfigError(f"config: must be a name, a path or a dict, not {type(given).__name__}")
    return resolve(raw)


def resolve(raw: Mapping[str, Any]) -> Resolved:
    """`raw` with every field present, typed and checked; see `load_config`.

    Raises:
      ConfigError: a section or field does not exist, a value is not allowed, or two of them do not
        go together.
    """
    sections = {"name", "seed", "penalties", *FIXED, *SLOTS}
    for section, value in raw.items():
        if section not in sections:
            raise ConfigError(unknown(section, section, sections, "section"))
        if section not in ("name", "seed") and not isinstance(value, Mapping):
            raise ConfigError(f"{section}: is a section; set one of its fields, {section}.<field>")
    config: dict[str, Any] = {
        "name": check("name", raw.get("name", "unnamed"), str),
        "seed": check("seed", raw.get("seed", 0), CountOrZero | None),
    }
    for section in SLOTS:
        config[section] = _slot(section, raw.get(section, {}))
    for section in FIXED:
        config[section] = slots.of_section(section, raw.get(section, {}))
    config["penalties"] = {
        name: _penalty(name, options)
        for name, options in raw.get("penalties", {}).items()
        if not _absent(options)
    }
    resolved = Resolved(**parts_of(config))
    check_together(resolved)
    return resolved


def _slot(section: str, given: Mapping[str, Any]) -> dict[str, Any]:
    slot = SLOTS[section]
    name = given.get("name", slot.default)
    _check_known(f"{section}.name", section, name, slot.choices, "choice")
    name = check(f"{section}.name", name, Annotated[str, OneOf(slot.choices)])
    own = {field: value for field, value in given.items() if field != "name"}
    found, default = slots.of_slot(section, name, own), slots.of_slot(section, name, {})
    young = slots.OFTEN_ABSENT.get(name, ())
    absent = {f for f in young if f in found and found[f] == default[f]}
    return {"name": name, **{f: v for f, v in found.items() if f not in absent}}


def _penalty(name: Any, given: object) -> dict[str, Any]:
    where = f"penalties.{name}"
    _check_known(where, "penalty", name, PENALTIES, "penalty")
    if not isinstance(given, Mapping):
        raise ConfigError(f"{where}: is a section; set {where}.weight")
    return slots.of_penalty(name, given)


def _check_known(
    where: str, slot: str, name: object, choices: Mapping[str, Any], what: str
) -> None:
    """Refuses a choice that has no name here, and says how one of the user's own gets it."""
    if callable(name):
        called = getattr(name, "__name__", "name")
        raise ConfigError(
            f"{where.removesuffix(f'.{name}')}: is a function, which a saved run could not find "
            f"again\nae_jax.register('{slot}', '{called}', ...), then give the name '{called}'"
        )
    if isinstance(name, str) and name not in choices:
        own = ""
        if slot != "optim":
            own = f"\none of your own? first: ae_jax.register('{slot}', '{name}', ...)"
        raise ConfigError(unknown(where, name, choices, what) + own)


def _absent(options: object) -> bool:
    return options is None or (isinstance(options, Text) and options.lower() == "none")


def flat(config: Mapping[str, Any] | Config, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """('a.b', value) for every leaf."""
    values = config.to_dict() if isinstance(config, Config) else config
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, tuple(value) if isinstance(value, list) else value


def changes(
    old: Mapping[str, Any] | Config,
    new: Mapping[str, Any] | Config,
    free: Sequence[str] = MAY_CHANGE,
) -> list[str]:
    """'field: old -> new' for every leaf that differs, but for those of `free` fields, sections."""
    a, b = dict(flat(old)), dict(flat(new))
    missing = "absent"
    return [
        f"{f}: {a.get(f, missing)!r} -> {b.get(f, missing)!r}"
        for f in sorted({*a, *b})
        if a.get(f, missing) != b.get(f, missing)
        and not any(f == may or f.startswith(may + ".") for may in free)
    ]
