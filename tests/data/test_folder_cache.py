"""The cache of a folder of images: used, made again, or too large for memory."""

import os

import numpy as np
import pytest
from PIL import Image

from ae_jax.data import on_disk
from ae_jax.data.arrays import from_arrays, sha256
from ae_jax.data.folders import folder
from ae_jax.data.load import load_data
from tests.data.folders import every, noise, of_noise, pillow, refused, same, save


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
