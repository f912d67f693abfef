"""Trains the jobs of a sweep on the nodes of a cluster, each as a job of its own, by submitit.

Research clusters run Slurm, and submitit needs nothing else: no server beside it, no port, only a
directory that all nodes see. A job that ends without a result, as its node was lost or its time was
up, is handed in again; its numbers are those of the group, wherever it was trained.
"""

import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from tqdm import tqdm

from ae_jax.data.load import of_config
from ae_jax.errors import ConfigError
from ae_jax.resolve.registering import registered
from ae_jax.run.ready import ready
from ae_jax.sweep.members import Group
from ae_jax.train.setup import TrainState

from . import training
from .training import Job, Trained

TRIES = 3  # of a job that ends without a result
POLL_SECONDS = 0.5
OPTIONS = {"timeout_min": 12 * 60}  # unless the user says otherwise; submitit's own is 5 minutes


class Cluster(NamedTuple):
    """Where jobs go, and how."""

    name: str  # 'slurm', or 'local': processes of this machine
    folder: Path  # of what jobs are given and write, until all have ended; all nodes see it
    at_once: int  # jobs
    options: Mapping[str, Any]  # submitit's: timeout_min, gpus_per_node, slurm_partition, ...


def check(cluster: Cluster) -> None:
    """ConfigError where submitit is missing, or the cluster or an option is unknown to it."""
    _executor(cluster)


def each(
    cluster: Cluster, method: str, jobs: Sequence[Job], bar: tqdm
) -> Iterator[tuple[Job, Trained]]:
    """The jobs, so many at once, as they end; those that run are canceled where this is stopped.

    Raises:
      ConfigError: a job failed, or ended without a result `TRIES` times; or a config has a choice
        that was registered in this process, which a job would not find.
    """
    if own := sorted({name for job in jobs for name in registered(job.group.config)}):
        raise ConfigError(
            f"--launcher: {', '.join(own)}: registered here (ae_jax.register), which a job "
            "of its own would not find; write it into the file of its slot, or leave out --launcher"
        )
    executor = _executor(cluster)
    waiting, tries = list(range(len(jobs))), Counter[int]()
    running: dict[int, Any] = {}
    try:
        while waiting or running:
            while waiting and len(running) < cluster.at_once:
                i = waiting.pop(0)
                tries[i] += 1
                group, _, initial, epochs = jobs[i]
                running[i] = _submitted(executor, work, group, initial, epochs, method)
            for i in [i for i, handle in running.items() if handle.done()]:
                found = _result(running.pop(i), cluster, last=tries[i] == TRIES)
                if found is None:
                    bar.write(f"a job ended without a result; try {tries[i] + 1} of {TRIES}")
                    waiting.insert(0, i)
                else:
                    bar.update(found.steps * len(jobs[i].group.seeds))
                    bar.write(training.speed(found.report))
                    yield jobs[i], found
            time.sleep(POLL_SECONDS if running else 0)
        # What is pickled has no place in a directory of results.
        shutil.rmtree(cluster.folder, ignore_errors=True)
    finally:
        _cancel(list(running.values()))


def work(
    group: Group, initial: Sequence[TrainState] | None, epochs: int | None, method: str
) -> Trained:
    """On a node: loads the group's data and trains it there."""
    training.use_cores(len(group.seeds))
    config, dataset = ready(group.config, of_config(group.config, group.seeds[0]))
    job = Job(group._replace(config=config), dataset, initial, epochs)
    with tqdm(disable=True) as bar:
        found = training.train(job, method, bar)
    return found if epochs else found._replace(states=[])  # nobody goes on from them


def _submitted(executor: Any, *call: Any) -> Any:
    try:
        return executor.submit(*call)
    except _submitit().core.utils.FailedSubmissionError as error:
        why = str(error).strip().splitlines()[-1]
        raise ConfigError(f"--launcher: the cluster refuses a job: {why}") from None


def _result(handle: Any, cluster: Cluster, last: bool) -> Trained | None:
    """What a job that has ended found; None where it is worth another try."""
    failed = _submitit().core.utils
    try:
        found: Trained = handle.result()
        return found
    except failed.FailedJobError as error:
        trace = str(error).partition("You can check")[0].strip("-\n ")
        why = f"failed: {trace.splitlines()[-1]}"
    except failed.UncompletedJobError:
        if not last:
            return None
        why = f"ended without a result {TRIES} times"
    raise ConfigError(f"--launcher: job {handle.job_id} {why}\nits output is in {cluster.folder}")


def _cancel(handles: Sequence[Any], seconds: float = 5.0) -> None:
    """Until they have ended, so long at most."""
    for handle in handles:
        handle.cancel()
    end = time.monotonic() + seconds
    while time.monotonic() < end and not all(handle.done() for handle in handles):
        time.sleep(0.1)


def _executor(cluster: Cluster) -> Any:
    try:
        executor = _submitit().AutoExecutor(cluster.folder, cluster=cluster.name)
        executor.update_parameters(name="ae_jax_sweep", **(OPTIONS | dict(cluster.options)))
    except (AssertionError, NameError, RuntimeError, TypeError) as error:
        why = str(error).splitlines()[0]
        raise ConfigError(f"--launcher: submitit refuses '{cluster.name}': {why}") from None
    return executor


def _submitit() -> ModuleType:
    try:
        import submitit
    except ImportError as error:
        raise ConfigError(
            f"--launcher: needs submitit, which is not installed ({error})\n"
            "install it: pip install -e '.[launch]'"
        ) from None
    module: ModuleType = submitit
    return module


def options(given: Sequence[str]) -> dict[str, Any]:
    """{'timeout_min': 60} of ['timeout_min=60']; ConfigError where one is not NAME=VALUE."""
    found: dict[str, Any] = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not (name and sign and value):
            raise ConfigError(f"--launcher_options: must be NAME=VALUE,..., not {one!r}")
        found[name] = int(value) if value.isdigit() else value
    return found
