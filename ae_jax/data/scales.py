"""Scales of signals and rows: what a column's numbers become before a network sees them.

x_network = (x - shift) / spread for each column (of a signal: each channel), in float64. Both are
fitted on the training part alone, from what was observed there:

    scale      shift                spread
    unit, sym  the smallest number  the largest minus the smallest: numbers in [0,1]
    standard   the mean             the standard deviation
    robust     the median           the interquartile range / 1.349, that of a normal distribution;
                                    of what stays on disk both are those of the first 60,000
    none       0                    1

A spread of 0, of a constant column, becomes 1. What was not observed is NaN before and after.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from ae_jax.config import schema
from ae_jax.data.arrays import SAMPLE, Dataset, Images, Split, blocks, sha256, stays_on_disk
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
    seen, low, high = _extent(train)
    blank = Scaler(examples, np.zeros(len(seen)), np.ones(len(seen)))
    if not seen.all():
        empty = blank.name(int(np.argmin(seen)))
        raise DataError(
            f"{empty}: no number in the training set was observed; leave the column out"
        )
    if scale == "none":
        return blank
    shift, spread = low, high - low
    if scale in ("standard", "robust"):
        shift, spread = mean, deviation = _moments(train, seen)
    if scale == "robust":
        shift, spread = _quartiles(train)
        shift = np.where(np.isnan(shift), mean, shift)
        # More than half of the numbers are equal: the deviation serves, unless all are.
        spread = np.where(spread > 0, spread, deviation)
    constant = (spread == 0) | (low == high)  # what rounding leaves of a mean is no spread
    return _kept_categories(Scaler(examples, shift, np.where(constant, 1.0, spread)))


def _by_row(images: Images) -> Iterator[np.ndarray]:
    """Numbers float64 [n, C], of a few examples at a time."""
    for block in blocks(images):
        yield np.asarray(block, np.float64).reshape(-1, block.shape[-1])


def _extent(train: Images) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How many numbers of each column were observed; its smallest and largest, +-inf if none."""
    C = train.shape[-1]
    seen, low, high = np.zeros(C, int), np.full(C, np.inf), np.full(C, -np.inf)
    for rows in _by_row(train):
        known = ~np.isnan(rows)
        seen += known.sum(0)
        low = np.minimum(low, np.min(rows, axis=0, where=known, initial=np.inf))
        high = np.maximum(high, np.max(rows, axis=0, where=known, initial=-np.inf))
    return seen, low, high


def _moments(train: Images, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column, of as many numbers as were `seen`."""
    mean = sum(np.nansum(rows, axis=0) for rows in _by_row(train)) / seen
    squares = sum(np.nansum(np.square(rows - mean), axis=0) for rows in _by_row(train))
    return mean, np.sqrt(squares / seen)


def _quartiles(train: Images) -> tuple[np.ndarray, np.ndarray]:
    """Median and interquartile range / NORMAL_IQR of each column; on disk of SAMPLE examples.

    NaN of a column without a number in these.
    """
    known = train[:SAMPLE] if stays_on_disk(train) else train
    rows = np.concatenate(list(_by_row(known)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of such a column
        low, high = np.nanquantile(rows, (0.25, 0.75), axis=0)
        return np.nanmedian(rows, axis=0), (high - low) / NORMAL_IQR


def _kept_categories(scaler: Scaler) -> Scaler:
    """Booleans and categories stay 0 and 1."""
    numbers = np.array(
        [c.kind == "number" for c in scaler.examples.columns or () for _ in range(c.width)]
    )
    if not len(numbers):
        return scaler
    shift, spread = np.where(numbers, scaler.shift, 0.0), np.where(numbers, scaler.spread, 1.0)
    return Scaler(scaler.examples, shift, spread)


def _seen(images: Any, scaler: Scaler) -> Any:
    """As networks see them, and where they are."""
    return images.scaled(scaler) if stays_on_disk(images) else scaler.to_network(images)


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
        **{name: Split(_seen(part.images, scaler), part.labels) for name, part in known.items()},
        scaler=scaler,
        hashes={name: sha256(part.images) for name, part in known.items()},
    )
