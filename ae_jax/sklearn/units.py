"""What a run sees of the rows of a matrix, and what it gives back in their units."""

from typing import NamedTuple

import numpy as np

from ae_jax.data.arrays import Dataset, Split
from ae_jax.inputs.examples import Column, Examples


class Interval(NamedTuple):
    """One affine map sends all columns to [0,1]: a row is an image."""

    bounds: tuple[float, float]  # the numbers that become 0 and 1
    shape: tuple[int, int, int]  # of an image
    clip: bool  # whether what lies beyond becomes 0 or 1, too

    def seen(self, X: np.ndarray) -> np.ndarray:
        """Images float32 [n, height, width, channels] of X [n, features].

        Raises:
          ValueError: a number is too far away for float32.
        """
        low, high = self.bounds
        with np.errstate(over="ignore"):
            unit = (X.astype(np.float64, copy=False) - low) / (high - low)
            unit = np.clip(unit, 0, 1) if self.clip else unit
            unit = unit.astype(np.float32)
        if len(far := np.flatnonzero(~np.isfinite(unit).all(axis=1))):
            raise ValueError(f"X: row {far[0]} is too far from the training rows for float32")
        return unit.reshape(-1, *self.shape)

    def rows(self, found: np.ndarray) -> np.ndarray:
        """Its inverse, float64 [n, features]."""
        low, high = self.bounds
        return low + (high - low) * found.reshape(len(found), -1).astype(np.float64)

    def data(self, X: np.ndarray) -> Dataset:
        """X as training set; errors of `seen`."""
        images = self.seen(X)
        return Dataset("X", Split(images, None), Split(images[:0], None))


class Columns(NamedTuple):
    """Each column has a scale of its own, which the run fits and inverts: a row is a row."""

    names: tuple[str, ...] | None  # of the columns

    def seen(self, X: np.ndarray) -> np.ndarray:
        """X [n, features] as it is."""
        return X

    def rows(self, found: np.ndarray) -> np.ndarray:
        """What the run gives, as it is: float64 [n, features]."""
        return found

    def data(self, X: np.ndarray) -> Dataset:
        """X as training set, NaN where nothing was observed."""
        columns = None if self.names is None else tuple(map(Column, self.names))
        rows = X.astype(np.float64, copy=False)[:, None, None]
        parts = Split(rows, None), Split(rows[:0], None)
        return Dataset("X", *parts, examples=Examples("rows", columns))
