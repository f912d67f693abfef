"""Tables from outside -> `Cells`: files of comma-separated values, Parquet, and data frames."""

import csv
import gzip
import io
import itertools
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ae_jax.data import table_cells
from ae_jax.data.table_cells import NUMBER, Cells, shown
from ae_jax.errors import DataError

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
BOM = b"\xef\xbb\xbf"
BLOCK = 1 << 20  # bytes that are parsed at a time, but for rows that do not fit


def is_table(name: str) -> bool:
    """Whether a name is that of a table's file."""
    return name.lower().endswith(SUFFIXES)


def is_frame(value: object) -> bool:
    """Whether it is a data frame: of pandas, polars, or anything that speaks Arrow."""
    has = [hasattr(value, name) for name in ("iloc", "to_arrow", "__arrow_c_stream__")]
    return any(has) and not isinstance(value, type)


def of_file(path: str | os.PathLike[str]) -> Cells:
    """The cells of a file, which its suffix says how to read.

    Raises:
      DataError: as `table.read`.
    """
    file, where = Path(path).expanduser(), str(path)
    if not is_table(file.name):
        raise DataError(f"{where}: no table; its name must end in {', '.join(SUFFIXES)}")
    if file.is_dir():
        raise DataError(f"{where}: a folder; say the file in it")
    try:
        return (_parquet if file.name.lower().endswith(".parquet") else _csv)(where, file)
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{where}: no such file") from None
    except Exception as error:  # what damaged bytes lead to has no one kind
        raise DataError(f"{where}: cannot be read ({_why(error)})") from None


def of_frame(frame: Any, where: str = "frame") -> Cells:
    """The cells of a data frame; see `table.of_frame`."""
    import pyarrow as pa

    try:
        if hasattr(frame, "iloc"):
            frame = frame if hasattr(frame, "columns") else frame.to_frame()
            names = tuple(map(str, frame.columns))
            columns = [_of_pandas(frame.iloc[:, i]) for i in range(len(names))]
            return _made(where, names, columns, len(frame))
        table = frame.to_arrow() if hasattr(frame, "to_arrow") else pa.table(frame)
        table.validate(full=True)
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{where}: not a data frame that can be read ({_why(error)})") from None
    return _made(where, table.column_names, table.columns, table.num_rows)


def _of_pandas(series: Any) -> Any:
    """pyarrow's chunked array of a column; cells of several types become texts."""
    import pyarrow as pa

    try:
        made = pa.array(series, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):
        gaps = np.asarray(series.isna())
        cells = [None if gap else str(cell) for cell, gap in zip(series, gaps, strict=True)]
        made = pa.array(cells, pa.large_string())
    return made if isinstance(made, pa.ChunkedArray) else pa.chunked_array([made])


def _row(i: int) -> str:
    return f"row {i} (the first is 0)"


def _made(
    where: str,
    names: Sequence[str],
    columns: Sequence[Any],
    n: int,
    place: Callable[[int], str] = _row,
) -> Cells:
    """Cells that have rows, and columns of different names."""
    if not names:
        raise DataError(f"{where}: no columns")
    first: dict[str, int] = {}
    for i, name in enumerate(names, 1):
        if first.setdefault(name, i) < i:
            both = f"columns {first[name]} and {i}"
            raise DataError(f"{where}: {both} are both called {shown(name)}; rename one")
    if not n:
        raise DataError(f"{where}: no rows")
    return Cells(where, dict(zip(names, columns, strict=True)), n, place)


def _why(error: Exception) -> str:
    return " ".join(str(error).split())[:150] or type(error).__name__


def _parquet(where: str, file: Path) -> Cells:
    import pyarrow.parquet as pq

    with pq.ParquetFile(file, page_checksum_verification=True) as opened:
        table = opened.read()
    table.validate(full=True)
    index = (table.schema.pandas_metadata or {}).get("index_columns", [])
    kept = [i for i, name in enumerate(table.column_names) if name not in index]
    table = table.select(kept)
    return _made(where, table.column_names, table.columns, table.num_rows)


def _csv(where: str, file: Path) -> Cells:
    """Blank lines are passed over; all cells are texts."""
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
        return f"line {line[0]}" if line else _row(i)

    names, columns = [named[i] for i in kept], [columns[i] for i in kept]
    return _made(where, names, columns, n, place)


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
        if "end of data" in str(error):
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
    whole = all(re.fullmatch("[0-9]+", cell) for cell in cells)
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
