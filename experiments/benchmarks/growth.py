"""How time and memory of a training step grow with the size of the work.

Every point of an axis is a training in a process of its own, so that its memory is its own. Time is
the median of some rounds of steps; memory is the most that the process has had beyond what it had
when JAX and its first program were there. The exponent p of y ~ x^p is the slope of the line
through the logarithms of the larger half of the points, where constant costs matter least.
"""

import contextlib
import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from ae_jax.data import arrays, on_disk
from ae_jax.data.arrays import Split
from ae_jax.sweep import autotune, members

from ..sweeping import grid as sweep_grid
from . import memory
from .subjects import FOREVER, Subject, digits, ours, strided
from .sweep import together
from .turns import Work, units

ROUNDS, SECONDS = 5, 0.4
Point = dict[str, float]  # x, ms of a step, MiB or absent


class Axis(NamedTuple):
    """What grows: its values, and the work at one of them."""

    label: str
    of: str  # what is trained
    values: tuple[int, ...]
    work: Callable[[int], contextlib.AbstractContextManager[Work]]


@contextlib.contextmanager
def _training(subject: Callable[[int], Subject], value: int) -> Iterator[Work]:
    yield ours(subject(value)).work


@contextlib.contextmanager
def _images(disk: bool, n: int) -> Iterator[Work]:
    """A step of `denoise` with n digits, in memory or on disk."""
    if not disk:
        yield ours(Subject("denoise"), data=Split(digits(n), None)).work
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "digits"
        _elsewhere(_write_digits, file, n)  # which has them all in memory
        yield ours(Subject("denoise"), data=on_disk.read(file, "digits").train).work


def _write_digits(file: Path, n: int) -> None:
    split = Split(digits(n), None)
    on_disk.write(file, [split], n, arrays.rows(split, slice(0, 1)))


def _elsewhere(function: Callable[..., Any], *args: Any) -> Any:
    """function(*args) in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(function, *args).result()


@contextlib.contextmanager
def _members(n: int) -> Iterator[Work]:
    """A step of all n members, by the fastest method."""
    found = sweep_grid.members("linear", {"train.epochs": FOREVER}, {}, n)
    (group,) = members.groups(found)
    e, programs, _ = autotune.choose(group, Split(digits(4000), None))
    of_members = together(e, programs)
    yield lambda steps: of_members(steps * n)[::n]


def _code(k: int) -> Subject:
    return Subject("undercomplete", {"model.code_size": k, "train.batch_size": 256})


def _side(n: int) -> Subject:
    return Subject("conv_strided", strided(16, 32, **{"train.batch_size": 32}), (n, n, 3))


def _width(n: int) -> Subject:
    return Subject("dense", {"encoder.hidden": (n,), "decoder.hidden": (n,)})


def _batch(n: int) -> Subject:
    return Subject("denoise", {"train.batch_size": n})


AXES = {
    "side": Axis(
        "side of the image", "conv_strided, batch 32", (16, 32, 64, 128), partial(_training, _side)
    ),
    "batch": Axis("batch", "denoise", (16, 64, 256, 1024, 4096), partial(_training, _batch)),
    "width": Axis("hidden units", "dense", (64, 256, 1024, 4096), partial(_training, _width)),
    "code": Axis("code size", "undercomplete", (8, 32, 128, 512, 2048), partial(_training, _code)),
    "images": Axis(
        "images in memory", "denoise", (1000, 4000, 16000, 64000, 256000), partial(_images, False)
    ),
    "streaming": Axis(
        "images on disk", "denoise", (1000, 4000, 16000, 64000, 256000), partial(_images, True)
    ),
    "members": Axis("members of a sweep", "linear", (1, 2, 4, 8, 16, 32, 64), _members),
}
PROCESSES = "processes"  # no `Work`: each is a command of its own
COUNTS: tuple[int, ...] = (1, 2, 4)


def measure(name: str, tick: Callable[[str], None]) -> dict[str, Any]:
    """{"label", "of", "points", "exponents"} of an axis; `tick` is told what comes next."""
    point: Callable[[int], Point]
    if name == PROCESSES:
        label, of = "processes of one run", "denoise, batch 1,024"
        values, point = COUNTS, _processes
    else:
        label, of, values, _ = AXES[name]
        point = partial(_alone, name)
    points = []
    for value in values:
        tick(f"{name} {value:,}")
        points.append(point(value))
    kinds = [kind for kind in ("ms", "mib") if all(kind in point for point in points)]
    exponents = {kind: exponent([(p["x"], p[kind]) for p in points]) for kind in kinds}
    return {"label": label, "of": of, "points": points, "exponents": exponents}


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """The slope of log y against log x over the larger half of the points, three at least."""
    kept = sorted(points)[min(len(points) // 2, len(points) - 3) :]
    x, y = np.log(np.array(kept)).T
    return round(float(np.polyfit(x, y, 1)[0]), 2) + 0.0  # no -0.0


def _alone(name: str, value: int) -> Point:
    point: Point = _elsewhere(_measured, name, value)
    return point


def _measured(name: str, value: int) -> Point:
    jax.jit(lambda x: x + 1)(0.0).block_until_ready()  # what JAX itself needs
    before = memory.peak_mib()
    with AXES[name].work(value) as work:
        n = units(work, SECONDS)
        rounds = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            done = len(work(n))
            rounds.append(1e3 * (time.perf_counter() - begun) / done)
    beyond = max(1, memory.peak_mib() - before)
    return {"x": value, "ms": round(statistics.median(rounds), 4), "mib": beyond}


def _processes(n: int) -> Point:
    """The step of a whole batch, by processes that share the machine's cores and the batch."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        path, port = Path(folder) / "run", free.getsockname()[1]
        free.close()
        command = [sys.executable, "-m", "experiments.run", "--config=denoise", "--nofigures"]
        command += [f"--workdir={path}", "--config.train.batch_size=1024"]
        command += ["--config.train.epochs=20", "--config.data.name=mnist5k"]
        if n > 1:
            command += [f"--coordinator=127.0.0.1:{port}", f"--num_processes={n}"]
        started = [
            subprocess.Popen(
                command + [f"--process_id={i}"] * (n > 1),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "XLA_FLAGS": ""},
            )
            for i in range(n)
        ]
        for process in started:
            process.wait()
        lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    rate = [line["images_per_s"] for line in lines if line["split"] == "train"][-1]
    return {"x": n, "ms": round(1e3 * 1024 / rate, 4)}
