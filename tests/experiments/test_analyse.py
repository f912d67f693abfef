"""`experiments.analyse`: one application's fault is its own; what cannot be done says why."""

import json
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from ae_jax import analysis
from ae_jax.analysis import Finding, NotApplicable
from ae_jax.errors import AeJaxError, DivergedError
from ae_jax.figures.charts import Figure
from ae_jax.streams import stream
from experiments import analyse, cli

STUDY = SimpleNamespace(key_for=lambda name: jax.random.key(0))


class Torn(Figure):
    """A figure that cannot be drawn."""

    def savefig(self, *arguments, **options):
        raise OSError("no space left on device")


def raising(error):
    def application(study, key):
        raise error

    return application


def finding(study, key):
    return Finding({"n": np.float32(1)}, {}, "a tie", {"": Figure()})


FAULTS = {
    "torn": lambda study, key: Finding({}, {}, "drawn", {"": Torn()}),
    "value": raising(ValueError("one line\nand another")),
    "diverged": raising(DivergedError("the loss is nan at step 3")),
    "memory": raising(MemoryError()),
    "index": lambda study, key: [][0],
}


@pytest.fixture
def applications(monkeypatch):
    known = {"first": finding, **FAULTS, "no": raising(NotApplicable("the data have one class"))}
    known["last"] = finding
    for name in list(analysis.APPLICATIONS):
        monkeypatch.delitem(analysis.APPLICATIONS, name)
    for name, application in known.items():
        monkeypatch.setitem(analysis.APPLICATIONS, name, application)
    return list(known)


def test_a_fault_ends_one_application_and_is_named(applications, tmp_path, capsys):
    assert analyse.show(STUDY, applications, tmp_path) == list(FAULTS)
    said = capsys.readouterr().out.splitlines()
    assert said[:-1] == [
        "first: a tie",
        "torn: failed, OSError: no space left on device",
        "value: failed, ValueError: one line",
        "diverged: failed, DivergedError: the loss is nan at step 3",
        "memory: failed, MemoryError",
        "index: failed, IndexError: list index out of range",
        "no: skipped, the data have one class",
        "last: a tie",
    ]
    records = {
        name: json.loads((tmp_path / "analysis" / f"{name}.json").read_text())
        for name in applications
    }
    assert records["value"] == {"failed": "ValueError: one line"}
    assert records["no"] == {"skipped": "the data have one class"}
    assert records["last"]["numbers"] == {"n": 1.0}
    assert "one line" in (tmp_path / "gallery.html").read_text()


def test_debug_shows_where_it_failed(applications, tmp_path, capsys):
    analyse.show(STUDY, ["value", "last"], tmp_path, debug=True)
    shown = capsys.readouterr()
    assert "Traceback" in shown.err and "and another" in shown.err
    assert "last: a tie" in shown.out


def test_an_interrupt_ends_all(applications, tmp_path, monkeypatch):
    monkeypatch.setitem(analysis.APPLICATIONS, "value", raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        analyse.show(STUDY, applications, tmp_path)
    assert not (tmp_path / "analysis" / "last.json").exists()


def test_a_name_of_the_release_before_is_taken_for_the_new_one(tmp_path, monkeypatch, capsys):
    asked = SimpleNamespace(effort=1.0, only=["pca", "off_the_map"], best=False)
    asked.workdir = str(tmp_path / "none")
    monkeypatch.setattr(cli.flags, "FLAGS", asked)
    with pytest.raises(AeJaxError, match="none"):  # the names are good, there is no run
        analyse.main([], {})
    said = capsys.readouterr().err.splitlines()
    assert said == ["warning: --only: off_the_map is now named off_manifold"]
    known = list(analysis.APPLICATIONS)
    assert cli.chosen(known, "application", analyse.RENAMED) == ["pca", "off_manifold"]
    assert asked.only == ["pca", "off_the_map"]


def test_an_application_keeps_its_random_bits_under_a_new_name():
    study = analysis.Study(None, None, jax.random.key(3))
    bits = jax.random.key_data(stream(study.key, "application/off_the_map"))
    np.testing.assert_array_equal(jax.random.key_data(study.key_for("off_manifold")), bits)
