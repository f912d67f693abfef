"""Which numbers become 0 and 1 where one affine map takes all columns to [0,1]."""

import math
import warnings

import numpy as np

ONE_IN = 100  # rows may lie far from the others
FEW = 10  # rows of which none is called far away
FAR = 10.0  # times the span of the others: a range that leaves them a tenth of [0,1]


def bounds_of(X: np.ndarray, scale: str, rows: np.ndarray) -> tuple[float, float]:
    """The numbers of X [n, features] that become 0 and 1; warns where a few rows alone set them.

    Args:
      X: finite.
      scale: 'minmax' or 'robust', see `Autoencoder`.
      rows: what messages call the rows [n].

    Raises:
      ValueError: the range is no float64.
    """
    middle = float(np.median(X))
    distance = np.abs(X.astype(np.float64, copy=False) - middle).max(axis=1)
    few = np.argsort(-distance, kind="stable")[: max(1, len(X) // ONE_IN)]
    others = X if len(X) == 1 else np.delete(X, few, axis=0)
    whole, kept = _range(X), _range(others)
    if scale == "robust":
        whole = kept
    elif len(X) > FEW and whole != kept and whole[1] - whole[0] >= FAR * (kept[1] - kept[0]):
        # A row just outside the others' range is not what spans it: their span more is far.
        reach = max(abs(bound - middle) for bound in kept) + kept[1] - kept[0]
        far = [int(row) for row in few if distance[row] > reach]
        warnings.warn(_outlying(X, far, rows, middle, kept), UserWarning, stacklevel=4)
    low, high = whole
    if not math.isfinite(high - low):
        raise ValueError(f"X: goes from {low:g} to {high:g}, too far for float64; divide it")
    return low, high if high > low else low + 1.0


def _range(X: np.ndarray) -> tuple[float, float]:
    return float(X.min()), float(X.max())


def _outlying(
    X: np.ndarray, far: list[int], rows: np.ndarray, middle: float, kept: tuple[float, float]
) -> str:
    first = far[0]
    column = int(np.abs(X[first].astype(np.float64) - middle).argmax())
    others = f" (as do rows {', '.join(str(rows[i]) for i in far[1:6])})" if far[1:] else ""
    return (
        f"X: row {rows[first]} has {X[first, column]:g} in column {column}{others}, the other rows "
        f"{kept[0]:g} to {kept[1]:g}; to the network they look nearly equal. Fix or drop it, or "
        f"set scale='robust'"
    )
