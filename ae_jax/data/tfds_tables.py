"""TFDS data sets without images as tables: the entries of an example are the cells of a row.

A number, a boolean, a class or a text is a column, called 'a/b' where dicts stand in dicts. A
vector 'x' [d] is the d columns x_0 ... x_(d-1). Columns stand in the order of the entries' names.
What they are is inferred as of a data frame, but for classes, which are categories.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ae_jax.data import tfds_builders
from ae_jax.data.tables import table
from ae_jax.data.tables.cells import shown
from ae_jax.data.tables.table import REST, How, Table
from ae_jax.data.tfds_builders import SUPPORTED, Described, Entry
from ae_jax.errors import DataError

TEXT = "OSU"  # kinds of NumPy's types


def check(described: Described, how: How) -> None:
    """Refuses a set of which something is asked for that is no column.

    Raises:
      DataError: names it, and says what is supported.
    """
    named = _names(how.columns)
    all_others = how.columns is None or REST in how.columns
    for entry in described.entries:
        name = entry.name
        wanted = name in named or name == how.label or (all_others and name not in how.drop)
        if wanted and not _is_column(entry):
            why = f"no 'image', and {shown(name)} is no column: {entry.text}"
            others = any(map(_is_column, described.entries))
            mend = f"\nleave it out with data.drop={shown(name)}" if others else ""
            raise DataError(f"{described.folder}: {why}\n{SUPPORTED}{mend}")


def read(
    name: str, described: Described, how: How
) -> tuple[dict[str, Table], tuple[str, ...] | None]:
    """('train', and 'test' where there is one -> their tables; names of the classes or None).

    Labels are what TFDS predicts, where this is no number with a fraction, and `how` neither has
    another label nor names it. Those of a ClassLabel are its numbers, and their names are returned.
    A class of -1 is not observed. Test is unlabeled where it has no label at all.

    Args:
      name: of the set, for messages.
      described: as `check` accepts it.
      how: which columns, and what they are.

    Raises:
      DataError: errors of `table.of_frame`; damaged records.
    """
    how = how._replace(label=_label(described, how))
    parts: dict[str, Table] = {}
    for part in ("train", "test"):
        if part in described.splits:
            frame = _frame(described, part, how)
            like = parts["train"].columns if parts else None
            parts[part] = table.of_frame(frame, how, like, f"{name}: {part}")
    classes = next((e.classes for e in described.entries if e.name == how.label), None)
    numbered = classes == tuple(map(str, range(len(classes or ()))))  # a label is its own name
    return parts, None if numbered else classes


def _names(columns: Sequence[str] | None) -> set[str]:
    """The columns that 'name' or 'name:kind' may mean."""
    return {name for item in columns or () for name in (item, item.rpartition(":")[0])}


def _is_column(entry: Entry) -> bool:
    """Whether it is one column, or several."""
    if entry.shape is None or entry.dtype is None:
        return False
    text = entry.shape == () and entry.dtype.kind in TEXT
    number = entry.dtype.kind in "biuf" or entry.dtype.name == "bfloat16"
    return text or (number and len(entry.shape) <= 1)


def _label(described: Described, how: How) -> str | None:
    """The column of labels."""
    if how.label is not None or described.label in {*how.drop, *_names(how.columns)}:
        return how.label
    for entry in described.entries:
        if entry.name == described.label and entry.shape == () and entry.dtype is not None:
            return entry.name if entry.dtype.kind in f"biu{TEXT}" else None
    return None


def _frame(described: Described, part: str, how: How) -> Any:
    """pyarrow's table of a split; of what is dropped and no column, an empty one."""
    import pyarrow as pa

    entries = [entry for entry in described.entries if _is_column(entry)]
    found = tfds_builders.read_entries(described.folder, part, [e.keys for e in entries])
    names: list[str] = []
    columns: list[Any] = []
    for entry in entries:
        for name, column in _columns(entry, found[entry.keys], how.label):
            if part == "train" or name != how.label or column.null_count < len(column):
                names.append(name)
                columns.append(column)
    n = len(columns[0]) if columns else 0
    others = [e.name for e in described.entries if e not in entries and e.name in how.drop]
    return pa.table([*columns, *(pa.nulls(n) for _ in others)], names=[*names, *others])


def _columns(entry: Entry, values: list[Any], label: str | None) -> Iterator[tuple[str, Any]]:
    """(name, pyarrow's array) of each column of an entry; `label`: the column of labels."""
    assert entry.shape is not None and entry.dtype is not None
    if entry.dtype.kind in TEXT:
        yield entry.name, _texts(values)
        return
    missing = np.array([value is None for value in values], bool)
    filled = [np.zeros(entry.shape, entry.dtype) if v is None else v for v in values]
    x = np.array(filled, entry.dtype).reshape(len(values), *entry.shape)
    vector = {f"{entry.name}_{i}": column for i, column in enumerate(x.T)} if entry.shape else None
    for name, column in (vector or {entry.name: x}).items():
        yield name, _cells(entry, column, missing, name == label)


def _cells(entry: Entry, x: np.ndarray, missing: np.ndarray, is_label: bool) -> Any:
    """pyarrow's array of numbers or booleans [n]; of classes their names, as a label numbers."""
    import pyarrow as pa

    if entry.classes is not None:
        missing = missing | (x < 0)
        if not is_label:
            codes = pa.array(x.astype(np.int32), mask=missing)
            return pa.DictionaryArray.from_arrays(codes, pa.array(entry.classes))
    return pa.array(x.astype(bool if x.dtype == bool else np.float64), mask=missing)


def _texts(values: list[Any]) -> Any:
    """pyarrow's array of texts; of bytes, which no column can be, where some are no UTF-8."""
    import pyarrow as pa

    cells = pa.array(values, pa.large_binary())
    try:
        return cells.cast(pa.large_string())
    except pa.ArrowInvalid:
        return cells
