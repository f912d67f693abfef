"""Figures of images; `ae_jax.figures` defines what an image is."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ae_jax.errors import DataError
from ae_jax.figures.animation import GAP, as_images, displayable, epoch_label, mosaic
from ae_jax.figures.charts import (
    DIVERGING,
    DPI,
    Figure,
    styled,
)


@styled
def image_rows(rows: Mapping[str, np.ndarray], title: str = "") -> Figure:
    """Rows of up to 14 images `[n, H, W, C]`, each row labeled with its key; 0 black, 1 white.

    Sizes may differ between rows: every image fills its cell. Values that are not finite are
    orange. Raises `DataError` for an array that is not images.
    """
    shown = [displayable(images, repr(name))[:14] for name, images in rows.items()]
    return _grid(shown, title, list(rows), cmap="gray", vmin=0.0, vmax=1.0)[0]


def reconstructions(
    images: np.ndarray, outputs: np.ndarray, title: str = "Reconstructions"
) -> Figure:
    """Up to 14 originals above their reconstructions, both `[n, H, W, C]`.

    Of the originals what is NaN, not observed, is orange, and the label says so.
    """
    return image_rows({_known("original", images): images, "reconstruction": outputs}, title)


def denoising(
    noisy: np.ndarray, outputs: np.ndarray, clean: np.ndarray, title: str = "Denoising"
) -> Figure:
    """Up to 14 corrupted inputs, the outputs for them, and the clean images, `[n, H, W, C]`."""
    rows = {"corrupted": noisy, "output": outputs, _known("clean", clean): clean}
    return image_rows(rows, title)


def _known(name: str, images: np.ndarray) -> str:
    """The label of clean images, which says what was not observed."""
    return f"{name}\n(orange: not observed)" if np.isnan(images).any() else name


def progress_strip(
    originals: np.ndarray,
    frames: Mapping[int, np.ndarray],
    losses: Mapping[int, float] | None = None,
    title: str = "Reconstructions during training",
    corrupted: np.ndarray | None = None,
) -> Figure:
    """Originals `[m, H, W, C]` above their reconstructions after some epochs.

    `frames` maps epoch -> `[m, H, W, C]`. Drawn are epochs 1, 5, 10, 15, 20 where training ended
    at 20, otherwise up to five evenly spaced ones with the first and the last. `losses` maps
    epoch -> mse, written beside the row. Of a denoiser the `corrupted` inputs are on top, the
    outputs for them in the middle, after epochs 1, 5, 10, 20, 50, 100, ... and the last, and the
    originals, which are clean, below. Raises `DataError` where there is no frame.
    """
    if not frames:
        raise DataError("progress_strip: 'frames' is empty; it needs at least one epoch")
    epochs = sorted(frames)
    chosen = [1, 5, 10, 15, 20]
    if epochs[-1] != 20 or not set(chosen) <= set(epochs):
        at = np.linspace(0, len(epochs) - 1, min(5, len(epochs)))
        chosen = [epochs[i] for i in np.rint(at).astype(int)]
    if corrupted is not None:
        round_numbers = {k * 10**i for i in range(len(str(epochs[-1]))) for k in (1, 2, 5)} - {2}
        chosen = sorted({epochs[0], epochs[-1]} | (round_numbers & set(epochs)))
    rows = {epoch_label(epoch, losses): frames[epoch] for epoch in chosen}
    if corrupted is not None:
        clean = {_known("clean", originals): originals}
        return image_rows({"corrupted": corrupted, **rows, **clean}, title)
    return image_rows({_known("original", originals): originals, **rows}, title)


@styled
def filters(kernels: np.ndarray, title: str = "First-layer filters") -> Figure:
    """The first 64 filters `[n, H, W, C]` on one scale that is symmetric about 0.

    Three channels are drawn as a color (mid-gray is 0); otherwise the mean over the channels
    is drawn, blue below and red above 0. Raises `DataError` for any other rank.
    """
    kernels = np.nan_to_num(as_images(kernels, "kernels")[:64])
    columns = min(len(kernels), 4 if len(kernels) <= 12 else 8)
    color = kernels.shape[-1] == 3
    shown = kernels if color else kernels.mean(axis=-1)
    limit = float(np.abs(shown).max()) or 1.0
    if color:
        shown, title = 0.5 + 0.5 * shown / limit, f"{title} (mid-gray is 0)"
    rows = [shown[i : i + columns] for i in range(0, len(shown), columns)]
    if color:
        return _grid(rows, title, side=70)[0]
    # The gaps are NaN, hence gray: white would not separate filters that fade to 0 at the border.
    scale: dict[str, Any] = {"cmap": DIVERGING, "vmin": -limit, "vmax": limit}
    figure, axes = _grid(rows, title, side=70, right=70, gap=np.nan, **scale)
    box, pixel = axes.get_position(), 1.0 / (figure.get_figwidth() * DPI)
    bar = figure.add_axes((box.x1 + 8 * pixel, box.y0, 10 * pixel, box.height))
    figure.colorbar(axes.images[0], cax=bar, ticks=[-limit, 0, limit], format="%.2g")
    return figure


@styled
def linear_maps(
    end_to_end: np.ndarray, product: np.ndarray, title: str = "A linear autoencoder as matrices"
) -> Figure:
    """`W_dec W_enc` `[D, D]` in gray, and `W_enc W_dec` `[k, k]`, which is I at the optimum."""
    product = np.asarray(product, np.float64)
    deviation = float(np.abs(product - np.eye(len(product))).max())
    limit = float(np.nanmax(np.abs(product), initial=0.0)) or 1.0
    figure = Figure(figsize=(10.0, 4.6), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    left, right = figure.subplots(1, 2)
    gray = left.imshow(end_to_end, cmap="Greys_r", interpolation="auto")
    signed = right.imshow(product, cmap=DIVERGING, vmin=-limit, vmax=limit, interpolation="auto")
    left.set_title("Pixels to pixels: $W_{dec}\\,W_{enc}$")
    right.set_title(
        f"Code to code: $W_{{enc}}\\,W_{{dec}}$, max |deviation from I| = {deviation:.3g}"
    )
    left.set(xlabel="input pixel", ylabel="output pixel")
    right.set(xlabel="code in", ylabel="code out")
    for axes, image in ((left, gray), (right, signed)):
        axes.grid(False)
        figure.colorbar(image, ax=axes, shrink=0.85)
    return figure


def _grid(
    rows: Sequence[np.ndarray],
    title: str,
    labels: Sequence[str] = (),
    side: int = 84,
    right: int = 10,
    gap: float = 1.0,
    **scale: Any,
) -> tuple[Figure, Any]:
    """Draw a mosaic so that one of its pixels is one pixel of the figure."""
    picture, cell = mosaic(rows, side, gap)
    height, width = picture.shape[:2]
    figure = Figure()
    heading = figure.suptitle(title, x=0, ha="left", va="top")
    axes = figure.add_axes((0, 0, 1, 1), frameon=False)
    axes.imshow(picture, interpolation="nearest", aspect="auto", **scale)
    axes.grid(False)
    axes.set_xticks([])
    centers = [i * (cell + GAP) + cell / 2 for i in range(len(labels))]
    axes.set_yticks(centers, labels, fontsize=9.5, color="black")
    axes.tick_params(length=0, pad=6)
    names = [name.get_window_extent().width for name in axes.get_yticklabels()]
    left = round(max(names)) + 20 if names else 10
    words = heading.get_window_extent()
    top = round(words.height) + 16 if title else 10
    wide, high = max(left + width + right, round(words.width) + 20), top + height + 10
    figure.set_size_inches(wide / DPI, high / DPI)
    axes.set_position((left / wide, 10 / high, width / wide, height / high))
    heading.set_position((10 / wide, 1 - 8 / high))
    return figure, axes
