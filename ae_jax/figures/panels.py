"""Charts with several panels, and blocks of images, for the applications."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from ae_jax.errors import DataError
from ae_jax.figures.animation import displayable, mosaic
from ae_jax.figures.charts import (
    _COLORS,
    DIVERGING,
    Axes,
    Axis,
    Figure,
    _log_ticks,
    say_bins,
    styled,
)
from ae_jax.figures.classes import classes, legend, scatter
from ae_jax.figures.images import _grid, image_rows

COLORS = [*_COLORS, "#E69F00", "#56B4E9", "#999933", "#332288"]
MARKERS = "os^Dv<>P"
MARKS = ("-", "-.", ":")  # of vertical lines


class Panel(NamedTuple):
    """Lines over one axis. A name in `controls` is drawn dashed and gray, `marks` are named
    vertical lines.
    """

    title: str
    xlabel: str
    ylabel: str
    lines: Mapping[str, tuple[Any, Any]]  # name -> (x [n], y [n])
    controls: Sequence[str] = ()
    log_x: bool = False
    log_y: bool = False
    ticks: Sequence[float] | None = None  # of the horizontal axis
    marks: Mapping[str, float] = MappingProxyType({})  # name -> place on the horizontal axis


@styled
def line_panels(panels: Sequence[Panel], title: str) -> Figure:
    """Panels of lines side by side, each with its legend; at most eight lines a panel,
    three `marks` among them.
    """
    figure = Figure(figsize=(1.2 + 4.7 * len(panels), 4.8), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    for axes, panel in zip(
        figure.subplots(1, len(panels), squeeze=False).flat, panels, strict=True
    ):
        looks = iter(zip(COLORS, MARKERS, strict=True))
        for name, (x, y) in panel.lines.items():
            if name in panel.controls:
                look: dict[str, Any] = {"color": "#777777", "linestyle": "--", "linewidth": 1.2}
            else:
                color, marker = next(looks)
                look = {"color": color, "marker": marker if len(np.ravel(x)) <= 40 else ""}
            axes.plot(np.ravel(x), np.ravel(y), markersize=4, label=name, **look)
        for (name, at), style in zip(panel.marks.items(), MARKS, strict=False):
            axes.axvline(at, color=next(looks)[0], linestyle=style, linewidth=1.4, label=name)
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
        if len(panel.lines) + len(panel.marks) > 1:
            _legend_below(axes)
    return figure


def _plain_log(axis: Axis, low: float, high: float) -> None:
    """Plain numbers, few of them, on a logarithmic axis."""
    axis.set_major_locator(_log_ticks(high / low))
    axis.set_major_formatter("{x:.4g}")
    axis.minorticks_off()


def _legend_below(axes: Axes) -> None:
    """Names under the axes, where they hide no point."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, fontsize=8.5)


@styled
def histograms(
    panels: Mapping[str, Mapping[str, Any]],
    xlabel: str,
    title: str,
    marks: Mapping[str, float] | None = None,
) -> Figure:
    """Overlaid density histograms, a panel for every key; `marks` are named vertical lines.

    `panels` maps panel -> group -> values [n]; of more than eight groups the first eight are drawn.
    Values above the panel's 99.5 % quantile are left out.
    """
    figure = Figure(figsize=(1.2 + 4.7 * len(panels), 3.8), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    for axes, (name, groups) in zip(
        figure.subplots(1, len(panels), squeeze=False).flat, panels.items(), strict=True
    ):
        every = np.concatenate([np.ravel(v) for v in groups.values()])
        low, middle, high = np.quantile(every, [0, 0.5, 0.995])
        bins = np.linspace(low, high, 41)
        if low > 0 and high > 20 * middle:  # on a linear axis all but a few were in one bin
            bins = np.geomspace(low, high, 41)
            axes.set_xscale("log")
        for color, (group, values) in zip(COLORS, groups.items(), strict=False):
            look: dict[str, Any] = {"alpha": 0.55, "color": color, "label": group}
            heights, edges, _ = axes.hist(values, bins, density=True, **look)
            say_bins(figure, axes, f"{group}: ", heights, edges)
        for mark, at in (marks or {}).items():
            axes.axvline(at, color="#777777", linestyle="--", linewidth=1.2, label=mark)
        axes.set(xlabel=xlabel, ylabel="density")
        axes.set_title(name)
        _legend_below(axes)
    return figure


@styled
def grouped_bars(
    values: Mapping[str, Mapping[str, float]],
    title: str,
    ylabel: str,
    base: float = 0.0,
    xlabel: str = "",
) -> Figure:
    """A group of bars for every key, a bar for every series in it, its number on top.

    `base` is where bars begin: what a guess reaches. Every group must have the same series, of
    which the first eight are drawn.
    `xlabel` is what the groups are, where their names do not say it.
    """
    series = list(next(iter(values.values())))
    width = 0.8 / len(series)
    figure = Figure(
        figsize=(np.clip(1.5 + 0.5 * len(values) * len(series), 6, 12), 4.0), layout="constrained"
    )
    figure.suptitle(title, x=0.01, ha="left")
    axes = figure.subplots()
    for i, (name, color) in enumerate(zip(series, COLORS, strict=False)):
        at = np.arange(len(values)) + (i - (len(series) - 1) / 2) * width
        heights = np.array([group[name] for group in values.values()])
        drawn = axes.bar(at, heights - base, 0.92 * width, bottom=base, color=color, label=name)
        words = [f"{group}, {name}: {v:.4g}" for group, v in zip(values, heights, strict=True)]
        figure.say(axes, np.stack([at, heights], axis=-1), words)
        if len(values) * len(series) <= 24:  # more numbers would touch each other
            names = [f"{v:.3g}" for v in heights]
            axes.bar_label(drawn, names, padding=2, fontsize=7.5)
    axes.set_xticks(range(len(values)), list(values))
    axes.grid(False, axis="x")
    axes.tick_params(axis="x", length=0)
    axes.margins(y=0.12)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


@styled
def scatter_panels(panels: Mapping[str, np.ndarray], labels: np.ndarray, title: str) -> Figure:
    """Maps of the same points, each [n, 2], three a line at most, colored by whole labels [n]."""
    order = np.random.default_rng(0).permutation(len(labels))  # no class lies over all the others
    found = classes(np.asarray(labels)[order])
    if found is None:
        raise DataError("scatter_panels: labels must be whole numbers, of a few classes")
    columns = min(3, len(panels))
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(1.0 + 3.6 * columns, 0.6 + 3.5 * lines), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    every = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes in every[len(panels) :]:
        axes.set_visible(False)
    for axes, (name, points) in zip(every, panels.items(), strict=False):
        shown = np.asarray(points)[order, :2]
        scatter(axes, shown, found, size=9)
        axes.set_title(name)
        axes.set(xlabel="first coordinate", ylabel="second coordinate")
        figure.say(axes, shown, [found.names[rank] for rank in found.rank])
    legend(every[0], found, figure, loc="outside right upper")
    return figure


@styled
def image_blocks(
    blocks: Mapping[str, np.ndarray], title: str, columns: int = 12, side: int = 84
) -> Figure:
    """Named blocks of images [n, H, W, C], each broken into lines of `columns` images.

    `side` is the height of an image in pixels. 0 is black and 1 white; the name stands beside the
    block's first line.
    """
    rows, names = [], []
    for name, images in blocks.items():
        shown = displayable(images, repr(name))
        for i in range(0, len(shown), columns):
            rows.append(shown[i : i + columns])
            names.append(name if i == 0 else "")
    return _grid(rows, title, names, side, cmap="gray", vmin=0.0, vmax=1.0)[0]


def heat(maps: np.ndarray, limit: float | None = None) -> np.ndarray:
    """Maps [n, H, W, C] of any sign as color images [n, H, W, 3]: 0 white, `limit` deep red.

    The sum over the channels is drawn, deep blue at -`limit` (None: the largest magnitude).
    """
    values = np.asarray(maps, np.float32).sum(-1)
    limit = limit or float(np.abs(values).max()) or 1.0
    return np.asarray(DIVERGING(0.5 + 0.5 * np.clip(values / limit, -1, 1)))[..., :3]


@styled
def filter_pair(groups: Mapping[str, np.ndarray], title: str, columns: int = 5) -> Figure:
    """Blocks of filters [n, H, W, C] side by side, each on its own scale, symmetric about 0.

    The mean over the channels is drawn.
    """
    figure = Figure(figsize=(0.6 + 4.6 * len(groups), 4.0), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    for axes, (name, kernels) in zip(
        figure.subplots(1, len(groups), squeeze=False).flat, groups.items(), strict=True
    ):
        shown = np.asarray(kernels, np.float32).mean(-1)
        limit = float(np.abs(shown).max()) or 1.0
        picture, _ = mosaic(
            [shown[i : i + columns] for i in range(0, len(shown), columns)], 84, np.nan
        )
        drawn = axes.imshow(picture, cmap=DIVERGING, vmin=-limit, vmax=limit)
        axes.set(xticks=[], yticks=[])
        axes.grid(False)
        axes.set_title(name)
        figure.colorbar(drawn, ax=axes, shrink=0.8, label="weight", format="%.2g")
    return figure


def signed_blocks(rows: Sequence[tuple[np.ndarray, np.ndarray]], title: str) -> Figure:
    """A line for each (image [H, W, C], maps [m, H, W, C]): the image in gray, then the maps.

    Every map is on its own scale, blue below 0, red above.
    """
    lines = {}
    for i, (image, maps) in enumerate(rows):
        gray = np.repeat(np.clip(image.mean(-1), 0, 1)[None, ..., None], 3, -1)
        lines[" " * (i + 1)] = np.concatenate([gray, *(heat(m[None]) for m in maps)])
    return image_rows(lines, title)
