"""`experiments.run` and `experiments.analyse` on images of which not all pixels were observed."""

import json
import time

import numpy as np
import pytest

from ae_jax.data.load import load_data
from ae_jax.resolve.config import load_config
from ae_jax.run import keeping
from experiments.running import session
from experiments.workdirs import workdir
from tests.reliability.commands import Command
from tests.run.doors import same

RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, 256, (50, 8, 8, 1)).astype(np.uint8)
HIDDEN = RNG.random(TRUTH.shape) < 0.2
HIDDEN[:, 0, 0] = True  # observed nowhere
HIDDEN[3] = HIDDEN[42] = True  # images without a pixel


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("holes") / "photos.npz"
    parts = {"train": slice(0, 40), "test": slice(40, 50)}
    arrays = {name: TRUTH[chosen] for name, chosen in parts.items()}
    np.savez(path, **arrays, **{f"{n}_mask": ~HIDDEN[chosen] for n, chosen in parts.items()})
    return str(path)


def prepared(file):
    raw = {
        "data": {"name": file, "missing": "mask", "indicator": True, "scale": "unit"},
        "corruption": {"name": "mask", "rate": 0.3},
        "decoder": {"output": "sigmoid"},
        "loss": {"name": "bernoulli_nll"},
        "model": {"code_size": 4},
        "train": {"batch_size": 8, "epochs": 2, "checkpoint_every": 4},
    }
    return session.prepare(load_config("undercomplete", **raw), load_data(file))


def train(s, path, **options):
    workdir.claim(path, s.config)
    return session.train(s, path, time.perf_counter(), **options)


def numbers(tree):
    """All numbers of nested dicts and lists."""
    if isinstance(tree, dict | list):
        return [n for v in (tree.values() if isinstance(tree, dict) else tree) for n in numbers(v)]
    return [tree] if isinstance(tree, float) else []


@pytest.mark.slow
def test_all_numbers_are_of_observed_pixels_and_all_figures_are_drawn(file, tmp_path):
    assert train(prepared(file), tmp_path) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    rows = workdir.read_metrics(tmp_path)
    assert np.isfinite(numbers([summary, rows])).all()
    run = keeping.restore(str(tmp_path))
    x = np.where(HIDDEN, np.nan, TRUTH / 255)[40:].astype(np.float32)
    seen = ~np.isnan(x)
    errors = np.square(run.reconstruct(x) - x)
    assert summary["test"]["mse"] == pytest.approx(errors[seen].mean(), rel=1e-5)
    assert summary["test"]["sse"] == pytest.approx(errors[seen].sum() / 10, rel=1e-5)
    gray = x[seen & (x > 0) & (x < 1)]
    floor = -(gray * np.log(gray) + (1 - gray) * np.log(1 - gray)).sum() / 10
    assert summary["test"]["bce_floor"] == pytest.approx(floor, rel=1e-5)
    assert summary["test"]["bce"] > floor
    assert summary["denoise"]["linear_denoiser_mse"] is None
    # A third of random pixels is black, and nothing of them was learned.
    assert summary["denoise"]["noisy_mse"] == pytest.approx(
        0.3 * np.square(x[seen]).mean(), rel=0.3
    )
    train_x = np.where(HIDDEN, np.nan, TRUTH / 255)[:40].reshape(40, -1)[:, 1:]
    mean = np.square(x.reshape(10, -1)[:, 1:] - np.nanmean(train_x, 0))
    assert summary["controls"]["mean_image"] == pytest.approx(np.nanmean(mean), rel=1e-5)
    assert summary["controls"]["pca"] == summary["controls"]["pca_uncentred"] > 0
    names = {figure.stem for figure in (tmp_path / "figures").iterdir()}
    assert names >= {"reconstructions", "denoising", "filters", "progress", "curves"}
    assert "nan" not in (tmp_path / "report.html").read_text().lower().split()


@pytest.mark.slow
def test_a_run_that_was_cut_short_ends_with_the_same_bits(file, tmp_path, monkeypatch):
    def cut(path, step, *args):
        real(path, step, *args)
        if step == 8:
            raise KeyboardInterrupt

    real = session.checkpoint.save
    assert train(prepared(file), tmp_path / "whole", pictures=False) == 0
    with monkeypatch.context() as patched:
        patched.setattr(session.checkpoint, "save", cut)
        with pytest.raises(KeyboardInterrupt):
            train(prepared(file), tmp_path / "cut", pictures=False)
    assert train(prepared(file), tmp_path / "cut", pictures=False) == 0
    whole, resumed = (keeping.restore(str(tmp_path / name)) for name in ("whole", "cut"))
    same(resumed.state, whole.state)
    same(resumed.history, whole.history)


@pytest.mark.slow
def test_the_command_takes_holes_where_it_is_told_to(file, tmp_path):
    asked = ("--config=undercomplete", f"--config.data.name={file}", "--config.train.epochs=2")
    asked += ("--config.train.batch_size=8", "--config.model.code_size=4", "--figures=no")
    refused = Command(tmp_path / "refused", *asked).wait()
    assert refused.code == 2
    said = refused.stderr.strip().splitlines()
    assert len(said) <= 3 and "train: NaN in image 0, row 0, column 0; data.missing" in said[0]
    taken = Command(tmp_path / "taken", *asked, "--config.data.missing=mask").wait()
    assert taken.code == 0, taken.stderr
    summary = json.loads((tmp_path / "taken" / "summary.json").read_text())
    assert np.isfinite(numbers(summary)).all()
