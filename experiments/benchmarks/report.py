"""The results of `experiments.bench` as tables for a terminal and a page, and as a chart."""

import statistics
from collections.abc import Sequence
from typing import Any

from experiments.pages import table

Row = dict[str, Any]
Cells = tuple[str, ...]

HEAD = {
    "train": ("training step", "ae_jax ms", "PyTorch ms", "ratio", "GFLOP/s", "of peak",
              "compile s", "memory MiB"),
    "other": ("other work", "ae_jax ms", "PyTorch ms", "ratio", "in other words"),
}  # fmt: skip


def number(value: float | None) -> str:
    """Three digits or all before the point; a dash for None."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def spread(rows: Sequence[Row], key: str) -> str:
    """The median of the benches that measured a row, and where they differ their range."""
    values = [row[key] for row in rows if row[key] is not None]
    if not values:
        return number(None)
    middle, least, most = map(number, (statistics.median(values), min(values), max(values)))
    return middle if least == most else f"{middle} ({least} to {most})"


def brief(row: Row) -> str:
    """One line, to see that something happens."""
    return f"{row['name']}: {number(row['ours_ms'])} ms, PyTorch {number(row['torch_ms'])} ms"


def tables(results: Sequence[dict[str, Any]]) -> list[list[Cells]]:
    """The lines of two tables, heads first; a table without rows is left out."""
    by_name: dict[str, list[Row]] = {}
    for row in (row for result in results for row in result["rows"]):
        by_name.setdefault(row["name"], []).append(row)
    training: list[Cells] = [HEAD["train"]]
    other: list[Cells] = [HEAD["other"]]
    for name, rows in by_name.items():
        cells = (name, *(spread(rows, key) for key in ("ours_ms", "torch_ms", "ratio")))
        if rows[0]["kind"] == "train":
            share, *rest = (
                statistics.median(row[key] for row in rows)
                for key in ("peak_share", "gflops", "compile_s", "peak_memory_mib")
            )
            gflops, compile_s, memory = map(number, rest)
            training.append((*cells, gflops, f"{100 * share:.0f} %", compile_s, memory))
        else:
            other.append((*cells, remark(rows[-1])))
    return [lines for lines in (training, other) if len(lines) > 1]


def remark(row: Row) -> str:
    """What the milliseconds of a row that is no training step of a published network mean."""
    if row["kind"] == "start":
        seconds = row["ours_ms"] / 1e3, row["second_ms"] / 1e3
        return "first epoch finished after {:.1f} s, started again {:.1f} s".format(*seconds)
    if row["kind"] == "sweep":
        return "8 members by {}; single runs {} ms".format(row["method"], number(row["singles_ms"]))
    if row["kind"] == "sweep_command":
        seconds = row["ours_ms"] / 1e3, row["singles_ms"] / 1e3
        return "8 members, {} epochs, {:.1f} s; eight commands {:.1f} s".format(
            row["epochs"], *seconds
        )
    if row["kind"] == "pipeline":
        share = f"{100 * row['of_memory']:.0f} %"
        return f"from disk; from memory {number(row['memory_ms'])} ms, disk {share} of its speed"
    if row["kind"] == "penalty":
        others = number(row["torch_jacfwd_ms"]), number(row["torch_loop_ms"])
        return "PyTorch: jacrev; jacfwd {} ms, a loop over the units {} ms".format(*others)
    rates = row["ours_images_per_s"], row["torch_images_per_s"]
    return "{:,} and {:,} images/s".format(*rates)


def summary(*results: dict[str, Any]) -> str:
    """The geometric mean, and where, when and how often all this was measured."""
    last = results[-1]
    machine, v = last["machine"], last["versions"]
    means = sorted(r["geomean"] for r in results if r["geomean"])
    peak = max(result["peak_gflops"] for result in results)
    dates = sorted({result["date"] for result in results})
    said = ""
    if means:
        middle, least, most = (f"{m:.2f}" for m in (statistics.median(means), means[0], means[-1]))
        between = "" if least == most else f" ({least} to {most})"
        said = f"Geometric mean of the training ratios {middle}{between}. "
    return (
        f"{said}{machine['cpu']}, {machine['cores']} cores, float32 matrix products up to "
        f"{peak:.0f} GFLOP/s; jax {v['jax']}, PyTorch {v['torch']}, "
        f"{' to '.join(dict.fromkeys((dates[0], dates[-1])))}; medians of {last['rounds']} rounds"
        + (f" and of {len(results)} benches, the range beside them." if len(results) > 1 else ".")
    )


def text(result: dict[str, Any]) -> str:
    """The tables of one bench for a terminal."""
    parts = [table.terminal(lines, range(1, len(lines[0]))) for lines in tables([result])]
    return "\n\n".join([*parts, summary(result)])


def markdown(*results: dict[str, Any]) -> str:
    """The tables of some benches for a page."""
    parts = [table.markdown(lines, all_numbers=True) for lines in tables(results)]
    return "\n\n".join([*parts, summary(*results)])


def chart(result: dict[str, Any]) -> Any:
    """The figure of how many times faster ae_jax is, a bar for every row that has a ratio."""
    from ae_jax import figures  # not for a command that prints tables

    ratios = {r["name"]: r["ratio"] for r in result["rows"] if r["torch_ms"] is not None}
    return figures.bars(ratios, "Time in PyTorch over time in ae_jax", "times faster", mark=1.0)
