"""What is wrong with a table is said in at most three lines, and nothing else is raised."""

import datetime
import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ae_jax.data.tables import table
from ae_jax.data.tables.table import How
from ae_jax.errors import DataError
from tests.data.tables import MIXED, csv_text, read, refused, typed, write

MANY = "\n".join(f"{i},name {i}" for i in range(100))


@pytest.mark.parametrize(
    "text, said",
    [
        ("", ["an empty file"]),
        (" \n\n", ["an empty file"]),
        ("a,b\n", ["no rows"]),
        ("a,b,a\n1,2,3\n", ["columns 1 and 3", "'a'", "rename"]),
        ("a,,c\n1,2,3\n", ["column 2 has no name"]),
        ("a,,c\n1,x,3\n", ["column 2 has no name"]),
        ("a,b\n1,2\n\n3\n", ["line 4", "1 cell,", "first line 2"]),
        ("a,b\n1,2\n3,4,5\n", ["line 3", "3 cells"]),
        ('a,b\n"1,2\n3,4\n', ["line 1", "never closed"]),
        ("a,b\n1,2\n3,inf\n", ["column 'b', line 3", "'inf' is infinite"]),
        ("a,b\n1,2\n3,-1e999\n", ["column 'b', line 3", "'-1e999' is infinite"]),
        ("a,b\n1,2\n\n3,n/a?\n4,5\n", ["column 'b', line 4", "'n/a?'", "b:category,*"]),
        ('a,b\n"1\n",2\n3,x\n4,5\n', ["column 'b', line 4", "'x'"]),
        ("a,b\n1,2\n+3,x\n4,5\n+3,x\n7,8\n8,9\n", ["line 3: 'x' is no number, nor are others (1)"]),
        ("a;b\n1;2\n3;12,5\n", ["column 'b', line 3", "'12,5'", "no comma: 12.5, which"]),
        ("a;b\n1;1.002,25\n3;12,5\n", ["column 'b', line 2", "comma: 1002.25"]),
        ("a,when\n1,2024-01-31\n2,2024-02-01\n", ["'when'", "dates", "data.drop='when'"]),
        ("a,when\n" + "1,31.12.2024\n" * 9, ["'when'", "dates", "31.12.2024"]),
        ('a,b\n"1,000",2\n"2,500",3\n', ["'1,000'", "comma: 1000, or", "1.000"]),
        ("a,b\n1,x\n2,x\n" + "3,x\n" * 9 + '4,"x\n' + "5,x\n" * 9, ["line 12", "never closed"]),
        ("a,b\n1,x\n" + '4,"x\n' + "5,x\n" * 50_000, ["line 2", "never closed"]),
        ("a,b\n" + "1,x\n" * 9 + '2,"x\n' * 2, ["'b', line 11", "several lines; is a quote"]),
        (f"a,b\n{MANY}\n", ["'b'", "100 different texts in 100 rows", "data.drop='b'", "b:cat"]),
        ("a,b\n1,x\n2,y\n3,y\n", ["2 different texts in 3 rows"]),
        ("5.1,3.5,setosa\n4.9,3,setosa\n", ["line 1", "'setosa'", "no header"]),
        ("a,b\n1,2\na,b\n3,4\n", ["line 1", "'a'", "one twice"]),
        ("2019,2020\n1.5,2.5\n", ["line 1: 2019, 2020", "names"]),
        ("0,1\n1.5,2.5\n", ["line 1: 0, 1"]),
        ("9" * 400 + ",1\n2,3\n", ["'0', line 1", "infinite"]),
        ("0\n1\n", ["line 1: 0: names"]),
        ("a,b\n1,\0\n", ["byte 6 is zero"]),
        (b"a,b\n1,2\n3,\xe9\n", ["line 3", "0xe9", "UTF-8"]),
        ("a,b\n1,é\n".encode("utf-16"), ["UTF-16"]),
        (b"\x89PNG\r\n\x1a\n\x00\x00", ["no text"]),
        ("a\n" + "x" * 200_000 + "\n", ["1 different text"]),
    ],
)  # fmt: skip
def test_files(text, said, tmp_path):
    refused(lambda: read(tmp_path, text), "t.csv: ", *said)


@pytest.mark.parametrize(
    "how, said",
    [
        ({"label": "scor"}, ["data.label", "'scor'", "did you mean 'score'?"]),
        ({"drop": "x"}, ["data.drop", "'x'", "there are 'age', 'job'"]),
        ({"drop": "age,job,age"}, ["data.drop", "'age'", "twice"]),
        ({"drop": "age,job", "label": "age"}, ["data.drop", "'age' is data.label"]),
        ({"drop": "age,job,paid,score"}, ["leave no column"]),
        ({"columns": "age,jobb"}, ["data.columns", "did you mean 'job'?"]),
        ({"columns": "age,age:number"}, ["data.columns", "twice"]),
        ({"columns": "*,age,*"}, ["'*'", "twice"]),
        ({"columns": "age", "drop": "age"}, ["'age' is in data.drop, too"]),
        ({"columns": "age,score", "label": "age"}, ["'age' is data.label, too"]),
        ({"columns": "job:cat"}, ["'job:cat'", "'job:category'"]),
        ({"columns": "*:category"}, ["no column '*'"]),
        ({"columns": "job:number"}, ["'job', line 2", "'nurse'"]),
        ({"columns": "score:boolean"}, ["'score', line 2", "'0.5' is no boolean"]),
        ({"label": "score"}, ["'score', line 3: no label"]),
    ],
)
def test_what_is_asked(how, said, tmp_path):
    refused(lambda: read(tmp_path, csv_text(MIXED), **how), "t.csv: ", *said)


def test_labels_with_a_fraction(tmp_path):
    refused(lambda: read(tmp_path, "x,y\n1,2\n2,0.5\n", label="y"), "'y', line 3", "0.5", "whole")


def test_paths(tmp_path):
    (tmp_path / "d.csv").mkdir()
    refused(lambda: table.read(tmp_path / "d.csv"), "a folder")
    refused(lambda: table.read(tmp_path / "no.csv"), "no such file")
    refused(lambda: table.read(tmp_path / "no.xlsx"), "must end in .csv")
    refused(lambda: read(tmp_path, "a\n1\n", "t.csv.gz"), "cannot be read")
    whole = write(tmp_path / "t.parquet", typed()).read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"PAR1", b"a,b\n1,2\n"):
        refused(lambda bad=damaged: read(tmp_path, bad, "bad.parquet"), "cannot be read")


def test_parquet_and_frames(tmp_path):
    day = datetime.date(2024, 1, 31)
    for columns, said in (
        ({"x": [day]}, ["'x'", "date32", "data.drop='x'"]),
        ({"x": pa.array([1], pa.timestamp("ms"))}, ["timestamp[ms]", "days since"]),
        ({"x": [[1, 2]]}, ["list<", "must be numbers"]),
        ({"x": [b"1"]}, ["binary"]),
        ({"x": [1.0, np.inf]}, ["row 1 (", "'inf' is infinite"]),
        ({"x": pa.array([], pa.int8())}, ["no rows"]),
        ({}, ["no columns"]),
    ):
        refused(lambda c=columns: read(tmp_path, pa.table(c), "t.parquet"), "t.parquet: ", *said)
        refused(lambda c=columns: table.of_frame(pa.table(c)), "frame: ", *said)
    frame = pd.DataFrame({"x": [1, 2.5, "n/a?", None], "y": range(4)})
    refused(lambda: table.of_frame(frame), "'x', row 2 (the first is 0): 'n/a?'")
    refused(lambda: table.of_frame(pd.DataFrame([[1, 2]], columns=["a", "a"])), "both called 'a'")
    refused(lambda: table.of_frame(pd.DataFrame({"t": pd.to_datetime(["2024-01-31"])})), "dates")
    for cells in ([1 + 2j, 1], [1, object()], [b"1", 2], [[1], 2]):
        odd = pd.DataFrame({"x": cells}, dtype=object)
        refused(lambda odd=odd: table.of_frame(odd), "column 'x': ")
    refused(lambda: table.of_frame(pa.array([1, 2])), "not a data frame")
    series = table.of_frame(pd.Series([1.0, 2.0], name="x"))
    assert series.values.tolist() == [[1], [2]]
    assert table.is_frame(frame) and table.is_frame(typed())
    assert not table.is_frame(np.ones(2)) and not table.is_frame("t.csv")


def hostile(rng, kind):
    """Bytes that are nearly a table."""
    if kind == "csv":
        odd = ["x", '"', ",", "\n", "\r", ";", "inf", "true", "NA", "é", "\0", "1e999",
               "2024-01-31", "12,5", '"a\n"', "\t", " ", "9" * 400, "nan", "+1"]  # fmt: skip
        cells = rng.choice(["1", "-2.5", "", "30"], (rng.integers(0, 12), 3)).astype(object)
        for _ in range(rng.integers(0, 3) * len(cells)):
            cells[rng.integers(len(cells)), rng.integers(3)] = rng.choice(odd)
        rows = [",".join(row) for row in cells]
        data = bytearray("\n".join(["a,b,c"] * bool(rng.integers(4)) + rows + [""]).encode())
        name = "t.csv"
    else:
        stream = io.BytesIO()
        pq.write_table(typed(), stream, compression=str(rng.choice(["none", "snappy"])))
        data, name = bytearray(stream.getvalue()), "t.parquet"
    for _ in range(rng.integers(0, 4)):
        if data and rng.integers(2):
            data[rng.integers(len(data))] = rng.integers(256)
    if rng.random() < 0.3:
        data = data[: rng.integers(len(data) + 1)]
    return name, bytes(data)


@pytest.mark.parametrize("kind, trials", [("csv", 500), ("parquet", 200)])
def test_hostile_files_are_read_or_refused(kind, trials, tmp_path):
    rng = np.random.default_rng(7)
    read_well = 0
    for _ in range(trials):
        name, data = hostile(rng, kind)
        how = How(("*",), None if rng.random() < 0.7 else "b")
        try:
            found = table.read(write(tmp_path / name, data), how)
        except DataError as error:
            assert 1 <= len(str(error).splitlines()) <= 3, data
            continue
        read_well += 1
        assert found.values.shape[1] == sum(column.width for column in found.columns)
        assert found.values.size and not np.isinf(found.values).any()
        table.describe(found)
    assert trials / 10 < read_well < trials
