"""The results of `experiments.bench` and `growth` as tables, and those of the bench as a chart."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from ..pages import table

Row = dict[str, Any]
Cells = tuple[str, ...]

HEAD: dict[str, Cells] = {
    "step": ("training step", "ae_jax ms", "PyTorch ms", "ratio", "compiled ms", "ratio",
             "images/s", "GFLOP/s", "of peak", "compile s"),
    "memory": ("memory of a training", "ae_jax MiB", "PyTorch MiB", "ratio"),
    "other": ("other work", "ae_jax ms", "PyTorch ms", "ratio", "in other words"),
}  # fmt: skip
STEP = ("ours_ms", "torch_ms", "ratio", "compiled_ms", "compiled_ratio")
MEMORY = ("ours_mib", "torch_mib", "of_torch")
KINDS = {"train": "published networks", "size": "rows at the size users have"}


def number(value: float | None) -> str:
    """Three digits or all before the point; a dash for None."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def spread(rows: Sequence[Row], key: str) -> str:
    """The median of the benches that measured a row, and where they differ their range."""
    values = [row[key] for row in rows if row.get(key) is not None]
    if not values:
        return number(None)
    middle, least, most = map(number, (statistics.median(values), min(values), max(values)))
    return middle if least == most else f"{middle} ({least} to {most})"


def brief(row: Row) -> str:
    """One line, to see that something happens."""
    if row["kind"] == "memory":
        return f"{row['name']}: {row['ours_mib']:,} MiB, PyTorch {row['torch_mib']:,} MiB"
    return f"{row['name']}: {number(row['ours_ms'])} ms, PyTorch {number(row['torch_ms'])} ms"


def tables(results: Sequence[dict[str, Any]]) -> list[list[Cells]]:
    """The lines of three tables, heads first; a table without rows is left out."""
    by_name: dict[str, list[Row]] = {}
    for row in (row for result in results for row in result["rows"]):
        by_name.setdefault(row["name"], []).append(row)
    lines: dict[str, list[Cells]] = {part: [head] for part, head in HEAD.items()}
    for name, rows in by_name.items():
        if rows[0]["kind"] in KINDS:
            lines["step"].append((name, *(spread(rows, key) for key in STEP), *_rates(rows)))
        elif rows[0]["kind"] == "memory":
            bare = name.removeprefix("memory:")
            lines["memory"].append((bare, *(spread(rows, key) for key in MEMORY)))
        else:
            lines["other"].append((name, *(spread(rows, k) for k in STEP[:3]), remark(rows[-1])))
    return [part for part in lines.values() if len(part) > 1]


def _rates(rows: Sequence[Row]) -> Cells:
    keys = ("images_per_s", "gflops", "peak_share", "compile_s")
    rate, gflops, share, compile_s = (statistics.median(row[key] for row in rows) for key in keys)
    return number(rate), number(gflops), f"{100 * share:.0f} %", number(compile_s)


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
    """The geometric means, and where, when and how often all this was measured."""
    last = results[-1]
    v = last["versions"]
    dates = sorted({result["date"] for result in results})
    said = "".join(_means(kind, named, results) for kind, named in KINDS.items())
    return (
        f"{said}{_machines(results)}; jax {v['jax']}, PyTorch {v['torch']}, "
        f"{' to '.join(dict.fromkeys((dates[0], dates[-1])))}; medians of {last['rounds']} rounds"
        + (f" and of {len(results)} benches, the range beside them." if len(results) > 1 else ".")
    )


def _machines(results: Sequence[dict[str, Any]]) -> str:
    """The processors of some benches, each with its fastest product of matrices."""
    peaks: dict[str, list[float]] = {}
    for result in results:
        machine = result["machine"]
        name = f"{machine['cpu']}, {machine['cores']} cores"
        peaks.setdefault(name, []).append(result["peak_gflops"])
    said = []
    for name, found in peaks.items():
        products = f", float32 matrix products up to {max(found):.0f} GFLOP/s" if max(found) else ""
        many = "benches" if len(found) > 1 else "bench"
        of = f" ({len(found)} {many})" if len(peaks) > 1 else ""
        said.append(f"{name}{products}{of}")
    return " and ".join(said)


def _means(kind: str, named: str, results: Sequence[dict[str, Any]]) -> str:
    """A sentence about the rows of a kind, or nothing where there are none."""
    means = [result["geomeans"][kind] for result in results]
    if all(mean["ratio"] is None for mean in means):
        return ""
    said = f"Geometric mean of the ratios, {named}: {spread(means, 'ratio')}"
    if any(mean["compiled_ratio"] is not None for mean in means):
        said += f", against torch.compile {spread(means, 'compiled_ratio')}"
    return f"{said}. "


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


def growth(axes: Mapping[str, Mapping[str, Any]]) -> list[Cells]:
    """The lines of a table of exponents, a line an axis, the head first."""
    lines: list[Cells] = [("what grows", "trained", "from", "to", "time of a step", "memory")]
    for axis in axes.values():
        x = [point["x"] for point in axis["points"]]
        powers = [axis["exponents"].get(kind) for kind in ("ms", "mib")]
        cells = ("-" if power is None else f"x^{power:.2f}" for power in powers)
        lines.append((axis["label"], axis["of"], f"{x[0]:,}", f"{x[-1]:,}", *cells))
    return lines


def growth_page(result: Mapping[str, Any]) -> str:
    """That table for a page."""
    said = f"{result['machine']['cpu']}, {result['machine']['cores']} cores, {result['date']}."
    return f"{table.markdown(growth(result['axes']), all_numbers=False)}\n\n{said}"
