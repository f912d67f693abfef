"""Scales of signals and rows: what a column's numbers become before a network sees them.

x_network = (x - shift) / spread for each column (of a signal: each channel), in float64. Both are
fitted on the training part alone, from what was observed there:

    scale      shift                spread
    unit, sym  the smallest number  the largest minus the smallest: numbers in [0,1]
    standard   the mean             the standard deviation
    robust     the median           the interquartile range / 1.349, that of a normal distribution
    none       0                    1

A spread of 0, of a constant column, becomes 1. What was not observed is NaN before and after.
"""

import numpy as np

from ae_jax.config import schema
from ae_jax.data.arrays import Dataset, Images, Split, blocks, sha256
from ae_jax.errors import ConfigError, DataError
from ae_jax.inputs.examples import Examples
from ae_jax.inputs.scaler import Scaler

NORMAL_IQR = 1.3489795003921634  # interquartile range of N(0, 1)
SCALES = ("unit", "sym", "standard", "robust", "none")


def fitted(examples: Examples, train: Images, scale: str) -> Scaler:
    """The scaler of a training set [n, H, W, C] with NaN where nothing was observed.

    Raises:
      ConfigError: an unknown scale.
      DataError: a column without an observed number.
    """
    if scale not in SCALES:
        raise ConfigError(schema.unknown("data.scale", scale, SCALES, "choice"))
    C = train.shape[-1]
    seen = sum((~np.isnan(block)).sum((0, 1, 2)) for block in blocks(train)) + np.zeros(C, int)
    blank = Scaler(examples, np.zeros(C), np.ones(C))
    if not seen.all():
        empty = blank.name(int(np.argmin(seen)))
        raise DataError(
            f"{empty}: no number in the training set was observed; leave the column out"
        )
    if scale == "none":
        return blank
    rows = np.concatenate([np.asarray(b, np.float64) for b in blocks(train)]).reshape(-1, C)
    if scale == "standard":
        shift, spread = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0)
    elif scale == "robust":
        shift = np.nanmedian(rows, axis=0)
        low, high = np.nanquantile(rows, (0.25, 0.75), axis=0)
        spread = (high - low) / NORMAL_IQR
        # More than half of the numbers are equal: the deviation serves, unless all are.
        spread = np.where(spread > 0, spread, np.nanstd(rows, axis=0))
    else:
        shift = np.nanmin(rows, axis=0)
        spread = np.nanmax(rows, axis=0) - shift
    return _kept_categories(Scaler(examples, shift, np.where(_constant(rows, spread), 1.0, spread)))


def _constant(rows: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Which columns do not vary: what rounding leaves of a mean is no spread."""
    return (spread == 0) | (np.nanmax(rows, axis=0) == np.nanmin(rows, axis=0))


def _kept_categories(scaler: Scaler) -> Scaler:
    """Booleans and categories stay 0 and 1."""
    numbers = np.array(
        [c.kind == "number" for c in scaler.examples.columns or () for _ in range(c.width)]
    )
    if not len(numbers):
        return scaler
    shift, spread = np.where(numbers, scaler.shift, 0.0), np.where(numbers, scaler.spread, 1.0)
    return Scaler(scaler.examples, shift, spread)


def scaled(dataset: Dataset, scale: str, scaler: Scaler | None = None) -> Dataset:
    """Signals or rows as networks see them, float32; images as they are.

    The data set keeps its scaler, and the hashes of what it was before.

    Args:
      dataset: in its own units.
      scale: a choice of `data.scale`.
      scaler: of a run that was trained already; None: one that is fitted to the training part.

    Raises:
      ConfigError: a scale that images cannot have.
      DataError: errors of `fitted`.
    """
    if dataset.scaler is not None:
        return dataset
    if dataset.examples.kind == "image":
        if scale not in ("unit", "sym"):
            raise ConfigError(
                f"data.scale: '{scale}' is for signals and rows; images take 'unit' or 'sym'"
            )
        return dataset
    scaler = scaler or fitted(dataset.examples, dataset.train.images, scale)
    parts = {name: getattr(dataset, name) for name in ("train", "test", "valid")}
    known = {name: part for name, part in parts.items() if part is not None}
    return dataset._replace(
        **{name: Split(scaler.to_network(p.images[:]), p.labels) for name, p in known.items()},
        scaler=scaler,
        hashes={name: sha256(part.images) for name, part in known.items()},
    )
