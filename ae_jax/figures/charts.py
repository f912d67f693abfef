"""Charts of numbers, and the style of every figure. Only this file imports matplotlib.

pyplot is not used, so there is no global state and no display is needed. A figure returned in a
notebook cell shows itself.
"""

import io
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import matplotlib.figure
import numpy as np
from matplotlib import colors, patheffects, style, ticker
from matplotlib.axes import Axes as Axes
from matplotlib.axis import Axis as Axis

from ae_jax.files import atomic

DPI = 120
_STYLE = {
    "figure.dpi": DPI,
    "figure.titlesize": 12,
    "figure.titleweight": "bold",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.edgecolor": "#8a8a8a",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e8e8e8",
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text is text
    "svg.hashsalt": "ae_jax",  # the same figure is the same file
}
# A decorator: the style holds inside the function only, whatever the user's own settings are.
styled = style.context(_STYLE, after_reset=True)
DIVERGING = matplotlib.colormaps["RdBu_r"].with_extremes(bad="#d9d9d9")  # NaN gray
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")  # blue, orange ...: Okabe and Ito
# Found by a search: any two are 17 apart (CIEDE2000), to the color-blind as well, see
# `tests/figures/test_colors.py`; none is gray, and each is seen on white and on black.
_TEN = ("#7a0b85", "#00a66f", "#906f00", "#90d3ff", "#90002c", "#9085ff", "#bcd337", "#de439b",
        "#0b6f64", "#ffb1bc")  # fmt: skip
SMALL_STEPS = colors.PowerNorm(0.5, vmin=0, vmax=1)  # of 0 to 1: a hundredth is a tenth of the way
HALO = [patheffects.withStroke(linewidth=3, foreground="white")]  # of words over points


class Said(NamedTuple):
    """What a chart says of some points, where somebody asks for their values."""

    axes: Any
    places: np.ndarray  # [n, 2] or, in space, [n, 3]; in the units of the axes
    words: Sequence[str]  # n of them
    examples: Sequence[int] | None  # which example each point is


class Figure(matplotlib.figure.Figure):
    """A matplotlib figure that a notebook shows although pyplot never saw it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.said: list[Said] = []

    def say(
        self,
        axes: Any,
        places: np.ndarray,
        words: Sequence[str],
        examples: Sequence[int] | None = None,
    ) -> None:
        """Words for points that are no line's; see `Said`. Lines speak for themselves."""
        self.said.append(Said(axes, np.asarray(places, np.float64), words, examples))

    @styled
    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=DPI)
        return buffer.getvalue()

    @styled
    def as_svg(self) -> bytes:
        """As matplotlib writes it, without a date; places of artists are then those of the file."""
        buffer = io.BytesIO()
        self.set_dpi(72)  # that of SVG
        self.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        return buffer.getvalue()


def in_plane(axes: Any, points: np.ndarray) -> np.ndarray:
    """Points [n, 2] of the paper for points of the axes, [n, 2] or in space [n, 3]."""
    if points.shape[1] == 2:
        return points
    x, y, _, w = axes.get_proj() @ np.column_stack([points, np.ones(len(points))]).T
    return np.stack([x / w, y / w], axis=-1)


def say_bins(figure: Figure, axes: Any, name: str, heights: Any, edges: Any) -> None:
    """Words for the bars of a histogram."""
    words = [
        f"{name}{low:.3g} to {high:.3g}: density {height:.3g}"
        for low, high, height in zip(edges, edges[1:], heights, strict=False)
    ]
    figure.say(axes, np.stack([(edges[:-1] + edges[1:]) / 2, heights], axis=-1), words)


def save(figure: Figure, path: str | Path) -> Path:
    """Write the figure as a PNG of 120 dots an inch, replacing the file in one step."""
    return atomic.write(path, figure._repr_png_())


@styled
def curves(
    rows: Sequence[Mapping[str, Any]],
    title: str = "Training",
    controls: Mapping[str, float] | None = None,
    error: str = "Mean squared error per pixel, [0, 1] units",
) -> Figure:
    """Loss (left) and, if there is any, mse per pixel in [0, 1] units (right), one line a split.

    `rows` are the lines of metrics.jsonl; one without the number, or where it is not finite, is
    skipped. The horizontal axis is the epoch, or the step where a split has several rows an
    epoch. `controls` maps name -> mse: dashed lines ("PCA, same code size"). `error` is the title
    on the right.
    """
    titles = {"loss": "Loss"}
    if controls or any("mse" in row for row in rows):
        titles["mse"] = error
    figure = Figure(figsize=(1.5 + 4.5 * len(titles), 3.9), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    moments = [(row.get("split"), row.get("epoch")) for row in rows]
    clock = "epoch" if len(set(moments)) == len(moments) else "step"
    splits = dict.fromkeys(["train", "test", *(str(row.get("split")) for row in rows)])
    panels = figure.subplots(1, len(titles), squeeze=False)[0]
    for axes, quantity in zip(panels, titles, strict=True):
        ends = []
        for split, color in zip(splits, itertools.cycle(_COLORS), strict=False):
            mine = [row for row in rows if str(row.get("split")) == split]
            points = _finite_pairs((row.get(clock), row.get(quantity)) for row in mine)
            if len(points):
                marker = "o" if len(points) < 30 else ""
                axes.plot(*points.T, color=color, marker=marker, markersize=3, label=split)
                ends.append((float(points[-1, 1]), split, color))
        if quantity == "mse":
            for name, value in (controls or {}).items():
                if len(_finite_pairs([(0, value)])):
                    axes.axhline(value, color="#777777", linestyle="--", linewidth=1, label=name)
                    ends.append((float(value), name, "#555555"))
        axes.set(xlabel=clock, ylabel=quantity)
        axes.set_title(titles[quantity])
        _finish_curves(axes, ends)
    return figure


def _finite_pairs(pairs: Iterable[tuple[Any, Any]]) -> np.ndarray:
    """The pairs of two finite numbers, `[n, 2]`; a JSON null or NaN is no number."""
    return np.array([pair for pair in pairs if None not in pair and np.isfinite(pair).all()])


def _log_ticks(ratio: float) -> ticker.Locator:
    """Five or so round numbers, for an axis whose end is `ratio` times its beginning."""
    if ratio < 8:  # the decades and their 2 and 5 would be too few
        return ticker.MaxNLocator(6, steps=[1, 2, 5, 10])
    return ticker.LogLocator(subs=(1.0, 2.0, 5.0) if ratio < 1e3 else (1.0,))


def _finish_curves(axes: Axes, ends: list[tuple[float, str, str]]) -> None:
    """A logarithmic axis with plain numbers where all is positive; names at the right ends."""
    if not ends:
        axes.text(0.5, 0.5, "nothing logged", ha="center", transform=axes.transAxes)
        axes.set(xticks=[], yticks=[])
        return
    first, last = axes.dataLim.intervalx
    if first == last:
        axes.set_xlim(first - 1, last + 1)
    axes.xaxis.set_major_locator(ticker.MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
    if min(float(np.min(line.get_ydata())) for line in axes.lines) > 0:
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        axes.yaxis.set_major_locator(_log_ticks(high / low))
        axes.yaxis.set_major_formatter("{x:.4g}")
        axes.yaxis.set_minor_locator(ticker.NullLocator())
    axes.set_ylim(axes.get_ylim())
    to_axes = axes.transData + axes.transAxes.inverted()
    ends = sorted(ends)
    heights = np.array([to_axes.transform((axes.get_xlim()[1], end[0]))[1] for end in ends])
    for _ in range(100):  # names that would touch push each other apart
        push = np.maximum(0.0, 0.065 - np.diff(heights)) / 2
        heights[:-1] -= push
        heights[1:] += push
    for height, (_, name, color) in zip(heights, ends, strict=True):
        axes.annotate(name, (1.02, height), xycoords="axes fraction", va="center", color=color)


@styled
def bars(values: Mapping[str, float], title: str, label: str, mark: float = 0.0) -> Figure:
    """A horizontal bar for every number, the first on top; `label` names their axis.

    A dashed line stands at `mark`, and bars that end before it are orange.
    """
    figure = Figure(figsize=(6.2, 1.1 + 0.27 * len(values)), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    axes = figure.subplots()
    colors = [_COLORS[value < mark] for value in values.values()]
    drawn = axes.barh(list(values), list(values.values()), height=0.65, color=colors)
    axes.bar_label(drawn, fmt="{:.3g}", padding=4)
    axes.axvline(mark, color="#777777", linestyle="--", linewidth=1)
    axes.margins(x=0.12, y=0.02)
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xlabel(label)
    ends = [(value, place) for place, value in enumerate(values.values())]
    figure.say(axes, np.array(ends), [f"{name}: {value:.4g}" for name, value in values.items()])
    return figure
