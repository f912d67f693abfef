"""Folders of images: Pillow's own arrays, whatever the file system says; and all that is odd."""

import logging
import os
import warnings

import jax
import numpy as np
import pytest
from PIL import Image, ImageOps

import ae_jax
from ae_jax.data import folder, on_disk
from ae_jax.data.arrays import from_arrays, sha256
from ae_jax.data.load import load_data, of_config
from ae_jax.errors import ConfigError, DataError
from ae_jax.resolve.config import load_config
from ae_jax.run.origin import as_used

KINDS = {
    "png": {},
    "jpg": {"quality": 80},
    "webp": {"quality": 70},
    "bmp": {},
    "tif": {},
    "gif": {},
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AE_JAX_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "pictures").mkdir()
    return tmp_path / "pictures"


def noise(seed, *shape):
    return np.random.default_rng(seed).integers(0, 256, shape or (6, 5, 3), np.uint8)


def save(file, image, **options):
    file.parent.mkdir(parents=True, exist_ok=True)
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(file, **options)
    return file


def of_noise(folder, n, shape=(6, 5, 3), seed=0):
    return [save(folder / f"{i:02}.png", noise(100 * seed + i, *shape)) for i in range(n)]


def opened(file):
    with Image.open(file) as image:
        return image.copy()


def pillow(files, mode="RGB"):
    x = np.stack([np.asarray(opened(file).convert(mode)) for file in files])
    return x if x.ndim == 4 else x[..., None]


def every(data):
    """All images of all parts, in a set that has no order: bytes, sorted."""
    parts = [p for p in (data.train, data.test, data.valid) if p is not None]
    return sorted(image.tobytes() for part in parts for image in part.images[:])


def same(a, b):
    for x, y in zip((a.train, a.test), (b.train, b.test), strict=True):
        np.testing.assert_array_equal(x.images[:], y.images[:])
        assert (x.labels is None) == (y.labels is None)
        assert x.labels is None or x.labels.tolist() == y.labels.tolist()
    assert a.label_names == b.label_names
    return True


def one(root, file, **options):
    """The one image of a folder in which there is another one like it."""
    for other in root.glob("*/*"):
        other.unlink()
    for part in ("train", "test"):
        (root / part).mkdir(exist_ok=True)
        (root / part / file.name).write_bytes(file.read_bytes())
    return load_data(str(root), **options).train.images[0]


def refused(root, *said, kind=DataError, **options):
    with pytest.raises(kind) as error:
        load_data(str(root), **options)
    text = str(error.value)
    assert len(text.splitlines()) <= 3
    for words in said:
        assert words in text, text


# which files, in which order


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


# what Pillow makes of a file


def test_sixteen_bits_are_rounded_to_eight(root, tmp_path):
    values = np.array([[0, 128, 129, 257], [32767, 32896, 65535, 65406]], np.uint16)
    expected = np.array([[0, 0, 1, 1], [127, 128, 255, 254]], np.uint8)  # v / 257, rounded
    for name in ("x.png", "x.tif"):
        found = one(root, save(tmp_path / name, values))
        np.testing.assert_array_equal(found, expected[..., None])


def test_floats_in_the_unit_interval_and_others(root, tmp_path):
    values = np.array([[0, 0.25, 1.0]], np.float32)
    found = one(root, save(tmp_path / "x.tif", values))
    np.testing.assert_array_equal(found[..., 0], [[0, 64, 255]])
    file = save(tmp_path / "y.tif", values * 2)
    with pytest.raises(DataError, match=r"values 0 to 2; must be in \[0, 1\]"):
        one(root, file)


def test_palette_is_colors(root, tmp_path):
    image = Image.new("P", (3, 2))
    image.putpalette([255, 0, 0, 0, 128, 0, 7, 8, 9])
    image.putdata([0, 1, 2, 2, 1, 0])
    red, green, dark = (255, 0, 0), (0, 128, 0), (7, 8, 9)
    expected = np.array([[red, green, dark], [dark, green, red]])
    for name in ("x.png", "x.gif"):
        np.testing.assert_array_equal(one(root, save(tmp_path / name, image)), expected)
    found = one(root, save(tmp_path / "y.png", image, transparency=1))
    np.testing.assert_array_equal(found[..., :3], expected)
    np.testing.assert_array_equal(found[..., 3], [[255, 0, 255], [255, 0, 255]])


def test_gif_is_its_first_frame(root, tmp_path):
    frames = [Image.new("RGB", (4, 3), color) for color in ("red", "blue")]
    file = save(tmp_path / "x.gif", frames[0], save_all=True, append_images=frames[1:])
    assert (one(root, file) == [255, 0, 0]).all()


def test_one_bit_is_black_and_white(root, tmp_path):
    found = one(root, save(tmp_path / "x.png", np.array([[True, False]])))
    assert found[..., 0].tolist() == [[255, 0]]


def test_cmyk_is_rgb(root, tmp_path):
    file = save(tmp_path / "x.jpg", Image.new("CMYK", (8, 8), (255, 0, 0, 0)), quality=95)
    red, green, blue = one(root, file).reshape(-1, 3).mean(0)
    assert red < 10 and min(green, blue) > 245  # cyan


def test_transparency(root, tmp_path):
    pixels = np.array([[[10, 20, 30, 255], [200, 100, 0, 0], [0, 0, 0, 51]]], np.uint8)
    file = save(tmp_path / "x.png", pixels)
    np.testing.assert_array_equal(one(root, file), pixels)
    white = np.array([[[10, 20, 30], [255, 255, 255], [204, 204, 204]]])  # 0.8 of it for 51 / 255
    np.testing.assert_array_equal(one(root, file, color="rgb"), white)
    gray = np.rint(white @ [0.299, 0.587, 0.114])[..., None]
    np.testing.assert_array_equal(one(root, file, color="gray"), gray)
    gray_alpha = save(tmp_path / "y.png", Image.fromarray(pixels).convert("LA"))
    level = int(np.rint(pixels[0, 0, :3] @ [0.299, 0.587, 0.114]))
    assert one(root, gray_alpha)[0, :2].tolist() == [[level] * 3 + [255], [118] * 3 + [0]]
    assert one(root, gray_alpha, color="gray")[0, :, 0].tolist() == [level, 255, 204]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation, root, tmp_path):
    rows = np.array([[1, 2, 3], [4, 5, 6]], np.uint8) * 40
    upright = {  # the EXIF standard: where row 0 and column 0 of the file are
        1: rows, 2: rows[:, ::-1], 3: rows[::-1, ::-1], 4: rows[::-1],
        5: rows.T, 6: rows.T[:, ::-1], 7: rows.T[::-1, ::-1], 8: rows.T[::-1],
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name, image in (("x.png", rows), ("x.tif", rows), ("y.png", rows.astype(np.uint16) * 257)):
        file = save(tmp_path / name, image, exif=exif)
        np.testing.assert_array_equal(one(root, file)[..., 0], upright)


def test_orientation_of_a_jpeg(root, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    file = save(tmp_path / "x.jpg", noise(0, 16, 8, 3), exif=exif, quality=95)
    expected = np.asarray(ImageOps.exif_transpose(opened(file)))
    assert expected.shape == (8, 16, 3)
    np.testing.assert_array_equal(one(root, file), expected)


@pytest.mark.parametrize(
    "options, size, box",
    [
        ({"resize": 4}, (4, 4), None),
        ({"resize": (4, 7)}, (7, 4), None),
        ({"crop": 5}, None, (4, 2, 9, 7)),
        ({"crop": (4, 6)}, None, (3, 2, 9, 6)),
        ({"resize": 6, "crop": (6, 5)}, (9, 6), (2, 0, 7, 6)),  # 13 * 6 / 9 = 8.67
        ({"resize": (8, 20), "crop": 8}, (20, 8), (6, 0, 14, 8)),
        ({"resize": 4, "color": "gray"}, (4, 4), None),
        ({"color": "rgba", "resize": [30]}, (30, 30), None),
    ],
)
def test_size_and_color_are_pillows(options, size, box, root):
    files = of_noise(root, 3, (9, 13, 3))
    mode = {"gray": "L", "rgba": "RGBA"}.get(options.get("color"), "RGB")
    expected = []
    for image in (opened(file).convert(mode) for file in files):
        image = image.resize(size, Image.Resampling.LANCZOS) if size else image
        image = np.asarray(image.crop(box) if box else image)
        expected.append((image if image.ndim == 3 else image[..., None]).tobytes())
    data = load_data(str(root), **options)
    assert every(data) == sorted(expected)
    assert data.train.images.shape[1:3] == (image.shape[0], image.shape[1])


def test_mixed_colors_become_rgb(root):
    files = [*of_noise(root, 3), save(root / "z.png", noise(7, 6, 5))]
    assert every(load_data(str(root))) == sorted(x.tobytes() for x in pillow(files))
    clear = np.dstack([noise(8), np.zeros((6, 5), np.uint8)])
    save(root / "zz.png", clear)
    expected = [*pillow(files), np.full((6, 5, 3), 255, np.uint8)]
    assert every(load_data(str(root))) == sorted(x.tobytes() for x in expected)


def test_mixed_sizes_name_two_files_and_the_option(root):
    of_noise(root, 12)
    save(root / "05.png", noise(0, 7, 5, 3))
    refused(root, "05.png: 7 x 5", ".png: 6 x 5", "data.resize")
    assert load_data(str(root), resize=5).train.images.shape == (11, 5, 5, 3)
    refused(root, "smaller than data.crop (7,)", crop=7)


# files that are damaged


@pytest.fixture
def damaged(root):
    good = of_noise(root / "a", 12, (20, 20, 3))
    whole = save(root / "x.png", noise(1, 20, 20, 3)).read_bytes()
    (root / "x.png").rename(root / "a" / "x.png")
    (root / "a" / "x.png").write_bytes(whole[: len(whole) // 2])
    (root / "a" / "y.png").write_bytes(b"")
    (root / "a" / "z.jpg").write_text("no image")
    lossy = save(root / "w.jpg", noise(1, 20, 20, 3)).read_bytes()
    (root / "w.jpg").rename(root / "a" / "w.jpg")
    (root / "a" / "w.jpg").write_bytes(lossy[: len(lossy) // 2])
    return good


def test_files_that_cannot_be_read_are_named(damaged, root):
    refused(
        root, "4 of 16 files", "a/w.jpg (", "a/x.png (", "a/y.png (empty)", "...", "skip_bad=True"
    )


@pytest.mark.parametrize("streaming", [False, True])
def test_or_skipped_and_counted(damaged, root, caplog, streaming):
    expected = from_arrays(pillow(damaged), train_labels=["a"] * 12)
    for _ in range(2):  # read, and from the cache
        caplog.clear()
        assert same(load_data(str(root), skip_bad=True, streaming=streaming), expected)
        (line,) = [r.message for r in caplog.records if r.levelno == logging.WARNING]
        assert "4 of 16 files" in line and "skipped" in line


def test_a_part_of_which_nothing_can_be_read(damaged, root):
    of_noise(root / "train", 3)
    (root / "test").mkdir()
    (root / "test" / "x.png").write_bytes(b"")
    for file in (root / "a").iterdir():
        file.unlink()
    (root / "a").rmdir()
    refused(root, "1 of 4", "leaves a part without any", skip_bad=True)


@pytest.mark.parametrize("most, said", [(25, "30 pixels"), (10, "decompression bomb")])
def test_decompression_bombs_are_refused(most, said, root, monkeypatch):
    of_noise(root, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused(root, "3 of 3 files", said)


# options elsewhere


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


# the cache


def test_cache_is_used_until_a_file_changes(root, cache, monkeypatch):
    files = of_noise(root, 12)
    first = load_data(str(root))
    write = folder._write
    monkeypatch.setattr(folder, "_write", None)
    monkeypatch.setattr(Image, "open", None)
    assert same(load_data(str(root)), first)
    monkeypatch.undo()
    monkeypatch.setenv("AE_JAX_CACHE", str(cache))
    assert write is folder._write
    known = files[3].stat()
    save(files[3], noise(3)[::-1])
    os.utime(files[3], ns=(known.st_atime_ns, known.st_mtime_ns))
    assert same(load_data(str(root)), from_arrays(pillow(files)))
    assert len(list(cache.glob("folders/*/*"))) == 1  # what it was is gone
    load_data(str(root), color="gray")
    assert len(list(cache.glob("folders/*/*"))) == 2


@pytest.mark.parametrize("file", [on_disk.RECORDS, on_disk.ARRAYS, on_disk.META])
@pytest.mark.parametrize("how", ["gone", "empty", "half", "flipped"])
def test_damaged_cache_is_made_again(file, how, root, cache):
    files = of_noise(root / "a", 6) + of_noise(root / "b", 6, seed=1)
    expected = from_arrays(pillow(files), train_labels=["a"] * 6 + ["b"] * 6)
    assert same(load_data(str(root)), expected)
    (path,) = cache.glob(f"folders/*/*/{file}")
    data = bytearray(path.read_bytes())
    for at in {"flipped": range(len(data) // 7, len(data), len(data) // 7)}.get(how, (0,)):
        changed = bytearray(data)
        changed[at] ^= 1
        path.write_bytes({"empty": b"", "half": data[: len(data) // 2]}.get(how, changed))
        if how == "gone":
            path.unlink()
        assert same(load_data(str(root)), expected)
        (path,) = cache.glob(f"folders/*/*/{file}")


def test_cache_that_cannot_be_written(root, cache, caplog):
    files = of_noise(root, 12)
    cache.write_text("a file is in its place")
    assert same(load_data(str(root)), from_arrays(pillow(files)))
    assert "not cached" in caplog.text
    refused(root, "cannot be written", streaming=True)


def test_streaming_is_the_same_set(root, monkeypatch):
    for part, n in (("train", 30), ("valid", 4), ("test", 5)):
        for i, label in enumerate("ab"):
            of_noise(root / part / label, n, seed=10 * n + i)
    monkeypatch.setattr(folder, "BLOCK", 7)
    disk, data = load_data(str(root), streaming=True), load_data(str(root))
    assert isinstance(disk.train.images, on_disk.Records)
    assert same(disk, data) and sha256(disk.train.images) == sha256(data.train.images)
    np.testing.assert_array_equal(disk.valid.images, data.valid.images)
    assert disk.valid.labels.tolist() == data.valid.labels.tolist() == [0] * 4 + [1] * 4


def test_more_images_than_memory_stream(root, monkeypatch, caplog):
    files = of_noise(root, 20)
    monkeypatch.setattr(folder, "memory", lambda: 2 * 18 * 90 - 1)
    data = load_data(str(root))
    assert isinstance(data.train.images, on_disk.Records)
    assert same(data, from_arrays(pillow(files)))
    assert "data.streaming=True" in caplog.text
    refused(root, "half of this machine's memory", "data.split", split="random")
    monkeypatch.setattr(folder, "memory", lambda: 2 * 18 * 90)
    assert isinstance(load_data(str(root)).train.images, np.ndarray)


def test_random_split_deals_all_again(root):
    files = of_noise(root, 20)
    data = load_data(str(root), split="random", split_seed=3)
    assert every(data) == sorted(x.tobytes() for x in pillow(files))
    assert every(data) == every(load_data(str(root)))
    assert not np.array_equal(data.test.images, load_data(str(root)).test.images)
