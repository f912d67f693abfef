"""Charts with several panels, and blocks of images: the figures of the applications."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ae_jax.animation import displayable
from ae_jax.charts import _COLOURS, _TEN, DIVERGING, Figure, _log_ticks, styled
from ae_jax.figures import _grid

COLOURS = [*_COLOURS, "#E69F00", "#56B4E9", "#999933", "#332288"]
MARKERS = "os^Dv<>P"


class Panel(NamedTuple):
    """Lines over one axis. A name in `controls` is drawn dashed and grey."""

    title: str
    xlabel: str
    ylabel: str
    lines: Mapping[str, tuple[Any, Any]]  # name -> (x [n], y [n])
    controls: Sequence[str] = ()
    log_x: bool = False
    log_y: bool = False
    ticks: Sequence[float] | None = None  # of the horizontal axis


@styled
def line_panels(panels: Sequence[Panel], title: str) -> Figure:
    """Panels of lines side by side, each with its legend; at most eight lines a panel."""
    figure = Figure(figsize=(1.2 + 4.7 * len(panels), 4.8), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    for axes, panel in zip(
        figure.subplots(1, len(panels), squeeze=False).flat, panels, strict=True
    ):
        looks = iter(zip(COLOURS, MARKERS, strict=True))
        for name, (x, y) in panel.lines.items():
            if name in panel.controls:
                look: dict[str, Any] = {"color": "#777777", "linestyle": "--", "linewidth": 1.2}
            else:
                colour, marker = next(looks)
                look = {"color": colour, "marker": marker if len(np.ravel(x)) <= 40 else ""}
            axes.plot(np.ravel(x), np.ravel(y), markersize=4, label=name, **look)
        axes.set(xlabel=panel.xlabel, ylabel=panel.ylabel)
        axes.set_title(panel.title)
        if all(np.equal(np.mod(x, 1), 0).all() for x, _ in panel.lines.values()):
            axes.locator_params(axis="x", integer=True)
        if panel.log_x:
            axes.set_xscale("log")
            _plain_log(axes.xaxis, *axes.get_xlim())
        if panel.log_y:
            axes.set_yscale("log")
            _plain_log(axes.yaxis, *axes.get_ylim())
        if panel.ticks is not None:
            axes.set_xticks(list(panel.ticks), [f"{t:g}" for t in panel.ticks])
            axes.minorticks_off()
        if len(panel.lines) > 1:
            _legend_below(axes)
    return figure


def _plain_log(axis: Any, low: float, high: float) -> None:
    """Plain numbers, few of them, on a logarithmic axis."""
    axis.set_major_locator(_log_ticks(high / low))
    axis.set_major_formatter("{x:.4g}")
    axis.set_tick_params(which="minor", length=0, labelsize=0)


def _legend_below(axes: Any) -> None:
    """Names under the axes, where they hide no point."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, fontsize=8.5)


@styled
def histograms(
    panels: Mapping[str, Mapping[str, Any]],
    xlabel: str,
    title: str,
    marks: Mapping[str, float] | None = None,
) -> Figure:
    """Overlaid density histograms, a panel for every key; `marks` are named vertical lines."""
    figure = Figure(figsize=(1.2 + 4.7 * len(panels), 3.8), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    for axes, (name, groups) in zip(
        figure.subplots(1, len(panels), squeeze=False).flat, panels.items(), strict=True
    ):
        every = np.concatenate([np.ravel(v) for v in groups.values()])
        bins = np.linspace(*np.quantile(every, [0, 0.995]), 41)
        for colour, (group, values) in zip(COLOURS, groups.items(), strict=False):
            axes.hist(values, bins, density=True, alpha=0.55, color=colour, label=group)
        for mark, at in (marks or {}).items():
            axes.axvline(at, color="#777777", linestyle="--", linewidth=1.2, label=mark)
        axes.set(xlabel=xlabel, ylabel="density")
        axes.set_title(name)
        _legend_below(axes)
    return figure


@styled
def grouped_bars(
    values: Mapping[str, Mapping[str, float]], title: str, ylabel: str, limit: float | None = None
) -> Figure:
    """A group of bars for every key, a bar for every series in it, its number on top.

    `limit` ends the vertical axis. Every group must have the same series.
    """
    series = list(next(iter(values.values())))
    width = 0.8 / len(series)
    figure = Figure(
        figsize=(max(6.0, 1.5 + 0.5 * len(values) * len(series)), 4.0), layout="constrained"
    )
    figure.suptitle(title, x=0.01, ha="left")
    axes = figure.subplots()
    for i, (name, colour) in enumerate(zip(series, COLOURS, strict=False)):
        at = np.arange(len(values)) + (i - (len(series) - 1) / 2) * width
        heights = [group[name] for group in values.values()]
        drawn = axes.bar(at, heights, 0.92 * width, color=colour, label=name)
        axes.bar_label(drawn, fmt="{:.3g}", padding=2, fontsize=7.5)
    axes.set_xticks(range(len(values)), list(values))
    axes.grid(False, axis="x")
    axes.tick_params(axis="x", length=0)
    axes.margins(y=0.12)
    if limit is not None:
        axes.set_ylim(top=limit)
    axes.set_ylabel(ylabel)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


@styled
def scatter_panels(panels: Mapping[str, np.ndarray], labels: Any, title: str) -> Figure:
    """Maps of the same points, each [n, 2], four a line at most, coloured by whole labels [n]."""
    kinds, rank = np.unique(np.asarray(labels), return_inverse=True)
    columns = min(3, len(panels))
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(1.0 + 3.6 * columns, 0.6 + 3.5 * lines), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    every = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes in every[len(panels) :]:
        axes.set_visible(False)
    for axes, (name, points) in zip(every, panels.items(), strict=False):
        colours = np.array(_TEN)[rank % 10]
        axes.scatter(*np.asarray(points)[:, :2].T, c=colours, s=5, alpha=0.6, linewidths=0)
        axes.set_title(name)
        axes.set(xlabel="first coordinate", ylabel="second coordinate")
    for i, kind in enumerate(kinds[:10]):
        every[0].scatter([], [], color=_TEN[i], s=30, label=f"{kind:g}")
    figure.legend(*every[0].get_legend_handles_labels(), loc="outside right upper", title="label")
    return figure


@styled
def image_blocks(blocks: Mapping[str, np.ndarray], title: str, columns: int = 12) -> Figure:
    """Named blocks of images [n, H, W, C], each broken into lines of `columns` images.

    0 is black and 1 white; the name stands beside the block's first line.
    """
    rows, names = [], []
    for name, images in blocks.items():
        shown = displayable(images, repr(name))
        for i in range(0, len(shown), columns):
            rows.append(shown[i : i + columns])
            names.append(name if i == 0 else "")
    return _grid(rows, title, names, cmap="gray", vmin=0.0, vmax=1.0)[0]


def heat(maps: np.ndarray, limit: float | None = None) -> np.ndarray:
    """Maps [n, H, W, C] of any sign as colour images [n, H, W, 3]: 0 white, `limit` deep red."""
    values = np.asarray(maps, np.float32).sum(-1)
    limit = limit or float(np.abs(values).max()) or 1.0
    return np.asarray(DIVERGING(0.5 + 0.5 * np.clip(values / limit, -1, 1)))[..., :3]
