"""Files of measurements: a command that is ended goes on where it was."""

import json
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np
import pytest

import ae_jax
from ae_jax.data.arrays import Dataset, Split
from ae_jax.errors import CheckpointError, DataError
from ae_jax.train import loop
from experiments import reproduce
from experiments.measuring import measured
from experiments.measuring.measured import RUN, Measurement, Task
from experiments.measuring.published import ROWS

TASKS = [Task(name, RUN, seed) for seed in range(2) for name in ("a", "b")]


def asked(file):
    none = Split(np.zeros((0, 28, 28, 1)), None)
    return measured.Asked(["b", "a"], ["a", "b"], 2, Dataset("digits", none, none), file)


def numbers_of(file, kind=RUN):
    rows = measured.rows_of(file, "digits")
    return {
        name: {seed: e["n"] for seed, e in row["measured"][kind]["by_seed"].items()}
        for name, row in rows.items()
    }


def measurement(seen=None, ends_after=9, protocol=None, **more):
    seen = [] if seen is None else seen

    def take(task):
        if len(seen) == ends_after:
            raise KeyboardInterrupt
        seen.append(task)
        return {"n": len(seen)}

    def row(name, by_kind):
        return {"sum": sum(e["n"] for by_seed in by_kind.values() for e in by_seed.values())}

    def said(task, row):
        return f"{task.row} {task.seed}"

    def now(task):
        changed = {} if task.kind == "better" else protocol or {}
        fields = {"optim.learning_rate": 0.1, "encoder.hidden": (3, 2), **changed}
        return {"config": fields, "rates": (1, 2)}

    return Measurement(now, take, row, said, kinds=(RUN, "better"), **more)


def test_a_command_that_is_ended_goes_on_and_measures_nothing_twice(tmp_path, capsys):
    file, seen = tmp_path / "rows.json", []
    assert measured.rows_of(file, "digits") == {}
    with pytest.raises(KeyboardInterrupt):
        measured.fill(asked(file), TASKS, measurement(seen, 3))
    assert numbers_of(file) == {"a": {"0": 1, "1": 3}, "b": {"0": 2}}
    measured.fill(asked(file), TASKS, measurement(seen))
    assert seen == TASKS
    assert numbers_of(file) == {"a": {"0": 1, "1": 3}, "b": {"0": 2, "1": 4}}
    said = json.loads(file.read_text())
    assert [(row["name"], row["sum"]) for row in said["rows"]] == [("b", 6), ("a", 4)]
    assert said["versions"]["jax"] and said["date"]
    lines = ["a 0", "b 0", "a 1", "b 1", f"{file}: 1 new, 3 as they were"]
    assert capsys.readouterr().out.splitlines() == lines
    with pytest.raises(DataError, match="was measured on digits, not clothes"):
        measured.rows_of(file, "clothes")


def test_a_file_may_be_keyed_by_name(tmp_path):
    measured.fill(asked(tmp_path / "f"), TASKS, measurement(keyed=True))
    assert json.loads((tmp_path / "f").read_text())["b"]["sum"] == 6
    assert numbers_of(tmp_path / "f") == {"a": {"0": 1, "1": 3}, "b": {"0": 2, "1": 4}}


def test_numbers_of_another_protocol_do_not_count_and_it_is_said_which(tmp_path, capsys):
    a, changed = asked(tmp_path / "f"), {"optim.learning_rate": 0.2, "train.epochs": 3}
    measured.fill(a, [*TASKS, Task("a", "better", 0)], measurement())
    measured.fill(a, TASKS[:1], measurement(protocol=changed))
    said = capsys.readouterr().out.splitlines()[-4:]
    assert said == [
        "a: measured again, optim.learning_rate: 0.1 -> 0.2",
        "a: measured again, train.epochs: 20 -> 3",
        "a 0",
        f"{a.file}: 1 new",
    ]
    # Seed 1 of the row is gone with its protocol; another row, another kind are what they were.
    row = measured.rows_of(a.file, "digits")["a"]
    assert row["measured"][RUN]["by_seed"] == {"0": {"n": 1}}
    assert row["measured"]["better"]["by_seed"] == {"0": {"n": 5}}
    assert row["sum"] == 6
    assert measured.rows_of(a.file, "digits")["b"]["sum"] == 6


def test_a_row_says_nothing_of_numbers_whose_protocol_is_no_more(tmp_path):
    a, better = asked(tmp_path / "f"), Task("a", "better", 0)
    measured.fill(a, TASKS, measurement())
    measured.fill(a, [better], measurement(protocol={"optim.learning_rate": 0.2}))
    row = measured.rows_of(a.file, "digits")["a"]
    assert row["sum"] == 1  # of the better run alone
    assert row["measured"][RUN]["by_seed"] == {"0": {"n": 1}, "1": {"n": 3}}  # kept all the same
    m = measurement()._replace(kinds=(RUN,))  # a command that does not know the other kind
    assert measured.recorded(m, row, TASKS[0], m.protocol(TASKS[0]), {"n": 7})["sum"] == 10


@pytest.mark.parametrize(
    "more, expected",
    [
        ({"optim.momentum": 0.0, "eval.every": 5, "data.manual_dir": "/x"}, []),  # change nothing
        ({"train.epochs": 3}, ["train.epochs: 20 -> 3"]),
        ({"encoder.hidden": [3]}, ["encoder.hidden: (3, 2) -> (3,)"]),
        ({"optim.speed": 1}, ["config: optim.speed: unknown field 'speed'"]),  # or is no more
    ],
)
def test_protocols_are_compared_as_configs_are_resolved(more, expected):
    protocol = measurement().protocol(TASKS[0])
    row = {"measured": {RUN: {"protocol": measured.as_json(protocol), "by_seed": {}}}}
    new = {**protocol, "config": {**protocol["config"], **more}}
    found = measured.changes(row, RUN, new)
    assert [f.partition(";")[0] for f in found] == expected
    how = measured.changes(row, RUN, {**protocol, "rates": (1, 3)})
    assert how == ["rates: (1, 2) -> (1, 3)"]


def test_a_file_of_another_kind_is_refused_not_emptied(tmp_path):
    for text in ('{"rows": 5}', '{"rows": [{}]}', '{"a": 3}', '{"a": {"data": "digits"}}'):
        (tmp_path / "f").write_text(text)
        with pytest.raises(DataError, match="has no measurements in this form"):
            measured.rows_of(tmp_path / "f", "digits")


def test_a_file_that_breaks_while_measuring_costs_no_number(tmp_path):
    a, m = asked(tmp_path / "f"), measurement()

    def take(task):
        a.file.write_text("{")
        return m.take(task)

    with pytest.raises(CheckpointError, match=r'a: \{"n": 1\}'):
        measured.fill(a, TASKS, m._replace(take=take))
    assert a.file.read_text() == "{"


def test_what_does_not_apply_is_counted_as_skipped(tmp_path, capsys):
    m = measurement()
    take = {"a": m.take, "b": lambda task: None}
    m = m._replace(take=lambda task: take[task.row](task))
    measured.fill(asked(tmp_path / "f"), TASKS, m)
    assert capsys.readouterr().out.splitlines()[-1] == f"{tmp_path / 'f'}: 2 new, 2 skipped"


def test_commands_that_fill_one_file_at_a_time_lose_nothing(tmp_path):
    names = [str(i) for i in range(4)]
    a = asked(tmp_path / "f")._replace(known=names)
    together = threading.Barrier(len(names))

    def fill(name):
        m = measurement()

        def take(task):
            together.wait(10)  # all write at once
            return m.take(task)

        measured.fill(a, [Task(name, RUN, seed) for seed in range(6)], m._replace(take=take))

    with ThreadPoolExecutor() as pool:
        list(pool.map(fill, names))
    assert numbers_of(a.file) == {name: {str(i): i + 1 for i in range(6)} for name in names}


def test_fields_are_those_that_a_config_sets_however_it_is_written():
    fields = measured.fields_of("linear:published", {"optim": {"learning_rate": 1.0}})
    assert fields["optim.learning_rate"] == 1.0 and "name" not in fields
    assert fields == measured.fields_of("linear:published", {"optim.learning_rate": 1.0})
    other = measured.fields_of("linear:published", {"optim.name": "adam"})
    assert other["optim.name"] == "adam" and other["train.epochs"] == 20


@pytest.fixture
def python_handles_sigint():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
def test_a_half_trained_run_is_no_measurement(tmp_path, monkeypatch, python_handles_sigint):
    data = ae_jax.data.load.subset(ae_jax.load_data("mnist5k"), 300, 60)
    train = loop.train

    def interrupted(*arguments):
        for chunk in train(*arguments):
            signal.raise_signal(signal.SIGINT)
            yield chunk

    monkeypatch.setattr(loop, "train", interrupted)
    a = asked(tmp_path / "f")._replace(known=list(ROWS), dataset=data)
    with pytest.raises(KeyboardInterrupt):
        measured.fill(a, [Task("linear", "better", 0)], reproduce.measurement(data))
    assert not a.file.exists()
    part = ae_jax.fit("linear", data, jax.random.key(0), progress=False)  # in a notebook it is kept
    assert 0 < int(part.state.step) < 20


def test_a_file_names_every_processor_that_measured(tmp_path, monkeypatch):
    file = tmp_path / "rows.json"
    for task, cpu in zip(TASKS, ("one", "other", "one", "other"), strict=True):
        monkeypatch.setattr(measured.provenance, "cpu", lambda cpu=cpu: cpu)
        measured.fill(asked(file), [task], measurement())
    assert json.loads(file.read_text())["machine"]["cpu"] == "one and other"
