"""Times the sides of a comparison in turns, so that other load affects them equally.

A side is a `Work`: called with n, it does at least n units (training steps, passes over a set) and
returns the result of each. A row holds the medians over the rounds.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

Work = Callable[[int], Sequence[Any]]
Row = dict[str, Any]

# Rows and columns of the float32 matrices whose product is the machine's peak.
MATMUL = {"cpu": 1024, "gpu": 8192}


class Pace(NamedTuple):
    """How often and how long every side works, and what is called after each of its rounds."""

    rounds: int = 7
    seconds: float = 0.7
    tick: Callable[[], Any] = lambda: None


def interleave(sides: Mapping[str, Work], pace: Pace) -> dict[str, list[float]]:
    """Seconds a unit in each round of each side, after a warm-up; the sides take turns."""
    counts = {side: units(work, pace.seconds) for side, work in sides.items()}
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(pace.rounds):
        for side, work in sides.items():
            start = time.perf_counter()
            done = len(work(counts[side]))
            seconds[side].append((time.perf_counter() - start) / done)
            pace.tick()
    return seconds


def units(work: Work, seconds: float) -> int:
    """How many units take about so long, found by doubling, which warms the side up as well."""
    work(1)  # compiles, imports
    n = 1
    while True:
        start = time.perf_counter()
        done = len(work(n))
        took = time.perf_counter() - start
        if took > seconds / 4:
            return max(1, round(done * seconds / took))
        n *= 2


def compared(name: str, seconds: Mapping[str, list[float]], **more: Any) -> Row:
    """A row: medians in milliseconds a unit, ratio = torch / ours, and every round."""
    medians = {side: 1e3 * statistics.median(values) for side, values in seconds.items()}
    times = {f"{side}_ms": round(ms, 4) for side, ms in medians.items()}
    rounds = {side: [round(1e3 * s, 4) for s in values] for side, values in seconds.items()}
    ratio = round(medians["torch"] / medians["ours"], 3)
    return {"name": name, **times, "ratio": ratio, **more, "rounds_ms": rounds}


def matmul(n: int) -> list[jax.Array]:
    """n products of large matrices: what the machine can do, in turns with what is measured."""
    side = MATMUL[jax.default_backend()]
    a = jnp.full((side, side), 0.5, jnp.float32)
    return [(a @ a).block_until_ready()[0, 0] for _ in range(n)]


def peak_gflops(seconds: Sequence[float]) -> float:
    """Of products that took so long."""
    return 2 * MATMUL[jax.default_backend()] ** 3 / statistics.median(seconds) / 1e9
