"""The way in and out of a run: the user's arrays on one side, the network's on the other."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ae_jax.errors import DataError
from ae_jax.inputs import checks
from ae_jax.inputs.examples import numbers
from ae_jax.inputs.scaler import Scaler

ROOM = 0.02  # beyond [0,1]: rounding, and small steps in pixels


class Door(NamedTuple):
    """What comes in is checked, and scaled where there is a scaler; what goes out has its units."""

    shape: tuple[int, int, int]  # of an example of the network
    holes: bool  # whether numbers may be NaN
    limits: tuple[float, float]  # of images that are floats
    scaler: Scaler | None  # of signals and rows

    def checked(self, where: str, examples: ArrayLike) -> np.ndarray:
        """Examples [n, H, W, C] of the network, n may be 0: images as stored, others float32.

        Raises:
          DataError: another shape, type or range.
        """
        if self.scaler is None:
            return checks.images_of(where, examples, self.shape, self.limits, ROOM, self.holes)
        x = numbers(where, examples, self.scaler.examples, empty=True)
        if x.shape[1:] != self.shape:
            outer, shape = self.scaler.examples.outer(self.shape), np.shape(examples)
            wanted, hint = ", ".join(map(str, outer)), "; of one: x[None]" if shape == outer else ""
            raise DataError(f"{where}: must be [n, {wanted}], not {list(shape)}{hint}")
        if not self.holes and np.isnan(x).any():
            raise DataError(f"{where}: NaN; this run was trained without holes (data.missing)")
        return self.scaler.to_network(x)

    def some(self, examples: ArrayLike) -> np.ndarray:
        """As `checked`, one at least."""
        x = self.checked("images", examples)
        if not len(x):
            raise DataError("images: none; a figure needs one at least")
        return x

    def one(self, where: str, example: ArrayLike) -> np.ndarray:
        """A single example, with or without an axis of its own, as [1, H, W, C]."""
        x = checks.array(where, example, masked=self.holes)
        axes = 4
        if self.scaler is not None:
            axes = 1 + len(self.scaler.examples.outer(self.shape))
        return self.checked(where, x if x.ndim == axes and len(x) == 1 else x[None])

    def given(self, examples: ArrayLike) -> np.ndarray:
        """Examples that were checked, in their own units and the user's shape; images in [0,1]."""
        if self.scaler is None:
            return checks.unit(self.checked("images", examples))
        x = numbers("images", examples, self.scaler.examples, empty=True)
        return x.reshape(len(x), *self.scaler.examples.outer(self.shape))

    def outer(self, examples: np.ndarray) -> np.ndarray:
        """What the network makes, images in [0,1] units, as a user sees it."""
        return examples if self.scaler is None else self.scaler.to_data(examples)


def pair(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """[1, H, W, C] twice -> [2, H, W, C]; of uint8 and float what both are in [0,1]."""
    if a.dtype != b.dtype:
        a, b = checks.unit(a), checks.unit(b)
    return np.concatenate([a, b])
