"""Measures how time and memory of a training step grow with the size of the work.

    python -m experiments.growth --json=growth.json --png=growth.png
    python -m experiments.growth --json=growth.json --only=batch,images

Axes: side of an image, batch, hidden units, code size, number of images in memory and on disk,
members of a sweep, processes of one run. Prints the exponent p of time ~ x^p and memory ~ x^p,
fitted to the larger half of the points. An axis that the file has already is not measured again.
"""

import sys
from pathlib import Path
from typing import Any

from absl import flags
from tqdm import tqdm

from ae_jax.errors import ConfigError
from ae_jax.files import json_file

from . import cli


def define_flags() -> None:
    """Not on import: other commands have flags of the same names."""
    cli.define_path("json", None, "File for the numbers; axes that are in it are kept.")
    flags.DEFINE_list("only", None, "Names of axes, separated by commas; default all.")
    cli.define_path("png", None, "File for the chart.")
    flags.mark_flag_as_required("json")


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    f = flags.FLAGS
    from .benchmarks import growth, report
    from .measuring import provenance
    from .pages.table import terminal

    cli.check_writable(f.json, f.png)
    file = Path(f.json)
    names = cli.chosen([*growth.AXES, growth.PROCESSES], "axis")
    result = json_file.read(file, ConfigError) if file.exists() else {"axes": {}}
    known = result["axes"]
    with tqdm(names, unit="axis", disable=not sys.stderr.isatty(), dynamic_ncols=True) as bar:
        for name in bar:
            if name not in known:
                known[name] = growth.measure(name, bar.set_description)
                result = {**provenance.where(), "axes": known}
                json_file.write(file, result)
    lines = report.growth({name: known[name] for name in names})
    print(terminal(lines, range(2, 6)))
    if f.png:
        from ae_jax import figures

        panels = [known[name] for name in names]
        figures.save(figures.growth(panels, "How a training step grows"), f.png)
    return 0


if __name__ == "__main__":
    define_flags()
    cli.run(main)
