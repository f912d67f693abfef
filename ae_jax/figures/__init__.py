"""Every figure of the package: arrays in, matplotlib figures out.

Images are float arrays `[n, height, width, channels]` in [0, 1] units, clipped for display. One
channel is gray, three are color, any other number is averaged.
"""

from ae_jax.figures.animation import contact_sheet, progress_gif
from ae_jax.figures.charts import Figure, bars, curves, save
from ae_jax.figures.code_charts import POINTS, code_histograms, code_scatter, code_view
from ae_jax.figures.curve_charts import point_field, unrolled_curve
from ae_jax.figures.growth_chart import growth
from ae_jax.figures.images import (
    denoising,
    filters,
    image_rows,
    linear_maps,
    progress_strip,
    reconstructions,
)
from ae_jax.figures.lines import columns, signals
from ae_jax.figures.vector import save_both, svg

__all__ = [
    "POINTS",
    "Figure",
    "bars",
    "code_histograms",
    "code_scatter",
    "code_view",
    "columns",
    "contact_sheet",
    "curves",
    "denoising",
    "filters",
    "growth",
    "image_rows",
    "linear_maps",
    "point_field",
    "progress_gif",
    "progress_strip",
    "reconstructions",
    "save",
    "save_both",
    "signals",
    "svg",
    "unrolled_curve",
]
