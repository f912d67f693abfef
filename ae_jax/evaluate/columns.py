"""Errors column by column, in the data's own units; and the rows that are reconstructed worst."""

from typing import Any, NamedTuple

import numpy as np

from ae_jax.data.arrays import Images
from ae_jax.inputs.examples import Column
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


class Reason(NamedTuple):
    """A column that makes a row strange."""

    column: str
    value: float | str  # what the row has there, in its own units; of a category its name
    expected: float | str  # what the reconstruction has
    share: float  # of the row's squared error


class Strange(NamedTuple):
    """A row and the columns that its reconstruction misses most."""

    row: int
    score: float  # squared error over what was observed, in the network's units
    reasons: tuple[Reason, ...]  # the strangest first


def strangest(
    scaler: Scaler, rows: np.ndarray, back: np.ndarray, n: int = 5, top: int = 3
) -> list[Strange]:
    """The `n` rows with the largest reconstruction error, and of each its `top` columns.

    `rows` and `back` are [m, 1, 1, D] in the network's units, NaN where nothing was observed.
    """
    D = rows.shape[-1]
    x, x_hat = (np.asarray(v, np.float64).reshape(-1, D) for v in (rows, back))
    columns = scaler.examples.columns or [Column(name) for name in channel_names(None, D)]
    starts = np.cumsum([0, *(c.width for c in columns)])
    square = np.where(np.isnan(x), 0.0, np.square(x - x_hat))
    parts = np.add.reduceat(square, starts[:-1], axis=1)
    scores = parts.sum(axis=1)
    worst = np.argsort(-scores, kind="stable")[:n]
    inside = (len(worst), 1, 1, D)
    values, expected = (scaler.to_data(v[worst].reshape(inside)) for v in (x, x_hat))
    found = []
    for i, row in enumerate(worst):
        reasons = []
        for c in np.argsort(-parts[row], kind="stable")[:top]:
            if parts[row, c] > 0:
                channels = slice(starts[c], starts[c + 1])
                has, should = (_told(columns[c], v[i, channels]) for v in (values, expected))
                share = float(parts[row, c] / scores[row])
                reasons.append(Reason(columns[c].name, has, should, share))
        found.append(Strange(int(row), float(scores[row]), tuple(reasons)))
    return found


def _told(column: Column, channels: np.ndarray) -> float | str:
    """What a row has in a column, of its channels."""
    if column.kind == "category":
        return column.categories[int(channels.argmax())]
    return float(channels[0])
