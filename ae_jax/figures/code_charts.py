"""Charts of codes: the distribution of each coordinate, and the classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ae_jax.evaluate import code_statistics as codes_lib
from ae_jax.figures.charts import _COLORS, HALO, Figure, in_plane, say_bins, styled
from ae_jax.figures.classes import IN_A_COLUMN, Classes, classes, legend, scatter

POINTS = 2000  # drawn, at most
NAMED = 20  # classes, at most, whose names stand among the points


@styled
def code_histograms(codes: np.ndarray, title: str = "Distribution of the code") -> Figure:
    """Density histograms of 20 bins of the first 16 coordinates of `codes` `[n, k]`.

    All on one axis. A coordinate of which four fifths keep within a fiftieth of the range of all
    has bins of that range instead of its own, which would be thinner than a line, and words.
    """
    total = np.shape(codes)[1]
    codes = np.asarray(codes, np.float64)[:, :16]
    columns = min(4, codes.shape[1])
    lines = -(-codes.shape[1] // columns)
    figure = Figure(figsize=(0.8 + 2.2 * columns, 0.7 + 1.6 * lines), layout="constrained")
    part = f" (first 16 of {total} coordinates)" if total > 16 else ""
    figure.suptitle(f"{title}: densities{part}", x=0.01, ha="left")
    panels = figure.subplots(lines, columns, sharex=True, squeeze=False).flat
    finite = codes[np.isfinite(codes)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
    for i, axes in enumerate(panels):
        axes.set_visible(i < codes.shape[1])
        if i < codes.shape[1]:
            _histogram(figure, axes, codes[np.isfinite(codes[:, i]), i], f"z_{i}", low, high)
    return figure


def _histogram(
    figure: Figure, axes: Any, values: np.ndarray, name: str, low: float, high: float
) -> None:
    """Of one coordinate; `low` and `high` are those of all."""
    axes.set_title(f"${name[:2]}{{{name[2:]}}}$", loc="right", pad=2)
    axes.grid(False)
    axes.tick_params(labelbottom=True)  # of each: it may be seen alone
    if not len(values):
        axes.text(0.5, 0.5, "no finite value", ha="center", transform=axes.transAxes)
        axes.set_yticks([])
        return
    narrow = np.ptp(np.quantile(values, (0.1, 0.9))) <= 0.02 * (high - low)
    span = (low, high) if narrow else None
    heights, edges, _ = axes.hist(values, bins=20, range=span, density=True, color=_COLORS[0])
    if narrow:
        axes.set_title(_in_words(values, high - low), loc="left", pad=2, fontsize=9.5)
    say_bins(figure, axes, f"{name} ", heights, edges)


def _in_words(values: np.ndarray, shared: float) -> str:
    if np.ptp(values) <= 2e-3 * shared:
        return f"constant {values[0]:.3g}"
    if np.ptp(values) <= 0.02 * shared:
        return f"{values.min():.3g} to {values.max():.3g}"
    low, high = (f"{q:.3g}" for q in np.quantile(values, (0.1, 0.9)))
    return f"80 % in {low} to {high}" if low != high else f"80 % at {low}"


@styled
def code_scatter(
    codes: np.ndarray,
    labels: np.ndarray | None = None,
    dims: int = 2,
    title: str = "Codes",
    names: Sequence[str] = (),
    label_names: Sequence[str] = (),
) -> Figure:
    """The first two or three coordinates of `codes` `[n, k]`, at most POINTS of the n points.

    `names` are those of the coordinates; without, z_0, z_1 ... `labels` `[n]` that are classes (see
    `classes`) have colors, shapes and a legend, other values a color bar. A code of one coordinate
    is drawn against its label, spread at random. `label_names` are those of the labels 0, 1 ...
    """
    codes = np.asarray(codes, np.float64)
    # A fixed shuffle: in the order of the file the last digit would be drawn over all others.
    shuffle = np.random.default_rng(0)
    chosen = shuffle.permutation(np.flatnonzero(np.isfinite(codes).all(axis=1)))[:POINTS]
    codes, tags = codes[chosen], np.zeros(len(chosen))
    if labels is not None:
        tags = np.asarray(labels).reshape(-1)[chosen]
    found = classes(tags, label_names if labels is not None else ())
    shown = range(min(dims, codes.shape[1]))
    names = [names[i] if names else f"$z_{i}$" for i in shown]
    points = codes[:, : len(names)]
    words = _values(points, names)
    if len(names) == 1:
        spread = (found.rank if found else 0) + shuffle.uniform(-0.3, 0.3, len(codes))
        points = np.column_stack([points, spread])
        names.append("label, spread" if found and labels is not None else "spread at random")
    wide = len(found.names) > IN_A_COLUMN if found else False
    figure = Figure(figsize=(7.0 if wide else 5.6, 4.6), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    axes: Any = figure.add_subplot(projection="3d" if len(names) == 3 else None)
    axes.set(**dict(zip(("xlabel", "ylabel", "zlabel"), names, strict=False)))
    if found:
        scatter(axes, points, found)
    else:
        dots = axes.scatter(*points.T, s=12, alpha=0.8, linewidths=0, c=tags, cmap="viridis")
        figure.colorbar(dots, label="label")
    if found and labels is not None:
        if codes.shape[1] == 1:
            axes.set_yticks(range(len(found.names)), found.names)
        beside = 1.0 if len(names) == 2 else 1.14  # in space the axis has its name there
        legend(axes, found, axes, loc="center left", bbox_to_anchor=(beside, 0.5))
        _name_among(axes, points, found)
    if labels is not None:
        called = [found.names[i] for i in found.rank] if found else [f"{tag:g}" for tag in tags]
        words = [f"{name}: {word}" for name, word in zip(called, words, strict=True)]
    ranks = found.rank if found else np.zeros(len(points), int)
    for mine in (np.flatnonzero(ranks == i) for i in range(ranks.max(initial=0) + 1)):
        figure.say(axes, points[mine], [words[i] for i in mine], chosen[mine].tolist())
    return figure


def _values(points: np.ndarray, names: Sequence[str]) -> list[str]:
    """'z_0 0.12, z_1 -3.4' of every point [n, k]."""
    plain = [name.replace("$", "").partition(" (")[0] for name in names]
    return [", ".join(f"{name} {v:.3g}" for name, v in zip(plain, p, strict=True)) for p in points]


def _name_among(axes: Any, points: np.ndarray, of: Classes) -> None:
    """Each class's name where its points are by themselves, if it has enough of them."""
    if not 1 < len(of.names) <= NAMED:
        return
    flat = in_plane(axes, points)
    clouds = [flat[of.rank == i] for i in range(len(of.names))]
    for name, cloud, place in zip(of.names, clouds, codes_lib.places_alone(clouds), strict=True):
        if len(cloud) >= 10:  # the name must not hide the points
            word = axes.annotate(name, place, size=11, ha="center", va="center")
            word.set(weight="bold", path_effects=HALO, zorder=1e3)


def code_view(
    codes: np.ndarray,
    labels: np.ndarray | None = None,
    dims: int = 2,
    label_names: Sequence[str] = (),
) -> Figure:
    """`code_scatter` of codes `[n, k]`, where k > 3 of their principal components.

    Any two of many coordinates say little; in the components codes vary most.
    """
    if np.shape(codes)[1] <= 3:
        return code_scatter(codes, labels, dims, label_names=label_names)
    points, shares = codes_lib.principal_components(codes, dims)
    names = [f"component {i} ({100 * share:.0f} %)" for i, share in enumerate(shares, start=1)]
    return code_scatter(points, labels, dims, "Codes, principal components", names, label_names)
