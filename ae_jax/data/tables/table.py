"""Tables: columns of numbers, booleans and categories, out of files and data frames.

What a column is, is inferred from its cells: numbers, also whole ones, are numbers; true and false
are booleans; text of few different values is a category. `How.columns` says otherwise.
"""

import difflib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ae_jax.data.folders.listing import PARTS
from ae_jax.data.tables import columns as table_columns
from ae_jax.data.tables import files as table_files
from ae_jax.data.tables.cells import Cells, shown
from ae_jax.data.tables.files import is_frame, is_table
from ae_jax.errors import DataError
from ae_jax.inputs.examples import Column

__all__ = ["How", "Table", "describe", "is_frame", "is_parts", "is_table"]
__all__ += ["of_frame", "read", "read_parts"]

REST = "*"  # among `How.columns`: all the others


class Table(NamedTuple):
    """Rows, and what their channels are.

    Attributes:
      values: float64 [n, D], NaN where not observed. A number is one channel, a boolean one of 0
        and 1, a category one of 0 and 1 for each of its categories, of which all are NaN where it
        is not observed.
      columns: in the order of the channels; their widths sum to D.
      labels: [n] as `labels.raw` takes them, int64 >= 0 or text; None: no column was said.
    """

    values: np.ndarray
    columns: tuple[Column, ...]
    labels: np.ndarray | None = None


class How(NamedTuple):
    """Which columns of a table to use, the options of `load_data` of these names.

    Attributes:
      columns: in this order; None: all. 'job' is the column of this name, and 'job:category' says
        what it is: a number, a boolean or a category. '*' stands for all that are not said, so
        ('job:category', '*') changes one and keeps the others.
      label: the column of labels, which is no input; None: there is none.
      drop: columns that are left out.
    """

    columns: tuple[str, ...] | None = None
    label: str | None = None
    drop: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        columns: str | Sequence[str] | None = None,
        label: str | None = None,
        drop: str | Sequence[str] = (),
    ) -> "How":
        """As a config and the command line say it: texts are lists with commas, 'age,job,*'."""
        return cls(None if columns is None else _listed(columns), label or None, _listed(drop))


def _listed(value: str | Sequence[str]) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value
    return tuple(name.strip() for name in names if name.strip())


ALL = How()


def read(
    path: str | os.PathLike[str], how: How = ALL, like: Sequence[Column] | None = None
) -> Table:
    """The table in a file: `.csv`, `.tsv` (both also with `.gz` behind) or `.parquet`.

    CSV is text in UTF-8 with a header. Without commas in the first line, semicolons or tabs divide
    cells. A first row of numbers alone is data, and the columns are called 0, 1, .... Blank lines
    are passed over, and so is an index that pandas wrote. Missing is what pandas takes for it: an
    empty cell, NA, NaN, null and the like. A column that is missing entirely is a number.

    Args:
      path: the file.
      how: which columns, and what they are.
      like: the columns of another table; these are read, as the kinds and categories that they
        have there, and others passed over. Labels are None where there is no column of them.

    Raises:
      DataError: no file or a damaged one, no rows or columns, columns of one name or none, lines of
        different length; a cell that is no number or infinite in a column of numbers (names column,
        line and cell); a column of dates, or of text that is no category; a column that is said
        but absent, or said twice; with `like`, a category that it has not.
    """
    return _table(table_files.of_file(path), how, like)


def of_frame(
    frame: Any, how: How = ALL, like: Sequence[Column] | None = None, where: str = "frame"
) -> Table:
    """The table in a data frame of pandas or polars, or in a table of pyarrow; else as `read`.

    An index of pandas is no column. A categorical column is a category, of the values that occur.
    """
    return _table(table_files.of_frame(frame, where), how, like)


def _table(cells: Cells, how: How, like: Sequence[Column] | None) -> Table:
    if like is None:
        chosen, known = _chosen(cells, how), {}
    else:
        chosen, known = dict.fromkeys(column.name for column in like), {c.name: c for c in like}
        for name in chosen:
            _refuse_absent(cells, "column", name)
        how = how._replace(label=how.label if how.label in cells.columns else None)
    labels = None if how.label is None else table_columns.labels(cells, how.label)
    made = [table_columns.encoded(cells, name, chosen[name], known.get(name)) for name in chosen]
    values = np.concatenate([channels for _, channels in made], axis=1)
    return Table(values, tuple(column for column, _ in made), labels)


def _chosen(cells: Cells, how: How) -> dict[str, str | None]:
    """Column -> the kind it is said to be, or None, in order."""
    where, out = cells.where, {*how.drop} | ({how.label} if how.label else set())
    if how.label is not None:
        _refuse_absent(cells, "data.label", how.label)
    for name in how.drop:
        _refuse_absent(cells, "data.drop", name)
    _refuse_twice(where, "data.drop", how.drop)
    if how.label in how.drop:
        raise DataError(f"{where}: data.drop: {shown(str(how.label))} is data.label")
    said = [_said(cells, item) for item in how.columns or (REST,)]
    _refuse_twice(where, "data.columns", [name for name, _ in said])
    for name, _ in said:
        if name in out:
            field = "data.label" if name == how.label else "in data.drop"
            raise DataError(f"{where}: data.columns: {shown(name)} is {field}, too")
    out |= {name for name, _ in said}
    rest = [(name, None) for name in cells.columns if name not in out]
    chosen = dict(pair for item in said for pair in (rest if item[0] == REST else [item]))
    if not chosen:
        raise DataError(f"{where}: data.columns, data.label and data.drop leave no column")
    return chosen


def _said(cells: Cells, item: str) -> tuple[str, str | None]:
    """(column, kind or None) of 'name' or 'name:kind'; a column may be called so, too."""
    name, colon, kind = item.rpartition(":")
    if item in cells.columns or item == REST or not colon:
        name, kind = item, ""
    if item != REST:
        _refuse_absent(cells, "data.columns", name)
    if name != item and kind not in table_columns.KINDS:
        kinds = ", ".join(f"{shown(name + ':' + kind)}" for kind in table_columns.KINDS)
        raise DataError(f"{cells.where}: data.columns: {shown(item)}; must be one of {kinds}")
    return name, kind or None


def _refuse_absent(cells: Cells, field: str, name: str) -> None:
    if name in cells.columns:
        return
    names = list(cells.columns)
    near = difflib.get_close_matches(name, names, n=1)
    known = ", ".join(shown(known) for known in names[:8])
    hint = f"did you mean {shown(near[0])}?" if near else f"there are {known}"
    more = ", ..." if not near and len(names) > 8 else ""
    raise DataError(f"{cells.where}: {field}: no column {shown(name)}; {hint}{more}")


def _refuse_twice(where: str, field: str, names: Sequence[str]) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            raise DataError(f"{where}: {field}: {shown(name)} stands there twice")


def is_parts(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder has a table `train` for `read_parts`, and no folder of this name."""
    root = Path(folder).expanduser()
    return bool(_files(root, "train")) and not (root / "train").is_dir()


def read_parts(folder: str | os.PathLike[str], how: How = ALL) -> dict[str, Table]:
    """'train', and 'valid' and 'test' where they are there -> their tables.

    They are the files train, valid (or val) and test of a folder, with suffixes as in `read`. All
    have the columns of train, of the same kinds and categories, in whatever order they stand in the
    file; further ones are passed over. Valid and test may be without the column of labels.

    Raises:
      DataError: as `read`; no train, two files of one part, a column or category of train absent.
    """
    root = Path(folder).expanduser()
    found: dict[str, Path] = {}
    for stem, part in PARTS.items():
        for file in _files(root, stem):
            if part in found:
                raise DataError(f"{folder}: has {found[part].name} and {file.name}; one must go")
            found[part] = file
    if "train" not in found:
        has = f"has {', '.join(file.name for file in found.values())}, but no" if found else "no"
        raise DataError(f"{folder}: {has} train.csv or train.parquet")
    made = {"train": read(found.pop("train"), how)}
    for part, file in found.items():
        made[part] = read(file, how, made["train"].columns)
    return made


def _files(root: Path, stem: str) -> list[Path]:
    """The tables of that name in a folder."""
    try:
        names = [stem + suffix for suffix in table_files.SUFFIXES]
        return sorted(file for file in root.iterdir() if file.name.lower() in names)
    except OSError:
        return []


def describe(table: Table) -> str:
    """One line: how many columns of which kinds, and how much is missing.

    '4 columns: 2 numbers, 1 category (job: 4), 1 boolean; 3.1 % of entries missing'
    """
    kinds = [column.kind for column in table.columns]
    categories = [f"{c.name}: {c.width}" for c in table.columns if c.kind == "category"]
    listed = f" ({', '.join(categories[:8])}{', ...' if len(categories) > 8 else ''})"
    said = [
        _counted(kinds.count("number"), "number", "numbers"),
        _counted(len(categories), "category", "categories") + listed,
        _counted(kinds.count("boolean"), "boolean", "booleans"),
    ]
    first = np.cumsum([0, *(column.width for column in table.columns[:-1])])
    missing = np.isnan(table.values[:, first]).mean()  # a category is missing once, not k times
    share = f"{100 * missing:.2g} % of entries" if missing else "nothing"
    columns = _counted(len(kinds), "column", "columns")
    return f"{columns}: {_joined(said)}; {share} missing"


def _counted(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


def _joined(said: Iterable[str]) -> str:
    return ", ".join(item for item in said if not item.startswith("0 "))
