"""The sweep rows of `experiments.bench`: eight members against eight single runs.

`sweep` times the steps alone, `commands` the whole commands, which is what a user waits for.
"""

import multiprocessing
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import ModuleType

import jax

from ae_jax.data.arrays import Split
from ae_jax.sweep import autotune, ensemble, members

from ..measuring import provenance
from ..sweeping import grid as sweep_grid
from . import start, subjects
from .subjects import FOREVER
from .turns import Pace, Row, Work, interleave

RATES, SEEDS = ("1e-3", "3e-4"), 4
FIELD = "optim.learning_rate"
EPOCHS = 10  # of the whole commands, on mnist5k


def sweep(torch_side: ModuleType, name: str, pace: Pace) -> Row:
    """A member's step of 8 members by the method that `autotune.choose` takes, and of single runs.

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
    grid = sweep_grid.parse(f"{FIELD}={','.join(RATES)}")
    found = sweep_grid.members(name, {"train.epochs": FOREVER}, grid, SEEDS)
    singles = [subjects.ours(subjects.PUBLISHED[name], {"seed": m.seed, **m.point}) for m in found]
    (group,) = members.groups(found)
    begun = time.perf_counter()
    e, programs, ms = autotune.choose(group, Split(singles[0].images, None))
    choice_s = time.perf_counter() - begun
    sides = {"ours": together(e, programs), "singles": _in_turn([run.work for run in singles])}
    seconds = interleave(sides, pace)
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


def together(e: ensemble.Ensemble, programs: ensemble.Compiled) -> Work:
    """Steps of all members; a unit is one step of one member."""
    chunks = ensemble.train(e, ensemble.start(e), programs)

    def work(n: int) -> list[float]:
        losses: list[float] = []
        while len(losses) < n:
            losses.extend(next(chunks).terms["loss"].ravel().tolist())
        return losses

    return work


def commands(torch_side: ModuleType, name: str, pace: Pace) -> Row:
    """One `experiments.sweep` of 8 members, start to end, and eight `experiments.run` for them.

    The runs come one after another, each killed after its last epoch: their figures and reports,
    which the sweep has not, are not counted. Each side begins without compiled programs and keeps
    what it compiles. Two rounds in turns; ratio = eight runs / sweep.
    """
    rounds: dict[str, list[float]] = {"ours": [], "singles": []}
    for _ in range(2):
        for side, measured in (("ours", _one_sweep), ("singles", _eight_runs)):
            with tempfile.TemporaryDirectory() as folder:
                rounds[side].append(measured(name, Path(folder)))
            pace.tick()
    ms = {side: 1e3 * statistics.median(seconds) for side, seconds in rounds.items()}
    return {
        "name": f"sweep_command:{name}",
        **{f"{side}_ms": round(value) for side, value in ms.items()},
        "torch_ms": None,
        "ratio": round(ms["singles"] / ms["ours"], 3),
        "kind": "sweep_command",
        "epochs": EPOCHS,
        "rounds_ms": {side: [round(1e3 * s) for s in seconds] for side, seconds in rounds.items()},
    }


def _one_sweep(name: str, folder: Path) -> float:
    grid = f"--grid={FIELD}={','.join(RATES)}"
    return _command(folder, "done in", "sweep", name, grid, f"--seeds={SEEDS}")


def _eight_runs(name: str, folder: Path) -> float:
    last = f"epoch {EPOCHS:4d} "
    return sum(
        _command(folder, last, "run", name, f"--config.{FIELD}={rate}", f"--config.seed={seed}")
        for rate in RATES
        for seed in range(SEEDS)
    )


def _command(folder: Path, sign: str, command: str, name: str, *arguments: str) -> float:
    shared = (f"--config={name}", f"--config.train.epochs={EPOCHS}")
    workdir = f"--workdir={tempfile.mkdtemp(dir=folder)}"
    return start.seconds_until(sign, folder / "cache", command, *shared, *arguments, workdir)


def _in_turn(works: list[Work]) -> Work:
    def work(n: int) -> list[float]:
        share = -(-n // len(works))
        return [loss for one in works for loss in one(share)]

    return work
