"""Images on disk: the bits of a run in memory, and of what is read; damage, disks that are full."""

import json
import resource
import signal
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.decomposition import PCA

import ae_jax
from ae_jax.data import arrays
from ae_jax.data import on_disk as streaming
from ae_jax.data.arrays import from_arrays
from ae_jax.data.load import load_data
from ae_jax.errors import ConfigError, DataError
from ae_jax.evaluate import baselines
from ae_jax.model import pipeline
from ae_jax.model.weights import params_sha256
from ae_jax.resolve.config import load_config, resolve
from ae_jax.train import feed as feed_lib
from ae_jax.train import loop, setup

SHAPE = (28, 28, 1)


def noise_set(n=70, seed=0, dtype=np.uint8):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n + 10, *SHAPE)).astype(np.uint8)
    images = images if dtype == np.uint8 else (images / 255).astype(dtype)
    labels = rng.integers(0, 10, n + 10)
    return from_arrays(images[:n], images[n:], labels[:n], labels[n:], "noise")


def on_disk(data, folder):
    """The same data set, written in two parts."""
    n = len(data.train.images)
    parts = [arrays.rows(data.train, s) for s in (slice(0, 30), slice(30, None))]
    streaming.write(folder, parts, n, data.test)
    return streaming.read(folder, data.name)


def same_bits(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(np.asarray(x), np.asarray(y))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_records_are_the_arrays(dtype, tmp_path):
    data = noise_set(dtype=dtype)
    disk = on_disk(data, tmp_path / "noise")
    images, records = data.train.images, disk.train.images
    assert (len(records), records.shape, records.dtype) == (70, images.shape, images.dtype)
    for chosen in (slice(None), slice(5, 50, 7), slice(-3, None), np.array([69, 0, 3, 3]), 4):
        np.testing.assert_array_equal(records[chosen], images[chosen])
    np.testing.assert_array_equal(records[data.train.labels == 3], images[data.train.labels == 3])
    assert records[[]].shape == (0, *SHAPE)
    same_bits((disk.train.labels, *disk.test), (data.train.labels, *data.test))
    for n in (0, 40):
        few, fewer = arrays.subset(data, n, 5).train, arrays.subset(disk, n, 5).train
        assert isinstance(fewer.images, streaming.Records)
        same_bits((fewer.images[:], fewer.labels), tuple(few))
        assert arrays.sha256(fewer.images) == arrays.sha256(few.images)
    for bad in ([40], [-1]):
        with pytest.raises(IndexError, match="0 to 39"):
            fewer.images[bad]
    with pytest.raises(TypeError, match="not one array"):
        np.asarray(records)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, changes",
    [
        ("denoise", {}),
        ("dropout", {}),
        ("vae", {"model.classes": 10}),
        ("linear", {"data.center": True, "train.drop_remainder": True}),
    ],
)
def test_same_bits_as_in_memory(name, changes, tmp_path, monkeypatch):
    """70 images in batches of 8: windows of three batches, the last with two, then six images."""
    monkeypatch.setattr(feed_lib, "WINDOW_BYTES", 3 * 8 * 784 + 100)
    config = load_config(name, **{"train.batch_size": 8, "train.epochs": 2, **changes})
    data = noise_set()
    disk = on_disk(data, tmp_path / "noise")
    windows = []
    feed = feed_lib.feed
    monkeypatch.setattr(
        feed_lib, "feed", lambda *args: (windows.append(w) or w for w in feed(*args))
    )
    a, b = (ae_jax.fit(config, d, jax.random.key(3), progress=False) for d in (data, disk))
    assert params_sha256(a.state.params) == params_sha256(b.state.params)
    same_bits(*((run.state, run.history, run.code_mean, run.code_cov) for run in (a, b)))
    streamed = [(w.start, w.stop, len(w.images)) for w in windows[2:]]
    expected = [(0, 3, 25), (3, 6, 25), (6, 8, 25), (8, 9, 25)]
    if "train.drop_remainder" in changes:
        assert streamed[:4] == [*expected[:3], (8, 11, 25)]
    else:
        assert streamed[:4] == expected
        assert streamed[-1] == (17, 18, 25)


@pytest.mark.slow
def test_resume_in_the_middle_of_a_window(tmp_path, monkeypatch):
    monkeypatch.setattr(feed_lib, "WINDOW_BYTES", 3 * 8 * 784)
    config = load_config("denoise", **{"train.batch_size": 8, "train.epochs": 2})
    data = noise_set()
    disk = on_disk(data, tmp_path / "noise").train
    trainer, key = setup.prepare(config, SHAPE, 70), jax.random.key(0)

    def states(split, start=None, every=0):
        state = start or trainer.init(key, jnp.zeros(SHAPE))
        for chunk in loop.train(trainer, state, split, key, every):
            yield jax.tree.map(np.array, chunk.state)

    *_, whole = states(data.train)
    for stop in (1, 4, 8, 9, 13):
        saved = next(s for s in states(disk, every=stop) if s.step == stop)
        *_, resumed = states(disk, jax.tree.map(jnp.asarray, saved))
        same_bits(whole, resumed)


@pytest.mark.slow
def test_an_interrupted_run_leaves_no_thread_that_reads(tmp_path, monkeypatch):
    monkeypatch.setattr(feed_lib, "WINDOW_BYTES", 8 * 784)
    config = load_config("denoise", **{"train.batch_size": 8, "train.epochs": 9})
    records = on_disk(noise_set(), tmp_path / "noise").train
    trainer = setup.prepare(config, SHAPE, 70)
    chunks = loop.train(
        trainer, trainer.init(jax.random.key(0), jnp.zeros(SHAPE)), records, jax.random.key(0)
    )
    next(chunks)
    chunks.close()
    np.testing.assert_array_equal(records.images[:3], noise_set().train.images[:3])


@pytest.mark.slow
def test_controls_are_blockwise_and_equal(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "BLOCK_BYTES", 11 * 784)
    data = noise_set(200)
    disk = on_disk(data, tmp_path / "noise").train.images
    images, test = data.train.images, data.test.images
    of_sym = pipeline.build(load_config("undercomplete"), (28, 28, 1))
    assert [len(b) for b in arrays.blocks(disk)] == [11] * 18 + [2]
    for function in (
        lambda x: setup.mean_image(x, of_sym),
        lambda x: baselines.pca_mse(x, test, 5),
        lambda x: baselines.pca_mse(x, test, 5, centred=False, scale="sym"),
        lambda x: baselines.mean_image_mse(x, test),
    ):
        same_bits(function(images), function(disk))
    rows, held = (baselines.unit_rows(v).astype(np.float64) for v in (images, test))
    np.testing.assert_allclose(baselines.mean_row(images), rows.mean(0), rtol=1e-12)
    pca = PCA(5, svd_solver="full").fit(rows)
    left = held - pca.inverse_transform(pca.transform(held))
    assert baselines.pca_mse(disk, test, 5) == pytest.approx(np.square(left).mean(), rel=1e-5)
    monkeypatch.setattr(baselines, "NOISE_PAIRS", 400)
    config = load_config("denoise")
    model = setup.prepare(resolve({**config.to_dict(), "train": {"batch_size": 8}}), SHAPE, 200)
    maps = [baselines.linear_denoiser(model.model, x, jax.random.key(1)) for x in (images, disk)]
    same_bits(*maps)


@pytest.mark.parametrize("name", ["mnist5k", "spiral", "npz"])
def test_names_are_written_once_and_then_only_opened(name, tmp_path, monkeypatch):
    if name == "npz":
        name = str(tmp_path / "own set.npz")
        data = noise_set()
        np.savez(name, train=data.train.images, test=data.test.images)
    data = load_data(name)
    disk = load_data(name, cache_dir=str(tmp_path), streaming=True)
    assert disk.name == data.name
    same_bits((disk.train.images[:], *disk.test[:1]), (data.train.images, *data.test[:1]))
    assert (disk.train.labels is None) == (data.train.labels is None)
    monkeypatch.setattr(streaming, "write", None)
    again = load_data(name, cache_dir=str(tmp_path), streaming=True)
    assert again.train.images.sha256 == arrays.sha256(data.train.images)


def test_another_file_of_the_same_name_is_another_set(tmp_path):
    file = tmp_path / "a.npz"
    for n in (20, 30):
        np.savez(file, train=noise_set(n).train.images, test=noise_set().test.images)
        disk = load_data(str(file), cache_dir=str(tmp_path), streaming=True)
        assert len(disk.train.images) == n


def test_what_does_not_fit_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"data\.streaming"):
        resolve({"data": {"streaming": True, "split": "random"}})
    with pytest.raises(ConfigError, match=r"data\.streaming"):
        load_data("mnist5k", split="random", streaming=True)
    with pytest.raises(DataError, match="no such file"):
        load_data(str(tmp_path / "a.npz"), cache_dir=str(tmp_path), streaming=True)
    with pytest.raises(DataError, match="unknown data set"):
        load_data("nonsense", cache_dir=str(tmp_path), streaming=True)


def test_damage_names_the_file(tmp_path):
    data = noise_set()
    folder = tmp_path / "noise"
    on_disk(data, folder)
    kept = {file: file.read_bytes() for file in folder.iterdir()}
    assert len(kept) == 3
    for file, whole in kept.items():
        flipped = bytearray(whole)
        flipped[len(whole) // 2] ^= 1
        for damaged in (b"", whole[: len(whole) // 2], bytes(flipped), None):
            file.unlink() if damaged is None else file.write_bytes(damaged)
            if file.suffix == ".json" and damaged == bytes(flipped):
                file.write_text(json.dumps({"shape": [71, *SHAPE], "dtype": "uint8"}))
            with pytest.raises(DataError, match=str(folder)) as error:
                read = streaming.read(folder, "noise")
                read.train.images[:]
            assert str(file) in str(error.value)
            assert len(str(error.value).splitlines()) <= 3
            file.write_bytes(whole)


def test_damage_in_the_middle_of_training(tmp_path):
    read = on_disk(noise_set(300), tmp_path / "noise")
    file = tmp_path / "noise" / streaming.RECORDS
    flipped = bytearray(file.read_bytes())
    flipped[len(flipped) // 2] ^= 1
    file.write_bytes(flipped)
    read = streaming.read(tmp_path / "noise", "noise")
    config = load_config("undercomplete", **{"train.batch_size": 8, "train.epochs": 1})
    with pytest.raises(DataError, match=str(file)):
        ae_jax.fit(config, read, jax.random.key(0), progress=False)


def test_a_full_disk_says_how_much_is_needed(tmp_path, monkeypatch):
    data = noise_set(2000)
    with pytest.raises(DataError, match=r"848,\d+ MB are needed\n.*AE_JAX_CACHE"):
        streaming.write(tmp_path / "a", [data.train], 10**9, data.test)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    try:
        with pytest.raises(DataError, match="2 MB are needed"):
            streaming.write(tmp_path / "a", [data.train], 2000, data.test)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


PEAK = """
import resource, sys
import jax, jax.numpy as jnp, numpy as np
from pathlib import Path
from ae_jax.data import on_disk as streaming
from ae_jax.data.arrays import Split
from ae_jax.resolve import config
from ae_jax.train import loop, setup

folder, n, epochs = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
images = np.random.default_rng(0).integers(0, 256, (256, 128, 128, 1)).astype(np.uint8)
streaming.write(folder, (Split(images, None) for _ in range(n // 256)), n, Split(images[:10], None))
data = streaming.read(folder, "big").train
c = config.load_config("undercomplete", **{"train.epochs": epochs, "model.code_size": 2})
t, key = setup.prepare(c, (128, 128, 1), n), jax.random.key(0)
state = t.init(key, setup.mean_image(data.images, t.model))
for chunk in loop.train(t, state, data, key):
    pass
print(chunk.steps[1], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.long
def test_memory_is_flat_in_the_size_of_the_set(tmp_path):
    """393 MB of images peak less than 60 MB above 42 MB of them, after as many steps."""
    both = [
        subprocess.Popen(
            [sys.executable, "-c", PEAK, str(tmp_path / str(n)), str(n), str(epochs)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for n, epochs in ((256 * 94, 1), (256 * 10, 9))
    ]
    (_, large), (_, small) = (process.communicate()[0].split() for process in both)
    print(large, small)
    assert float(large) - float(small) < 60, (large, small)
