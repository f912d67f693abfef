"""Commands that measure for long: their flags, and a file that fills up seed by seed."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from absl import flags
from tqdm import tqdm

from ae_jax import json_file
from ae_jax.arrays import Dataset
from ae_jax.errors import ConfigError, DataError
from experiments import cli, provenance, workdir

Rows = dict[str, Any]


class Asked(NamedTuple):
    """What the flags ask for, and what the file has of it."""

    known: list[str]  # in the order of the file
    names: list[str]
    seeds: int
    dataset: Dataset
    file: Path
    rows: Rows


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
    rows = rows_of(file, F.data)  # before the data set, which may have to be downloaded
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise ConfigError(f"--json: {file}: cannot be written; is {file.parent} a folder of yours?")
    return Asked(list(known), names, F.seeds, data.load_data(F.data), file, rows)


def rows_of(file: Path, data: str) -> Rows:
    """What the file has, by name; nothing if it is not there.

    Raises:
      DataError: it was measured on another data set.
      CheckpointError: it is damaged.
    """
    if not file.exists():
        return {}
    found = json_file.read(file)
    rows: Rows = {r["name"]: r for r in found["rows"]} if "rows" in found else found
    for name, row in rows.items():
        if row.get("data") != data:
            other = f"{name} was measured on {row.get('data')}, not {data}"
            raise DataError(f"--json: {file}: {other}; name another file")
    return rows


def deviation(values: Sequence[float]) -> float:
    """The standard deviation of a sample, with n - 1; 0 of one value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def table(rows: Rows) -> dict[str, Any]:
    """{"date", "machine", "versions", "rows": [{"name", ...}]}."""
    listed = [{"name": name, **row} for name, row in rows.items()]
    return {**provenance.where(), "rows": listed}


def fill(
    a: Asked,
    todo: Sequence[tuple[str, ...]],
    measure: Callable[..., str | None],
    written: Callable[[Rows], dict[str, Any]] = table,
) -> None:
    """Calls `measure(rows, *each)` for each of `todo`, and writes the file after each.

    The first word of each is the row's name, the last the seed. `measure` puts its numbers into
    `rows` and answers with a line for the terminal, or with None where there was nothing to
    measure. A command that is ended goes on from the file.
    """
    new = 0
    with tqdm(todo, disable=None, dynamic_ncols=True) as bar:
        for each in bar:
            bar.set_description(f"{', '.join(each[:-1])}, seed {each[-1]}")
            line = measure(a.rows, *each)
            if line is not None:
                a.rows[each[0]]["data"] = a.dataset.name
                rows = {name: a.rows[name] for name in a.known if name in a.rows}
                workdir.write_json(a.file, written(rows))
                tqdm.write(line)
                new += 1
    print(f"{a.file}: {new} new, {len(todo) - new} as they were")
