"""Times the same work in ae_jax and in PyTorch, in turns in one process.

    python -m experiments.bench --json=bench_2026-11-29.json --png=bench.png
    python -m experiments.bench --json=bench.json --only=denoise,penalty --rounds=3
    python -m experiments.bench --json=bench.json --markdown

Rows: a training step of every published network (`train`) and of networks on larger images, rows,
signals and wide codes (`size`), each against PyTorch as it is written and compiled; the metrics of
6,000 images (`evaluate`) and their codes (`encode`); a training step with a contractive penalty
(`penalty`); a step of eight sweep members against eight single runs (`sweep`), and the whole
commands, startup and compilation included (`sweep_command`); a step on images from disk against
one on images in memory (`pipeline`); from the command to the first finished epoch (`start`); the
most memory that a training of its own has had (`memory`). Times are medians over the rounds, each
about 0.7 s per side, except for whole commands. The ratio is PyTorch / ae_jax, or single runs /
sweep for sweeps: above 1, ae_jax or the sweep is faster. Needs PyTorch: pip install -e '.[bench]';
compiled PyTorch needs a C++ compiler, too. `--markdown` measures nothing and prints the tables of a
FILE.

The comparison is between `loop.train`, the loop of `experiments.run`, on uint8 digits, and a
PyTorch loop on float32 tensors that are already scaled. Both use all cores, or with --device=gpu
the GPU (`pip install -e '.[cuda]'`), where products are as precise as each side makes them by
default; rows that are about processes are left out there.
"""

import math
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
from absl import flags
from tqdm import tqdm

from ae_jax.config.schema import unknown
from ae_jax.errors import ConfigError
from ae_jax.files import json_file

from . import cli
from .benchmarks import memory, report, start, stream, sweep
from .benchmarks import rows as bench_rows
from .benchmarks.subjects import PUBLISHED, SIZED, TRAINED
from .benchmarks.turns import Pace, Row
from .measuring import provenance

SWEPT = ("linear", "deep", "denoise")  # two small networks and a wide one
THROUGHPUT = [(kind, name) for kind in ("evaluate", "encode") for name in ("dense", "conv_pool")]


ON_GPU = ("train", "size", "evaluate", "encode", "penalty", "sweep")


class Entry(NamedTuple):
    """What a name of --only stands for."""

    kind: str
    measure: Callable[..., Row]  # (PyTorch's side, pace=)


ROWS: dict[str, Entry] = {
    **{
        name: Entry(kind, partial(bench_rows.train, name=name, kind=kind))
        for kind, names in (("train", PUBLISHED), ("size", SIZED))
        for name in names
    },
    **{
        f"{kind}:{name}": Entry(kind, partial(bench_rows.throughput, kind=kind, base=name))
        for kind, name in THROUGHPUT
    },
    **{
        name: Entry("penalty", partial(bench_rows.penalty, name=name, base=base))
        for name, base in {"penalty:784-30": "contractive", "penalty:784-250-16": "dense"}.items()
    },
    **{f"sweep:{name}": Entry("sweep", partial(sweep.sweep, name=name)) for name in SWEPT},
    **{
        f"sweep_command:{name}": Entry("sweep_command", partial(sweep.commands, name=name))
        for name in SWEPT
    },
    **{
        f"stream:{name}": Entry("pipeline", partial(stream.stream, base=name))
        for name in ("denoise", "conv_pool")
    },
    **{
        f"start:{name}": Entry("start", partial(start.start, base=name))
        for name in ("denoise", "conv_pool")
    },
    **{f"memory:{name}": Entry("memory", partial(memory.memory, name=name)) for name in TRAINED},
}


def define_flags() -> None:
    """Not on import: other commands have flags of the same names."""
    cli.define_path("json", None, "File for the numbers; with --markdown the file to read.")
    flags.DEFINE_list("only", [], f"Rows or kinds of rows, of: {', '.join(ROWS)}.")
    flags.DEFINE_integer("rounds", 7, "Rounds of each side; their median counts.", lower_bound=1)
    flags.DEFINE_enum("device", "cpu", ["cpu", "gpu"], "What both sides use.")
    cli.define_path("png", None, "File for a chart of the ratios.")
    flags.DEFINE_bool("markdown", False, "Print the tables of the --json file as markdown.")
    flags.mark_flag_as_required("json")


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    f = flags.FLAGS
    file = Path(f.json)
    if f.markdown:
        result = json_file.read(file, ConfigError)
        print(report.markdown(result))
    else:
        names = select(f.only, f.device)
        cli.check_writable(f.json, f.png)
        jax.config.update("jax_enable_compilation_cache", False)  # else nothing is compiled
        warn_if_busy()
        result = measure(names, Pace(f.rounds), lambda result: json_file.write(file, result))
        print(report.text(result))
    if f.png:
        from ae_jax import figures

        figures.save(report.chart(result), f.png)
    return 0


def select(only: Iterable[str], device: str = "cpu") -> list[str]:
    """The rows that names or kinds stand for, in the table's order; all where there are none.

    ConfigError where JAX does not use the device; on a GPU there are the rows of `ON_GPU` only.
    """
    if (found := jax.default_backend()) != device:
        raise ConfigError(
            f"--device: is {device}, and JAX uses {found}; set JAX_PLATFORMS={device}"
        )
    wanted = set(only)
    kinds = {entry.kind for entry in ROWS.values()}
    for name in wanted:
        if name not in ROWS and name not in kinds:
            raise ConfigError(unknown("--only", name, [*kinds, *ROWS], "row"))
    rows = {n: e for n, e in ROWS.items() if device == "cpu" or e.kind in ON_GPU}
    return [n for n, entry in rows.items() if not wanted or wanted & {n, entry.kind}]


def measure(names: Sequence[str], pace: Pace, write: Callable[[Any], None]) -> dict[str, Any]:
    """The bench's result; `write` is given what there is of it after every row."""
    torch_side = bench_rows.load_torch()
    result: dict[str, Any] = {
        **provenance.where("torch"),
        "rounds": pace.rounds,
        "peak_gflops": 0.0,
        "rows": [],
        "geomeans": {},
    }
    with tqdm(names, unit="row", disable=not sys.stderr.isatty(), dynamic_ncols=True) as bar:
        for name in bar:
            bar.set_description(name)
            row = ROWS[name].measure(torch_side, pace=pace._replace(tick=bar.refresh))
            result = finish(result, [*result["rows"], row])
            write(result)
            if bar.disable:
                print(report.brief(row), flush=True)
    return result


def finish(result: dict[str, Any], rows: list[Row]) -> dict[str, Any]:
    """The result with these rows, their shares of the peak, and the geometric means of ratios."""
    # Each its own peak, as one moment of a shared machine is not like another.
    rows = [
        r | {"peak_share": round(r["gflops"] / r["peak_gflops"], 3)} if "gflops" in r else r
        for r in rows
    ]
    means = {
        kind: {
            key: mean([r[key] for r in rows if r["kind"] == kind and r[key] is not None])
            for key in ("ratio", "compiled_ratio")
        }
        for kind in ("train", "size")
    }
    peak = max((r["peak_gflops"] for r in rows if "gflops" in r), default=0.0)
    return {**result, "peak_gflops": peak, "rows": rows, "geomeans": means}


def mean(ratios: Sequence[float]) -> float | None:
    """Their geometric mean; None of none."""
    return round(math.exp(sum(map(math.log, ratios)) / len(ratios)), 3) if ratios else None


def warn_if_busy() -> None:
    """One line on stderr where other programs use the cores."""
    load = os.getloadavg()[0]
    if load > 0.3 * (os.cpu_count() or 1):
        busy = f"other programs are running (load {load:.1f})"
        print(f"{busy}: times are not those of an idle machine", file=sys.stderr)


if __name__ == "__main__":
    define_flags()
    cli.run(main)
