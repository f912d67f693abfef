"""`experiments.export`: a work directory becomes an artefact; what is wrong is said."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import ae_jax
from ae_jax import AeJaxError
from experiments import cli, export
from tests.run.doors import SMALL, X, fit


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """Of a run whose data are in a file beside it."""
    folder = tmp_path_factory.mktemp("export")
    np.savez(folder / "x.npz", train=X, test=X[::-1])
    run = fit(ae_jax.load_data(str(folder / "x.npz")), {**SMALL, "data": {"n_valid": 20}})
    run.save(folder / "run")
    return folder / "run"


DEFAULTS = {
    "format": "safetensors",
    "out": None,
    "data": None,
    "best": False,
    "replace": False,
    "half": False,
    "threshold": True,
    "false_alarms": 0.1,
}


@pytest.fixture
def command(workdir, monkeypatch):
    def main(**asked):
        flags = SimpleNamespace(**{"workdir": str(workdir), **DEFAULTS, **asked})
        monkeypatch.setattr(cli.flags, "FLAGS", flags)
        return export.main([], {})

    return main


def test_an_artefact_of_a_work_directory(command, workdir, capsys):
    assert command() == 0
    said = capsys.readouterr().out.splitlines()
    e = ae_jax.load_exported(f"{workdir}.safetensors")
    assert e.threshold.examples == 20, "the validation part"
    assert said[0].startswith(f"safetensors: {workdir}.safetensors, 0.")
    assert said[1].startswith(f"an ordinary example scores above {e.threshold.score:.6g} with prob")
    run = ae_jax.restore(str(workdir))
    np.testing.assert_array_equal(e.encode(X), run.encode(X))
    np.testing.assert_array_equal(e.run.sample(0, 2), run.sample(0, 2))


def test_half_precision_is_half_as_large(command, workdir, tmp_path):
    for half in (False, True):
        assert command(out=str(tmp_path / f"{half}"), half=half) == 0
    whole, half = (ae_jax.load_exported(tmp_path / f"{half}") for half in (False, True))
    assert half.threshold.score != whole.threshold.score, "it is that of the rounded weights"
    assert half.threshold.score in half.score(X)
    with pytest.raises(AeJaxError, match="half: is for safetensors"):
        command(out=str(tmp_path / "programs"), format="stablehlo", half=True)
    assert not (tmp_path / "programs").exists()


def test_a_validation_part_that_chose_the_weights_does_not_set_the_threshold(command, workdir):
    command(out=f"{workdir}.held_out", threshold=False)  # for the flags
    run, parts = ae_jax.restore(str(workdir)), {}
    patient = run._replace(config=run.config.replace(train={"patience": 2}))
    for name, asked in {
        "last": (run, False),
        "best": (run, True),
        "ends": (patient, False),
    }.items():
        parts[name], labels = export.held_out(asked[0], workdir, asked[1])
        assert labels is None
    assert len(parts["last"]) == 20
    np.testing.assert_array_equal(parts["best"], X[::-1], "the test part")
    np.testing.assert_array_equal(parts["ends"], X[::-1], "the test part")


def test_the_best_weights_take_their_threshold_from_the_test_part(command, tmp_path, capsys):
    assert command(out=str(tmp_path / "a"), best=True) == 0
    assert "from 60 that training has not seen" in capsys.readouterr().out


def test_without_its_data_there_is_no_threshold(command, workdir, tmp_path, capsys):
    moved = (workdir.parent / "x.npz").rename(tmp_path / "y.npz")
    try:
        with pytest.raises(AeJaxError, match="--data=PATH"):
            command(out=str(tmp_path / "a"))
        assert not (tmp_path / "a").exists()
        assert command(out=str(tmp_path / "a"), threshold=False) == 0
        assert len(capsys.readouterr().out.splitlines()) == 1
        assert ae_jax.load_exported(tmp_path / "a").threshold is None
        assert command(out=str(tmp_path / "b"), data=str(moved)) == 0
    finally:
        moved.rename(workdir.parent / "x.npz")


BAD = {
    "no run": ({"workdir": "/nowhere"}, "/nowhere: no config.json here"),
    "format": ({"format": "onxn"}, "unknown format 'onxn'"),
    "rate": ({"false_alarms": 0.0}, "--false_alarms: must be in (0, 1)"),
    "few": ({"false_alarms": 0.01}, "--threshold=no"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_said(case, command, tmp_path):
    flags, said = BAD[case]
    with pytest.raises(AeJaxError) as error:
        command(**{"out": str(tmp_path / "a"), **flags})
    assert said in str(error.value) and len(str(error.value).splitlines()) <= 3
    assert list(tmp_path.iterdir()) == []


def test_an_artefact_is_replaced_only_when_told(command, tmp_path):
    out = str(tmp_path / "a")
    command(out=out, threshold=False)
    with pytest.raises(AeJaxError, match="an artefact is there already"):
        command(out=out, threshold=False)
    assert command(out=out, threshold=False, replace=True) == 0


def test_flags_that_are_missing_are_named():
    done = subprocess.run(
        [sys.executable, "-m", "experiments.export", "--workdir=x"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (2, "error: --format: is required\nsee --help\n")
