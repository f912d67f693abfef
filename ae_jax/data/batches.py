"""Batches of rows in a few sizes, because each size compiles its own program."""

from collections.abc import Callable
from typing import Any

import numpy as np

BATCH = 1000
SMALLEST, LARGEST = 8, 512  # powers of two below a whole batch


def padded_size(n: int) -> int:
    """How many rows n >= 0 rows are padded to: powers of two from 8 to 512, multiples of 1000."""
    if n > LARGEST:
        return -(-n // BATCH) * BATCH
    return max(SMALLEST, 1 << max(0, n - 1).bit_length())


def padded(rows: Any) -> np.ndarray:
    """Rows [n, ...] with rows of zeros behind them, [padded_size(n), ...]."""
    rows = np.asarray(rows)
    missing = padded_size(len(rows)) - len(rows)
    if not missing:
        return rows
    return np.concatenate([rows, np.zeros((missing, *rows.shape[1:]), rows.dtype)])


def in_batches(function: Callable[..., Any], *rows: Any) -> np.ndarray:
    """function(*rows), BATCH rows of each at a time.

    Args:
      function: of arrays [m, ...] to one array [m, ...]; what it says of a row must not depend on
        the other rows. It is called with padded rows, and its answers for these are dropped.
      rows: arrays [n, ...] of the same n >= 0; of no rows comes back an array [0, ...].
    """
    found: list[np.ndarray] = []
    running: Any = None  # the answers for the batch before, while this one is prepared
    for start in range(0, max(1, len(rows[0])), BATCH):
        batch = [r[start : start + BATCH] for r in rows]
        answers = function(*map(padded, batch))
        found += [] if running is None else [np.asarray(running)]
        running = answers
    last = np.asarray(running)[: len(rows[0]) - BATCH * len(found)]
    return np.concatenate([*found, last])
