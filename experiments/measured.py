"""A file of measurements that a long command fills, one training or application after the other."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ae_jax.errors import DataError
from experiments import provenance, workdir

Rows = dict[str, Any]


def rows_of(file: Path, data: str) -> Rows:
    """What the file has of a data set, by name; nothing if it is not there.

    Raises:
      DataError: it was measured on another data set.
    """
    if not file.exists():
        return {}
    found = json.loads(file.read_text())
    if found["data"] != data:
        raise DataError(f"--json: {file} was measured on {found['data']}, not {data}; name another")
    rows: Rows = found["rows"]
    return rows


def fill(
    file: Path,
    data: str,
    rows: Rows,
    order: Iterable[str],
    todo: Sequence[tuple[str, ...]],
    measure: Callable[..., str | None],
) -> None:
    """Calls `measure(rows, *each)` for each of `todo`, and writes `rows` after each.

    The last word of each is the seed. `measure` puts its numbers into `rows` and answers
    with a line for the terminal, or with None where there was nothing to measure. A command that is
    ended goes on from the file.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    new = 0
    with tqdm(todo, disable=None, dynamic_ncols=True) as bar:
        for each in bar:
            bar.set_description(f"{', '.join(each[:-1])}, seed {each[-1]}")
            line = measure(rows, *each)
            if line is not None:
                listed = {name: rows[name] for name in order if name in rows}
                workdir.write_json(file, {**provenance.where(), "data": data, "rows": listed})
                tqdm.write(line)
                new += 1
    print(f"{file}: {new} new, {len(todo) - new} as they were")
