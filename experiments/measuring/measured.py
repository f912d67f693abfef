"""Long measurements: their flags, and a file that grows seed by seed.

A row of the file has, besides what the command adds,

    "measured": {kind: {"protocol": {...}, "by_seed": {seed: numbers}}}

The protocol is everything but the code that the numbers depend on: the config ("config", its fields
by their dotted names) and the method of measurement. Numbers of another protocol are discarded.
Several commands with other rows or kinds may fill one file at the same time: each reads it again
before it writes.
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

from ae_jax.errors import AeJaxError, CheckpointError, ConfigError, DataError
from ae_jax.files import json_file
from ae_jax.resolve import config as config_lib

from .. import cli
from . import provenance

Row = dict[str, Any]
BySeed = dict[str, dict[str, Any]]
AND = " and "  # between the processors of a file
RUN = "run"
# Of a config's fields these change no number.
FREE = ("name", *(field for field in config_lib.MAY_CHANGE if field != "train.epochs"))


class Task(NamedTuple):
    """One measurement."""

    row: str
    kind: str  # of several that a row has; RUN where it has one
    seed: int


class Measurement(NamedTuple):
    """What a command measures."""

    protocol: Callable[[Task], dict[str, Any]]  # what has to be the same for numbers to count
    take: Callable[[Task], dict[str, Any] | None]  # the numbers; None where there are none
    row: Callable[[str, dict[str, BySeed]], Row]  # (name, numbers by kind) -> what the row says
    said: Callable[[Task, Row], str]  # for the terminal
    kinds: tuple[str, ...] = (RUN,)
    keyed: bool = False  # whether the file is an object of rows by name, or has them in a list


class Asked(NamedTuple):
    """What the flags ask for."""

    known: list[str]  # in the order of the file
    names: list[str]
    seeds: int
    dataset: Any  # a `Dataset`, or whatever `asked` was told to load; its `name` is in the file
    file: Path


def define_flags(file: str, data: str = "mnist") -> None:
    """--only, --seeds, --data, --json. Not on import: other commands have flags of these names."""
    flags.DEFINE_list("only", None, "Names, separated by commas; default all.")
    flags.DEFINE_integer(
        "seeds",
        3,
        "Number of seeds, from 0; others in the file stay while the protocol does.",
    )
    flags.DEFINE_string("data", data, "The data set.")
    cli.define_path("json", f"experiments/results/{file}", "The file to write.")


def asked(known: Iterable[str], what: str, load_data: Callable[[str], Any] | None = None) -> Asked:
    """The flags, checked, and the data set, which `load_data` loads unless it is an `ae_jax` one.

    Raises:
      ConfigError: a name that is not `known`, no seed, a file that cannot be written.
      DataError: the file is of another command or data set, or there is no such set.
      CheckpointError: the file is damaged.
    """
    from ae_jax.data import load

    F = flags.FLAGS
    known = list(known)
    names = cli.chosen(known, what)
    if F.seeds < 1:
        raise ConfigError(f"--seeds: must be at least 1, not {F.seeds}")
    file = Path(F.json)
    rows = rows_of(file, F.data)  # before the data set, which may have to be downloaded
    if others := [name for name in rows if name not in known]:
        raise DataError(f"--json: {file}: has {others[0]}, which is no {what}; name another file")
    if not os.access(file.parent, os.W_OK) or (file.exists() and not os.access(file, os.W_OK)):
        raise ConfigError(f"--json: {file}: cannot be written; is {file.parent} a folder of yours?")
    try:
        with alone(file):
            pass
    except OSError as error:  # some file systems have no locks
        raise ConfigError(f"--json: {file.parent}: cannot be locked: {error.strerror}") from error
    return Asked(known, names, F.seeds, (load_data or load.load_data)(F.data), file)


def rows_of(file: Path, data: str) -> dict[str, Row]:
    """What the file has, by name; nothing if it is not there.

    Raises:
      DataError: it was measured on another data set, or holds no measurements.
      CheckpointError: it is damaged.
    """
    if not file.exists():
        return {}
    found = json_file.read(file)
    try:
        rows: dict[str, Row] = {r["name"]: r for r in found["rows"]} if "rows" in found else found
        of = {name: (row["data"], row["measured"])[0] for name, row in rows.items()}
    except (KeyError, TypeError) as error:
        raise DataError(f"--json: {file}: has no measurements in this form ({error})") from error
    for name, other in of.items():
        if other != data:
            other = f"{name} was measured on {other}, not {data}"
            raise DataError(f"--json: {file}: {other}; name another file")
    return rows


def fill(a: Asked, tasks: Sequence[Task], m: Measurement) -> None:
    """Takes every measurement that the file has not, and writes the file after each.

    A command that is ended goes on from the file.

    Raises:
      CheckpointError: the file cannot be read or written any more; the message has the numbers.
    """
    count = {"new": 0, "as they were": 0, "skipped": 0}
    with tqdm(tasks, disable=None, dynamic_ncols=True) as bar:
        for task in bar:
            words = task.row if task.kind == RUN else f"{task.row}, {task.kind}"
            bar.set_description(f"{words}, seed {task.seed}")
            protocol = m.protocol(task)
            row = rows_of(a.file, a.dataset.name).get(task.row, {})
            if str(task.seed) in by_seed(row, task.kind, protocol):
                count["as they were"] += 1
                continue
            numbers = m.take(task)
            if numbers is None:
                count["skipped"] += 1
                continue
            try:
                said = _write(a, m, task, protocol, numbers)
            except (AeJaxError, OSError) as error:
                raise CheckpointError(f"{error}\n{words}: {json.dumps(numbers)}") from error
            tqdm.write("\n".join(said))
            count["new"] += 1
    print(f"{a.file}: " + ", ".join(f"{n} {what}" for what, n in count.items() if n))


def _write(
    a: Asked, m: Measurement, task: Task, protocol: dict[str, Any], numbers: dict[str, Any]
) -> list[str]:
    """One more measurement in the file; what there is to say."""
    with alone(a.file):
        rows = rows_of(a.file, a.dataset.name)
        old = rows.get(task.row, {})
        row = recorded(m, old, task, protocol, numbers)
        rows[task.row] = {**row, "data": a.dataset.name}
        ordered = {name: rows[name] for name in a.known if name in rows}
        json_file.write(a.file, ordered if m.keyed else listed(ordered, a.file))
    changed = [f"{task.row}: measured again, {c}" for c in changes(old, task.kind, protocol)]
    return [*changed, m.said(task, row)]


def recorded(
    m: Measurement, row: Row, task: Task, protocol: Mapping[str, Any], numbers: Mapping[str, Any]
) -> Row:
    """The row with one more measurement, without those of the same kind and another protocol.

    Those of another kind and another protocol stay, but the row says nothing of them.
    """
    found = {**by_seed(row, task.kind, protocol), str(task.seed): dict(numbers)}
    in_order = {seed: found[seed] for seed in sorted(found, key=int)}
    mine = {"protocol": as_json(protocol), "by_seed": in_order}
    new = {"measured": {**row.get("measured", {}), task.kind: mine}}
    counted = {kind: by_seed(new, kind, m.protocol(task._replace(kind=kind))) for kind in m.kinds}
    return {**m.row(task.row, {kind: found for kind, found in counted.items() if found}), **new}


def by_seed(row: Row, kind: str, protocol: Mapping[str, Any]) -> BySeed:
    """What a row has of a kind, if it was measured by this protocol."""
    if kind not in row.get("measured", {}) or changes(row, kind, protocol):
        return {}
    return row["measured"][kind]["by_seed"]


def changes(row: Row, kind: str, protocol: Mapping[str, Any]) -> list[str]:
    """'field: old -> new' for what the protocol of a row's numbers says otherwise.

    Configs are compared as they are resolved now: a field that is written out, though it has its
    default, is no change, nor is a field that there was not.
    """
    if kind not in row.get("measured", {}):
        return []
    old, new = as_json(row["measured"][kind]["protocol"]), as_json(protocol)
    try:
        was, now = (config_lib.resolve(config_lib.nested(p.pop("config", {}))) for p in (old, new))
    except AeJaxError as error:  # of a field or a choice that is no more
        return [f"config: {str(error).splitlines()[0]}"]
    return [*config_lib.changes(was, now, FREE), *config_lib.changes(old, new, free=())]


def fields_of(config: str, more: Mapping[str, Any], named: bool = True) -> dict[str, Any]:
    """{'train.epochs': 20, ...}: what a config file sets, with `more` over it.

    `named`: the data set's name counts; not so where the rows are of other data sets.
    """
    merged = config_lib.merge(config_lib.read(config), config_lib.nested(more))
    left_out = ("name",) if named else ("name", "data.name")
    return {field: value for field, value in config_lib.flat(merged) if field not in left_out}


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


def listed(rows: Mapping[str, Row], file: Path) -> dict[str, Any]:
    """{"date", "machine", "versions", "rows": [{"name", ...}]}.

    The processor is this one, beside those that the `file` names where there is one already.
    """
    here = provenance.where()
    found = json_file.read(file) if file.exists() else {}
    known = found.get("machine", {}).get("cpu", here["machine"]["cpu"]).split(AND)
    here["machine"]["cpu"] = AND.join(dict.fromkeys((*known, here["machine"]["cpu"])))
    return {**here, "rows": [{"name": name, **row} for name, row in rows.items()]}


def timed(begun: float) -> dict[str, Any]:
    """{"seconds", "date"} of a measurement that was begun at `time.perf_counter() == begun`."""
    return {
        "seconds": round(time.perf_counter() - begun, 1),
        "date": provenance.where()["date"],
    }
