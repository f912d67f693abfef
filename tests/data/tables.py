"""Small tables as files, and what is asked of them."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ae_jax.data.tables import table
from ae_jax.data.tables.table import How
from ae_jax.errors import DataError

NAN = np.nan
MIXED = {  # text as a file has it: a number, a category, a boolean, a number with gaps
    "age": ["31", "4", "67", "25", "50", "18"],
    "job": ["nurse", "", "cook", "nurse", "cook", "nurse"],
    "paid": ["True", "False", "", "True", "True", "False"],
    "score": ["0.5", "NA", "-1e3", "", "nan", "7"],
}
MIXED_VALUES = [  # cook before nurse
    [31, 0, 1, 1, 0.5],
    [4, NAN, NAN, 0, NAN],
    [67, 1, 0, NAN, -1000],
    [25, 0, 1, 1, NAN],
    [50, 1, 0, 1, NAN],
    [18, 0, 1, 0, 7],
]


def typed():
    """`MIXED` with types, as Parquet has it."""
    return pa.table({
        "age": pa.array([31, 4, 67, 25, 50, 18], pa.int16()),
        "job": ["nurse", None, "cook", "nurse", "cook", "nurse"],
        "paid": [True, False, None, True, True, False],
        "score": [0.5, None, -1e3, NAN, None, 7],
    })  # fmt: skip


def csv_text(columns, mark=","):
    rows = zip(*columns.values(), strict=True)
    return "".join(mark.join(row) + "\n" for row in (columns, *rows))


def write(file, content):
    """A file of text, bytes, or pyarrow's table."""
    file.parent.mkdir(exist_ok=True)
    if isinstance(content, pa.Table):
        pq.write_table(content, file)
    else:
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def read(tmp_path, content, name="t.csv", like=None, **how):
    return table.read(write(tmp_path / name, content), How.of(**how), like)


def same(a, b):
    np.testing.assert_array_equal(a.values, b.values)
    assert a.values.dtype == b.values.dtype == np.float64
    assert a.columns == b.columns
    assert (a.labels is None) == (b.labels is None)
    assert a.labels is None or (a.labels.tolist(), a.labels.dtype) == (
        b.labels.tolist(), b.labels.dtype)  # fmt: skip


def refused(call, *said):
    """`call()` raises a DataError of at most three lines, which says all that is `said`."""
    with pytest.raises(DataError) as error:
        call()
    text = str(error.value)
    assert len(text.splitlines()) <= 3
    for words in said:
        assert words in text, text
    return text
