"""The rows of `experiments.bench` on memory: the most that a training of its own has had."""

import multiprocessing
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import ModuleType

from . import rows
from .subjects import TRAINED, images_of, ours
from .turns import Pace, Row


def memory(torch_side: ModuleType, name: str, pace: Pace) -> Row:
    """Two epochs of a network, each side in a new process; ratio = PyTorch / ae_jax.

    The whole process counts, with libraries, images and, on our side, compilation.
    """
    found = {}
    for side, train in (("ours", _ours), ("torch", _torch)):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            found[f"{side}_mib"] = process.submit(_peak_of, train, name).result()
        pace.tick()
    ratio = round(found["torch_mib"] / found["ours_mib"], 3)
    no_times = {"ours_ms": None, "torch_ms": None, "ratio": None}
    return {"name": f"memory:{name}", **no_times, **found, "of_torch": ratio, "kind": "memory"}


def _peak_of(train: Callable[[str], None], name: str) -> int:
    train(name)
    return peak_mib()


def _ours(name: str) -> None:
    side = ours(TRAINED[name])
    side.work(2 * side.trainer.steps_per_epoch)


def _torch(name: str) -> None:
    torch_side = rows.load_torch()
    resolved, images = images_of(TRAINED[name])
    x = rows.tensor(torch_side, images, resolved)
    network = torch_side.network(name)
    del images
    steps = torch_side.train(network, torch_side.LOSSES[name], resolved, x)
    rows.taking(2 * -(-len(x) // resolved.train.batch_size), steps)


def peak_mib() -> int:
    """The most memory this process has had so far, in MiB; not that of the one that began it."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return int(lines["VmHWM"].split()[0]) // 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (2**20 if sys.platform == "darwin" else 2**10)
