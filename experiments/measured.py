"""Commands that measure for long: their flags, and a file that fills up seed by seed.

A row of the file has besides what the command says of it

    "measured": {kind: {"protocol": {field: value}, "by_seed": {seed: numbers}}}

The protocol is what the numbers depend on; numbers of another protocol do not count. Several
commands may fill one file at a time: each reads it anew before it writes.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from absl import flags
from tqdm import tqdm

from ae_jax import config as config_lib
from ae_jax import json_file
from ae_jax.arrays import Dataset
from ae_jax.errors import ConfigError, DataError
from experiments import cli, provenance, workdir

Row = dict[str, Any]
BySeed = dict[str, dict[str, Any]]


class Task(NamedTuple):
    """One measurement."""

    row: str
    kind: str  # of several that a row has; RUN where it has one
    seed: int


RUN = "run"


class Measurement(NamedTuple):
    """What a command measures."""

    protocol: Callable[[Task], dict[str, Any]]  # what has to be the same for numbers to count
    take: Callable[[Task], dict[str, Any] | None]  # the numbers; None where there are none
    row: Callable[[str, Row, dict[str, BySeed]], Row]  # (name, as it was, by kind) -> what it says
    line: Callable[[Task, Row], str]  # for the terminal
    keyed: bool = False  # whether the file is an object of rows by name, or has them in a list


class Asked(NamedTuple):
    """What the flags ask for."""

    known: list[str]  # in the order of the file
    names: list[str]
    seeds: int
    dataset: Dataset
    file: Path


def define_flags(file: str) -> None:
    """--only, --seeds, --data, --json. Not on import: other commands have flags of these names."""
    flags.DEFINE_list("only", None, "Names, separated by commas; default all.")
    flags.DEFINE_integer("seeds", 3, "How many, from 0; others in the file stay.")
    flags.DEFINE_string("data", "mnist", "The data set.")
    flags.DEFINE_string("json", f"experiments/results/{file}", "The file to write.")


def asked(known: Iterable[str], what: str) -> Asked:
    """The flags, checked, and the data set.

    Raises:
      ConfigError: a name that is not `known`, no seed, a file that cannot be written.
      DataError: the file was measured on another data set, or there is no such set.
    """
    from ae_jax import data

    F = flags.FLAGS
    names = cli.chosen(known, what)
    if F.seeds < 1:
        raise ConfigError(f"--seeds: must be at least 1, not {F.seeds}")
    file = Path(F.json)
    rows_of(file, F.data)  # before the data set, which may have to be downloaded
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise ConfigError(f"--json: {file}: cannot be written; is {file.parent} a folder of yours?")
    return Asked(list(known), names, F.seeds, data.load_data(F.data), file)


def rows_of(file: Path, data: str) -> dict[str, Row]:
    """What the file has, by name; nothing if it is not there.

    Raises:
      DataError: it was measured on another data set.
      CheckpointError: it is damaged.
    """
    if not file.exists():
        return {}
    found = json_file.read(file)
    rows: dict[str, Row] = {r["name"]: r for r in found["rows"]} if "rows" in found else found
    for name, row in rows.items():
        if row.get("data") != data:
            other = f"{name} was measured on {row.get('data')}, not {data}"
            raise DataError(f"--json: {file}: {other}; name another file")
    return rows


def fill(a: Asked, tasks: Sequence[Task], m: Measurement) -> None:
    """Takes every measurement that the file has not, and writes the file after each.

    A command that is ended goes on from the file.
    """
    new, said = 0, set()
    with tqdm(tasks, disable=None, dynamic_ncols=True) as bar:
        for task in bar:
            kind = "" if task.kind == RUN else f", {task.kind}"
            bar.set_description(f"{task.row}{kind}, seed {task.seed}")
            protocol = m.protocol(task)
            row = rows_of(a.file, a.dataset.name).get(task.row, {})
            if str(task.seed) in by_seed(row, task.kind, protocol):
                continue
            for change in changes(row, task.kind, protocol):
                if (task[:2], change) not in said:
                    tqdm.write(f"{task.row}{kind}: measured anew, {change}")
                    said.add((task[:2], change))
            numbers = m.take(task)
            if numbers is None:
                continue
            with alone(a.file):
                rows = rows_of(a.file, a.dataset.name)
                row = recorded(m, rows.get(task.row, {}), task, protocol, numbers)
                rows[task.row] = {**row, "data": a.dataset.name}
                ordered = {name: rows[name] for name in a.known if name in rows}
                workdir.write_json(a.file, ordered if m.keyed else listed(ordered))
            tqdm.write(m.line(task, row))
            new += 1
    print(f"{a.file}: {new} new, {len(tasks) - new} as they were")


def recorded(
    m: Measurement, row: Row, task: Task, protocol: Mapping[str, Any], numbers: Mapping[str, Any]
) -> Row:
    """The row with one more measurement, without those of the same kind and another protocol."""
    found = {**by_seed(row, task.kind, protocol), str(task.seed): dict(numbers)}
    in_order = {seed: found[seed] for seed in sorted(found, key=int)}
    mine = {"protocol": as_json(protocol), "by_seed": in_order}
    measured = {**row.get("measured", {}), task.kind: mine}
    says = m.row(task.row, row, {kind: each["by_seed"] for kind, each in measured.items()})
    return {**says, "measured": measured}


def by_seed(row: Row, kind: str, protocol: Mapping[str, Any]) -> BySeed:
    """What a row has of a kind, if it was measured by this protocol."""
    if kind not in row.get("measured", {}) or changes(row, kind, protocol):
        return {}
    return row["measured"][kind]["by_seed"]


def changes(row: Row, kind: str, protocol: Mapping[str, Any]) -> list[str]:
    """'field: old -> new' for what the protocol of a row's numbers says otherwise."""
    if kind not in row.get("measured", {}):
        return []
    return config_lib.changes(row["measured"][kind]["protocol"], as_json(protocol), free=())


def differences(config: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """{'field': value} of a config file with `more` over it: what differs from the defaults."""
    merged = config_lib.merge(config_lib.read(config), config_lib.nested(more))
    return {field: value for field, value in config_lib.flat(merged) if field != "name"}


def as_json(value: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON gives it back."""
    return json.loads(json.dumps(value))


@contextlib.contextmanager
def alone(file: Path) -> Iterator[None]:
    """One process at a time; the lock is the kernel's, on the folder, so that it leaves nothing."""
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def deviation(values: Sequence[float]) -> float:
    """The standard deviation of a sample, with n - 1; 0 of one value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def listed(rows: Mapping[str, Row]) -> dict[str, Any]:
    """{"date", "machine", "versions", "rows": [{"name", ...}]}."""
    return {**provenance.where(), "rows": [{"name": name, **row} for name, row in rows.items()]}


def timed(begun: float) -> dict[str, Any]:
    """{"seconds", "date"} of a measurement that was begun at `time.perf_counter() == begun`."""
    return {
        "seconds": round(time.perf_counter() - begun, 1),
        "date": provenance.where()["date"],
    }
