"""Configs: plain data that fill the slots, resolved against the slots' own signatures.

A config file holds `CONFIG`, a dict with only the differences from the defaults, and optionally
`VARIANTS`, named dicts of further differences. `load_config` returns it resolved: every field of
`ae_jax.resolve.sections` present, typed and checked, frozen, with attribute access.
"""

import difflib
import os
import runpy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from ml_collections import FrozenConfigDict

from ae_jax.config.schema import CountOrZero, OneOf, Text, check, fields, fill, unknown
from ae_jax.errors import ConfigError
from ae_jax.files import json_file
from ae_jax.model.bottleneck import BOTTLENECKS
from ae_jax.objective.penalties import PENALTIES, check_needs
from ae_jax.resolve.sections import FIXED, SLOTS, Penalty

# A run may go on in its work directory when nothing but these has changed.
MAY_CHANGE = (
    "train.epochs",
    "train.log_every",
    "train.checkpoint_every",
    "eval",
    "data.manual_dir",
    "data.streaming",
)
# Which images: where these are known to be the same, another way to say so is no change.
OF_IMAGES = ("data.name", "data.split", "data.n_train", "data.n_test")


def load_config(path: str, **overrides: Any) -> FrozenConfigDict:
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
    file, _, chosen = path.partition(":")
    if file.endswith(".json"):  # of a work directory
        return json_file.read(Path(file).expanduser())
    source, module = _execute(file)
    config = merge({"name": source.stem}, nested(module["CONFIG"]))
    table = module.get("VARIANTS", {})
    for variant in filter(None, chosen.split(",")):
        if variant not in table:
            raise ConfigError(unknown(f"{file}:{variant}", variant, table, "variant"))
        config = merge(config, nested(table[variant]))
    if chosen:
        config["name"] = f"{config['name']}_{chosen.replace(',', '_')}"
    return config


def variants(path: str) -> list[str]:
    """The names of the variants a config file offers; errors of `read`."""
    return list(_execute(path)[1].get("VARIANTS", {}))


def _execute(file: str) -> tuple[Path, dict[str, Any]]:
    """(path, what the file defines); a bare name is one of the project's configs."""
    ours = Path(__file__).parents[2] / "configs"
    given = os.path.expanduser(file)
    candidates = (Path(given), Path(f"{given}.py"), ours / f"{given}.py")
    source = next((path for path in candidates if path.is_file()), None)
    if source is None:
        raise ConfigError(_no_config(file, sorted(path.stem for path in ours.glob("*.py"))))
    try:
        module = runpy.run_path(str(source))
    except Exception as error:  # whatever a user's file raises is the user's to read
        raise ConfigError(f"{file}: {type(error).__name__}: {error}") from error
    if not isinstance(module.get("CONFIG"), Mapping):
        raise ConfigError(f"{file}: defines no dict named CONFIG")
    return source, module


def _no_config(file: str, known: Sequence[str]) -> str:
    """What to do about a name that is none of the `known` configs', or a file that is not there."""
    path = Path(file)
    if path.suffix != ".py" and len(path.parts) == 1:
        return unknown("--config", file, known, "config")
    near = difflib.get_close_matches(path.stem, known, n=1)
    ours = f"\nthe project's own goes by its name: --config={near[0]}" if near else ""
    return f"--config: there is no file '{file}' in {Path.cwd()}{ours}"


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """{'a.b': 1, 'c': {'d': 2}} -> {'a': {'b': 1}, 'c': {'d': 2}}."""
    result: dict[str, Any] = {}
    for path, value in flat.items():
        head, _, rest = path.partition(".")
        value = nested({rest: value}) if rest else value
        value = nested(value) if isinstance(value, Mapping) else value
        result = merge(result, {head: value})
    return result


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`changes` over `base`; a slot given another `name` starts from that choice's defaults.

    Only the fields that every choice of the slot has are kept then (`loss.per`).
    """
    result = dict(base)
    for key, value in changes.items():
        old = result.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            if key in SLOTS and value.get("name", old.get("name")) != old.get("name"):
                common = SLOTS[key][2]
                old = {f: old[f] for f in (fields(common) if common else ()) if f in old}
            result[key] = merge(old, value)
        else:
            result[key] = value
    return result


def resolve(raw: Mapping[str, Any]) -> FrozenConfigDict:
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
    for section, (choices, default, common) in SLOTS.items():
        given = dict(raw.get(section, {}))
        rule = Annotated[str, OneOf(choices)]
        name = check(f"{section}.name", given.pop("name", default), rule)
        config[section] = {"name": name, **_choice(section, given, choices[name], common)}
    for section, dataclass_ in FIXED.items():
        config[section] = fill(section, raw.get(section, {}), [dataclass_])
    config["penalties"] = {
        name: _penalty(name, options)
        for name, options in raw.get("penalties", {}).items()
        if not _absent(options)
    }
    _consistent(config)
    return FrozenConfigDict(config)


def _choice(where: str, given: Any, choice: Any, common: type | None) -> dict[str, Any]:
    return fill(where, given, [choice] if common is None else [common, choice])


def _penalty(name: str, given: Any) -> dict[str, Any]:
    where = f"penalties.{name}"
    if name not in PENALTIES:
        raise ConfigError(unknown(where, name, PENALTIES, "penalty"))
    if not isinstance(given, Mapping):
        raise ConfigError(f"{where}: is a section; set {where}.weight")
    return _choice(where, given, PENALTIES[name], Penalty)


def _absent(options: Any) -> bool:
    return options is None or (isinstance(options, Text) and options.lower() == "none")


def _consistent(c: Mapping[str, Any]) -> None:
    """What no single field can see."""
    output = c["decoder"]["output"]
    if c["loss"]["name"] == "bernoulli_nll":
        if output != "sigmoid":
            raise ConfigError("loss.name: bernoulli_nll needs decoder.output 'sigmoid'")
        if c["data"]["scale"] != "unit":
            raise ConfigError("loss.name: bernoulli_nll needs data.scale 'unit', pixels in [0,1]")
    if c["data"]["streaming"] and c["data"]["split"] != "canonical":
        raise ConfigError("data.streaming: needs data.split 'canonical'")
    if c["data"]["center"] and output != "linear":
        raise ConfigError("data.center: needs decoder.output 'linear', centred data have no bounds")
    if output == "sigmoid" and c["data"]["scale"] == "sym":
        raise ConfigError("decoder.output: sigmoid cannot reach data.scale 'sym', which is [-1,1]")
    if c["decoder"]["name"] == "tied":
        if c["encoder"]["name"] != "dense":
            raise ConfigError("decoder.name: tied needs encoder.name 'dense'")
        if BOTTLENECKS[c["bottleneck"]["name"]].numbers != 1 or c["model"]["classes"]:
            raise ConfigError(
                "decoder.name: tied needs a code as wide as the encoder's output: no bottleneck "
                "that takes several numbers for one of the code, no model.classes"
            )
    if c["bottleneck"].get("k", 0) > (size := c["model"]["code_size"]):
        raise ConfigError(f"bottleneck.k: must be at most model.code_size, {size}")
    if c["optim"]["schedule"] == "exponential" and not c["optim"]["final_fraction"]:
        raise ConfigError("optim.final_fraction: must be above 0 where the schedule is exponential")
    if (kernels := c["decoder"].get("kernels")) is not None:
        wanted = len(c["decoder"]["channels"]) + 1
        if len(kernels) != wanted:
            raise ConfigError(
                f"decoder.kernels: must be {wanted}, one an entry of decoder.channels and one for "
                f"the last convolution, not {len(kernels)}"
            )
    check_needs(c)


def flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """('a.b', value) for every leaf."""
    for key, value in config.items():
        if isinstance(value, Mapping) or hasattr(value, "items"):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, tuple(value) if isinstance(value, list) else value


def changes(
    old: Mapping[str, Any], new: Mapping[str, Any], free: Sequence[str] = MAY_CHANGE
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
