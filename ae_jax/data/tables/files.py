"""Tables from outside -> `Cells`: files, by their suffix, and data frames."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from ae_jax import extras
from ae_jax.data.tables import cells as table_cells
from ae_jax.data.tables import csv_text as table_csv
from ae_jax.data.tables.cells import ALLOWED, Cells, shown
from ae_jax.errors import DataError

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
TEXTS = str | int | float | np.integer | np.floating | np.bool_ | Decimal  # cells of objects


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
    extras.need(f"{where}: a table", extras.TABLES, "tables", DataError)
    try:
        return (_parquet if file.name.lower().endswith(".parquet") else table_csv.read)(where, file)
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{where}: no such file") from None
    except Exception as error:  # what damaged bytes lead to has no one kind
        raise DataError(f"{where}: cannot be read ({_why(error)})") from None


def of_frame(frame: Any, where: str = "frame") -> Cells:
    """The cells of a data frame; see `table.of_frame`."""
    extras.need(f"{where}: a table", extras.TABLES, "tables", DataError)
    import pyarrow as pa

    try:
        if hasattr(frame, "iloc"):
            frame = frame if hasattr(frame, "columns") else frame.to_frame()
            names = tuple(map(str, frame.columns))
            columns = [_of_pandas(name, frame.iloc[:, i]) for i, name in enumerate(names)]
            return table_cells.made(where, names, columns, len(frame))
        table = frame.to_arrow() if hasattr(frame, "to_arrow") else pa.table(frame)
        if not isinstance(table, pa.Table):
            raise TypeError("it has one column without a name")
        table.validate(full=True)
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{where}: not a data frame that can be read ({_why(error)})") from None
    return table_cells.made(where, table.column_names, table.columns, table.num_rows)


def _of_pandas(name: str, series: Any) -> Any:
    """pyarrow's chunked array of a column; cells of several types become texts."""
    import pyarrow as pa

    try:
        made = pa.array(series, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):
        cells = [None if gap else cell for cell, gap in zip(series, series.isna(), strict=True)]
        for cell in cells:
            if not isinstance(cell, TEXTS | None):
                raise TypeError(f"column {shown(name)}: {type(cell).__name__}; {ALLOWED}") from None
        texts = [None if cell is None else str(cell) for cell in cells]
        made = pa.array(texts, pa.large_string())
    return made if isinstance(made, pa.ChunkedArray) else pa.chunked_array([made])


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
    return table_cells.made(where, table.column_names, table.columns, table.num_rows)
