"""Published files and TFDS: verified, downloaded, prepared, cached; and every damage noticed."""

import functools
import gzip
import hashlib
import http.server
import os
import shutil
import socket
import struct
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

from ae_jax.data import idx_files, tfds_builders
from ae_jax.data.idx_files import PARTS, IdxFile, IdxSet
from ae_jax.data.load import load_data
from ae_jax.errors import DataError

REAL = os.environ.get("AE_JAX_MANUAL_DIR")
PREPARED = Path("tfds/mnist") / idx_files.PREPARED


def idx_bytes(array):
    """The format's own description: magic 0x0801 or 0x0803, sizes as 4-byte big-endian, bytes."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + bytes(array.ravel().tolist())


@pytest.fixture
def arrays():
    rng = np.random.default_rng(5)
    return {
        "train_images": rng.integers(0, 256, (30, 6, 5), np.uint8),
        "train_labels": rng.integers(0, 10, 30, np.uint8),
        "test_images": rng.integers(0, 256, (10, 6, 5), np.uint8),
        "test_labels": rng.integers(0, 10, 10, np.uint8),
    }


@pytest.fixture
def manual(arrays, tmp_path, monkeypatch):
    """A directory with four small files, published as 'mnist' at an address that refuses."""
    monkeypatch.delenv("AE_JAX_MANUAL_DIR", raising=False)
    monkeypatch.setenv("AE_JAX_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "manual" / "mnist"
    folder.mkdir(parents=True)
    files = {}
    for part, array in arrays.items():
        raw = idx_bytes(array)
        packed = gzip.compress(raw)
        (folder / PARTS[part]).write_bytes(packed)
        files[part] = IdxFile(*(hashlib.sha256(b).hexdigest() for b in (packed, raw)))
    publish(monkeypatch, "http://127.0.0.1:9/", files)
    return str(folder.parent)


def publish(monkeypatch, url, files=None):
    files = files or idx_files.IDX_SETS["mnist"].files
    monkeypatch.setitem(idx_files.IDX_SETS, "mnist", IdxSet(url, files))


def same(data, arrays):
    for part, name in ((data.train, "train"), (data.test, "test")):
        np.testing.assert_array_equal(part.images[..., 0], arrays[f"{name}_images"])
        np.testing.assert_array_equal(part.labels, arrays[f"{name}_labels"])
        assert part.images.dtype == np.uint8 and part.labels.dtype == np.int32
    return True


# our TFDS data set and its cache


def test_tfds_route_gives_the_files_bytes_in_their_order(
    manual, arrays, tmp_path, monkeypatch, capfd
):
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    assert same(load_data("mnist", manual), arrays)
    assert capfd.readouterr() == ("", "")
    assert not list((tmp_path / "scratch").iterdir())  # nothing is left lying about
    builder = tfds.builder_from_directory(tmp_path / "cache" / PREPARED)
    records = list(builder.as_data_source("test"))  # an ordinary TFDS data set
    assert [int(r["label"]) for r in records] == arrays["test_labels"].tolist()
    np.testing.assert_array_equal(records[7]["image"][..., 0], arrays["test_images"][7])
    assert same(load_data("mnist"), arrays)  # prepared: the files are no longer needed
    assert sorted(p.name for p in (tmp_path / "cache/tfds").iterdir()) == ["mnist"]


def test_environment_names_the_directory(manual, arrays, monkeypatch, tmp_path):
    monkeypatch.setenv("AE_JAX_MANUAL_DIR", manual)
    assert same(load_data("mnist", cache_dir=str(tmp_path / "other")), arrays)
    assert (tmp_path / "other" / PREPARED / idx_files.CACHED).exists()


def damage(path, how):
    data = bytearray(path.read_bytes())
    if how == "flip":
        data[len(data) // 2] ^= 1
    path.write_bytes({"empty": b"", "half": data[: len(data) // 2], "flip": data}[how])


@pytest.mark.parametrize("how", ["empty", "half", "flip"])
def test_damaged_cache_is_read_again_from_the_records(how, manual, arrays, tmp_path):
    load_data("mnist", manual)
    kept = tmp_path / "cache" / PREPARED / idx_files.CACHED
    before = kept.read_bytes()
    damage(kept, how)
    assert same(load_data("mnist"), arrays)  # no files, no network: TFDS's records are enough
    assert idx_files.read_cached("mnist", kept.parent) is not None
    assert len(kept.read_bytes()) == len(before)


def test_cache_with_consistent_but_wrong_content_is_rebuilt(manual, arrays, tmp_path):
    load_data("mnist", manual)
    folder = tmp_path / "cache" / PREPARED
    idx_files.keep({**arrays, "test_labels": arrays["test_labels"] ^ 1}, folder)
    for records in folder.glob("*.array_record*"):
        damage(records, "half")
    with pytest.raises(DataError):  # nothing left to rebuild from
        load_data("mnist")
    assert same(load_data("mnist", manual), arrays)
    assert same(load_data("mnist"), arrays)


def test_second_process_that_was_faster_wins(manual, arrays, tmp_path, monkeypatch, caplog):
    rename, place = os.rename, tmp_path / "cache" / PREPARED

    def late(made, to):
        if Path(to) == place:
            shutil.copytree(made, to)
            (place / "by the other").touch()
        rename(made, to)

    monkeypatch.setattr(os, "rename", late)
    assert same(load_data("mnist", manual), arrays)
    assert (place / "by the other").exists() and not caplog.records
    assert same(load_data("mnist"), arrays)


def test_unwritable_cache_is_not_fatal(manual, arrays, tmp_path, caplog):
    (tmp_path / "file").touch()
    assert same(load_data("mnist", manual, cache_dir=str(tmp_path / "file")), arrays)
    assert "cannot be used" in caplog.text


def test_leftovers_of_a_killed_process_are_removed(manual, tmp_path):
    for name, age in (("old", 4_000), ("new", 0)):
        folder = tmp_path / "cache/tfds" / (tfds_builders.SCRATCH + name)
        folder.mkdir(parents=True)
        os.utime(folder, (time.time() - age,) * 2)
    load_data("mnist", manual)
    left = [p.name for p in (tmp_path / "cache/tfds").glob(".*")]
    assert left == [tfds_builders.SCRATCH + "new"]


# damaged files


@pytest.mark.parametrize("prepared", [False, True])
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("how", ["missing", "empty", "half", "flip", "magic", "swapped"])
def test_every_damage_names_the_file(how, part, prepared, manual, arrays, tmp_path):
    if prepared:  # verified even so
        idx_files.keep(arrays, tmp_path / "cache" / PREPARED)
        assert same(load_data("mnist"), arrays)
    path = Path(manual) / "mnist" / PARTS[part]
    if how == "missing":
        path.unlink()
    elif how == "magic":
        path.write_bytes(gzip.compress(b"\0\0\x0d" + idx_bytes(arrays[part])[3:]))
    elif how == "swapped":
        other = part.replace("test", "TRAIN").replace("train", "test").replace("TRAIN", "train")
        path.write_bytes((path.parent / PARTS[other]).read_bytes())
    else:
        damage(path, how)
    with pytest.raises(DataError) as error:
        load_data("mnist", manual)
    text = str(error.value)
    assert len(text.splitlines()) == 3
    for said in (PARTS[part], str(path.parent), idx_files.IDX_SETS["mnist"].files[part].sha256):
        assert said in text
    assert ("another file" in text) == (how == "swapped")


def test_other_wrappings_of_the_same_bytes_are_accepted(manual, arrays):
    """A gzip header without name and time (as Debian ships), another level, or no gzip at all."""
    folder = Path(manual) / "mnist"
    for part, array in arrays.items():
        raw = idx_bytes(array)
        wrapped = {
            "train_images": gzip.compress(raw, 1, mtime=0),
            "test_images": raw,
        }
        (folder / PARTS[part]).write_bytes(wrapped.get(part, gzip.compress(raw, 9, mtime=1)))
    assert same(load_data("mnist", manual), arrays)


# download


@pytest.fixture
def server(manual, monkeypatch):
    """The four files at a local address; `requests` lists what was asked for."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            requests.append(self.path)

    requests: list[str] = []
    handler = functools.partial(Quiet, directory=str(Path(manual) / "mnist"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        publish(monkeypatch, f"http://127.0.0.1:{running.server_port}/")
        yield requests
        running.shutdown()


def test_download_is_verified_and_kept(server, manual, arrays, tmp_path):
    assert same(load_data("mnist"), arrays)
    kept = tmp_path / "cache/downloads/mnist"
    assert sorted(p.name for p in kept.iterdir()) == sorted(PARTS.values())
    shutil.rmtree(tmp_path / "cache/tfds")
    damage(kept / PARTS["test_images"], "half")
    server.clear()
    assert same(load_data("mnist"), arrays)
    assert server == ["/" + PARTS["test_images"]]  # only what was damaged is fetched again


def test_download_into_an_unwritable_cache(server, arrays, tmp_path):
    (tmp_path / "file").touch()
    assert same(load_data("mnist", cache_dir=str(tmp_path / "file")), arrays)


def test_download_of_something_else(server, manual, tmp_path):
    (Path(manual) / "mnist" / PARTS["train_images"]).write_bytes(b"<html>log in first</html>")
    with pytest.raises(DataError, match="the download is truncated") as error:
        load_data("mnist")
    assert PARTS["train_images"] in str(error.value)
    assert not list((tmp_path / "cache").rglob("*.gz"))
    (Path(manual) / "mnist" / PARTS["train_images"]).unlink()
    with pytest.raises(DataError, match="404"):
        load_data("mnist")


@pytest.mark.parametrize("network", ["refuses", "silent", "slow name look-up"])
def test_offline_says_within_two_seconds_what_is_needed(network, manual, monkeypatch, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        if network == "silent":
            publish(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}/")
        if network == "slow name look-up":
            publish(monkeypatch, "http://nowhere.invalid/")
            monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: time.sleep(5))
        start = time.monotonic()
        with pytest.raises(DataError) as error:
            load_data("mnist")
        assert time.monotonic() - start < 2
    text = str(error.value)
    assert len(text.splitlines()) == 3
    for part, file in idx_files.IDX_SETS["mnist"].files.items():
        assert f"{PARTS[part]} sha256 {file.sha256}" in text
    assert "data.manual_dir" in text and "AE_JAX_MANUAL_DIR" in text and "DIR/mnist" in text


# the real files


def test_addresses_and_checksums_are_those_of_tfds():
    folder = Path(tfds.__file__).parent / "url_checksums"
    for name in ("mnist", "fashion_mnist"):
        published = idx_files.IDX_SETS[name]
        lines = [line.split() for line in (folder / f"{name}.txt").read_text().splitlines()]
        assert {(url, sha256) for url, _, sha256, *_ in lines} == {
            (published.url + PARTS[part], file.sha256) for part, file in published.files.items()
        }


@pytest.mark.long
@pytest.mark.skipif(not REAL, reason="AE_JAX_MANUAL_DIR is not set to the full MNIST files")
def test_full_mnist(tmp_path):
    data = load_data("mnist", cache_dir=str(tmp_path))
    images = data.train.images / 255
    assert images.shape == (60_000, 28, 28, 1) and data.test.images.shape == (10_000, 28, 28, 1)
    assert images.mean() == pytest.approx(0.1307, abs=5e-5)
    assert images.std() == pytest.approx(0.3081, abs=5e-5)
    assert data.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert data.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    published = {image.tobytes(): int(y) for image, y in zip(*data.train, strict=True)}
    for part in load_data("mnist5k")[1:]:
        for image, label in zip(*part, strict=True):
            assert published[image.tobytes()] == label
