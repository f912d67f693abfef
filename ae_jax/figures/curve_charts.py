"""Charts of points on a known curve: how they move, and how a code unrolls them."""

from typing import Any

import numpy as np

from ae_jax.errors import DataError
from ae_jax.figures.charts import _COLORS, SMALL_STEPS, Axes, Figure, styled

ARROWS = 26  # a side, at most; more cannot be told apart
SHORT = 0.1  # a distance traveled below which arrows are shorter
TICKS = (0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
ORDER = "plasma"  # colors of a code, on the points and on the line


@styled
def point_field(
    points: np.ndarray,
    noisy: np.ndarray,
    outputs: np.ndarray,
    grid: np.ndarray,
    displacement: np.ndarray,
    title: str = "Where a denoising autoencoder moves points",
    best: tuple[np.ndarray, np.ndarray] | None = None,
) -> Figure:
    """Two-dimensional data; every array is `[n, 2]` or can be reshaped to it.

    Left: points of the curve, their noisy copies and the outputs for these. Right: for inputs on
    a rectangular `grid`, the distance traveled in units of the data, and arrows in the direction
    of `displacement` = output - input, shorter where it is below a tenth. Colors go with the square
    root of the distance from 0 to 1, which shows small steps. `best`, the outputs and the
    displacement of the best denoiser, is drawn in a second line.
    Halfway between two branches their pulls cancel: a dark line that is none of the data.
    Raises `DataError` where the grid is not rectangular.
    """
    points, noisy, grid = (np.asarray(a, np.float64).reshape(-1, 2) for a in (points, noisy, grid))
    by_place = _by_place(grid)
    rows = {"the network": (outputs, displacement)}
    if best is not None:
        rows["the best there is, E[x | noisy x]"] = best
    figure = Figure(figsize=(10.4, 0.3 + 4.6 * len(rows)), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    panels = figure.subplots(len(rows), 2, sharex=True, sharey=True, squeeze=False)
    for (left, right), (name, arrays) in zip(panels, rows.items(), strict=True):
        out, moves = (np.asarray(a, np.float64).reshape(-1, 2) for a in arrays)
        _moved_points(left, points, noisy, out)
        heat = _moves(right, grid, moves, by_place)
        right.scatter(*points.T, s=1.5, color=_COLORS[1], linewidths=0, label="data")
        bar = figure.colorbar(heat, ax=right, label="distance traveled", ticks=TICKS, extend="max")
        bar.ax.set_yticklabels([f"{t:g}" for t in TICKS])
        left.set_title(f"Points: {name}" if best is not None else "Points")
        right.set_title("From input to output, the data in orange")
        left.set_ylabel("$x_1$")
        for axes in (left, right):
            axes.set(aspect="equal")
    for axes in panels[-1]:
        axes.set_xlabel("$x_0$")
    return figure


def _by_place(grid: np.ndarray) -> np.ndarray:
    """Indices of a grid's points [rows, columns], from the bottom left."""
    xs, ys = np.unique(grid[:, 0]), np.unique(grid[:, 1])
    if len(xs) * len(ys) != len(grid) or min(len(xs), len(ys)) < 2:
        raise DataError(
            "point_field: 'grid' must hold every pair of some x and some y values once,\n"
            f"got {len(grid)} points with {len(xs)} different x and {len(ys)} different y"
        )
    return np.lexsort((grid[:, 0], grid[:, 1])).reshape(len(ys), len(xs))


def _moved_points(axes: Any, points: np.ndarray, noisy: np.ndarray, outputs: np.ndarray) -> None:
    moves = np.stack([noisy, outputs]).transpose(2, 0, 1)
    axes.plot(*moves, color="#c0c0c0", linewidth=0.6, zorder=0.9)  # under the points
    blue, orange, _, _ = _COLORS
    axes.scatter(*noisy.T, s=12, color=orange, linewidths=0, label="noisy")
    axes.scatter(*outputs.T, s=12, color=blue, linewidths=0, label="output")
    axes.scatter(*points.T, s=3, color="black", linewidths=0, label="data")
    axes.legend(loc="lower right", handletextpad=0.1)


def _moves(axes: Axes, grid: np.ndarray, moves: np.ndarray, by_place: np.ndarray) -> Any:
    """Distances as colors, and the moves of a part of the grid as arrows over them."""
    distance = np.hypot(*moves.T)
    xs, ys = np.unique(grid[:, 0]), np.unique(grid[:, 1])
    heat = axes.pcolormesh(xs, ys, distance[by_place], norm=SMALL_STEPS, shading="nearest")
    step = -(-max(by_place.shape) // ARROWS)
    drawn = by_place[::step, ::step].reshape(-1)
    length = np.sqrt(np.minimum(distance / SHORT, 1.0))
    arrows = moves * (length / np.maximum(distance, 1e-12))[:, None]
    scale = 1 / (0.9 * step * np.ptp(xs) / (len(xs) - 1))  # no arrow reaches the next
    white: dict[str, Any] = {"color": "white", "angles": "xy", "scale_units": "xy"}
    axes.quiver(*grid[drawn].T, *arrows[drawn].T, scale=scale, width=0.004, **white)
    return heat


@styled
def unrolled_curve(
    points: np.ndarray,
    codes: np.ndarray,
    line: np.ndarray,
    decoded: np.ndarray,
    place: np.ndarray,
    title: str = "A curve unrolled to one number",
) -> Figure:
    """A curve in space and the one code of its points.

    Left: `points` `[n, 3]` colored by their `codes` `[n]`, and what the codes `line` `[m]` decode
    to, `decoded` `[m, 3]`: black between the smallest and the largest code, dashed beyond. Right:
    the codes on their line, and below against `place` `[n]` on the curve, 0 to 1.
    """
    within = (line >= codes.min()) & (line <= codes.max())
    figure = Figure(figsize=(10.4, 5.2), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    layout = figure.add_gridspec(2, 2, width_ratios=(1.25, 1), height_ratios=(1, 3.2))
    space: Any = figure.add_subplot(layout[:, 0], projection="3d")
    look: dict[str, Any] = {"c": codes, "cmap": ORDER, "linewidths": 0}
    space.scatter(*points.T, s=34, alpha=0.8, label="data, colored by the code", **look)
    space.plot(*decoded[within].T, color="black", linewidth=1.3, label="decoded", zorder=9)
    beyond = {"before": line < codes.min(), "after": line > codes.max()}
    for part, label in zip(beyond.values(), ("decoded, codes of no point", None), strict=True):
        space.plot(*decoded[part].T, color="#777777", linestyle="--", linewidth=1, label=label)
    space.set(xlabel="$x_0$", ylabel="$x_1$", zlabel="$x_2$")
    space.legend(loc="upper left")
    strip = figure.add_subplot(layout[0, 1])
    strip.scatter(codes, np.zeros(len(codes)), s=60, marker="|", **look | {"linewidths": 1.2})
    strip.set(yticks=[], ylim=(-1, 1), title="The line of codes")
    strip.spines["left"].set_visible(False)
    chart = figure.add_subplot(layout[1, 1], sharex=strip)
    chart.scatter(codes, place, s=8, **look)
    chart.set(xlabel="code", ylabel="place on the curve")
    words = [f"code {code:.3g}, place {at:.3g}" for code, at in zip(codes, place, strict=True)]
    figure.say(chart, np.stack([codes, place], axis=-1), words)
    figure.say(space, points, words)
    return figure
