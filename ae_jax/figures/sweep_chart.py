"""The chart of a sweep: error against a field of the config."""

from collections.abc import Mapping, Sequence

import numpy as np

from ae_jax.figures.charts import _TEN, Axes, Figure, _log_ticks, styled

LINES = 10  # more colors cannot be told apart


@styled
def sweep_curve(
    curves: Mapping[str, Sequence[tuple[float, float, float]]],
    field: str,
    pca: Sequence[tuple[float, float]] = (),
    title: str = "Sweep",
) -> Figure:
    """Test mse per pixel in [0, 1] units against the values of `field`, on a logarithmic axis.

    `curves` maps a line's name -> points (value, mean over seeds, standard deviation over seeds);
    the first LINES are drawn. The bars are one deviation up and down, and a mean that is not finite
    is left out. `pca` has points (value, mse). The horizontal axis is logarithmic where the values
    span a factor of 8, and then linear about a value of 0.
    """
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    axes = figure.subplots()
    drawn = []
    for (name, points), color in zip(curves.items(), _TEN, strict=False):
        kept = np.array([p for p in sorted(points) if np.isfinite(p[1])]).reshape(-1, 3)
        drawn.extend(kept.tolist())
        deviation = np.nan_to_num(kept[:, 2])
        # A bar below 0 has no place on a logarithmic axis.
        bars = [np.minimum(deviation, 0.999 * kept[:, 1]), deviation]
        axes.errorbar(
            kept[:, 0], kept[:, 1], bars, color=color, marker="o", ms=4, capsize=3, label=name
        )
    if len(pca):
        axes.plot(*np.array(sorted(pca)).T, color="#777777", linestyle="--", label="PCA")
    axes.set(xlabel=field, ylabel="test mse per pixel, [0, 1] units", yscale="log")
    _horizontal(axes, sorted({point[0] for point in drawn}))
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(_log_ticks(high / low))
    axes.yaxis.set_major_formatter("{x:.4g}")
    axes.minorticks_off()
    if len(curves) + bool(len(pca)) > 1:
        axes.legend()
    return figure


def _horizontal(axes: Axes, values: Sequence[float]) -> None:
    """A scale that keeps the values apart, and a tick at each, or at a dozen of them."""
    positive = [v for v in values if v > 0]
    if positive and values[0] >= 0 and positive[-1] >= 8 * positive[0]:
        if values[0] > 0:
            axes.set_xscale("log")
        else:
            axes.set_xscale("symlog", linthresh=positive[0])
    ticks = values[:: -(-len(values) // 12) or 1]
    axes.set_xticks(ticks, [f"{v:g}" for v in ticks])
