"""Signals and rows that stay in a `.npy` file: what is asked for is read, and scaled, then."""

import copy
from typing import Any

import numpy as np
from tqdm import tqdm

from ae_jax.data.arrays import blocks
from ae_jax.inputs.examples import Examples, numbers
from ae_jax.inputs.scaler import Scaler


class Mapped:
    """Examples [n, H, W, C] of a mapped array: `len`, `shape`, `dtype`, and rows by slice or index.

    They are float64 in the user's units, NaN where nothing was observed; with a scaler float32, as
    networks see them.
    """

    def __init__(self, where: str, array: np.ndarray, examples: Examples):
        """`array`, as `array_file.read_npy` maps it, of such examples; `where` is for messages."""
        self._where, self._array, self._examples = where, array, examples
        self._places = np.arange(len(array))
        self._scaler: Scaler | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """[n, H, W, C]."""
        return len(self), *self._examples.inner(self._array.shape[1:])

    @property
    def dtype(self) -> np.dtype:
        """float64, or float32 of what is scaled."""
        return np.dtype(np.float64 if self._scaler is None else np.float32)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, chosen: slice | np.ndarray) -> np.ndarray:
        """The chosen examples as an array: a slice, whole numbers >= 0, or a mask."""
        if not isinstance(chosen, slice) and np.ndim(chosen) == 0:
            return self[np.asarray([chosen])][0]
        index = self._places[chosen]
        # In the order of the file, which is faster; then in the order that was asked for.
        order = np.argsort(index, kind="stable")
        given = np.empty((len(index), *self._array.shape[1:]), self._array.dtype)
        given[order] = self._array[index[order]]
        x = numbers(self._where, given, self._examples, empty=True)
        return x if self._scaler is None else self._scaler.to_network(x)

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise TypeError("what stays on disk is not one array; take a slice, such as images[:1000]")

    def check(self) -> None:
        """Reads all of it, once.

        Raises:
          DataError: a number is infinite.
        """
        with tqdm(total=len(self), unit="row", desc="checking", disable=None, delay=2) as bar:
            begun = 0
            for block in blocks(self._array):
                numbers(self._where, block, self._examples, first=begun)
                begun += len(block)
                bar.update(len(block))

    def first(self, n: int) -> "Mapped":
        """The first n, on disk still."""
        return self.only(np.arange(n))

    def only(self, places: np.ndarray) -> "Mapped":
        """The examples at these places, on disk still."""
        fewer = copy.copy(self)
        fewer._places = self._places[places]
        return fewer

    def scaled(self, scaler: Scaler) -> "Mapped":
        """As networks see them."""
        as_seen = copy.copy(self)
        as_seen._scaler = scaler
        return as_seen
