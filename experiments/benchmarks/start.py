"""The rows of `experiments.bench` that time whole commands: from the words to the first epoch."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType

from ..measuring.published import sourced
from .turns import Pace, Row


def start(torch_side: ModuleType, base: str, pace: Pace) -> Row:
    """From the command to the end of the first epoch on mnist5k, in a fresh process.

    First with an empty cache of compiled programs, then again with what that start left there.
    """
    with tempfile.TemporaryDirectory() as folder:
        first, second = (_first_epoch_s(base, Path(folder), f"run_{i}") for i in range(2))
    pace.tick()
    times = {"ours_ms": round(1e3 * first), "second_ms": round(1e3 * second)}
    return {"name": f"start:{base}", **times, "torch_ms": None, "ratio": None, "kind": "start"}


def _first_epoch_s(base: str, folder: Path, workdir: str) -> float:
    arguments = ["run", f"--config={sourced(base)}", f"--workdir={folder / workdir}"]
    return seconds_until("epoch ", folder / "cache", *arguments, "--config.data.name=mnist5k")


def seconds_until(sign: str, cache: Path, command: str, *arguments: str) -> float:
    """From the start of `python -m experiments.<command>` to its first line that begins so.

    It is killed there. Data and compiled programs are looked for in `cache`, and left there.
    """
    words = [sys.executable, "-m", f"experiments.{command}", *arguments]
    started = time.perf_counter()
    with subprocess.Popen(
        words,
        env={**os.environ, "AE_JAX_CACHE": str(cache)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None
        seen = []
        for line in process.stdout:
            seen.append(line)
            if line.startswith(sign):
                took = time.perf_counter() - started
                process.send_signal(signal.SIGKILL)
                return took
    raise RuntimeError(f"{' '.join(words)} never said {sign!r}:\n{''.join(seen)}")
