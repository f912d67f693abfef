"""Objects go through `load_data` as files of the same content do, and `fit` takes them there."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import ae_jax
from ae_jax import ConfigError, DataError, Dataset, Split, from_arrays, load_config, load_data
from ae_jax.inputs.examples import Column
from ae_jax.run.origin import as_used
from tests.data.tables import MIXED, MIXED_VALUES, csv_text, typed, write

ROWS = np.random.default_rng(0).standard_normal((30, 4))
PIXELS = np.random.default_rng(1).integers(0, 256, (30, 5, 6, 3), np.uint8)
FRAME = pd.DataFrame(ROWS, columns=list("abcd")).assign(y=["u", "v", "w"] * 10)


def whole(data):
    """All examples of both parts, with the labels behind, in an order that they alone decide."""
    rows = [np.concatenate([p.images.reshape(len(p.images), -1), p.labels[:, None]], 1)
            for p in (data.train, data.test)]  # fmt: skip
    return np.array(sorted(np.concatenate(rows).tolist()))


def same(a, b):
    for x, y in ((a.train, b.train), (a.test, b.test)):
        np.testing.assert_array_equal(x.images, y.images)
        assert x.images.dtype == y.images.dtype
        assert (x.labels is None) == (y.labels is None)
        assert x.labels is None or x.labels.tolist() == y.labels.tolist()
    assert (a.label_names, a.examples, a.how) == (b.label_names, b.examples, b.how)


def refused(error, value, said, **options):
    with pytest.raises(error) as caught:
        load_data(value, **options)
    assert len(str(caught.value).splitlines()) <= 3
    assert said in str(caught.value)


def test_a_frame_is_its_rows_with_their_labels():
    data = load_data(FRAME, columns="d,b:number,a", label="y")
    assert data.examples.columns == (Column("d"), Column("b"), Column("a"))
    assert data.label_names == ("u", "v", "w") and len(data.test.images) == 3
    expected = np.column_stack([ROWS[:, [3, 1, 0]], np.arange(30) % 3])
    np.testing.assert_array_equal(whole(data), sorted(expected.tolist()))
    assert [c.name for c in load_data(FRAME, drop=("y", "c")).examples.columns] == ["a", "b", "d"]


def test_a_frame_is_what_its_file_is(tmp_path):
    file = write(tmp_path / "t.csv", csv_text(MIXED))
    for options in ({}, {"label": "job", "drop": "paid,age"}, {"columns": "age:category,*"}):
        if "label" in options:
            file = write(tmp_path / "t.csv", csv_text(MIXED | {"job": list("aabbaa")}))
        frame = pd.read_csv(file)
        same(load_data(frame, **options), load_data(str(file), **options))
    found = load_data(typed())
    together = np.concatenate([found.train.images, found.test.images])[:, 0, 0]
    assert {str(row) for row in together} == {str(row) for row in np.array(MIXED_VALUES)}


def test_a_path_may_be_one_of_pathlib(tmp_path):
    np.save(tmp_path / "x.npy", ROWS)
    np.savez(tmp_path / "x.npz", train=PIXELS, test=PIXELS[:3])
    Image.fromarray(PIXELS[0]).save(tmp_path / "a.png")
    Image.fromarray(PIXELS[1]).save(tmp_path / "b.png")
    write(tmp_path / "t.csv", csv_text(MIXED))
    for path in (tmp_path / "x.npy", tmp_path / "x.npz", tmp_path / "t.csv", tmp_path):
        same(load_data(path), load_data(str(path)))
        assert load_data(path).name == str(path)


SLOW = pytest.param("torch", marks=pytest.mark.slow)  # to import


@pytest.mark.parametrize("made", ["array", "jax", "lists", "pillow", SLOW])
def test_arrays_of_every_library(made):
    if made == "torch":
        value = pytest.importorskip("torch").from_numpy(PIXELS)
    else:
        value = {"array": PIXELS, "jax": jnp.asarray(PIXELS), "lists": list(PIXELS),
                 "pillow": [Image.fromarray(x) for x in PIXELS]}[made]  # fmt: skip
    data = load_data(value)
    assert data.train.images.dtype == np.uint8 and data.train.images.shape == (27, 5, 6, 3)
    found = [x.tobytes() for part in (data.train, data.test) for x in part.images]
    assert sorted(found) == sorted(x.tobytes() for x in PIXELS)


def test_the_kind_of_an_array():
    for kind, shape in (
        ("signal", (27, 1, 4, 1)),
        ("rows", (27, 1, 1, 4)),
        ("auto", (27, 1, 1, 4)),
    ):
        data = load_data(ROWS, kind=kind)
        assert data.examples.kind == ("rows" if kind == "auto" else kind)
        assert data.train.images.shape == shape
        found = np.concatenate([data.train.images, data.test.images]).reshape(30, 4)
        np.testing.assert_array_equal(sorted(found.tolist()), sorted(ROWS.tolist()))
    refused(DataError, PIXELS, "must be [n, D]", kind="rows")
    refused(ConfigError, ROWS, "kind: must be one of", kind="row")


def test_a_config_says_how_an_object_was_read():
    for value, options in ((FRAME, {"label": "y", "drop": "a"}), (ROWS, {"kind": "signal"})):
        config = load_config("rows", **{f"data.{name}": v for name, v in options.items()})
        used = as_used(config, load_data(value, **options), jax.random.key(0))
        assert {name: getattr(used.data, name) for name in options} == options
        with pytest.raises(ConfigError, match="pass it to load_data"):
            ae_jax.fit(config, value, 0, progress=False)


def test_a_random_split_deals_an_object_out_again():
    dealt = load_data(FRAME, label="y", split="random", split_seed=3)
    canonical = load_data(FRAME, label="y")
    assert len(dealt.test.images) == len(canonical.test.images) == 3
    np.testing.assert_array_equal(whole(dealt), whole(canonical))
    same(dealt, load_data(FRAME, label="y", split="random", split_seed=3))
    assert not np.array_equal(dealt.test.images, canonical.test.images)
    other = load_data(FRAME, label="y", split="random", split_seed=4)
    assert not np.array_equal(dealt.test.images, other.test.images)


def test_a_data_set_is_checked_and_kept():
    data = from_arrays(PIXELS, train_labels=np.arange(30) % 3)._replace(name="mine")
    again = load_data(data)
    assert again.name == "mine"
    same(again, data)
    refused(DataError, Dataset("odd", Split(PIXELS * 1.0, None), data.test), "odd: train: values")
    refused(ConfigError, data, "data.split: a Dataset has its own parts", split="random")


@pytest.mark.parametrize("value", [FRAME, ROWS, from_arrays(ROWS)], ids=["frame", "rows", "set"])
def test_options_of_something_else_are_refused(value):
    theirs = {FRAME.shape: {"columns", "label", "drop"}, ROWS.shape: {"kind"}}
    theirs = theirs.get(getattr(value, "shape", None), set())
    for option, given in {
        "resize": 8, "crop": 4, "color": "gray", "skip_bad": True,
        "columns": "a", "label": "y", "drop": "a", "kind": "rows",
    }.items():  # fmt: skip
        if option in theirs:
            load_data(value, **{option: given})
        else:
            refused(ConfigError, value, f"data.{option}: is for a", **{option: given})
    refused(ConfigError, value, "data.streaming: is for a name or a path", streaming=True)
    refused(ConfigError, value, "data.manual_dir: is for a name or a path", manual_dir="x")


def test_images_beside_labels_are_no_images():
    for door in (load_data, lambda pair: ae_jax.fit("rows", pair, 0)):
        for pair in ((PIXELS, np.arange(30)), ((PIXELS, None), (PIXELS, None))):
            with pytest.raises(DataError, match=re.escape("from_arrays(x, train_labels=y)")):
                door(pair)
    assert len(load_data(tuple(PIXELS)).train.images) == 27  # alike: a stack of them
