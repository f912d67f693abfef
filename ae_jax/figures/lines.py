"""Figures of signals and rows."""

from collections.abc import Sequence

import numpy as np

from ae_jax.figures.charts import _COLORS, Figure, bars, styled

MOST_COLUMNS = 25


@styled
def signals(
    x: np.ndarray, back: np.ndarray, title: str = "Signals", names: Sequence[str] = ()
) -> Figure:
    """Signals [n, L, C] and their reconstructions as lines over lines, a panel for every channel
    of every signal; of more than four channels the first four. NaN is a gap.
    """
    n, L, C = x.shape
    shown = min(C, 4)
    figure = Figure(figsize=(1.0 + 3.4 * min(n, 4), 0.9 + 1.8 * -(-n // 4) * shown), layout="tight")
    figure.suptitle(title, x=0.01, ha="left")
    rows = figure.subplots(-(-n // 4) * shown, min(n, 4), squeeze=False, sharex=True)
    for axes in rows.flat[n * shown :]:
        axes.set_visible(False)
    for i in range(n):
        for c in range(shown):
            axes = rows[i // 4 * shown + c, i % 4]
            axes.plot(np.arange(L), x[i, :, c], color="#999999", linewidth=1.6, label="signal")
            axes.plot(
                np.arange(L), back[i, :, c], color=_COLORS[0], linewidth=1.0, label="reconstruction"
            )
            axes.set_xlabel("step in time")
            axes.tick_params(labelbottom=True)  # of each: it may be seen alone
            axes.set_title(f"{i}: {names[c]}" if names else f"{i}", fontsize=9)
    rows[0, 0].legend(fontsize=8, loc="best")
    return figure


def columns(names: Sequence[str], unexplained: np.ndarray, title: str) -> Figure:
    """Bars of the fraction of variance unexplained [C] by column, the largest first.

    At most MOST_COLUMNS; columns that do not vary (NaN) are left out.
    """
    known = [i for i in np.argsort(-unexplained) if not np.isnan(unexplained[i])]
    shown = {names[i]: float(unexplained[i]) for i in known[:MOST_COLUMNS]}
    if len(known) > MOST_COLUMNS:
        title += f"; the worst {MOST_COLUMNS} of {len(known)} columns"
    return bars(shown, title, "fraction of variance unexplained (1: the mean does as well)", 0.0)
