"""Sweeps on a cluster of this machine's own processes; one of them is killed."""

import json
import os
import signal
import threading
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import submitit  # not in a test: it closes what loggers write to, pytest's own file

from ae_jax.errors import ConfigError
from experiments.sweeping import grid, launching, session, training
from experiments.sweeping.launching import Cluster
from experiments.sweeping.plan import plan

SMALL = {
    "data.n_train": 80,
    "data.n_test": 40,
    "data.n_valid": 20,
    "model.code_size": 3,
    "train.epochs": 2,
    "train.batch_size": 20,
}
RATES = "optim.learning_rate=1e-3,3e-3"
proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds workers in /proc")


def sweep(path, each, reduction=0):
    """A search in two programs: two rates, for each seed, whose validation images differ."""
    members = grid.members("undercomplete", SMALL, grid.parse(RATES), 2)
    path.mkdir()
    assert session.run(plan(members[0].config, members, reduction, largest=2), path, each, 0.0) == 0
    return json.loads((path / "sweep.json").read_text())


def kill_one(folder, killed, seconds=60):
    """The first worker that begins."""
    end = time.monotonic() + seconds
    while not killed and time.monotonic() < end:
        for log in folder.glob("*_log.out"):
            controller = log.name.split("_")[0]
            try:
                children = Path(f"/proc/{controller}/task/{controller}/children").read_text()
                os.kill(int(children.split()[0]), signal.SIGKILL)
            except (OSError, LookupError):
                continue
            killed.append(controller)
            return
        time.sleep(0.05)


@proc
@pytest.mark.slow
def test_a_killed_job_is_redone_and_the_table_is_that_of_one_machine(tmp_path, capsys):
    cluster = Cluster("local", tmp_path / "jobs", at_once=2, options={})
    killed: list[str] = []
    killer = threading.Thread(target=kill_one, args=(cluster.folder, killed))
    killer.start()
    launched = sweep(tmp_path / "launched", partial(launching.each, cluster, "loop"))
    killer.join()
    assert len(killed) == 1 and "try 2 of 3" in capsys.readouterr().out
    assert not cluster.folder.exists(), "nothing pickled is left"
    here = sweep(tmp_path / "here", partial(training.here, "loop"))
    assert launched["members"] == here["members"] and launched["summary"] == here["summary"]
    assert len({m["params_sha256"] for m in here["members"]}) == 4


@pytest.mark.long
def test_the_states_of_a_search_travel(tmp_path, capsys):
    cluster = Cluster("local", tmp_path / "jobs", at_once=2, options={})
    launched = sweep(tmp_path / "launched", partial(launching.each, cluster, "loop"), 2)
    here = sweep(tmp_path / "here", partial(training.here, "loop"), 2)
    assert sorted(m["epochs"] for m in here["members"]) == [1, 1, 2, 2]
    assert launched["members"] == here["members"]


@pytest.mark.slow
def test_what_fails_is_said_once_and_the_others_are_canceled(tmp_path):
    cluster = Cluster("local", tmp_path / "jobs", at_once=2, options={})
    each = partial(launching.each, cluster, "no_method")
    with pytest.raises(ConfigError, match=r"--launcher: job \d+ failed: .*no_method"):
        sweep(tmp_path / "launched", each)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["timeout_min"], "--launcher_options: must be NAME=VALUE,..., not 'timeout_min'"),
        (["slurm_partitoin=gpu"], "--launcher: submitit refuses 'local': Unknown argument"),
        (["mem_gb=much"], 'submitit refuses .*: Parameter "mem_gb" expected type'),
    ],
)
def test_options_are_those_of_submitit(given, said, tmp_path):
    with pytest.raises(ConfigError, match=said):
        launching.check(Cluster("local", tmp_path, 1, launching.options(given)))


def test_a_cluster_that_refuses_a_job_is_quoted(tmp_path, monkeypatch):
    cluster = Cluster("local", tmp_path / "jobs", 1, {})

    def submit(*call):
        raise submitit.core.utils.FailedSubmissionError("sbatch failed:\nInvalid partition: x")

    monkeypatch.setattr(launching, "_executor", lambda c: SimpleNamespace(submit=submit))
    with pytest.raises(ConfigError, match="refuses a job: Invalid partition: x"):
        sweep(tmp_path / "launched", partial(launching.each, cluster, "loop"))


def test_where_there_is_no_slurm(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match="--launcher: submitit refuses 'slurm'"):
        launching.check(Cluster("slurm", tmp_path, 1, {}))
    assert launching.options(["timeout_min=60", "slurm_partition=gpu"]) == {
        "timeout_min": 60,
        "slurm_partition": "gpu",
    }
