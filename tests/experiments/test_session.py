"""A session as it goes: what a denoiser is shown with, bars, figures left out and drawn later."""

import io
import json
import sys
import time
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from ae_jax import figures
from ae_jax.data.load import from_arrays
from ae_jax.resolve.config import load_config
from experiments.running import session, stages, summary
from experiments.running.progress import see_few
from experiments.workdirs import words, workdir


def small(scale="unit", every=0, **corruption):
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8)).astype(np.uint8)
    raw = {"model": {"code_size": 4}, "train": {"batch_size": 8, "epochs": 2}}
    raw["train"]["checkpoint_every"] = every
    raw = {**raw, "data": {"scale": scale}, "corruption": corruption}
    return session.prepare(load_config("linear", **raw), from_arrays(images, images[:12]))


def train(s, path, **options):
    workdir.claim(path, s.config)
    return session.train(s, path, time.perf_counter(), **options)


@pytest.mark.long
def test_the_frames_of_a_denoiser_are_outputs_for_corrupted_images(tmp_path, monkeypatch):
    """Where all pixels are masked nothing of an image is left: all outputs are the same."""
    seen = {}

    def strip(originals, frames, losses, title, corrupted):
        seen.update(originals=originals, losses=losses, corrupted=corrupted)
        return real(originals, frames, losses, title, corrupted)

    real = figures.progress_strip
    monkeypatch.setattr(figures, "progress_strip", strip)
    s = small(name="mask", rate=1.0)
    assert train(s, tmp_path) == 0
    frames = workdir.load_frames(tmp_path, 2)
    assert set(frames) == {1, 2}
    for frame in frames.values():
        np.testing.assert_array_equal(frame, np.broadcast_to(frame[:1], frame.shape))
    assert not seen["corrupted"].any(), "black"
    np.testing.assert_allclose(seen["originals"][..., 0] * 255, s.dataset.test.images[:8, ..., 0])
    rows = [r for r in workdir.read_metrics(tmp_path) if r["split"] == "test"]
    assert seen["losses"] == {r["epoch"]: r["denoised_mse"] for r in rows}


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["unit", "sym"])
def test_the_noise_to_see_stays_the_same_and_is_the_corruptions(scale):
    s = small(scale, name="gaussian", sigma=0.25 if scale == "unit" else 0.5)
    mean = np.zeros((8, 8, 1), np.float32)
    states = [s.trainer.init(jax.random.key(i), mean).variables for i in (0, 1)]
    (seen, outputs), (again, others) = (see_few(s, v) for v in states)
    np.testing.assert_array_equal(seen, again)
    assert np.abs(outputs - others).max() > 0.01, "of other weights"
    noise = seen - s.dataset.test.images[:8] / np.float32(255)
    assert noise.std() == pytest.approx(0.25, rel=0.1), "512 numbers, in [0,1] units"
    plain, _ = see_few(small(scale), states[0])
    np.testing.assert_allclose(plain, s.dataset.test.images[:8] / 255, atol=1e-6)


@pytest.mark.slow
def test_an_epoch_cut_short_is_logged_as_a_whole_one(tmp_path, monkeypatch):
    """Stopped after 3 of its 5 steps and resumed: the means and ends of all five."""

    def numbers(path):
        rows = [row for row in workdir.read_metrics(path) if row["split"] == "train"]
        return [{k: v for k, v in row.items() if k != "images_per_s"} for row in rows]

    def cut(path, step, *args):
        real(path, step, *args)
        if step == 8:
            raise KeyboardInterrupt

    real = session.checkpoint.save
    assert train(small(every=4), tmp_path / "whole", pictures=False) == 0
    with monkeypatch.context() as patched:
        patched.setattr(session.checkpoint, "save", cut)
        with pytest.raises(KeyboardInterrupt):
            train(small(every=4), tmp_path / "cut", pictures=False)
    assert train(small(every=4), tmp_path / "cut", pictures=False) == 0
    assert numbers(tmp_path / "cut") == numbers(tmp_path / "whole")
    assert [row["step"] for row in numbers(tmp_path / "cut")] == [5, 10]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.slow
def test_a_terminal_sees_what_is_evaluated_and_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert train(small(name="mask"), tmp_path) == 0
    shown = sys.stderr.getvalue()
    for task in ("the test set", "PCA", "the best linear denoiser"):
        assert f"evaluating: {task}" in shown
    for task in ("denoising", "curves", "progress"):
        assert f"drawing: {task}" in shown
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert dict(stages.done("adding", {"a": lambda: 1, "b": lambda: 2})) == {"a": 1, "b": 2}
    assert sys.stderr.getvalue() == "", "a file gets no bar"


@pytest.mark.slow
def test_figures_left_out_are_drawn_when_they_are_asked_for(tmp_path, capsys):
    assert train(small(), tmp_path, pictures=False) == 0
    assert "drawing" not in capsys.readouterr().out
    assert not list((tmp_path / "figures").iterdir())
    whole = json.loads((tmp_path / "summary.json").read_text())
    assert train(small(), tmp_path, pictures=False) == 0
    assert not list((tmp_path / "figures").iterdir()), "complete without"
    page = (tmp_path / "report.html").read_bytes()
    assert train(small(), tmp_path) == 0
    assert "already complete" in capsys.readouterr().out
    names = {file.name for file in (tmp_path / "figures").iterdir()}
    assert {"curves.png", "reconstructions.png", "progress.gif"} <= names
    assert json.loads((tmp_path / "summary.json").read_text()) == {**whole, "figures": True}
    assert len((tmp_path / "report.html").read_bytes()) > len(page)


def test_baselines_are_of_drawn_pixels_where_the_run_is():
    """Of gray images of 1/2: the mean image is off by 1/4, and black and white has no entropy."""
    x = np.full((200, 4, 5, 1), 0.5, np.float32)
    raw = {"data.binarize": True, "decoder.output": "sigmoid", "loss.name": "bernoulli_nll"}
    raw |= {"encoder.hidden": (), "decoder.hidden": (), "model.code_size": 5}
    config = load_config("dense", **raw, train={"batch_size": 50})
    s = session.prepare(config, from_arrays(x, x[:100]))
    state = s.trainer.init(s.key, None)
    found = summary.summarize(s, state, SimpleNamespace(compile_s=0.0, images=0))
    assert found["controls"]["mean_image"] == pytest.approx(0.25, rel=0.02)
    # Of 20 pixels that do not depend on each other 5 directions leave 15 / 20, or less by chance.
    assert found["controls"]["pca"] == pytest.approx(0.25 * 15 / 20, rel=0.15)
    assert found["test"]["mse"] > 0.2 and found["test"]["bce_floor"] == 0.0
    assert words.of_summary(found).mse.endswith("units, each drawn black or white")
