"""`python -m experiments.run` as a user starts it, forked from a process that has imported it."""

import functools
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from ae_jax.errors import CheckpointError
from ae_jax.model.weights import params_sha256
from ae_jax.run import keeping
from experiments.workdirs import workdir

EVERY = 7  # steps between checkpoints; an epoch has 10
SMALL = (
    "--config=undercomplete",
    "--config.data.n_train=400",
    "--config.data.n_test=100",
    "--config.train.batch_size=40",
    "--config.corruption.name=gaussian",
    "--config.bottleneck.name=dropout",
    "--config.train.log_every=1",
    f"--config.train.checkpoint_every={EVERY}",
)
PATIENCE = 120.0  # seconds until a command counts as hanging

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(
    [
        f"experiments.{name}"
        for name in ("run", "running.session", "workdirs.lock", "running.pictures")
    ]
)


class Done(NamedTuple):
    """How a command ended."""

    code: int
    stdout: str
    stderr: str
    seconds: float


class Command:
    """A running command, its output in files beside `workdir`."""

    def __init__(self, path: Path, *arguments: str, devices: int = 1) -> None:
        """Starts it on the work directory `path`, as if on a machine with so many devices."""
        path.parent.mkdir(parents=True, exist_ok=True)
        stamp = f"{path.name}.{time.monotonic_ns()}"
        _import_all()
        self.files = [path.parent / f"{stamp}.{name}" for name in ("out", "err")]
        argv = ["experiments.run", f"--workdir={path}", *arguments]
        self.process = _forks.Process(target=_main, args=(argv, devices, *map(str, self.files)))
        self.started = time.monotonic()
        self.process.start()

    def send(self, number: int) -> None:
        """A signal, if it still runs."""
        if self.process.is_alive() and self.process.pid:
            os.kill(self.process.pid, number)

    def wait(self, seconds: float = PATIENCE) -> Done:
        """Until it has ended; a command that hangs is killed."""
        self.process.join(seconds)
        took = time.monotonic() - self.started
        self.send(signal.SIGKILL)
        self.process.join()
        out, err = (f.read_text() if f.exists() else "" for f in self.files)
        for file in self.files:
            file.unlink(missing_ok=True)
        return Done(self.process.exitcode or 0, out, err, took)

    def until(self, moment: Callable[..., Any], *args: Any) -> bool:
        """Waits until `moment(*args)`; False if the command ended before."""
        limit = time.monotonic() + PATIENCE
        while self.process.is_alive() and time.monotonic() < limit:
            if moment(*args):
                return True
            time.sleep(0.001)
        return False

    @property
    def said(self) -> str:
        """Its standard output so far."""
        return self.files[0].read_text() if self.files[0].exists() else ""


@functools.cache
def _import_all() -> None:
    """Once, before any clock starts: `seconds` are a command's own, imports not counted."""
    first = _forks.Process(target=os.getpid)
    first.start()
    first.join()


def _main(argv: list[str], devices: int, out: str, err: str) -> None:
    for number, name in ((1, out), (2, err)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.argv = argv
    _pretend(devices)
    tqdm.set_lock(threading.RLock())  # its own is a semaphore, which a kill would leave behind
    from experiments import cli, run

    cli.run(run.main, configurable=True)


def _pretend(devices: int) -> None:
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"


def forked(function: Callable[..., Any], *args: Any, devices: int = 1) -> Any:
    """function(*args) in a process of its own that has so many devices."""
    answer, theirs = _forks.Pipe(duplex=False)
    process = _forks.Process(target=_answer, args=(theirs, function, args, devices))
    process.start()
    theirs.close()
    with answer:
        value = answer.recv()
    process.join()
    return value


def _answer(answer: Any, function: Callable[..., Any], args: Any, devices: int) -> None:
    _pretend(devices)
    answer.send(function(*args))


def run_to(step: int, path: Path, *arguments: str, devices: int = 1) -> Done | None:
    """A command until `step` is saved, figures not waited for; how it ended if it did before."""
    command = Command(path, *arguments, devices=devices)
    reached = command.until((path / "checkpoints" / str(step)).exists)
    command.send(signal.SIGKILL)
    done = command.wait()
    return None if reached else done


def saved(path: Path) -> tuple[int, str]:
    """(newest good step, SHA-256 of its whole state), (0, '') where there is none yet."""
    try:
        state = keeping.restore(str(path)).state
    except CheckpointError as error:
        if "no checkpoint yet" in str(error) or "no config.json" in str(error):
            return 0, ""
        raise
    assert state is not None
    return int(state.step), params_sha256(state)


def logged(path: Path) -> int:
    """The last step in metrics.jsonl."""
    rows = workdir.read_metrics(path)
    return rows[-1]["step"] if rows else 0


def saving(path: Path) -> bool:
    """Whether a checkpoint is being written."""
    return any((path / "checkpoints").glob("*.tmp"))
