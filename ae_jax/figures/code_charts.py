"""Charts of codes: the distribution of each coordinate, and the classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ae_jax.evaluate import code_statistics as codes_lib
from ae_jax.figures.charts import _COLORS, _TEN, HALO, Figure, styled


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
    figure = Figure(figsize=(1.2 + 2.1 * columns, 1.0 + 1.5 * lines), layout="constrained")
    part = f" (first 16 of {total} coordinates)" if total > 16 else ""
    figure.suptitle(title + part, x=0.01, ha="left")
    panels = figure.subplots(lines, columns, sharex=True, squeeze=False).flat
    finite = codes[np.isfinite(codes)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
    for i, axes in enumerate(panels):
        axes.set_visible(i < codes.shape[1])
        if i >= codes.shape[1]:
            continue
        values = codes[np.isfinite(codes[:, i]), i]
        axes.set_title(f"$z_{{{i}}}$", loc="right", pad=2)
        axes.grid(False)
        if not len(values):
            axes.text(0.5, 0.5, "no finite value", ha="center", transform=axes.transAxes)
            axes.set_yticks([])
            continue
        narrow = np.ptp(np.quantile(values, (0.1, 0.9))) <= 0.02 * (high - low)
        span = (low, high) if narrow else None
        axes.hist(values, bins=20, range=span, density=True, color=_COLORS[0])
        if narrow:
            axes.set_title(_in_words(values, high - low), loc="left", pad=2, fontsize=9.5)
    figure.supxlabel("value of the coordinate", fontsize=9.5)
    figure.supylabel("density", fontsize=9.5)
    return figure


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
    """The first two or three coordinates of `codes` `[n, k]`, at most 3000 of the n points.

    `names` are those of the coordinates; without, z_0, z_1 ... Up to ten whole `labels` `[n]` get
    ten colors and a legend, other values a color bar. A code of one coordinate is drawn against
    its label, spread at random. `label_names` are those of the labels 0, 1 ...
    """
    codes = np.asarray(codes, np.float64)
    # A fixed shuffle: in the order of the file the last digit would be drawn over all others.
    shuffle = np.random.default_rng(0)
    chosen = shuffle.permutation(np.flatnonzero(np.isfinite(codes).all(axis=1)))[:3000]
    codes, tags = codes[chosen], np.zeros(len(chosen))
    if labels is not None:
        tags = np.asarray(labels).reshape(-1)[chosen]
    kinds, rank = np.unique(tags, return_inverse=True)
    few = 0 < len(kinds) <= 10 and np.array_equal(kinds, np.rint(kinds))
    shown = range(min(dims, codes.shape[1]))
    names = [names[i] if names else f"$z_{i}$" for i in shown]
    points = codes[:, : len(names)]
    if len(names) == 1:
        spread = (rank if few else 0) + shuffle.uniform(-0.3, 0.3, len(codes))
        points = np.column_stack([points, spread])
        names.append("label, spread" if few and labels is not None else "spread at random")
    figure = Figure(figsize=(7.2, 5.6), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    axes: Any = figure.add_subplot(projection="3d" if len(names) == 3 else None)
    look = {"c": np.array(_TEN)[rank]} if few else {"c": tags, "cmap": "viridis"}
    dots = axes.scatter(*points.T, s=10, alpha=0.65, linewidths=0, **look)
    axes.set(**dict(zip(("xlabel", "ylabel", "zlabel"), names, strict=False)))
    if codes.shape[1] == 1:
        rows = _called(kinds, label_names) if few and labels is not None else []
        axes.set_yticks(range(len(rows)), rows)
    if few and labels is not None:
        clouds = [points[rank == i] for i in range(len(kinds))]
        _name_kinds(axes, _called(kinds, label_names), clouds)
    elif labels is not None:
        figure.colorbar(dots, label="label")
    return figure


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


def _called(kinds: np.ndarray, names: Sequence[str]) -> list[str]:
    """What the labels are called; a label without a name is its own."""
    return [names[int(kind)] if names else f"{kind:g}" for kind in kinds]


def _name_kinds(axes: Any, kinds: Sequence[str], clouds: Sequence[np.ndarray]) -> None:
    """A legend, and in the plane each label where its points are by themselves."""
    places = codes_lib.places_alone(clouds)
    for kind, cloud, place, color in zip(kinds, clouds, places, _TEN, strict=False):
        axes.scatter(*cloud[:0].T, color=color, s=30, label=kind)
        if cloud.shape[1] == 2 and len(cloud) >= 10:  # the name must not hide the points
            name = axes.text(*place, kind, size=12, ha="center", va="center")
            name.set(weight="bold", path_effects=HALO)
    beside = 1.0 if clouds[0].shape[1] == 2 else 1.14  # in space the axis has its name there
    axes.legend(title="label", loc="center left", bbox_to_anchor=(beside, 0.5))
