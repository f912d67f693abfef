"""Runs the reliability trials, counts failures, and writes the results.

    python -m experiments.reliability --json=experiments/results/reliability.json
    python -m experiments.reliability --json=FILE --only=R1,R3 --fast

Each result is written as soon as it is known; other results in the file are kept. `--fast` uses the
counts of the test suite. The trials are in `tests/reliability`, which only a checkout of the source
has. Exit codes: 0 done, 1 something failed, 2 bad input, or no trials here.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from absl import flags
from tqdm import tqdm

from ae_jax.errors import ConfigError
from ae_jax.files import json_file

from . import cli
from .measuring import provenance

TOP = Path(__file__).parents[1]


def trials_of(top: Path = TOP) -> ModuleType:
    """`tests.reliability.trials` of the checkout at `top`.

    Raises:
      ConfigError: there are no tests, as where the package was installed without its source.
    """
    if not (top / "tests" / "reliability" / "trials.py").is_file():
        raise ConfigError(
            f"reliability: {top} has no tests/reliability, and so no trials\n"
            "run this from a checkout of the source (pip install -e .)"
        )
    sys.path.insert(0, str(top))
    from tests.reliability import trials

    return trials


def define_flags() -> None:
    """Not on import: other commands have flags of the same names."""
    cli.define_path("json", None, "File of the results.")
    flags.DEFINE_list("only", None, "Only these trials, such as R1,R3.")
    flags.DEFINE_bool("fast", False, "Use the counts of the test suite.")


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    trials = trials_of()
    names = cli.chosen(trials.TRIALS, "trial")
    file = Path(flags.FLAGS.json) if flags.FLAGS.json else None
    results = json_file.read(file) if file and file.exists() else {}
    failed = 0
    for name in names:
        folder = Path(tempfile.mkdtemp(prefix=f"ae_jax_{name}_"))
        what = f"{name} {trials.TRIALS[name].what}"
        with tqdm(desc=what, unit="check", disable=None) as bar:
            found = trials.attempt(name, flags.FLAGS.fast, folder, bar.update)
        print(f"{name}: {found['tried']} tried, {found['failed']} failed, {found['seconds']} s")
        print("".join(f"  {failure}\n" for failure in found["failures"]), end="", flush=True)
        failed += found["failed"]
        if not found["failed"]:
            shutil.rmtree(folder)
        results |= {name: found, **provenance.where()}
        if file:
            json_file.write(file, results)
    return 1 if failed else 0


if __name__ == "__main__":
    define_flags()
    cli.run(main)
