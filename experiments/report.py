"""Writes the page of a finished run, or a comparison of several.

    python -m experiments.report --workdir=runs/denoise
    python -m experiments.report --workdir=runs/denoise runs/dense runs/vae --out=compared.html

For one run it writes report.html into the work directory, as experiments.run did, now with
applications that were added since. For several it writes a comparison: numbers, curves, and the
differences between their configs. A run that was saved from Python (`run.save`) at its end is
evaluated and drawn first. Every page is one file that needs no network. Exit codes: 0 done, 2 bad
input.
"""

from pathlib import Path
from typing import Any

from absl import flags

from . import cli


def define_flags() -> None:
    """Not on import: other commands have flags of the same names."""
    cli.define_path("workdir", None, "Finished runs, one or more.")
    cli.define_data()
    cli.define_path("out", None, "The page; default report.html or comparison.html in the run.")
    flags.mark_flag_as_required("workdir")


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    F = flags.FLAGS
    from .pages import one_run  # a misspelled flag is answered without them
    from .workdirs import finished

    paths = [Path(p) for p in dict.fromkeys([F.workdir, *map(cli.expanded, argv)])]
    for path in paths:
        if finished.lacks_summary(path):
            from .running import completing

            with cli.writing("--workdir"):
                completing.complete(path, F.data)
    found = [finished.read(path) for path in paths]
    with cli.writing("--out"):
        if len(found) == 1:
            file = one_run.write(found[0], F.out)
        else:
            from .pages import comparison

            file = comparison.write(found, F.out)
    print(f"report: {file}")
    return 0


if __name__ == "__main__":
    define_flags()
    cli.run(main, positional=True)
