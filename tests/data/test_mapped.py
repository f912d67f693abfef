"""Rows and signals that stay in their `.npy` file are those that are read into memory."""

import re
import subprocess
import sys

import numpy as np
import pytest

import ae_jax
from ae_jax.data import scales
from ae_jax.data.mapped import Mapped
from ae_jax.errors import ConfigError, DataError
from ae_jax.run.ready import ready
from tests.run.doors import same

RNG = np.random.default_rng(0)
HOLED = RNG.normal(5, 3, (331, 4)).astype(np.float32)
HOLED[RNG.random(HOLED.shape) < 0.1] = np.nan
ARRAYS = {"rows": HOLED, "signal": RNG.integers(-9, 9, (57, 6, 2))}
CONFIG = {
    "data": {"scale": "standard", "n_valid": 20},
    "encoder": {"hidden": (7,)},
    "model": {"code_size": 3},
    "train": {"batch_size": 32, "epochs": 2},
}


def saved(path, x):
    np.save(path / "x.npy", x)
    return str(path / "x.npy")


def both(path, x, kind="rows"):
    file = saved(path, x)
    return [ae_jax.load_data(file, kind=kind, streaming=streaming) for streaming in (False, True)]


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("scale", scales.SCALES)
def test_as_in_memory(kind, scale, tmp_path):
    held, mapped = both(tmp_path, ARRAYS[kind], kind)
    assert isinstance(mapped.train.images, Mapped), "it stays there"
    assert mapped.examples == held.examples and mapped.how == held.how
    for a, b in ((held, mapped), (scales.scaled(held, scale), scales.scaled(mapped, scale))):
        x, y = a.train.images, b.train.images
        assert (x.shape, x.dtype, len(x)) == (y.shape, y.dtype, len(y))
        same((a.test.images, x), (b.test.images, y[:]))
        places = np.array([7, 3, 7, 0])
        same((x[5:40:3], x[places], x[:9]), (y[5:40:3], y[places], y.first(9)[:]))
        same(x[places][[2, 1]], y.only(places).only(np.array([2, 1]))[:])
        same(x[x[:, 0, 0, 0] > 0], y[x[:, 0, 0, 0] > 0])
        same(x[4], y[4])
        assert a.sha256("train") == b.sha256("train") and a.sha256("test") == b.sha256("test")
    same(a.scaler[1:], b.scaler[1:])


def test_a_run_has_the_same_bits(tmp_path):
    held, mapped = (
        ae_jax.fit(CONFIG, data, 5, progress=False) for data in both(tmp_path, ARRAYS["rows"])
    )
    same(held.state, mapped.state)
    assert mapped.config.data.streaming and not held.config.data.streaming
    same(held.impute(HOLED), mapped.impute(HOLED))


def test_a_file_of_many_blocks_has_the_moments_of_numpy(monkeypatch, tmp_path):
    monkeypatch.setattr("ae_jax.data.arrays.BLOCK_BYTES", 800)  # 25 rows
    monkeypatch.setattr("ae_jax.data.scales.SAMPLE", 200)
    x = np.concatenate([RNG.normal(1e6, 0.1, (300, 4)), np.full((300, 4), 7e5)])
    x[:, 3] = np.where(np.arange(600) < 580, np.nan, x[:, 3])
    mapped = both(tmp_path, x)[1]
    rows = mapped.train.images[:].reshape(-1, 4)
    scaler = scales.fitted(mapped.examples, mapped.train.images, "standard")
    np.testing.assert_allclose(scaler.shift, np.nanmean(rows, 0), rtol=1e-13)
    np.testing.assert_allclose(scaler.spread[:3], np.nanstd(rows[:, :3], 0), rtol=1e-12)
    scaler = scales.fitted(mapped.examples, mapped.train.images, "robust")
    np.testing.assert_array_equal(scaler.shift[:3], np.median(rows[:200, :3], 0))
    assert np.isfinite(scaler.shift).all() and (scaler.spread > 0).all()


def test_what_is_wrong_is_named_with_its_row(monkeypatch, tmp_path):
    monkeypatch.setattr("ae_jax.data.arrays.BLOCK_BYTES", 800)
    x = HOLED.copy()
    x[123, 2] = np.inf
    with pytest.raises(DataError, match="infinite in row 123, column 2"):
        both(tmp_path, x)
    mapped = both(tmp_path, HOLED)[1]
    row, column = np.argwhere(np.isnan(mapped.train.images[:].reshape(-1, 4)))[0]
    config = ae_jax.load_config("rows", data={"scale": "none", "missing": "refuse"})
    with pytest.raises(DataError, match=f"train: NaN in row {row}, column {column};"):
        ready(config, mapped)
    counts = both(tmp_path, np.where(np.isnan(HOLED), 0.0, HOLED))[1]
    row = int(np.argmax(counts.train.images[:].reshape(-1, 4)[:, 0] % 1 > 0))
    with pytest.raises(DataError, match=rf"in row {row}, column \d; loss.name 'poisson_nll'"):
        ready(ae_jax.load_config("counts:poisson"), counts)
    with pytest.raises(DataError, match="one example"):
        both(tmp_path, HOLED[:1])
    with pytest.raises(TypeError, match="take a slice"):
        np.asarray(mapped.train.images)
    np.savez(tmp_path / "x.npz", train=HOLED, test=HOLED)
    with pytest.raises(ConfigError, match=re.escape("rows and signals in a .npy file")):
        ae_jax.load_data(str(tmp_path / "x.npz"), streaming=True)


OWN = """
import sys
import numpy as np
import ae_jax
from ae_jax.data import scales

def own():
    return int(open("/proc/self/status").read().split("RssAnon:")[1].split()[0]) / 1024

begun = own()
data = scales.scaled(ae_jax.load_data(sys.argv[1], streaming=True), "standard")
print(data.train.images[:10].mean(), own() - begun)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_holds_the_test_part_alone(tmp_path):
    """Of 400 MB of float32 a tenth is held out: 80 MB of float64, then 40 of float32."""
    x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, (500_000, 200))
    for start in range(0, len(x), 50_000):
        x[start : start + 50_000] = RNG.normal(size=(50_000, 200))
    command = [sys.executable, "-c", OWN, str(tmp_path / "x.npy")]
    mean, more = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert abs(float(mean)) < 0.1
    assert float(more) < 250, "MB; all in memory would be 800 and more"
