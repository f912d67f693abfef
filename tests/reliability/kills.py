"""R1, R2: runs that are killed or told to stop, again and again, and end with the same bits."""

import shutil
import signal
import time
from pathlib import Path

import numpy as np

from experiments.workdirs import workdir
from tests.reliability import commands
from tests.reliability.commands import EVERY, SMALL, Command
from tests.reliability.tally import Tally

IN_A_ROW = 10  # interruptions before a run may end


def _straight(
    folder: Path, epochs: int, of: tuple[str, ...] = SMALL
) -> tuple[tuple[str, ...], int, str, float]:
    """(arguments, last step, digest of the uninterrupted run, seconds it took)."""
    arguments, last = (*of, f"--config.train.epochs={epochs}"), 10 * epochs
    path = folder / "straight"
    begun = time.monotonic()
    done = commands.run_to(last, path, *arguments)
    assert done is None, done
    return arguments, last, commands.saved(path)[1], time.monotonic() - begun


def sigkill(
    tally: Tally, folder: Path, n: int, epochs: int = 20, of: tuple[str, ...] = SMALL
) -> None:
    """R1: SIGKILL at random moments, every second one while a checkpoint is being written.

    Checked: there is a good checkpoint, at most one interval behind; the final state has the bits
    of the uninterrupted run.
    """
    arguments, last, truth, seconds = _straight(folder, epochs, of)
    rng, kills, run = np.random.default_rng(1), 0, 0
    while kills < n:
        path = folder / f"run{run}"
        for _ in range(min(IN_A_ROW, n - kills)):
            aimed = kills % 2 == 1
            command = Command(path, *arguments)
            if aimed:
                command.until(commands.saving, path)
            time.sleep(rng.uniform(0, 0.1 if aimed else seconds))
            reached = commands.logged(path)
            command.send(signal.SIGKILL)
            if command.wait().code == 0:
                break
            kills += 1
            step, _ = commands.saved(path)
            lost = reached - step
            tally.check(lost <= EVERY, f"kill {kills}: {lost} steps lost, of {reached}")
            tally.most("most_steps_lost", lost)
        commands.run_to(last, path, *arguments)
        end = commands.saved(path)
        tally.check(end == (last, truth), f"run {run}: ended at {end}, not {(last, truth)}")
        shutil.rmtree(path)
        run += 1
    tally.facts |= {"kills": kills, "runs": run, "save_interval": EVERY}


MOMENTS = {
    "any": lambda path, command: True,
    "compile": lambda path, command: "workdir" in command.said,
    "first step": lambda path, command: commands.logged(path) > 0,
    "evaluation": lambda path, command: _evaluating(path),
    "save": lambda path, command: commands.saving(path),
}


def _evaluating(path: Path) -> bool:
    """Whether the last row is an epoch's training mean: its evaluation follows."""
    rows = workdir.read_metrics(path)
    return bool(rows) and rows[-1]["split"] == "train"


def told_to_stop(tally: Tally, folder: Path, n: int, epochs: int = 20) -> None:
    """R2: SIGTERM and SIGINT, at every kind of moment.

    Checked: exit 143 or 130 within 5 seconds, no logged step lost, what is said to be saved is,
    the same bits at the end; a second signal ends it at once.
    """
    arguments, last, truth, seconds = _straight(folder, epochs)
    rng, sent, run = np.random.default_rng(2), 0, 0
    while sent < n:
        path = folder / f"run{run}"
        for _ in range(min(IN_A_ROW, n - sent)):
            name = list(MOMENTS)[sent % len(MOMENTS)]
            number = (signal.SIGTERM, signal.SIGINT)[sent // len(MOMENTS) % 2]
            command = Command(path, *arguments)
            started = command.until(MOMENTS["compile"], path, command)
            command.until(MOMENTS[name], path, command)
            time.sleep(rng.uniform(0, seconds / 2 if name == "any" else 0.02))
            command.send(number)
            begun = time.monotonic()
            done = command.wait()
            if not started or done.code == 0:
                break  # it had ended
            sent += 1
            took = time.monotonic() - begun
            tally.most("slowest_s", took)
            step = commands.saved(path)[0]
            told = f"saved step {step};" in done.stdout or "run the same command" in done.stderr
            lost = commands.logged(path) - step
            good = done.code == 128 + number and took < 5 and told and lost <= 0
            how = f"exit {done.code} after {took:.1f} s, {lost} steps lost"
            tally.check(good, f"{name}: {how}: {done.stderr[-200:]}")
        commands.run_to(last, path, *arguments)
        end = commands.saved(path)
        tally.check(end == (last, truth), f"run {run}: ended at {end}, not {(last, truth)}")
        run += 1
    command = Command(folder / "twice", *arguments)
    command.until(commands.logged, folder / "twice")
    for _ in range(2):
        command.send(signal.SIGTERM)
        time.sleep(0.01)
    done = command.wait()
    tally.check(done.code == 143, f"twice: exit {done.code}")
    tally.facts |= {"signals": sent, "runs": run}
