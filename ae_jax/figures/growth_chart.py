"""The chart of how time and memory grow with the size of the work."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ae_jax.figures.charts import _COLORS, Figure, styled

ACROSS = 4  # panels side by side


@styled
def growth(panels: Sequence[Mapping[str, Any]], title: str = "Growth") -> Figure:
    """A panel for each axis, both scales logarithmic: time of a step and memory against its values.

    Each of `panels` has 'label', 'of' (what is trained), 'points' (each with 'x', 'ms' and perhaps
    'mib') and 'exponents' of 'ms' and perhaps of 'mib'.
    """
    rows = -(-len(panels) // ACROSS)
    columns = min(ACROSS, len(panels))
    figure = Figure(figsize=(3.4 * columns, 0.4 + 2.9 * rows), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    names = {"ms": ("time of a step, ms", _COLORS[0]), "mib": ("memory, MiB", _COLORS[1])}
    for axes, panel in zip(grid, panels, strict=False):
        x = np.array([point["x"] for point in panel["points"]])
        for kind, power in panel["exponents"].items():
            name, color = names[kind]
            y = [point[kind] for point in panel["points"]]
            style = "o-" if kind == "ms" else "s--"
            axes.plot(x, y, style, color=color, ms=4, label=f"{name}: power {power:.2f}")
        axes.set_title(f"{panel['label']}\n{panel['of']}")
        axes.set(xscale="log", yscale="log")
        axes.set_xticks(x, [_short(v) for v in x])
        axes.minorticks_off()
        axes.yaxis.set_major_formatter("{x:g}")
        axes.margins(y=0.35)
        axes.legend(fontsize=7.5)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    return figure


def _short(value: float) -> str:
    """64000 -> '64k', 1024 -> '1,024'."""
    return f"{value / 1000:g}k" if value and value % 1000 == 0 else f"{value:,g}"
