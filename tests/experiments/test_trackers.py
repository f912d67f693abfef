"""Trackers: every one is told the same, and what MLflow and wandb keep is what a run logged."""

import importlib.util
import json
import os
import re
import struct
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ae_jax.data.load import subset
from ae_jax.errors import ConfigError
from ae_jax.resolve.config import load_config
from experiments.running import session, trackers
from experiments.workdirs import workdir

ROOT = Path(__file__).parents[2]
SPLITS = ("train", "test")


class Fake:
    """A tracker that remembers what it is told."""

    made: list = []  # noqa: RUF012 # emptied by each test

    def __init__(self, path, name, config, step):
        self.opened = (path, name, config, step)
        self.told, self.shapes, self.pictures, self.closed = {}, {}, {}, []
        Fake.made.append(self)

    def numbers(self, values, step):
        assert not [key for key in values if (step, key) in self.told], "once each"
        self.told |= {(step, name): value for name, value in values.items()}

    def histograms(self, values, step):
        self.shapes[step] = {name: array.shape for name, array in values.items()}

    def picture(self, name, pixels, step):
        self.pictures[step, name] = pixels

    def close(self, ended):
        self.closed.append(ended)


@pytest.fixture
def fakes(monkeypatch):
    """Two of them, called one and two."""
    Fake.made = []
    monkeypatch.setattr(trackers, "TRACKERS", dict.fromkeys(("one", "two"), "json"))
    for name in trackers.TRACKERS:
        module = f"{trackers.__package__}.{name}"
        monkeypatch.setitem(sys.modules, module, SimpleNamespace(Writer=Fake))
    return Fake.made


def prepared(digits, path, **changes):
    changes = {"train.epochs": 2, "train.batch_size": 40, "model.code_size": 3, **changes}
    config = load_config("denoise", **{"encoder.hidden": (), **changes})
    s = session.prepare(config, subset(digits, 80, 20))
    workdir.claim(path, config)
    return s


def logged(path):
    """(step, name/split) -> number of every line of metrics.jsonl."""
    rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return {
        (row["step"], f"{name}/{row['split']}"): row[name]
        for row in rows
        for name in row.keys() - {"step", "epoch", "split"}
    }


def test_every_tracker_is_told_what_is_logged(digits, tmp_path, fakes):
    path = tmp_path / "run"
    s = prepared(digits, path)
    assert session.train(s, path, time.perf_counter(), ("one", "two"), False) == 0
    assert len(fakes) == 2
    for fake in fakes:
        assert fake.told == logged(path) and len(fake.told) > 20
        assert fake.opened[::3] == (path, 0) and fake.opened[1] == "run"
        assert fake.opened[2]["optim.learning_rate"] == s.config.optim.learning_rate
        assert set(fake.shapes) == {2, 4} and fake.shapes[2]["code"] == (20, 3)
        assert fake.shapes[4]["params/encoder/layer_0/kernel"] == (784, 3)
        picture = fake.pictures[4, "reconstructions"]
        assert picture.dtype == np.uint8 and picture.shape == (3 * 84 + 8, 8 * 84 + 28)
        assert fake.closed == [True]


@pytest.mark.long
def test_a_run_that_goes_on_opens_its_trackers_where_it_stopped(digits, tmp_path, fakes):
    path = tmp_path / "run"
    session.train(prepared(digits, path), path, time.perf_counter(), ("one",), False)
    more = prepared(digits, path, **{"train.epochs": 3})
    session.train(more, path, time.perf_counter(), ("one",), False)
    assert fakes[1].opened[3] == 4 and {step for step, _ in fakes[1].told} == {6}
    done = prepared(digits, path, **{"train.epochs": 3})
    session.train(done, path, time.perf_counter(), ("one",), False)
    assert len(fakes) == 2, "of a complete run nothing is opened"


def test_a_training_that_fails_is_closed_as_not_ended(digits, tmp_path, fakes, monkeypatch):
    path = tmp_path / "run"

    def full(*_):
        raise OSError("no space")

    monkeypatch.setattr(Fake, "histograms", full)
    with pytest.raises(OSError, match="no space"):
        session.train(prepared(digits, path), path, time.perf_counter(), ("one", "two"), False)
    assert [fake.closed for fake in fakes] == [[False], [False]]


def test_a_tracker_that_cannot_be_opened_is_refused_by_its_name(
    digits, tmp_path, fakes, monkeypatch
):
    def refuses(*_):
        raise RuntimeError("no key\nlog in first")

    monkeypatch.setattr(sys.modules[f"{trackers.__package__}.two"], "Writer", refuses)
    path = tmp_path / "run"
    with pytest.raises(ConfigError, match=r"^--two: RuntimeError: no key$"):
        session.train(prepared(digits, path), path, time.perf_counter(), ("one", "two"), False)
    assert [fake.closed for fake in fakes] == [[False]]


@pytest.mark.parametrize("name", trackers.TRACKERS)
def test_without_the_extra_a_tracker_is_refused_by_its_name(monkeypatch, name):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    with pytest.raises(ConfigError, match=f"--{name} needs ") as refused:
        trackers.check([name])
    assert f"pip install 'ae_jax[{name}]'" in str(refused.value)
    assert len(str(refused.value).splitlines()) <= 3
    trackers.check([])


def trained(tmp_path, *names, epochs=2):
    """Runs the command, in an empty directory and home."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    line = [sys.executable, "-m", "experiments.run", "--config=linear", f"--workdir={tmp_path}/run",
            f"--config.train.epochs={epochs}", "--figures=no",
            *(f"--{name}" for name in names)]  # fmt: skip
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB", "MLFLOW"))}
    environment = {**kept, "HOME": str(home), "PYTHONPATH": str(ROOT), "MPLCONFIGDIR": "/tmp"}
    done = subprocess.run(line, cwd=home, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return tmp_path / "run"


@pytest.mark.slow
def test_mlflow_has_the_numbers_of_one_run_that_was_resumed(tmp_path, monkeypatch):
    pytest.importorskip("mlflow", reason="pip install -e '.[mlflow]'")
    path = trained(tmp_path, "mlflow")
    trained(tmp_path, "mlflow", epochs=3)
    from experiments.running import mlflow

    for setting, value in mlflow.SETTINGS.items():
        monkeypatch.setenv(setting, value)
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=(path / "mlflow").as_uri())
    (experiment,) = [e for e in client.search_experiments()]
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED" and run.data.params["model.code_size"] == "32"
    found = {
        (m.step, name): m.value
        for name in run.data.metrics
        for m in client.get_metric_history(run.info.run_id, name)
    }
    expected = logged(path)
    assert found == pytest.approx(expected) and len(found) == len(expected)
    pictures = client.list_artifacts(run.info.run_id, "reconstructions")
    assert len(pictures) == 3
    assert list((tmp_path / "home").iterdir()) == [], "no file beside the work directory"
    assert {file.name for file in tmp_path.iterdir()} == {"home", "run"}
    # killed after the log and before the checkpoint: what is said again is not there twice
    writer = mlflow.Writer(path, "run", {}, 250)
    writer.numbers({"loss/train": -1.0}, 375)
    writer.numbers({"loss/train": 7.0}, 500)
    writer.close(False)
    history = client.get_metric_history(run.info.run_id, "loss/train")
    assert [(m.step, m.value) for m in history][-2:] == [
        (375, pytest.approx(expected[375, "loss/train"])), (500, 7.0)
    ]  # fmt: skip
    assert client.get_run(run.info.run_id).info.status == "KILLED"


@pytest.mark.slow
def test_wandb_is_offline_and_has_the_numbers_of_one_run_that_was_resumed(tmp_path):
    pytest.importorskip("wandb", reason="pip install -e '.[wandb]'")
    path = trained(tmp_path, "wandb")
    trained(tmp_path, "wandb", epochs=3)
    folders = sorted(path.glob("wandb/*run-*"))
    assert [folder.name.partition("run-")[0] for folder in folders] == ["offline-"] * 2
    assert len({folder.name.rpartition("-")[2] for folder in folders}) == 1, "one id"
    found = {}
    for folder in folders:
        found |= kept_by_wandb(*folder.glob("*.wandb"))
    expected = logged(path)
    assert {key: found[key] for key in expected} == pytest.approx(expected)
    assert list((tmp_path / "home").iterdir()) == [], "no file beside the work directory"


def kept_by_wandb(file):
    """(step, name) -> number of a file of wandb's."""
    from wandb.proto import wandb_internal_pb2 as proto

    found = {}
    for content in records(file.read_bytes()):
        history = proto.Record.FromString(content).history
        for item in history.item:
            name = item.key or "/".join(item.nested_key)
            if re.fullmatch(r"-?[\d.]+([eE][-+]?\d+)?|Infinity", item.value_json):
                found[history.step.num, name] = float(item.value_json)
    return found


def records(content):
    """Of a log of LevelDB in blocks of 32 KiB, after seven bytes that say whose it is: each record
    has a checksum, a length and whether it is whole (1), or begins, goes on or ends (2, 3, 4).
    """
    at, parts = 7, []
    while at + 7 <= len(content):
        if 32768 - at % 32768 < 7:  # no room for a head
            at += 32768 - at % 32768
            continue
        size, kind = struct.unpack_from("<HB", content, at + 4)
        parts.append(content[at + 7 : at + 7 + size])
        at += 7 + size
        if kind in (1, 4):
            yield b"".join(parts)
            parts = []
