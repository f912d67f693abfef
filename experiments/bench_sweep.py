"""What `experiments.bench` measures of sweeps: eight members against eight single runs."""

import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import jax

from ae_jax import ensemble, fastest, members
from ae_jax.arrays import Split
from experiments import bench_rows, provenance, sweep_grid
from experiments.bench_rows import FOREVER, Pace, Row, Work

RATES, SEEDS = ("1e-3", "3e-4"), 4


def sweep(torch_side: Any, name: str, pace: Pace) -> Row:
    """A member's step of 8 members by the method that `fastest.choose` takes, and of single runs.

    The single runs, each a program of its own as `experiments.run` would have it, take their turns
    one after another; ratio = single runs / sweep. PyTorch has no part in it. All in a process of
    its own, where the cores are devices as in `experiments.sweep`.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        row: Row = process.submit(_measured, name, pace.rounds, pace.seconds).result()
    pace.tick()
    return row


def _measured(name: str, rounds: int, seconds_each: float) -> Row:
    jax.config.update("jax_num_cpu_devices", min(provenance.cores(), len(RATES) * SEEDS))
    pace = Pace(rounds, seconds_each)
    grid = sweep_grid.parse(f"optim.learning_rate={','.join(RATES)}")
    found = sweep_grid.members(name, {"train.epochs": FOREVER}, grid, SEEDS)
    singles = [bench_rows.ours(name, {"seed": m.seed, **m.point}) for m in found]
    (group,) = members.groups(found)
    begun = time.perf_counter()
    e, programs, ms = fastest.choose(group, Split(singles[0].images, None))
    choice_s = time.perf_counter() - begun
    sides = {"ours": _together(e, programs), "singles": _in_turn([run.work for run in singles])}
    seconds = bench_rows.interleave(sides, pace)
    medians = {side: 1e3 * statistics.median(values) for side, values in seconds.items()}
    return {
        "name": f"sweep:{name}",
        **{f"{side}_ms": round(value, 4) for side, value in medians.items()},
        "torch_ms": None,
        "ratio": round(medians["singles"] / medians["ours"], 3),
        "kind": "sweep",
        "method": e.method,
        "devices": 1 if e.mesh is None else e.mesh.size,
        "choice_s": round(choice_s, 2),
        "measured_ms": {method: round(value, 4) for method, value in ms.items()},
        "rounds_ms": {s: [round(1e3 * v, 4) for v in values] for s, values in seconds.items()},
    }


def _together(e: ensemble.Ensemble, programs: ensemble.Compiled) -> Work:
    chunks = ensemble.train(e, ensemble.start(e), programs)

    def work(n: int) -> list[float]:
        losses: list[float] = []
        while len(losses) < n:
            losses.extend(next(chunks).terms["loss"].ravel().tolist())
        return losses

    return work


def _in_turn(works: list[Work]) -> Work:
    def work(n: int) -> list[float]:
        share = -(-n // len(works))
        return [loss for one in works for loss in one(share)]

    return work
