"""What a run must survive: every trial, in the counts of the suite and of the full measurement."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tests.reliability import cost, damage, doors, hostile, kills, kinds, refusals, topology
from tests.reliability.tally import Tally


class Trial(NamedTuple):
    """What is tried, in the suite and in full."""

    what: str
    fast: tuple[Callable[..., None], ...]
    full: tuple[Callable[..., None], ...]


def _both(what: str, *trials: Callable[..., None]) -> Trial:
    return Trial(what, trials, trials)


def _counts(what: str, trial: Callable[..., None], fast: int, full: int) -> Trial:
    return Trial(what, (partial(trial, n=fast),), (partial(trial, n=full),))


TRIALS = {
    "R1": Trial(
        "SIGKILL at random moments and inside saves, restarted until done",
        (partial(kills.sigkill, n=8, epochs=6),),
        (partial(kills.sigkill, n=200),),
    ),
    "R2": Trial(
        "SIGTERM and SIGINT in compilation, first step, evaluation, save, anywhere",
        (partial(kills.told_to_stop, n=5, epochs=10),),
        (partial(kills.told_to_stop, n=50),),
    ),
    "R3": _counts("every file of a checkpoint damaged, and random bits", damage.bit_rot, 20, 200),
    "R4": _both("no good checkpoint, stray and empty directories", damage.nothing_good),
    "R5": _both("disk full", damage.disk_full),
    "R6": _counts("two runs race for one work directory", refusals.races, 2, 20),
    "R7": _both("resumed with each config field changed", refusals.changed_configs),
    "R8": _both("NaN in gradients and data, learning rates of 1e30", refusals.divergence),
    "R9": Trial(
        "fuzzed configs",
        (partial(refusals.fuzz, n=500),),
        (partial(refusals.fuzz, n=5000), partial(refusals.fuzzed_commands, n=500)),
    ),
    "R10": _both("work directories made to do harm", hostile.workdirs),
    "R11": _both("data files damaged, swapped, missing", damage.data_files),
    "R12": _both("two processes: one killed, one told to stop", topology.processes),
    "R13": Trial(
        "saved on 1, 2, 8 devices, opened and continued on each",
        (partial(topology.topologies, counts=(1, 8)),),
        (topology.topologies,),
    ),
    "R14": _both("what checkpoints cost", cost.overhead),
    "R15": Trial(
        "fits interrupted in a notebook and continued",
        (partial(cost.interrupted_fits, n=2),),
        (partial(cost.interrupted_fits, n=20), cost.kernel),
    ),
    "R16": _counts("random arrays at every public function", doors.fuzz, 40, 2000),
    "R17": Trial(
        "killed, given other data: a table with holes, signals, a folder of images",
        (partial(kinds.promised, n=2, epochs=3),),
        (partial(kinds.promised, n=50, epochs=20),),
    ),
}


def attempt(name: str, fast: bool, folder: Path, tell: Callable[[], Any]) -> dict[str, Any]:
    """One entry of the results: {"what", "tried", "failed", "failures", ...}."""
    trial = TRIALS[name]
    tally, begun = Tally(tell), time.monotonic()
    for i, run in enumerate(trial.fast if fast else trial.full):
        (part := folder / f"{name}.{i}").mkdir(parents=True)
        try:
            run(tally, part)
        except Exception as error:  # what a trial did not expect is a failure as well
            tally.check(False, f"{type(error).__name__}: {error}"[:300])
    seconds = round(time.monotonic() - begun, 1)
    return {"what": trial.what, **tally.result(), "seconds": seconds}
