"""Files of measurements: a command that is ended goes on where it was."""

import json
import signal
from functools import partial

import jax
import numpy as np
import pytest

import ae_jax
from ae_jax import training
from ae_jax.arrays import Dataset, Split
from ae_jax.errors import DataError
from experiments import measured, reproduce
from experiments.published import ROWS

EACH = [(name, str(seed)) for seed in range(2) for name in ("a", "b")]


def asked(file):
    none = Split(np.zeros((0, 28, 28, 1)), None)
    rows = measured.rows_of(file, "digits")
    return measured.Asked(["b", "a"], ["a", "b"], 2, Dataset("digits", none, none), file, rows)


def file_of(file):
    rows = measured.rows_of(file, "digits")
    return {n: {k: v for k, v in row.items() if k.isdigit()} for n, row in rows.items()}


def measurer(seen, ends_after=9):
    def measure(rows, name, seed):
        by_seed = rows.setdefault(name, {})
        if seed in by_seed:
            return None
        if len(seen) == ends_after:
            raise KeyboardInterrupt
        seen.append((name, seed))
        by_seed[seed] = len(seen)
        return f"{name} {seed}"

    return measure


def test_a_command_that_is_ended_goes_on_and_measures_nothing_twice(tmp_path, capsys):
    file, seen = tmp_path / "rows.json", []
    assert measured.rows_of(file, "digits") == {}
    with pytest.raises(KeyboardInterrupt):
        measured.fill(asked(file), EACH, measurer(seen, 3))
    assert file_of(file) == {"a": {"0": 1, "1": 3}, "b": {"0": 2}}
    measured.fill(asked(file), EACH, measurer(seen))
    assert seen == EACH
    assert file_of(file) == {"a": {"0": 1, "1": 3}, "b": {"0": 2, "1": 4}}
    said = json.loads(file.read_text())
    assert [row["name"] for row in said["rows"]] == ["b", "a"]
    assert said["versions"]["jax"] and said["date"]
    lines = ["a 0", "b 0", "a 1", "b 1", f"{file}: 1 new, 3 as they were"]
    assert capsys.readouterr().out.splitlines() == lines
    with pytest.raises(DataError, match="was measured on digits, not clothes"):
        measured.rows_of(file, "clothes")


def test_a_file_may_be_keyed_by_name(tmp_path):
    measured.fill(asked(tmp_path / "f"), EACH, measurer([]), dict)
    assert json.loads((tmp_path / "f").read_text())["b"] == {"0": 2, "1": 4, "data": "digits"}
    assert file_of(tmp_path / "f") == {"a": {"0": 1, "1": 3}, "b": {"0": 2, "1": 4}}


@pytest.fixture
def python_handles_sigint():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_half_trained_run_is_no_measurement(tmp_path, monkeypatch, python_handles_sigint):
    data = ae_jax.data.subset(ae_jax.load_data("mnist5k"), 300, 60)
    train = training.train

    def interrupted(*arguments):
        for chunk in train(*arguments):
            signal.raise_signal(signal.SIGINT)
            yield chunk

    monkeypatch.setattr(training, "train", interrupted)
    a = asked(tmp_path / "f")._replace(known=list(ROWS), dataset=data)
    with pytest.raises(KeyboardInterrupt):
        measured.fill(a, [("linear", "better", "0")], partial(reproduce.one, data))
    assert not a.file.exists()
    part = ae_jax.fit("linear", data, jax.random.key(0), progress=False)  # in a notebook it is kept
    assert 0 < int(part.state.step) < 20
