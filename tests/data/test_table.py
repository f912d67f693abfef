"""Tables become the numbers, categories and booleans that they hold."""

import csv
import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ae_jax.data.tables import table
from ae_jax.data.tables.table import How
from ae_jax.inputs.examples import Column
from tests.data.tables import MIXED, MIXED_VALUES, NAN, csv_text, read, refused, same, typed, write

COLUMNS = (
    Column("age"),
    Column("job", "category", ("cook", "nurse")),
    Column("paid", "boolean"),
    Column("score"),
)


class Polars:
    """What polars gives: an Arrow table of its own types of text."""

    def __init__(self, made, text):
        self.made = made.set_column(1, "job", made["job"].cast(text))
        self.columns = made.column_names

    def to_arrow(self):
        return self.made


def test_a_table_by_hand(tmp_path):
    found = read(tmp_path, csv_text(MIXED))
    np.testing.assert_array_equal(found.values, MIXED_VALUES)
    assert found.values.dtype == np.float64
    assert found.columns == COLUMNS and found.labels is None
    assert sum(column.width for column in found.columns) == found.values.shape[1]


def test_every_door_gives_the_same(tmp_path):
    expected = read(tmp_path, csv_text(MIXED))
    text = csv_text(MIXED)
    for name, content in {
        "a.csv.gz": gzip.compress(text.encode()),
        "b.tsv": csv_text(MIXED, "\t"),
        "c.csv": csv_text(MIXED, ";"),
        "d.csv": b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
        "e.csv": text.replace(",", " , ").replace("\n", "\n\n"),
        "f.csv": text.replace("nurse", '"nurse"').rstrip(),
        "G.CSV": text,
        "h.parquet": typed(),
        "i.parquet": typed().cast(pa.schema([*[
            field.with_type(pa.large_string()) if field.name == "job" else field
            for field in typed().schema
        ]])),
    }.items():  # fmt: skip
        same(read(tmp_path, content, name), expected)
    frame = pd.read_csv(tmp_path / "t.csv")
    dictionary = typed().set_column(1, "job", typed()["job"].dictionary_encode())
    for given in (
        frame, frame.convert_dtypes(), frame.astype({"job": "category"}), frame.astype(object),
        frame.set_axis([7, 9, 2, 2.5, 0, 1]), typed(), dictionary,
        Polars(typed(), pa.large_string()), Polars(typed(), pa.string_view()),
    ):  # fmt: skip
        same(table.of_frame(given), expected)
    frame.to_csv(tmp_path / "index.csv")
    same(table.read(tmp_path / "index.csv"), expected)
    frame.set_axis(list("uvwxyz")).to_parquet(tmp_path / "index.parquet")
    same(table.read(tmp_path / "index.parquet"), expected)


def test_numbers_are_those_of_python(tmp_path):
    rng = np.random.default_rng(0)
    texts = [
        [repr(x), f"{x:.3e}", f"{x:+.2f}", f"{x:g}", f"{int(x)}."]
        for x in (rng.standard_normal(50) * 10.0 ** rng.integers(-9, 9, 50)).tolist()
    ]
    with open(tmp_path / "t.csv", "w", newline="") as file:
        csv.writer(file).writerows([["a", "b", "c", "d", "e"], *texts])
    with open(tmp_path / "t.csv", newline="") as file:
        expected = [[float(cell) for cell in row] for row in list(csv.reader(file))[1:]]
    np.testing.assert_array_equal(table.read(tmp_path / "t.csv").values, expected)


def test_how_many_categories(tmp_path):
    def text(k):
        return "x,y\n" + "".join(f"c{i % k},{i}\n" for i in range(2002))

    assert read(tmp_path, text(50)).columns[0].width == 50
    refused(lambda: read(tmp_path, text(51)), "51 different texts in 2,002 rows", "at most 50")
    assert read(tmp_path, text(1000), columns="x:category").values.shape == (2002, 1000)
    refused(lambda: read(tmp_path, text(1001), columns="x:category"), "1,001", "at most 1,000")


def test_rows_longer_than_a_block(tmp_path, monkeypatch):
    monkeypatch.setattr("ae_jax.data.tables.csv_text.BLOCK", 64)
    x = np.random.default_rng(0).standard_normal((9, 40))
    found = read(tmp_path, pd.DataFrame(x).to_csv(index=False))
    np.testing.assert_array_equal(found.values, x)


def test_missing_is_what_pandas_takes_for_it(tmp_path):
    words = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "#N/A", "<NA>", "n/a", "1"]
    file = write(tmp_path / "t.csv", "x,y\n" + "".join(f"{word},1\n" for word in words))
    expected = pd.read_csv(file).to_numpy(float)
    assert np.isnan(expected).sum() == 11
    np.testing.assert_array_equal(table.read(file).values, expected)


def test_a_shuffle_of_the_columns_shuffles_the_channels(tmp_path):
    whole = read(tmp_path, csv_text(MIXED))
    at = {"age": [0], "job": [1, 2], "paid": [3], "score": [4]}
    for order in (["score", "job", "age", "paid"], ["paid", "score", "job", "age"]):
        channels = [i for name in order for i in at[name]]
        file = read(tmp_path, csv_text({name: MIXED[name] for name in order}))
        asked = read(tmp_path, csv_text(MIXED), columns=",".join(order))
        for found in (file, asked):
            np.testing.assert_array_equal(found.values, whole.values[:, channels])
            assert [column.name for column in found.columns] == order


def test_columns_label_and_drop(tmp_path):
    text = csv_text(MIXED | {"y": list("010101"), "a,b": list("999999")})
    text = text.replace("a,b", '"a,b"')

    def names(**how):
        return [column.name for column in read(tmp_path, text, **how).columns]

    assert names(drop="job") == ["age", "paid", "score", "y", "a,b"]
    assert names(drop=("a,b", "y"), label="age") == ["job", "paid", "score"]
    assert names(columns="score,*", drop="y") == ["score", "age", "job", "paid", "a,b"]
    assert names(columns="*,age,paid", label="y") == ["job", "score", "a,b", "age", "paid"]
    found = read(tmp_path, text, columns=" y:category , age ")
    assert found.columns == (Column("y", "category", ("0", "1")), Column("age"))
    found = read(tmp_path, text, columns="y:boolean,age:number")
    assert [column.kind for column in found.columns] == ["boolean", "number"]
    np.testing.assert_array_equal(found.values[:, 0], [0, 1] * 3)


def test_a_name_with_a_colon_is_a_name(tmp_path):
    found = read(tmp_path, "a:category,b\n1,2\n3,4\n", columns="a:category,b:category")
    assert found.columns == (Column("a:category"), Column("b", "category", ("2", "4")))


def test_categories_of_numbers_are_one_text_and_in_their_order(tmp_path):
    text = "z,x\n10,1\n9.0,2\n9,3\n,4\n2.5,5\n"
    expected = Column("z", "category", ("2.5", "9", "10"))
    hot = [[0, 0, 1], [0, 1, 0], [0, 1, 0], [NAN] * 3, [1, 0, 0]]
    frame = pd.DataFrame({"z": [10, 9, 9, NAN, 2.5], "x": range(1, 6)})
    for found in (
        read(tmp_path, text, columns="z:category"),
        table.of_frame(frame, How(("z:category",))),
    ):
        assert found.columns == (expected,)
        np.testing.assert_array_equal(found.values, hot)
    found = read(tmp_path, "zip,x\n01234,1\n1234,2\n", columns="zip:category")
    assert found.columns[0].categories == ("01234", "1234")


@pytest.mark.parametrize(
    "cells, labels",
    [
        (["b", "a", "b"], ["b", "a", "b"]),
        (["3", "0", "20000"], [3, 0, 20000]),
        (["1.0", "2.0", "1.0"], [1, 2, 1]),
        (["True", "false", "TRUE"], [1, 0, 1]),
        (["-1", "1", "1"], ["-1", "1", "1"]),
        (["7", "x", "7"], ["7", "x", "7"]),
        (["3000000000", "1", "2"], ["3000000000", "1", "2"]),
    ],
)
def test_labels(cells, labels, tmp_path):
    found = read(tmp_path, csv_text({"x": list("123"), "y": cells}), label="y")
    assert found.labels.tolist() == labels
    assert found.labels.dtype.kind == np.array(labels).dtype.kind
    np.testing.assert_array_equal(found.values, [[1], [2], [3]])


def test_edges_are_right(tmp_path):
    one = read(tmp_path, "x\n5\n")
    np.testing.assert_array_equal(one.values, [[5]])
    constant = read(tmp_path, "x,gone,yes\n5,,true\n5,NA,true\n")
    np.testing.assert_array_equal(constant.values, [[5, NAN, 1], [5, NAN, 1]])
    assert [column.kind for column in constant.columns] == ["number", "number", "boolean"]
    np.testing.assert_array_equal(read(tmp_path, 'x\n1\n""\n\n3\n').values, [[1], [NAN], [3]])
    np.testing.assert_array_equal(read(tmp_path, "x,y,\n1,2,\n3,4,\n").values, [[1, 2], [3, 4]])
    marked = read(tmp_path, b'\xef\xbb\xbf"a,b",c\n1,2\n')
    assert [column.name for column in marked.columns] == ["a,b", "c"]
    quoted = read(tmp_path, 'x,"a ""b"",\nc"\n1,"2"\n')
    assert quoted.columns[1].name == 'a "b",\nc' and quoted.values.tolist() == [[1, 2]]
    null = table.of_frame(pa.table({"x": pa.nulls(2), "y": pa.array([1, 2], pa.decimal128(9, 2))}))
    np.testing.assert_array_equal(null.values, [[NAN, 1], [NAN, 2]])


def test_without_a_header(tmp_path):
    found = read(tmp_path, "1.5,,3\n4,5,6\n")
    np.testing.assert_array_equal(found.values, [[1.5, NAN, 3], [4, 5, 6]])
    assert [column.name for column in found.columns] == ["0", "1", "2"]
    found = read(tmp_path, pd.DataFrame(np.ones((2, 3))).to_csv(index=False))
    assert found.values.shape == (2, 3)
    found = read(tmp_path, pd.DataFrame(np.ones((2, 3))).to_csv())
    assert found.values.tolist() == [[1, 1, 1], [1, 1, 1]]


def test_description(tmp_path):
    assert table.describe(read(tmp_path, csv_text(MIXED))) == (
        "4 columns: 2 numbers, 1 category (job: 2), 1 boolean; 21 % of entries missing"
    )  # 5 of 24
    assert table.describe(read(tmp_path, "x\n5\n")) == "1 column: 1 number; nothing missing"
    text = "a,b,c\n" + "x,u,1\ny,v,2\nx,w,3\n" * 3
    assert table.describe(read(tmp_path, text)) == (
        "3 columns: 1 number, 2 categories (a: 2, b: 3); nothing missing"
    )


def test_parts_have_what_train_has(tmp_path):
    write(tmp_path / "train.csv", csv_text(MIXED | {"y": list("abcabc")}))
    write(tmp_path / "val.parquet", typed().select(["score", "paid", "age", "job"]))
    write(tmp_path / "test.csv", "extra,y,paid,score,job,age\nq,b,0,,cook,1\nq,c,true,2,,\n")
    assert table.is_parts(tmp_path)
    parts = table.read_parts(tmp_path, How(label="y"))
    assert list(parts) == ["train", "valid", "test"]
    assert {part.columns for part in parts.values()} == {COLUMNS}
    np.testing.assert_array_equal(parts["valid"].values, MIXED_VALUES)
    assert parts["valid"].labels is None
    assert parts["train"].labels.tolist() == list("abcabc")
    assert parts["test"].labels.tolist() == ["b", "c"]
    expected = [[1, 1, 0, 0, NAN], [NAN, NAN, NAN, 1, 2]]
    np.testing.assert_array_equal(parts["test"].values, expected)


def test_parts_that_differ_are_refused(tmp_path):
    def said(*words, **files):
        for old in tmp_path.iterdir():
            old.unlink()
        for stem, text in files.items():
            write(tmp_path / f"{stem}.csv", text)
        refused(lambda: table.read_parts(tmp_path), *words)

    train = csv_text(MIXED)
    said("no train.csv")
    said("has test.csv, but no train.csv", test=train)
    said("has valid.csv and val.csv", train=train, valid=train, val=train)
    said("no column 'age'", train=train, test="agee,job,paid,score\n1,cook,1,1\n")
    said("line 3", "'pilot'", "cook, nurse", train=train, test="job,age,paid,score\n,,,\npilot,,,")
    said("'age', line 2: 'x'", train=train, test="job,age,paid,score\n,x,,\n")
    said("'2' is no boolean", train=train, test="job,age,paid,score\n,,2,\n")
    write(tmp_path / "train.parquet", typed())
    refused(lambda: table.read_parts(tmp_path), "has train.csv and train.parquet")


def test_which_folders_have_parts(tmp_path):
    assert not table.is_parts(tmp_path / "nowhere")
    write(tmp_path / "train.old.csv", "x\n1\n")
    assert not table.is_parts(tmp_path)
    write(tmp_path / "Train.CSV", "x\n1\n")
    assert table.is_parts(tmp_path)
    (tmp_path / "train").mkdir()  # of images, and the table is about them
    assert not table.is_parts(tmp_path)
