"""The affine map between signals or rows in their own units and what networks see of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ae_jax.errors import DataError
from ae_jax.inputs.examples import Column, Examples


class Scaler(NamedTuple):
    """Between the user's examples, in their units, and [n, H, W, C] as networks see them."""

    examples: Examples
    shift: np.ndarray  # float64 [C]
    spread: np.ndarray  # float64 [C], > 0

    def to_network(self, x: np.ndarray) -> np.ndarray:
        """Examples [n, H, W, C] in the user's units -> float32.

        Raises:
          DataError: a number is too far from the training set's for float32.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = ((np.asarray(x, np.float64) - self.shift) / self.spread).astype(np.float32)
        if np.isinf(scaled).any():
            row, *_, column = (int(i[0]) for i in np.nonzero(np.isinf(scaled)))
            raise DataError(
                f"{self.name(column)}: row {row} is too far from the training set's for float32"
            )
        return scaled

    def to_data(self, x: np.ndarray) -> np.ndarray:
        """Its inverse: float64, in the shape that a user sees."""
        units = self.shift + self.spread * np.asarray(x, np.float64)
        return units.reshape(len(units), *self.examples.outer(x.shape[1:]))

    def name(self, channel: int) -> str:
        """What messages call a channel."""
        names = channel_names(self.examples.columns, len(self.shift))
        return f"column '{names[channel]}'" if self.examples.columns else f"column {channel}"


def channel_names(columns: Sequence[Column] | None, n: int) -> list[str]:
    """One for each of n channels: a category's are 'column=category'; numbers without names."""
    if columns is None:
        return [str(i) for i in range(n)]
    names: list[str] = []
    for c in columns:
        names += [f"{c.name}={v}" for v in c.categories] if c.kind == "category" else [c.name]
    return names
