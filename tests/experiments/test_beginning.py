"""A session that begins with other weights: what it says, and how it goes on after a kill."""

import json
import shutil
import time

import jax
import numpy as np
import pytest

import ae_jax
from ae_jax import ConfigError
from ae_jax.data.load import from_arrays
from ae_jax.resolve.config import load_config
from ae_jax.run.sources import FIELD
from experiments.running import beginning, session
from experiments.workdirs import place, workdir
from tests.run.doors import fit, same

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8)).astype(np.uint8)
DATA = from_arrays(IMAGES, IMAGES[:12])
RAW = {"model": {"code_size": 4}, "train": {"batch_size": 8, "epochs": 2}}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The work directory of a run."""
    folder = tmp_path_factory.mktemp("source") / "run"
    fit(DATA, {**RAW, "encoder": {"bias": False}, "decoder": {"bias": False}}).save(folder)
    return folder


def go(path, epochs, init_from, **more):
    """As the command does it: the exit code."""
    raw = {**RAW, "train": {**RAW["train"], "epochs": epochs, "init_from": str(init_from), **more}}
    config = place.settled(load_config("linear", **raw))
    known = beginning.known(path, config)
    s = session.prepare(config, DATA, known=known)
    workdir.claim(path, s.config, s.meta)
    return session.train(s, path, time.perf_counter(), pictures=False)


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_with_its_own_weights(source, tmp_path, capsys):
    """With the bits of one that was not, whatever has become of what it began with."""
    theirs = shutil.copytree(source, tmp_path / "theirs")
    assert go(tmp_path / "whole", 2, theirs) == 0
    assert go(tmp_path / "parts", 1, theirs) == 0
    began = ae_jax.restore(str(theirs))
    other = fit(DATA, began.config, key=5)
    shutil.rmtree(theirs)
    other.save(theirs)
    capsys.readouterr()
    go(tmp_path / "parts", 2, theirs)
    found = capsys.readouterr()
    assert f"warning: {FIELD}: {theirs} has other weights now" in found.err
    assert "arrays taken" not in found.out, "that was when it began"
    shutil.rmtree(theirs)
    go(tmp_path / "parts", 3, theirs)
    assert not capsys.readouterr().err
    whole, parts = (ae_jax.restore(str(tmp_path / name)) for name in ("whole", "parts"))
    assert int(parts.state.step) == 15
    sha = json.loads((tmp_path / "parts" / "summary.json").read_text())["init_sha256"]
    assert sha == whole.origin.init_sha256 == parts.origin.init_sha256
    go(tmp_path / "again", 2, _saved(began, theirs))
    same(ae_jax.restore(str(tmp_path / "again")).variables, whole.variables)
    assert _at(tmp_path / "parts", 10) == _at(tmp_path / "whole", 10)


def _saved(run, path):
    run.save(path)
    return path


def _at(path, step):
    """The lines of a step, without speeds."""
    rows = [row for row in workdir.read_metrics(path) if row["step"] == step]
    return [{k: v for k, v in row.items() if k != "images_per_s"} for row in rows]


def test_it_says_what_it_takes_and_what_stays(source, tmp_path, capsys):
    raw = {"encoder": {"hidden": (5,)}, "train.init_from": str(source), "train.frozen": "decoder"}
    s = session.prepare(load_config("linear", **{**RAW, **raw}), DATA)
    state, *_ = session.start(s, tmp_path)
    assert list(beginning.lines(s, state)) == [
        f"weights of {source} ({s.meta['init_sha256'][:12]}): 1 of 3 arrays taken",
        "  params/encoder/layer_0/kernel: [64, 5] here, [64, 4] there",
        "  params/encoder/layer_1/kernel: [5, 4] here, absent there",
        "  made for another network: data.scale: 'unit' -> 'sym'; encoder.hidden: () -> (5,)",
        "frozen: 1 of 3 arrays, 256 of 596 parameters",
    ]
    theirs = ae_jax.restore(str(source)).variables["params"]
    same(state.params["decoder"], theirs["decoder"])


def test_what_is_not_there_is_refused_before_a_file_is_touched(tmp_path):
    with pytest.raises(ConfigError, match=r"^train\.init_from: .*nowhere is not there"):
        go(tmp_path / "run", 1, tmp_path / "nowhere")
    config = load_config("linear", **RAW, **{"train.frozen": "encodr"})
    with pytest.raises(ConfigError, match=r"^train\.frozen: unknown parameter 'encodr'"):
        session.prepare(config, DATA)
    assert not (tmp_path / "run").exists()


def test_a_run_of_python_that_began_with_a_run_keeps_whose_weights_they_were(source, tmp_path):
    raw = {**RAW, "encoder": {"bias": False}, "decoder": {"bias": False}}
    run = fit(DATA, raw, init_from=ae_jax.restore(str(source)))
    run.save(tmp_path / "run")
    known = beginning.known(tmp_path / "run", run.config)
    s = session.prepare(run.config, DATA, jax.random.key(0), known)
    assert s.meta["init_sha256"] == run.origin.init_sha256 is not None
