"""R12, R13: one run on several processes, and on other devices than it was saved on."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from ae_jax.files.json_file import read
from ae_jax.model.weights import params_sha256
from ae_jax.resolve.config import resolve
from ae_jax.train import checkpoint, devices, setup
from experiments.workdirs import workdir
from tests.reliability import commands
from tests.reliability.commands import SMALL
from tests.reliability.tally import Tally

HEARTBEAT = 10  # seconds


def topologies(tally: Tally, folder: Path, counts: tuple[int, ...] = (1, 2, 8)) -> None:
    """R13: trained on each number of forced host devices, again; opened and continued on others.

    Checked: the second run has the bits of the first; what is restored, on all devices and by
    `ae_jax.restore`, has the digest of what was saved; losses agree within 1e-5 relative.
    """
    arguments = (*SMALL, "--config.train.epochs=2")
    digests: dict[int, str] = {}
    losses: dict[int, np.ndarray] = {}
    for n in counts:
        for again in ("", "again") if n > 1 else ("",):  # one device: R1 compares runs
            path = folder / f"on{n}{again}"
            done = commands.run_to(20, path, *arguments, devices=n)
            tally.check(done is None, f"on {n} devices: {done}")
            end = commands.saved(path)[1]
            same = digests.setdefault(n, end) == end
            tally.check(same, f"on {n} devices: the same command, other bits")
        losses[n] = _losses(folder / f"on{n}")
        apart = float(np.max(np.abs(losses[n] / losses[counts[0]] - 1)))
        tally.check(apart < 1e-5, f"on {n} devices: losses {apart:.1e} apart")
        tally.most("losses_apart_millionths", apart * 1e6)
    for n in counts:
        for m in counts:
            found = commands.forked(_digest, folder / f"on{n}", devices=m)
            tally.check(found == [m, digests[n]], f"{n} -> {m} devices: {found}")
            if n == m:
                continue
            path = Path(shutil.copytree(folder / f"on{n}", folder / f"{n}to{m}"))
            further = (*SMALL, "--config.train.epochs=3")
            done = commands.run_to(30, path, *further, devices=m)
            tally.check(done is None, f"{n} -> {m} devices, continued: {done}")


def _losses(path: Path) -> np.ndarray:
    rows = workdir.read_metrics(path)
    return np.array([row["loss"] for row in rows if row["split"] == "train_step"])


def _digest(path: Path) -> list[Any]:
    """[devices, SHA-256] of the newest state restored onto every device of this process."""
    config, mesh = resolve(read(path / "config.json")), devices.mesh()

    def like(meta: dict[str, Any]) -> setup.TrainState:
        return setup.prepare(config, tuple(meta["shape"]), meta["n_train"]).abstract()

    found = checkpoint.restore(path, like, devices.everywhere(mesh))
    assert found is not None
    return [len(found.state.step.sharding.device_set), params_sha256(found.state)]


def processes(tally: Tally, folder: Path, epochs: int = 60) -> None:
    """R12: two processes on loopback, two devices each; one is killed, one told to stop.

    Checked: the survivor is gone within the heartbeat and 5 seconds; a checkpoint is good; the run
    goes on with two processes and with one; SIGTERM to one ends both with 143 and one step saved;
    the end is that of an uninterrupted run of two processes, bit for bit.
    """
    path, arguments = folder / "two", (*SMALL, f"--config.train.epochs={epochs}")
    killed = _two(path, *arguments)
    _until(killed, path, 14)
    killed[1].kill()
    begun = time.monotonic()
    codes = _codes(killed)
    gone = time.monotonic() - begun
    said = (folder / "two.0.out").read_text()
    told = "another process of this run has exited" in said
    ended = (codes[0] == 2 and told) or codes[0] == -signal.SIGABRT  # by JAX, inside a step
    good = gone < HEARTBEAT + 5 and ended
    tally.check(good, f"survivor: {codes} after {gone:.1f} s: {said[-300:]}")
    tally.most("survivor_gone_s", gone)
    step = commands.saved(path)[0]
    tally.check(step >= 14, f"after the kill: step {step}")

    stopped = _two(path, *arguments)
    _until(stopped, path, step + 14)
    stopped[1].terminate()
    codes, step = _codes(stopped), commands.saved(path)[0]
    said = (folder / "two.0.out").read_text()
    tally.check(codes == [143, 143] and f"saved step {step};" in said, f"SIGTERM: {codes} {said}")

    alone = Path(shutil.copytree(path, folder / "alone"))
    done = commands.run_to(10 * epochs, alone, *arguments)
    tally.check(done is None, f"on one process: {done}")
    codes = _codes(_two(path, *arguments))
    tally.check(codes == [0, 0], f"on two again: {codes}")
    straight = folder / "straight"
    codes = _codes(_two(straight, *arguments))
    ends = [commands.saved(p) for p in (path, straight)]
    tally.check(codes == [0, 0] and ends[0] == ends[1], f"the end: {codes} {ends}")
    summary = json.loads((path / "summary.json").read_text())
    tally.check(summary["device"].endswith("x4"), f"devices: {summary['device']}")


def _two(path: Path, *arguments: str) -> list[subprocess.Popen[bytes]]:
    """Two processes of one run, their output in files beside `path`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    started = []
    for i in range(2):
        command = [sys.executable, "-m", "experiments.run", f"--workdir={path}", *arguments]
        command += [f"--coordinator=127.0.0.1:{port}", "--num_processes=2", f"--process_id={i}"]
        with (path.parent / f"{path.name}.{i}.out").open("w") as out:
            started.append(
                subprocess.Popen(
                    [*command, f"--heartbeat={HEARTBEAT}"],
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env=env,
                )
            )
    return started


def _until(two: list[subprocess.Popen[bytes]], path: Path, step: int) -> None:
    """Waits until a step from `step` on is saved."""
    limit = time.monotonic() + commands.PATIENCE
    while all(p.poll() is None for p in two) and time.monotonic() < limit:
        if any(int(p.name) >= step for p in path.glob("checkpoints/*") if p.name.isdecimal()):
            return
        time.sleep(0.01)


def _codes(two: list[subprocess.Popen[bytes]]) -> list[int]:
    """Exit codes; one that hangs is killed."""
    codes = []
    for process in two:
        try:
            codes.append(process.wait(commands.PATIENCE))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            codes.append(process.wait())
    return codes
