"""Writes the numbers in the docstrings of the configs from the results files.

The text after the line `Measured:` of a docstring, up to the next empty line or the end, is
replaced by the numbers of the config and its variants in `FILES`.
"""

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ae_jax.errors import DataError
from ae_jax.files import json_file

from . import measured
from .measured import RUN, Row
from .published import ROWS
from .said import plus_minus, seeds_of, sentence

WIDTH = 100
BLOCK = re.compile(r"^Measured:\n.*?(?=^\n|^\"\"\")", re.DOTALL | re.MULTILINE)


def reproduced(row: Row) -> str:
    """A printed number beside ours."""
    where = f"{row['printed']} ({row['measure']}, {ROWS[row['name']].where})"
    return (
        f"`{row['config']}` (seeds: {seeds_of(row['ours'])}): published {where}, here "
        f"{plus_minus(row['ours'])}, {row['verdict']}."
    )


def default(row: Row) -> str:
    """A row of `experiments.defaults`.

    Raises:
      DataError: the config has changed since.
    """
    _check_same(row, "defaults", measured.fields_of(row["name"], {}))
    return sentence(row["name"], row)


def _check_same(row: Row, command: str, config: Mapping[str, Any]) -> None:
    """Whether the row was measured with this config.

    Raises:
      DataError: it was not.
    """
    protocol = {**row["measured"][RUN]["protocol"], "config": config}
    if changed := measured.changes(row, RUN, protocol):
        again = f"python -m experiments.{command} --only={row['name']}"
        what = f"{command}.json: {row['name']} was measured with another config"
        raise DataError(f"{what}: {changed[0]}; {again}")


def of_paper(row: Row) -> str:
    """A row of `experiments.literature`, some of which an older protocol has measured.

    Raises:
      DataError: the config has changed since, of the others.
    """
    if not row.get("older"):
        changes = {**row["changes"], "data.name": row["data"]}
        _check_same(row, "literature", measured.fields_of(row["config"], changes))
    said = sentence(row["name"], {**row, "mean": {k: row["mean"][k] for k in row["published"]}})
    return f"{said[:-1]}; by an older protocol." if row.get("older") else said


FILES: dict[str, Callable[[Row], str]] = {
    "reproduce.json": reproduced,
    "literature.json": of_paper,
    "defaults.json": default,
}


def sentences(config: str, results: Path) -> Iterator[str]:
    """What the files say of a config and its variants.

    Raises:
      DataError: a file is not there or of another form, or a config has changed.
      CheckpointError: a file is damaged.
    """
    for file, said in FILES.items():
        if not (results / file).is_file():
            raise DataError(f"{results / file}: not found; the docstrings of configs quote it")
        rows: list[Any] = json_file.read(results / file).get("rows", [])
        try:
            named = [(row, row.get("config", row["name"])) for row in rows]
            yield from (said(row) for row, name in named if name.partition(":")[0] == config)
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{results / file}: not in the expected form: {error!r}") from error


def filled(config: str, text: str, results: Path) -> str:
    """The text of a config's file with what is measured in its docstring.

    Raises:
      DataError: as `sentences`; or there is something to say, and no line `Measured:` for it.
    """
    lines = [textwrap.fill(said, WIDTH) for said in sentences(config, results)]
    if not BLOCK.search(text):
        if lines:
            raise DataError(
                f"configs/{config}.py: its docstring needs a line 'Measured:' at its end"
            )
        return text
    nothing = f"nothing yet; `python -m experiments.defaults --only={config}`."
    return BLOCK.sub(lambda _: "\n".join(["Measured:", *(lines or [nothing]), ""]), text, count=1)
