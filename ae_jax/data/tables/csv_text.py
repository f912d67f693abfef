"""Files of comma-separated values -> `Cells`: divided into rows, with or without a header."""

import csv
import gzip
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ae_jax.data.tables import cells as table_cells
from ae_jax.data.tables.cells import NUMBER, Cells, shown
from ae_jax.errors import DataError

BOM = b"\xef\xbb\xbf"
BLOCK = 1 << 20  # bytes that are parsed at a time, but for rows that do not fit


def read(where: str, file: Path) -> Cells:
    """The cells of a file, all texts; blank lines are passed over.

    Raises:
      DataError: not text in UTF-8, or not of as many cells in each line; see `table.read`.
      OSError, csv.Error, ...: what unpacking and parsing make of a damaged file.
    """
    data = file.read_bytes()
    if file.name.lower().endswith(".gz"):
        data = gzip.decompress(data)
    data = data.removeprefix(BOM)
    if not data or data.isspace():
        raise DataError(f"{where}: an empty file")
    _refuse_other(where, data)
    mark = _delimiter(file.name, data)
    if data.count(b'"') % 2:
        _refuse_open_quote(where, data, mark)
    width = len(next(_records(data, mark))[1])
    columns = _parsed(where, data, mark, width)
    header = _names(where, columns)
    headed = header is not None
    columns = [column.slice(headed) for column in columns]
    named, n = header or tuple(map(str, range(width))), len(columns[0])
    kept = [i for i in range(width) if not _passed_over(where, i, named[i], columns[i])]

    def place(i: int) -> str:
        line = next(itertools.islice(_records(data, mark), i + headed, None), None)
        return f"line {line[0]}" if line else table_cells.row(i)

    names, columns = [named[i] for i in kept], [columns[i] for i in kept]
    return table_cells.made(where, names, columns, n, place)


def _refuse_other(where: str, data: bytes) -> None:
    """Refuses what is not text in UTF-8."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{where}: text in UTF-16; save it as UTF-8")
    if (at := data.find(b"\0")) >= 0:
        raise DataError(f"{where}: no text: byte {at} is zero; is it another kind of file?")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"line {line}: byte 0x{data[error.start]:02x} is no UTF-8"
        raise DataError(f"{where}: {what}; save the file as UTF-8") from None


def _delimiter(name: str, data: bytes) -> str:
    """A comma; where the first line has none, the semicolon or tab that it has."""
    if ".tsv" in name.lower()[-7:]:
        return "\t"
    line = data[:BLOCK].lstrip().split(b"\n", 1)[0]
    return next((mark for mark in ",;\t" if mark.encode() in line), ",")


def _records(data: bytes, mark: str, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """(the line it begins in, from 1, its cells) of each record that is not blank."""
    lines = io.TextIOWrapper(io.BytesIO(data), "utf-8", newline="")
    reader = csv.reader(lines, delimiter=mark, strict=strict)
    line = 1
    for record in reader:
        if record:
            yield line, record
        line = reader.line_num + 1


def _refuse_open_quote(where: str, data: bytes, mark: str) -> None:
    """Refuses a quote that is never closed, which would hide all that follows."""
    line = 1
    try:
        for record in _records(data, mark, strict=True):
            line = record[0]
    except csv.Error as error:
        if "end of data" in str(error) or "larger than" in str(error):
            where = f"{where}: below line {line}"
            raise DataError(f"{where}: a quote is opened and never closed") from None


def _parsed(where: str, data: bytes, mark: str, width: int) -> Sequence[Any]:
    """The columns, as pyarrow's texts."""
    import pyarrow as pa
    import pyarrow.csv

    names = list(map(str, range(width)))
    parse = pa.csv.ParseOptions(delimiter=mark, newlines_in_values=b'"' in data)
    convert = pa.csv.ConvertOptions(
        check_utf8=False,  # `_refuse_other` did
        column_types=dict.fromkeys(names, pa.string()),
        strings_can_be_null=False,
    )
    for block in (BLOCK, min(len(data) + 1, 2**31 - 1)):
        try:
            read = pa.csv.ReadOptions(column_names=names, block_size=block)
            return pa.csv.read_csv(pa.BufferReader(data), read, parse, convert).columns
        except pa.ArrowInvalid as error:
            why = error
    raise _ragged(where, data, mark, width) or why


def _ragged(where: str, data: bytes, mark: str, width: int) -> DataError | None:
    """Where a line has more or fewer cells than the first."""
    for line, record in _records(data, mark):
        if len(record) != width:
            has = f"{len(record)} cell{'s' * (len(record) != 1)}, but the first line {width}"
            return DataError(f"{where}: line {line}: has {has}; a quote or delimiter missing?")
    return None


def _names(where: str, columns: Sequence[Any]) -> tuple[str, ...] | None:
    """The first row, if it is a header; None: it is data."""
    first = [str(column[0]).strip() for column in columns]
    numbers = {cell for cell in first if re.match(NUMBER, cell)}
    if numbers and all(cell in table_cells.MISSING or cell in numbers for cell in first):
        return _of_numbers(where, first)
    for column, cell in zip(columns, first, strict=True):
        if cell in table_cells.MISSING or cell in numbers:
            continue
        if column.slice(1).index(column[0]).as_py() >= 0:
            raise DataError(
                f"{where}: line 1: {shown(cell)} stands below it, too: no header, or one twice\n"
                "write one line with the names of the columns at the top"
            )
    return tuple(first)


def _of_numbers(where: str, first: list[str]) -> tuple[str, ...] | None:
    """Numbers in the first row are data, but 0, 1, 2, ... are what pandas calls columns."""
    cells = first[1:] if len(first) > 1 and not first[0] else first
    if len(cells) > 2 and cells == list(map(str, range(len(cells)))):
        return tuple(first)
    whole = all(re.fullmatch("[0-9]{1,9}", cell) for cell in cells)
    consecutive = whole and _counts(np.array(cells, float) - float(cells[0]))
    if consecutive and (len(cells) > 1 or cells == ["0"]):
        raise DataError(
            f"{where}: line 1: {', '.join(cells[:4])}: names of columns, or the first row?\n"
            "write a line with names that are no numbers at the top"
        )
    return None


def _passed_over(where: str, i: int, name: str, column: Any) -> bool:
    """Whether a column without a name is empty, or is pandas' index: the first, counting rows."""
    if name:
        return False
    values, text = table_cells.parsed(table_cells.cleaned(column))
    empty = np.isnan(values).all() and not text.any()
    if empty or (i == 0 and values[0] in (0, 1) and _counts(values - values[0])):
        return True
    raise DataError(f"{where}: column {i + 1} has no name; write one in the first line")


def _counts(values: np.ndarray) -> bool:
    return np.array_equal(values, np.arange(len(values)))
