"""A run is known by its images: moved files, other directories, other images of the same name."""

import os
import shutil
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ae_jax.data import load
from ae_jax.errors import CheckpointError, DataError
from ae_jax.resolve.config import load_config
from ae_jax.run import keeping
from experiments.running import pictures, session
from experiments.sweeping import grid, training
from experiments.sweeping import session as sweep_session
from experiments.sweeping.plan import plan
from experiments.workdirs import place, workdir

FIELDS = {"model.code_size": 3, "train.batch_size": 8}


def images(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (40, 6, 6)).astype(np.uint8)


@pytest.fixture
def npz(tmp_path, monkeypatch):
    """x.npz in the current directory, and nothing drawn."""
    monkeypatch.setattr(pictures, "draw", lambda *args: None)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    np.savez("x.npz", train=images(), test=images(1))
    return Path("x.npz")


def train(path, name, epochs, where=None, **fields):
    """As experiments.run does it."""
    changes = {**FIELDS, "train.epochs": epochs, "data.name": str(name), **fields}
    config = place.settled(load_config("linear", **changes), where)
    s = session.prepare(config, load.of_config(config))
    workdir.claim(path, config, s.meta)
    return session.train(s, path, time.perf_counter())


def opened(path, where=None):
    """As experiments.analyse does it."""
    return place.opened(path, keeping.restore(str(path)).config, where)


@pytest.mark.slow
def test_a_run_is_resumed_and_opened_from_another_directory(npz, tmp_path, monkeypatch, capsys):
    assert train(tmp_path / "run", "x.npz", 1) == 0
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    np.testing.assert_array_equal(opened(tmp_path / "run").train.images[..., 0], images())
    assert train(tmp_path / "run", "../here/x.npz", 2) == 0
    assert "resuming at step 5" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("by_flag", [True, False])
def test_a_moved_file_is_the_runs_if_its_images_are(npz, tmp_path, capsys, by_flag):
    path, moved = tmp_path / "run", tmp_path / "moved.npz"
    assert train(path, "x.npz", 1) == 0
    shutil.move("x.npz", moved)
    with pytest.raises(DataError, match=r"no such file\nif it was moved.*--data=PATH"):
        opened(path)
    assert len(opened(path, str(moved)).test.images) == 40
    assert train(path, *(("x.npz", 2, str(moved)) if by_flag else (moved, 2))) == 0
    assert "resuming at step 5" in capsys.readouterr().out
    assert len(opened(path).test.images) == 40, "it is remembered where"


@pytest.mark.slow
@pytest.mark.parametrize("part", ["train", "test"])
def test_other_images_are_refused_under_any_name(npz, tmp_path, part):
    path = tmp_path / "run"
    assert train(path, "x.npz", 1) == 0
    before = (path / "config.json").read_bytes()
    arrays = {"train": images(), "test": images(1), part: images(2)}
    np.savez("y.npz", **arrays)
    for attempt in (lambda: train(path, "y.npz", 2), lambda: opened(path, "y.npz")):
        with pytest.raises(CheckpointError, match=r"images_sha256: \w{64} -> \w{64}") as refused:
            attempt()
        assert len(str(refused.value).splitlines()) <= 3
    assert (path / "config.json").read_bytes() == before, "a refusal changes nothing"
    np.savez("x.npz", **arrays)  # the same name
    for attempt in (lambda: train(path, "x.npz", 2), lambda: opened(path)):
        with pytest.raises(CheckpointError, match="other images"):
            attempt()


def test_another_field_is_refused_whatever_the_images(npz, tmp_path):
    assert train(tmp_path / "run", "x.npz", 1) == 0
    shutil.copy("x.npz", "y.npz")
    with pytest.raises(CheckpointError, match=r"optim.learning_rate: [\d.]+ -> 0.5"):
        train(tmp_path / "run", "y.npz", 2, **{"optim.learning_rate": 0.5})


def test_a_run_without_a_checkpoint_is_known_by_its_fields_alone(npz, tmp_path):
    config = place.settled(load_config("linear", **FIELDS, **{"data.name": "x.npz"}))
    workdir.claim(tmp_path / "run", config)
    shutil.copy("x.npz", "y.npz")
    with pytest.raises(CheckpointError, match=r"data.name: '.*x.npz' -> '.*y.npz'"):
        train(tmp_path / "run", "y.npz", 1)


def test_images_are_the_same_in_every_fact_or_others():
    found = {"shape": (6, 6, 1), "n_train": 40, "images_sha256": "a", "test_images_sha256": "b"}
    known = {**found, "shape": [6, 6, 1], "name": "x", "key": [0, 0]}
    assert place.differences(known, found) == []
    for name in found:
        (said,) = place.differences({n: v for n, v in known.items() if n != name}, found)
        assert said.startswith(f"{name}: None -> ")


def test_paths_are_kept_absolute_and_names_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "folder").mkdir()

    def settled(name, manual_dir=None, where=None):
        c = load_config("linear", **{"data.name": name, "data.manual_dir": manual_dir})
        c = place.settled(c, where)
        return c.data.name, c.data.manual_dir

    here = os.getcwd()
    assert settled("a/../b.npz") == (f"{here}/b.npz", None)
    assert settled("~/b.npz", "~/d") == (f"{tmp_path}/home/b.npz", f"{tmp_path}/home/d")
    assert settled("mnist", "d") == ("mnist", f"{here}/d")
    assert settled("mnist", None, "folder") == ("mnist", f"{here}/folder")
    assert settled("a.npz", None, "c.npz") == (f"{here}/c.npz", None)
    assert place.short(f"{here}/b.npz") == "b.npz" and place.short("mnist") == "mnist"


@pytest.mark.slow
def test_a_sweep_is_known_by_its_images(npz, tmp_path, capsys):
    def sweep(name, rate=1e-3):
        fields = {**FIELDS, "train.epochs": 1, "data.name": name, "optim.learning_rate": rate}
        config = place.settled(load_config("linear", **fields))
        members = grid.members("linear", fields, {}, 2)
        path, each = tmp_path / "sweep", partial(training.here, "loop")
        path.mkdir(exist_ok=True)
        assert sweep_session.run(plan(config, members), path, each, 0.0) == 0
        return "already complete" in capsys.readouterr().out

    assert not sweep("x.npz")
    shutil.move("x.npz", "y.npz")
    assert sweep("y.npz")
    np.savez("y.npz", train=images(3), test=images(1))
    with pytest.raises(CheckpointError, match=r"sweep on other images\nimages_sha256"):
        sweep("y.npz")
    assert not sweep("y.npz", 1e-4), "another sweep, as ever"
