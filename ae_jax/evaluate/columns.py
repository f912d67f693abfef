"""Errors column by column, in the data's own units."""

from typing import Any, NamedTuple

import numpy as np

from ae_jax.data.arrays import Images
from ae_jax.inputs.scaler import Scaler, channel_names


class ColumnErrors(NamedTuple):
    """Of every column of rows, or channel of signals; arrays [C]."""

    names: list[str]
    rmse: np.ndarray  # root of the mean squared error, in the column's own units
    unexplained: np.ndarray  # that squared error over the one of the training mean; NaN: constant

    def of_all(self) -> float:
        """The fraction of variance unexplained, the mean over the columns that vary."""
        return float(np.nanmean(self.unexplained)) if self.varying.any() else 0.0

    @property
    def varying(self) -> np.ndarray:
        """Which columns vary [C]."""
        return ~np.isnan(self.unexplained)

    def rows(self) -> list[dict[str, Any]]:
        """A dict for every column, for JSON: a column that does not vary has no `unexplained`."""
        return [
            {"name": name, "rmse": float(e), **({} if np.isnan(u) else {"unexplained": float(u)})}
            for name, e, u in zip(self.names, self.rmse, self.unexplained, strict=True)
        ]


def column_errors(
    scaler: Scaler, train: Images, test: np.ndarray, back: np.ndarray
) -> ColumnErrors:
    """What reconstructions `back` of `test` leave of every column, over what was observed.

    All are [n, H, W, C] in the network's units; the training examples give the mean.
    """
    C = test.shape[-1]
    rows, seen, x_hat = (np.asarray(v[:], np.float64).reshape(-1, C) for v in (train, test, back))
    mean = np.nanmean(rows, axis=0)
    n = np.maximum((~np.isnan(seen)).sum(axis=0), 1)
    left = np.nansum(np.square(seen - x_hat), axis=0) / n
    whole = np.nansum(np.square(seen - mean), axis=0) / n
    varies = whole > 1e-12 * np.maximum(mean**2, 1e-300)
    unexplained = np.where(varies, left / np.where(varies, whole, 1.0), np.nan)
    return ColumnErrors(
        channel_names(scaler.examples.columns, C), scaler.spread * np.sqrt(left), unexplained
    )
