"""What a data set is, and the checks that every one of them has passed."""

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ae_jax.errors import ConfigError, DataError

BLOCK_BYTES = 8_000_000
SAMPLE = 60_000  # images of a larger set that are enough where many are needed at once


class Split(NamedTuple):
    """Images [n, H, W, C], uint8 or float32 in [0,1]; labels int32 [n], or None if unknown."""

    images: Any  # np.ndarray, or `streaming.Records` where they stay on disk
    labels: np.ndarray | None


class Dataset(NamedTuple):
    """A training and a test set of images of one shape and type."""

    name: str
    train: Split
    test: Split


def from_arrays(
    train: Any,
    test: Any = None,
    train_labels: Any = None,
    test_labels: Any = None,
    name: str = "arrays",
) -> Dataset:
    """Arrays -> a checked `Dataset`.

    Args:
      train: images [n, H, W] or [n, H, W, C], uint8, or float in [0,1] (kept as float32).
      test: images of the same shape and type; None: the last tenth of `train` (at least one image)
        is held out, so that a test number is never a training number.
      train_labels: whole numbers >= 0, [n], or None.
      test_labels: the same, of `test`.
      name: what messages and results call it.

    Raises:
      DataError: names the array and what is allowed.
    """
    images = _images(f"{name}: train", train)
    labels = _labels(f"{name}: train_labels", train_labels, len(images))
    if test is not None:
        test_images = _images(f"{name}: test", test)
        held_labels = _labels(f"{name}: test_labels", test_labels, len(test_images))
        if (test_images.shape[1:], test_images.dtype) != (images.shape[1:], images.dtype):
            raise DataError(
                f"{name}: test: images of {test_images.shape[1:]} {test_images.dtype}, but train "
                f"has {images.shape[1:]} {images.dtype}; they must agree"
            )
        return Dataset(name, Split(images, labels), Split(test_images, held_labels))
    if test_labels is not None:
        raise DataError(f"{name}: test_labels: given without test images")
    if len(images) < 2:
        raise DataError(f"{name}: train: one image; without a test set at least 2 are needed")
    cut = len(images) - max(1, len(images) // 10)
    both = Split(images, labels)
    return Dataset(name, rows(both, slice(0, cut)), rows(both, slice(cut, None)))


def subset(dataset: Dataset, n_train: int = 0, n_test: int = 0) -> Dataset:
    """The first `n_train` and `n_test` images; 0: all.

    Raises:
      ConfigError: more than there are, or negative.
    """
    parts = []
    for field, part, n in (("train", dataset.train, n_train), ("test", dataset.test, n_test)):
        if not 0 <= n <= len(part.images):
            has = f"'{dataset.name}' has {len(part.images)}"
            raise ConfigError(f"data.n_{field}: must be 0 (all) or at most what {has}, not {n}")
        if n and not isinstance(part.images, np.ndarray):
            part = Split(part.images.first(n), None if part.labels is None else part.labels[:n])
        elif n:
            part = rows(part, slice(0, n))
        parts.append(part)
    return Dataset(dataset.name, *parts)


def sampled(dataset: Dataset, most: int = SAMPLE) -> Dataset:
    """Of training images on disk the first `most`, in memory; other data sets as they are."""
    if isinstance(dataset.train.images, np.ndarray):
        return dataset
    return dataset._replace(train=rows(dataset.train, slice(0, most)))


def blocks(images: Any) -> Iterator[np.ndarray]:
    """All images in order, as arrays of about BLOCK_BYTES; whole thousands where these are less."""
    most = max(1, BLOCK_BYTES // max(1, images[:1].nbytes))
    most -= most % 1000 if most > 1000 else 0
    for start in range(0, len(images), most):
        yield np.asarray(images[start : start + most])


def sha256(images: Any) -> str:
    """SHA-256 of the bytes of all images; known already of a whole set on disk."""
    if known := getattr(images, "sha256", None):
        return str(known)
    digest = hashlib.sha256()
    for block in blocks(images):
        digest.update(np.ascontiguousarray(block).data)
    return digest.hexdigest()


def _images(where: str, value: Any) -> np.ndarray:
    """[n, H, W, C], uint8 or float32 in [0,1]."""
    images = _array(where, value)
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise DataError(f"{where}: {images.dtype}; must be uint8, or float in [0,1]")
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise DataError(f"{where}: shape {images.shape}; must be [n, H, W] or [n, H, W, C], no 0")
    if images.dtype.kind == "f":
        with np.errstate(over="ignore"):  # infinite in float32: found in the next line
            images = images.astype(np.float32)
        low, high = float(images.min()), float(images.max())  # NaN if there is one
        if not (low >= 0 and high <= 1):
            raise DataError(f"{where}: values {low:g} to {high:g}; floats must be in [0,1], no NaN")
    return images if images.ndim == 4 else images[..., None]


def _labels(where: str, value: Any, n: int) -> np.ndarray | None:
    """int32 [n]."""
    if value is None:
        return None
    labels = _array(where, value)
    if labels.shape != (n,):
        raise DataError(f"{where}: shape {labels.shape}; must be ({n},), one label an image")
    if labels.dtype.kind not in "iu":
        raise DataError(f"{where}: {labels.dtype}; must be whole numbers")
    if labels.min() < 0 or labels.max() > np.iinfo(np.int32).max:
        raise DataError(f"{where}: {labels.min()} to {labels.max()}; must be >= 0 and fit int32")
    return labels.astype(np.int32)


def _array(where: str, value: Any) -> np.ndarray:
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DataError(f"{where}: not an array ({error})") from None


def rows(part: Split, chosen: slice | np.ndarray) -> Split:
    """The chosen images, with their labels."""
    return Split(part.images[chosen], None if part.labels is None else part.labels[chosen])
