"""Folders of images: which files, in which order, with which options."""

import os

import jax
import numpy as np
import pytest
from PIL import Image

import ae_jax
from ae_jax.data.arrays import from_arrays
from ae_jax.data.folders import folder
from ae_jax.data.load import load_data, of_config
from ae_jax.errors import ConfigError, DataError
from ae_jax.resolve.config import load_config
from ae_jax.run.origin import as_used
from tests.data.folders import every, noise, of_noise, pillow, refused, same, save

KINDS = {
    "png": {},
    "jpg": {"quality": 80},
    "webp": {"quality": 70},
    "bmp": {},
    "tif": {},
    "gif": {},
}


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_are_pillows_in_whatever_order_the_system_lists(kind, root, monkeypatch, tmp_path):
    files = {c: [root / c / f"{i}.{kind}" for i in (0, 1, 10, 2)] for c in ("cat", "ant", "bee")}
    for i, file in enumerate(file for found in files.values() for file in found):
        save(
            file,
            Image.fromarray(noise(i)).quantize(9) if kind == "gif" else noise(i),
            **KINDS[kind],
        )
    names = ("ant", "bee", "cat")
    known = pillow(file for c in names for file in files[c])
    expected = from_arrays(known, train_labels=[c for c in names for _ in range(4)])
    data = load_data(str(root))
    assert same(data, expected) and data.label_names == names
    assert data.train.images.dtype == np.uint8 and data.train.labels.dtype == np.int32
    listed = os.scandir

    class Backwards:
        def __init__(self, *args):
            self.found = listed(*args)

        def __enter__(self):
            return reversed(list(self.found))

        def __exit__(self, *_):
            self.found.close()

    monkeypatch.setattr(os, "scandir", Backwards)
    assert same(load_data(str(root), cache_dir=str(tmp_path / "new")), expected)
    monkeypatch.setattr(folder, "_write", None)  # and it is the same entry of the cache
    assert same(load_data(str(root)), expected)


def test_flat_folder_has_no_labels_and_a_tenth_is_held_out(root):
    files = of_noise(root, 23)
    data = load_data(root.as_posix() + "/")
    assert same(data, from_arrays(pillow(files)))
    assert (len(data.train.images), len(data.test.images)) == (21, 2)


@pytest.mark.parametrize("called", ["valid", "val"])
@pytest.mark.parametrize("classes", [True, False])
def test_parts(root, called, classes):
    parts = {"train": 7, called: 3, "test": 2}
    files = {}
    for seed, (part, n) in enumerate(parts.items()):
        places = [root / part / c for c in ("b", "a")] if classes else [root / part]
        found = [of_noise(place, n, seed=10 * seed + i) for i, place in enumerate(places)]
        files[part] = [file for listed in found[::-1] for file in listed]
    data = load_data(str(root))
    for part, split in (("train", data.train), (called, data.valid), ("test", data.test)):
        np.testing.assert_array_equal(split.images, pillow(files[part]))
        n = parts[part]
        assert (split.labels is None) if not classes else split.labels.tolist() == [0] * n + [1] * n
    assert data.label_names == (("a", "b") if classes else None)
    n = len(data.valid.images)
    config = load_config(
        "linear", **{"data.name": str(root), "data.n_valid": n, "data.n_train": n + 4}
    )
    assert len(of_config(config).train.images) == 4  # as `fit` writes it down
    with pytest.raises(ConfigError, match=rf"data\.n_valid: .* {n}, or 0"):
        of_config(config.replace(**{"data.n_valid": 0.5}))


def test_train_and_valid_without_test_hold_a_tenth_out(root):
    files = of_noise(root / "train", 20)
    of_noise(root / "valid", 3, seed=1)
    data = load_data(str(root))
    assert same(data, from_arrays(pillow(files))) and len(data.valid.images) == 3


def test_class_names_of_the_parts_are_numbered_together(root):
    for part, label in (("train", "dog"), ("train", "ape"), ("test", "cow"), ("test", "dog")):
        of_noise(root / part / label, 2)
    data = load_data(str(root))
    assert data.label_names == ("ape", "cow", "dog")
    assert data.train.labels.tolist() == [0, 0, 2, 2] and data.test.labels.tolist() == [1, 1, 2, 2]


def test_class_with_one_image_stays_in_training(root):
    of_noise(root / "many", 19)
    (alone,) = of_noise(root / "one", 1, seed=1)
    data = load_data(str(root))
    assert 0 in data.test.labels and data.test.labels.tolist().count(1) == 0
    (place,) = np.flatnonzero(data.train.labels == 1)
    np.testing.assert_array_equal(data.train.images[place], pillow([alone])[0])


def test_what_is_passed_over(root):
    files = of_noise(root / "a", 4) + of_noise(root / "b", 4, seed=1)
    (root / "a" / "notes.txt").write_text("no image")
    (root / "a" / "._00.png").write_bytes(b"of another system")
    of_noise(root / ".thumbnails", 2)
    (root / "empty").mkdir()
    os.mkfifo(root / "a" / "pipe.png")
    os.symlink(root / "a" / "00.png", root / "a" / "linked.PNG")  # in the folder: followed
    data = load_data(str(root))
    assert every(data) == sorted(x.tobytes() for x in pillow([*files, files[0]]))
    assert data.label_names == ("a", "b")


def test_arrangements_that_are_refused(root, tmp_path):
    refused(root / "absent", "no such folder")
    refused(root, "no images", "png jpg")
    refused(of_noise(tmp_path / "single", 1)[0], "say the folder")
    refused(tmp_path / "single", "one image")
    of_noise(root / "a", 2)
    of_noise(root, 1)
    refused(root, "00.png: stands beside folders", "a; all")
    (root / "00.png").unlink()
    of_noise(root / "a" / "deeper", 1)
    refused(root, "a/deeper", "a folder in a class")
    of_noise(tmp_path / "parts" / "test", 1)
    refused(tmp_path / "parts", "no train")
    of_noise(tmp_path / "parts" / "train", 1)
    (tmp_path / "parts" / "more").mkdir()
    refused(tmp_path / "parts", "parts/more: stands beside train")
    with pytest.raises(DataError, match="a folder of images"):
        load_data("nonsense")


@pytest.mark.parametrize("what", ["file", "folder", "nothing", "loop"])
def test_links_out_of_the_folder(what, root, tmp_path):
    of_noise(root / "a", 3)
    (outside,) = of_noise(tmp_path / "other", 1)
    if what == "loop":
        os.symlink(root / "a" / "x.png", root / "a" / "x.png")
        return refused(root, "x.png", "cannot be read")
    to = {"file": outside, "folder": outside.parent, "nothing": tmp_path / "gone.png"}[what]
    os.symlink(to, root / ("b" if what == "folder" else "a/b.png"))
    return refused(root, "a link out of the folder", str(to))


def test_options_are_for_folders_alone(root, tmp_path):
    for field, value in (("resize", 8), ("crop", 4), ("color", "rgb"), ("skip_bad", True)):
        with pytest.raises(ConfigError, match=rf"data\.{field}: is for a folder"):
            load_data("mnist5k", **{field: value})
        config = load_config("linear", **{f"data.{field}": value})
        with pytest.raises(ConfigError, match=rf"data\.{field}: is for a folder"):
            of_config(config)
        with pytest.raises(ConfigError, match=rf"data\.{field}: is for a folder"):
            ae_jax.fit(config, noise(0, 9, 6, 5), 0)
    of_noise(root, 3)
    refused(root, "data.resize", "must be a whole number", kind=ConfigError, resize=0)
    refused(root, "data.color", "did you mean 'gray'", kind=ConfigError, color="grey")


def test_configs_of_other_data_are_what_they_were():
    fields = {"name", "manual_dir", "scale", "center", "streaming", "split"}
    fields |= {"n_train", "n_test", "n_valid"}
    config = load_config("linear")
    assert set(config.to_dict()["data"]) == fields
    changed = config.replace(**{"data.resize": 32})
    assert set(changed.to_dict()["data"]) == fields | {"resize"}
    assert changed.replace().data == changed.data and changed.data.resize == (32,)


def test_a_run_says_how_its_folder_was_read(root):
    of_noise(root / "a", 12)
    data = load_data(str(root), resize=4, color="gray")
    config = as_used(load_config("linear"), data, jax.random.key(0))
    assert (config.data.resize, config.data.color) == ((4,), "gray")
    assert same(of_config(config), data)
    with pytest.raises(ConfigError, match=r"data\.resize: .* pass it to load_data"):
        as_used(config, load_data(str(root)), jax.random.key(0))
