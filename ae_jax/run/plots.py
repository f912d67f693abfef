"""Figures of a run, of arrays that it has made."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ae_jax.errors import DataError
from ae_jax.inputs.scaler import Scaler, channel_names
from ae_jax.train.record import Curve


def reconstructions(x: np.ndarray, back: np.ndarray, scaler: Scaler | None) -> Any:
    """Examples [n, H, W, C] of the network and their reconstructions.

    Images over images, signals as lines over lines in their own units, of rows bars: the error of
    each column, over the variance of these rows.
    """
    from ae_jax import figures  # matplotlib takes half a second, which training need not wait for

    if scaler is None:
        return figures.reconstructions(x, back)
    names = channel_names(scaler.examples.columns, x.shape[-1])
    if scaler.examples.kind == "signal":
        return signals(x, back, scaler)
    left = np.nanmean(np.square(x - back), axis=(0, 1, 2))
    whole = np.nanvar(x, axis=(0, 1, 2))
    unexplained = np.where(whole > 0, left / np.where(whole > 0, whole, 1.0), np.nan)
    return figures.columns(names, unexplained, f"{len(x):,} rows: error by column")


def signals(x: np.ndarray, back: np.ndarray, scaler: Scaler, title: str = "Signals") -> Any:
    """The first eight signals [n, 1, L, C] of the network and their reconstructions, as lines in
    their own units.
    """
    from ae_jax import figures

    names = channel_names(scaler.examples.columns, x.shape[-1])
    seen, made = (scaler.to_data(v[:8]) for v in (x, back))
    return figures.signals(seen, made, title, names if len(names) > 1 else ())


def loss(history: Mapping[str, np.ndarray], valid: Curve | None) -> Any:
    """The training loss at every step, and that on the validation images if there are.

    Raises:
      DataError: there was no step.
    """
    if not len(history.get("loss", ())):
        raise DataError("plot_loss: no step was recorded; train.epochs may be 0")
    losses = {"train": list(enumerate(history["loss"], start=1))}
    if valid is not None:
        losses["valid"] = list(zip(valid.steps.tolist(), valid.losses, strict=True))
    rows = [
        {"step": step, "split": split, "loss": float(value)}
        for split, points in losses.items()
        for step, value in points
    ]
    from ae_jax import figures

    return figures.curves(rows)
