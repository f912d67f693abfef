"""Tries what a run must survive, counts, and writes what was found.

    python -m experiments.reliability --json=experiments/results/reliability.json
    python -m experiments.reliability --json=FILE --only=R1,R3 --fast

Each result is written when it is there; results of others in the file are kept. `--fast` takes the
counts of the test suite. Exit code 1 if anything failed.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from absl import flags
from tqdm import tqdm

from experiments import cli
from experiments.measuring import provenance
from experiments.reliability import cost, damage, doors, hostile, kills, refusals, topology
from experiments.reliability.tally import Tally
from experiments.workdirs import workdir


class Trial(NamedTuple):
    """What is tried, in the suite and in full."""

    what: str
    fast: tuple[Callable[..., None], ...]
    full: tuple[Callable[..., None], ...]


def _both(what: str, *trials: Callable[..., None]) -> Trial:
    return Trial(what, trials, trials)


def _counts(what: str, trial: Callable[..., None], fast: int, full: int) -> Trial:
    return Trial(what, (partial(trial, n=fast),), (partial(trial, n=full),))


PROGRAMME = {
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
}


def attempt(name: str, fast: bool, folder: Path, tell: Callable[[], Any]) -> dict[str, Any]:
    """One entry of the programme: {"what", "tried", "failed", "failures", ...}."""
    trial = PROGRAMME[name]
    tally, begun = Tally(tell), time.monotonic()
    for i, run in enumerate(trial.fast if fast else trial.full):
        (part := folder / f"{name}.{i}").mkdir(parents=True)
        try:
            run(tally, part)
        except Exception as error:  # what a trial did not expect is a failure as well
            tally.check(False, f"{type(error).__name__}: {error}"[:300])
    seconds = round(time.monotonic() - begun, 1)
    return {"what": trial.what, **tally.result(), "seconds": seconds}


def define_flags() -> None:
    """Not on import: other commands have flags of the same names."""
    cli.define_path("json", None, "Where the results go.")
    flags.DEFINE_list("only", None, "Only these, as R1,R3.")
    flags.DEFINE_bool("fast", False, "With the counts of the test suite.")
    flags.DEFINE_bool("markdown", False, "Only print what --json holds as the README's table.")


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    names = cli.chosen(PROGRAMME, "trial")
    file = Path(flags.FLAGS.json) if flags.FLAGS.json else None
    results: dict[str, Any] = json.loads(file.read_text()) if file and file.exists() else {}
    if flags.FLAGS.markdown:
        print(markdown(results))
        return 0
    failed = 0
    for name in names:
        folder = Path(tempfile.mkdtemp(prefix=f"ae_jax_{name}_"))
        with tqdm(desc=f"{name} {PROGRAMME[name].what}", unit="check", disable=None) as bar:
            found = attempt(name, flags.FLAGS.fast, folder, bar.update)
        print(f"{name}: {found['tried']} tried, {found['failed']} failed, {found['seconds']} s")
        print("".join(f"  {failure}\n" for failure in found["failures"]), end="", flush=True)
        failed += found["failed"]
        if not found["failed"]:
            shutil.rmtree(folder)
        results |= {name: found, **provenance.where()}
        if file:
            workdir.write_json(file, results)
    return 1 if failed else 0


def markdown(results: dict[str, Any]) -> str:
    """The table for the README, in the programme's order."""
    found = [(name, results[name]) for name in PROGRAMME if name in results]
    lines = [f"| {n} | {f['what']} | {f['tried']:,} | {f['failed']} |" for n, f in found]
    return "\n".join(["| | what is tried | tried | failed |", "|---|---|---:|---:|", *lines])


if __name__ == "__main__":
    define_flags()
    cli.run(main)
