"""TFDS sets without images are tables: what was written is what the rows are."""

import json
import shutil

import jax
import numpy as np
import pytest
import tensorflow_datasets as tfds

from ae_jax.config.sections import Config
from ae_jax.data import tfds_builders
from ae_jax.data.load import load_data, of_config
from ae_jax.data.tables import table
from ae_jax.errors import ConfigError, DataError
from ae_jax.inputs.examples import Column
from ae_jax.resolve.config import load_config
from ae_jax.run.origin import as_used

F = tfds.features
RNG = np.random.default_rng(4)
N = 40
JOBS = ("nurse", "cook", "clerk")  # not in alphabetical order
GROUPS = ("old", "new")
PEOPLE = {  # what is written, by column
    "age": np.where(np.arange(N) % 7 == 3, np.nan, RNG.integers(0, 90, N)).astype(np.float32),
    "count": RNG.integers(-2, 2, N),
    "group": RNG.integers(0, 2, N),  # the label
    "home/city": RNG.choice(["Oslo", "Bern", "Århus"], N),
    "home/rooms/large": RNG.integers(0, 2, N).astype(bool),
    "job": RNG.integers(-1, 3, N),  # -1: unknown
    "size": RNG.standard_normal((N, 11)).astype(np.float32),
}
FEATURES = {
    "age": np.float32,
    "count": np.int64,
    "group": F.ClassLabel(names=GROUPS),
    "home": {"city": F.Text(), "rooms": {"large": np.bool_}},
    "job": F.ClassLabel(names=JOBS),
    "size": F.Tensor(shape=(11,), dtype=np.float32),
}
COLUMNS = (
    Column("age"), Column("count"), Column("home/city", "category", ("Bern", "Oslo", "Århus")),
    Column("home/rooms/large", "boolean"), Column("job", "category", ("clerk", "cook", "nurse")),
    *(Column(f"size_{i}") for i in range(11)),
)  # fmt: skip


class People(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A table as anyone might have prepared it."""

    VERSION = tfds.core.Version("1.0.0")
    features, supervised = FEATURES, ("size", "group")
    splits: dict[str, list[dict]]

    def _info(self):
        return tfds_builders.LocalInfo(
            builder=self, features=F.FeaturesDict(self.features), disable_shuffling=True,
            supervised_keys=self.supervised,
        )  # fmt: skip

    def _split_generators(self, dl_manager):
        return {name: self._generate_examples(rows) for name, rows in self.splits.items()}

    def _generate_examples(self, rows):
        yield from enumerate(rows)


def examples(columns):
    """The rows of columns, 'a/b' in dicts of dicts."""
    made = []
    for i in range(len(next(iter(columns.values())))):
        made.append({})
        for name, values in columns.items():
            *above, last = name.split("/")
            inner = made[-1]
            for key in above:
                inner = inner.setdefault(key, {})
            inner[last] = values[i]
    return made


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """Prepares 'people' with these splits, each of columns, and says where."""
    monkeypatch.setenv("AE_JAX_CACHE", str(tmp_path))

    def prepare(features=FEATURES, supervised=("size", "group"), **splits):
        shutil.rmtree(tmp_path / "tfds", ignore_errors=True)
        monkeypatch.setattr(People, "features", features)
        monkeypatch.setattr(People, "supervised", supervised)
        builder = People(data_dir=tmp_path / "tfds", file_format="array_record")
        builder.splits = {name: examples(columns) for name, columns in splits.items()}
        tfds_builders._download_and_prepare(builder)
        return tmp_path / "tfds/people/1.0.0"

    return prepare


def cut(columns, rows):
    return {name: values[rows] for name, values in columns.items()}


TRAIN, TEST = cut(PEOPLE, slice(0, 30)), cut(PEOPLE, slice(30, N))


def by_hand(people):
    """The channels of `COLUMNS`, float64 [n, 21]."""

    def hot(values, categories):
        return np.array([[v == c for c in categories] for v in values], float)

    jobs = np.array([*JOBS, "?"])[people["job"]]
    job = np.where(people["job"][:, None] < 0, np.nan, hot(jobs, ("clerk", "cook", "nurse")))
    city = hot(people["home/city"], ("Bern", "Oslo", "Århus"))
    numbers = [people[name].astype(float)[:, None] for name in ("age", "count")]
    large = people["home/rooms/large"].astype(float)[:, None]
    return np.concatenate([*numbers, city, large, job, people["size"].astype(float)], axis=1)


def rows(part):
    assert part.images.dtype == np.float64 and part.images.shape[1:3] == (1, 1)
    return part.images[:, 0, 0]


def refused(said, error=DataError, **options):
    with pytest.raises(error) as caught:
        load_data("people", **options)
    assert len(str(caught.value).splitlines()) <= 3
    assert said in str(caught.value), str(caught.value)
    return str(caught.value)


def test_what_was_written_is_what_the_rows_are(prepared):
    prepared(train=TRAIN, test=TEST, unsupervised=TEST)
    for name in ("people", "people:1.0.0"):
        data = load_data(name)
        assert (data.examples.kind, data.examples.columns) == ("rows", COLUMNS)
        for part, written in ((data.train, TRAIN), (data.test, TEST)):
            np.testing.assert_array_equal(rows(part), by_hand(written))
            assert part.labels.tolist() == written["group"].tolist()
            assert part.labels.dtype == np.int32
        assert data.label_names == GROUPS
        assert data.how == {"columns": None, "label": None, "drop": ""}
    said = table.describe(table.Table(rows(data.train), data.examples.columns))
    assert said.startswith("16 columns: 13 numbers, 2 categories (home/city: 3, job: 3), 1 boolean")


def test_without_a_test_set_a_tenth_is_held_out(prepared):
    prepared(train=PEOPLE, validation=TEST)
    data = load_data("people")
    assert len(data.train.images) == 36 and data.valid is None
    found = np.concatenate([rows(data.train), rows(data.test)])
    expected = by_hand(PEOPLE)
    order, right = np.argsort(found[:, -1]), np.argsort(expected[:, -1])
    np.testing.assert_array_equal(found[order], expected[right])
    labels = np.concatenate([data.train.labels, data.test.labels])[order]
    assert labels.tolist() == PEOPLE["group"][right].tolist()
    dealt = load_data("people", split="random", split_seed=1)
    assert sorted(rows(dealt.train)[:, -1]) != sorted(rows(data.train)[:, -1])


def test_columns_label_and_drop(prepared):
    prepared(train=TRAIN, test=TEST)
    asked = {"columns": "size_10,count:category,age", "label": "home/city", "drop": "group"}
    data = load_data("people", **asked)
    assert [c.name for c in data.examples.columns] == ["size_10", "count", "age"]
    assert data.examples.columns[1] == Column("count", "category", ("-2", "-1", "0", "1"))
    np.testing.assert_array_equal(rows(data.test)[:, 0], TEST["size"][:, 10])
    names = np.array(data.label_names)
    assert names[data.test.labels].tolist() == TEST["home/city"].tolist()
    assert data.how == {**asked, "columns": "size_10,count:category,age"}
    for options in ({"drop": "group"}, {"columns": "group,age"}, {"columns": "group:category,*"}):
        data = load_data("people", **options)
        assert data.train.labels is None and data.label_names is None
        columns = {c.name: c for c in data.examples.columns}
        assert columns.get("group", columns["age"]) in (
            Column("age"), Column("group", "category", ("new", "old")))  # fmt: skip
        assert ("group" in columns) == ("columns" in options)
    refused("data.drop: no column 'contt'; did you mean 'count'?", drop="contt")
    refused("data.label: no column 'size'", label="size")
    refused("column 'job', row", label="job")  # some are unknown


def test_a_config_reads_it(prepared):
    prepared(train=TRAIN, test=TEST)
    asked = {"columns": "*", "label": "job", "drop": "count"}
    asked["label"] = "home/rooms/large"
    config = load_config("rows", **{"data.name": "people"} | {f"data.{k}": asked[k] for k in asked})
    data, expected = of_config(config), load_data("people", **asked)
    np.testing.assert_array_equal(data.train.images, expected.train.images)
    assert data.train.labels.tolist() == TRAIN["home/rooms/large"].astype(int).tolist()
    plain = load_data("people")
    used = as_used(load_config("rows"), plain, jax.random.key(0))
    assert isinstance(used, Config) and used.data.name == "people"
    np.testing.assert_array_equal(of_config(used).test.labels, plain.test.labels)


def labeled(values, feature, prepared, supervised=("x", "y"), **splits):
    x = np.arange(len(values), dtype=np.float32)
    features = {"x": np.float32, "y": feature}
    prepared(features, supervised, train={"x": x, "y": values}, **splits)
    return load_data("people")


def test_what_is_a_label(prepared):
    few = F.ClassLabel(names=list("abcdefghij"))
    found = labeled(np.array([7, 9] * 10), few, prepared)
    assert found.label_names == ("h", "j") and set(found.train.labels.tolist()) == {0, 1}
    for part in (found.train, found.test):
        assert part.labels.tolist() == (rows(part)[:, 0] % 2).tolist()


@pytest.mark.parametrize(
    ("feature", "values", "names"),
    [
        (F.ClassLabel(num_classes=2), [0, 1], None),
        (np.int32, [0, 1], None),
        (np.bool_, [False, True], None),
        (F.Text(), ["p", "q"], ("p", "q")),
        (np.int64, [-3, 8], ("-3", "8")),
        (np.float32, [0.5, 1], "a column"),
    ],
)
def test_labels_of_every_type(feature, values, names, prepared):
    found = labeled(np.array(values * 10), feature, prepared)
    if names == "a column":  # no class, whatever TFDS predicts
        assert found.train.labels is None
        assert found.examples.columns == (Column("x"), Column("y"))
        return
    assert found.examples.columns == (Column("x"),) and found.label_names == names
    assert found.train.labels.tolist() == (rows(found.train)[:, 0] % 2).tolist()


def test_a_test_set_may_hide_its_labels(prepared):
    hidden = {"x": np.ones(3, np.float32), "y": np.full(3, -1)}
    found = labeled(np.array([1, 0] * 4), F.ClassLabel(names=["a", "b"]), prepared, test=hidden)
    assert found.train.labels.tolist() == [1, 0] * 4 and found.test.labels is None
    assert found.label_names == ("a", "b")
    found = labeled(np.array([1, 0] * 4), F.ClassLabel(names=["a", "b"]), prepared, supervised=None)
    assert found.train.labels is None and found.examples.columns[1].categories == ("a", "b")


def test_values_of_every_type(prepared):
    """Each comes back as the number it is; None and NaN are not observed."""
    written = {
        "b": np.array([True, False] * 6), "i": np.arange(12, dtype=np.int8) - 6,
        "u": np.arange(12, dtype=np.uint8) + 200, "h": (np.arange(12) / 4).astype(np.float16),
        "z": np.arange(24, dtype=np.int32).reshape(12, 2) - 3,
        "maybe": np.array([None, np.nan, 2.5] * 4), "v": np.arange(12) % 2 == np.ones((2, 1)),
    }  # fmt: skip
    written["v"] = written["v"].T
    features = {
        "b": np.bool_, "i": np.int8, "u": np.uint8, "h": np.float16,
        "z": F.Tensor(shape=(2,), dtype=np.int32, encoding="zlib"),
        "maybe": F.Scalar(np.float32, optional=True), "v": F.Tensor(shape=(2,), dtype=np.bool_),
    }  # fmt: skip
    prepared(features, None, train=written, test=written)
    data = load_data("people", columns="b,i,u,h,z_0,z_1,maybe,v_0,v_1")
    maybe = np.array([np.nan, np.nan, 2.5] * 4)
    expected = [written[name] for name in "biuhz"] + [maybe, written["v"]]
    np.testing.assert_array_equal(rows(data.test), np.column_stack(expected).astype(float))
    kinds = [column.kind for column in data.examples.columns]
    assert kinds == ["boolean", *["number"] * 6, "boolean", "boolean"]


def test_what_is_no_column_is_refused_or_left_out(prepared):
    features = {
        "x": np.float32, "word": F.Sequence(np.int64), "box": F.Sequence({"a": np.int64}),
        "grid": F.Tensor(shape=(2, 2), dtype=np.int8),
    }  # fmt: skip
    written = {
        "x": np.arange(9, dtype=np.float32), "word": [[1] * i for i in range(9)],
        "grid": np.zeros((9, 2, 2), np.int8), "box": [[{"a": 1}]] * 9,
    }  # fmt: skip
    folder = prepared(features, None, train=written)
    text = refused("'box' is no column: Sequence({ 'a': int64, })")
    assert str(folder) in text and "supported are images" in text and "data.drop='box'" in text
    refused("'box' is no column", streaming=True)
    refused("'grid' is no column", drop="box,word")
    refused("'word' is no column", columns="x,word")
    refused("'word' is no column", columns="x", label="word")
    for options in ({"drop": "box,word,grid"}, {"columns": "x"}):
        assert load_data("people", **options).examples.columns == (Column("x"),)
    prepared({"word": F.Sequence(np.int64)}, None, train={"word": written["word"]})
    assert "data.drop" not in refused("'word' is no column")
    described = json.loads((folder / "features.json").read_text())
    inner = described["featuresDict"]["features"]["word"]
    inner |= {"pythonClassName": "tensorflow_datasets.core.features.audio_feature.Audio"}
    inner["audio"] = {"shape": {"dimensions": ["-1"]}, "dtype": "int64", "encoding": "none"}
    del inner["sequence"]
    (folder / "features.json").write_text(json.dumps(described))
    if not tfds_builders.find_spec("tensorflow"):
        refused("has audio or video, which need tensorflow; supported are images")


def test_cells_are_refused_as_those_of_a_frame_are(prepared):
    x = np.arange(12, dtype=np.float32)

    def write(feature, values, test=None):
        splits = {} if test is None else {"test": {"x": x, "y": test}}
        prepared({"x": np.float32, "y": feature}, None, train={"x": x, "y": values}, **splits)

    write(np.float32, np.where(x == 3, np.inf, x))
    refused("people: train: column 'y', row 3 (the first is 0): 'inf' is infinite")
    write(F.Text(), [f"t{i}" for i in range(12)])
    refused("12 different texts in 12 rows")
    write(F.Text(), ["p", "q", "r"] * 4, ["p", "q", "s"] * 4)
    refused("people: test: column 'y', row 2 (the first is 0): 's' is not among the categories")
    write(F.Text(), [b"p", b"\xff"] * 6)
    refused("column 'y': 'large_binary'; must be numbers, texts or booleans")
    assert load_data("people", drop="y").examples.columns == (Column("x"),)
    prepared({"x_0": np.float32, "x": F.Tensor(shape=(1,), dtype=np.float32)}, None,
             train={"x_0": x, "x": x[:, None]})  # fmt: skip
    refused("columns 1 and 2 are both called 'x_0'")


def test_what_makes_no_sense_for_a_table(prepared):
    folder = prepared(train=TRAIN, test=TEST)
    refused("data.streaming: is for images; a table is held in memory", ConfigError, streaming=True)
    refused("data.kind: is for a file of arrays, and 'people' is none", ConfigError, kind="rows")
    refused("data.color: is for a folder of images", ConfigError, color="gray")
    for records in folder.glob("*-train.array_record*"):
        records.write_bytes(records.read_bytes()[:1000])
    refused(str(folder))
    prepared(other=TRAIN)
    refused("has no split 'train', only other")
