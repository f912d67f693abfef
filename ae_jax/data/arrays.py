"""The data set type, and how arrays become a data set."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike

from ae_jax.data import shown
from ae_jax.errors import ConfigError, DataError
from ae_jax.inputs import checks
from ae_jax.inputs import labels as label_lib
from ae_jax.inputs.examples import Column, Examples, as_examples, numbers
from ae_jax.inputs.scaler import Scaler

BLOCK_BYTES = 8_000_000
IMAGES = Examples()
# Attributes that are no items of the tuple.
BESIDE = ("label_names", "valid", "how", "examples", "scaler", "hashes")
SAMPLE = 60_000  # images of a larger set that are enough where many are needed at once


class Images(Protocol):
    """Images [n, H, W, C] in memory, or on disk, where a slice is read when it is asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """[n, H, W, C]."""

    @property
    def dtype(self) -> np.dtype:
        """uint8, or float32 in [0,1]."""

    def __len__(self) -> int: ...

    def __getitem__(self, chosen: slice | np.ndarray, /) -> np.ndarray: ...


class Split(NamedTuple):
    """Images [n, H, W, C], uint8 or float32 in [0,1], NaN where nothing was observed; labels int32
    [n], or None if unknown.
    """

    images: Any  # np.ndarray; `on_disk.Records` or `mapped.Mapped` where they stay on disk
    labels: np.ndarray | None


class _Parts(NamedTuple):
    name: str
    train: Split
    test: Split


class Dataset(_Parts):
    """(name, train, test): a training and a test set of images of one shape and type.

    Attributes:
      label_names: what the labels 0 ... k-1 are called, k texts, where they were text or scattered
        numbers; None: a label is its own name. It is no item of the tuple.
      valid: images held out of the training set, by which to choose (`hold_out`), or None. Neither
        is this.
      how: of a folder of images or a table the options it was read with, as a config has them
        (`data.resize`, ...); None: it is of something else. Nor is this.
      examples: what they are, and what their columns are called. Nor is this.
      scaler: of signals and rows that are as networks see them (`scales.scaled`); None: they are in
        their own units. Nor is this.
      hashes: of these parts, SHA-256 of what they were before. Nor is this.
    """

    label_names: label_lib.Names | None = None
    valid: Split | None = None
    how: Mapping[str, Any] | None = None
    examples: Examples = IMAGES
    scaler: Scaler | None = None
    hashes: Mapping[str, str] | None = None

    def __new__(
        cls,
        name: str,
        train: Split,
        test: Split,
        label_names: label_lib.Names | None = None,
        valid: Split | None = None,
        how: Mapping[str, Any] | None = None,
        examples: Examples = IMAGES,
        scaler: Scaler | None = None,
        hashes: Mapping[str, str] | None = None,
    ) -> "Dataset":
        """All as they are; `from_arrays` checks and numbers."""
        made = super().__new__(cls, name, train, test)
        made.label_names, made.valid, made.how = label_names, valid, how
        made.examples, made.scaler, made.hashes = examples, scaler, hashes
        return made

    def _replace(self, **changes: Any) -> "Dataset":
        kept = {name: getattr(self, name) for name in BESIDE}
        return Dataset(**(self._asdict() | kept | changes))

    def __repr__(self) -> str:
        return shown.line(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: a table, and the first training examples."""
        return shown.html(self)

    def sha256(self, part: str) -> str | None:
        """Of the bytes of the images of 'train', 'test' or 'valid' in their own units."""
        if self.hashes is not None:
            return self.hashes.get(part)
        found = getattr(self, part)
        return None if found is None else sha256(found.images)


def from_arrays(
    train: ArrayLike,
    test: ArrayLike | None = None,
    train_labels: ArrayLike | None = None,
    test_labels: ArrayLike | None = None,
    name: str = "arrays",
    kind: str | None = None,
    columns: Sequence[str | Column] | None = None,
) -> Dataset:
    """Arrays -> a checked `Dataset`.

    Arrays that probably have another layout or scale are rejected: images that look like channels
    first ([n, 3, H, W]), and uint8 images without a value above 16. If they are intended, pass dark
    images as `x / 255.0`, three rows of many channels as `Dataset(name, Split(x, None), ...)`.

    Args:
      train: images [n, H, W] or [n, H, W, C]: uint8, float in [0,1] of any width (kept as float32),
        or bool (kept as uint8, 0 and 255). Rows [n, D] and signals [n, L] or [n, L, C]: any real
        numbers (kept as float64). NaN or masked is what was not observed (images that are masked
        are kept as float32); `fit` takes such images where `data.missing` is 'mask'.
      test: examples of the same shape and type; None: a tenth of `train` (at least one) is held
        out, so the test set is never part of the training set. A fixed shuffle selects them, a
        tenth of each class where there are labels; both parts are in shuffled order.
      train_labels: [n] whole numbers >= 0 (as floats, too) or text, or None. Text, and numbers that
        use less than half of 0 ... their largest, become 0 ... k-1 in order; `label_names` keeps
        the originals.
      test_labels: the same, of `test`.
      name: the name in messages and results.
      kind: 'image', 'signal' or 'rows'; None: 'rows' of an array with two axes, else 'image'.
      columns: the names of the columns of rows, or of the channels of a signal.

    Raises:
      DataError: names the array and what is allowed.
      ConfigError: an unknown kind, or columns of images.
    """
    examples, x = as_examples(f"{name}: train", train, kind, columns)
    of_images = examples.kind == "image"
    known = {f"{name}: train_labels": _raw(f"{name}: train_labels", train_labels, len(x))}
    if test is None:
        if test_labels is not None:
            raise DataError(f"{name}: test_labels: given without test images")
        if len(x) < 2:
            one = "image" if of_images else "example"
            raise DataError(f"{name}: train: one {one}; without a test set at least 2 are needed")
        if of_images:
            checks.unambiguous(f"{name}: train", x, train)
        (y,), names = label_lib.numbered(known)
        return Dataset(name, *held_out(Split(x, y)), names, examples=examples)
    if of_images:
        checks.unambiguous(f"{name}: train", x, train)
    test_x = as_examples(f"{name}: test", test, examples.kind, examples.columns)[1]
    if checks.of_bytes(train) or checks.of_bytes(test):  # a mask alone makes no other type
        x, test_x = checks.unit(x), checks.unit(test_x)
    known[f"{name}: test_labels"] = _raw(f"{name}: test_labels", test_labels, len(test_x))
    (y, test_y), names = label_lib.numbered(known)
    part = Split(x, y)
    held = alike(f"{name}: test", Split(test_x, test_y), part)
    return Dataset(name, part, held, names, examples=examples)


def numbered(where: str, images: object, numbers: object) -> Split:
    """Images and class numbers that are checked and kept as they are: a part of a larger set.

    Raises:
      DataError: names `where` and what is allowed.
    """
    x = checks.images(where, images)
    y = _raw(f"{where}_labels", numbers, len(x))
    if y is not None and y.dtype.kind == "U":
        raise DataError(f"{where}_labels: text; must be whole numbers")
    return Split(x, None if y is None else y.astype(np.int32))


def alike(where: str, part: Split, other: Split) -> Split:
    """`part`, whose images have the shape and type of those of `other`; else DataError."""
    a, b = part.images, other.images
    if (a.shape[1:], a.dtype) != (b.shape[1:], b.dtype):
        raise DataError(
            f"{where}: images of {a.shape[1:]} {a.dtype}, but train has {b.shape[1:]} {b.dtype}; "
            "they must agree"
        )
    return part


def checked(dataset: Dataset) -> Dataset:
    """A data set that may have been put together by hand: images as `checks.images` leaves them.

    Those on disk are known to be right.

    Raises:
      DataError: names the part and what is allowed.
    """
    parts: list[Split | None] = []
    for which in ("train", "test", "valid"):
        if (part := getattr(dataset, which)) is None:
            parts.append(None)
            continue
        where, x = f"{dataset.name}: {which}", part.images
        if stays_on_disk(x):
            pass
        elif dataset.examples.kind != "image":
            x = numbers(where, x, dataset.examples, empty=which == "test")
        else:
            x = checks.images(where, x, empty=which == "test", holes=True)
        y = part.labels
        if y is not None:
            y = np.asarray(_raw(f"{where}_labels", y, len(x)))
            if y.dtype.kind == "U":
                raise DataError(f"{where}_labels: text; say from_arrays, which numbers them")
            y = y.astype(np.int32)
        parts.append(Split(x, y))
    return dataset._replace(train=parts[0], test=parts[1], valid=parts[2])


def _raw(where: str, value: object, n: int) -> np.ndarray | None:
    return None if value is None else label_lib.raw(where, value, n)


def held_out(whole: Split) -> tuple[Split, Split]:
    """(nine tenths, one tenth) in shuffled order; of each class a tenth, and never all of it."""
    kept, held = _dealt(whole, max(1, len(whole.images) // 10), 0)
    return only(whole, kept), rows(whole, held)


def hold_out(dataset: Dataset, n_valid: float, seed: int) -> Dataset:
    """The data set with validation images taken out of its training set; 0: as it is.

    A shuffle with `seed` selects them, in proportion to the classes where there are labels. The
    rest keeps its order. Validation images are in memory, wherever the training images are.

    Args:
      dataset: without a validation part.
      n_valid: how many, or in (0, 1) which fraction of the training set (one image at least).
      seed: >= 0.

    Raises:
      ConfigError: no training image would be left.
    """
    n = len(dataset.train.images)
    m = max(1, round(n_valid * n)) if n_valid < 1 else int(n_valid)
    if not n_valid:
        return dataset
    if m >= n:
        raise ConfigError(
            f"data.n_valid: {m} images held out leave none of the training set's {n}; fewer, or a "
            "fraction such as 0.1"
        )
    kept, held = (np.sort(part) for part in _dealt(dataset.train, m, seed))
    return dataset._replace(train=only(dataset.train, kept), valid=rows(dataset.train, held))


def _dealt(whole: Split, m: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of (all but m images, m images), shuffled; of each class its share, and never all."""
    n = len(whole.images)
    order = np.random.Generator(np.random.Philox(seed)).permutation(n)
    kinds = np.zeros(n, int) if whole.labels is None else whole.labels[order]
    first = np.zeros(n, bool)  # the first of each class stays
    first[np.unique(kinds, return_index=True)[1]] = True
    rest = np.flatnonzero(~first)
    if len(rest) < m:  # next to every image is a class of its own
        rest = np.arange(n)
    rest = rest[np.argsort(kinds[rest], kind="stable")]
    # Evenly over what is sorted by class: of each class its share, rounded up or down.
    held = np.zeros(n, bool)
    held[rest[((np.arange(m) + 0.5) * len(rest) / m).astype(int)]] = True
    return order[~held], order[held]


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
        if n and stays_on_disk(part.images):
            part = Split(part.images.first(n), None if part.labels is None else part.labels[:n])
        elif n:
            part = rows(part, slice(0, n))
        parts.append(part)
    return dataset._replace(train=parts[0], test=parts[1])


def sampled(dataset: Dataset, most: int = SAMPLE) -> Dataset:
    """Of training images on disk the first `most`, in memory; other data sets as they are."""
    if not stays_on_disk(dataset.train.images):
        return dataset
    return dataset._replace(train=rows(dataset.train, slice(0, most)))


def blocks(images: Images) -> Iterator[np.ndarray]:
    """All images in order, as arrays of about BLOCK_BYTES; whole thousands where these are less."""
    most = max(1, BLOCK_BYTES // max(1, images[:1].nbytes))
    most -= most % 1000 if most > 1000 else 0
    for start in range(0, len(images), most):
        yield np.asarray(images[start : start + most])


def has_holes(images: Images) -> bool:
    """Whether anything was not observed, NaN."""
    if images.dtype == np.uint8 or getattr(images, "complete", False):
        return False
    return any(bool(np.isnan(block.min())) for block in blocks(images) if block.size)


def sha256(images: Images) -> str:
    """SHA-256 of the bytes of all images; known already of a whole set on disk."""
    if known := getattr(images, "sha256", None):
        return str(known)
    digest = hashlib.sha256()
    for block in blocks(images):
        digest.update(np.ascontiguousarray(block).data)
    return digest.hexdigest()


def stays_on_disk(images: Images) -> bool:
    """Whether they stay there: `on_disk.Records`, `mapped.Mapped`."""
    return hasattr(images, "only")


def only(part: Split, places: np.ndarray) -> Split:
    """The images at these places with their labels; what stays on disk still does."""
    if not stays_on_disk(part.images):
        return rows(part, places)
    labels = None if part.labels is None else part.labels[places]
    return Split(part.images.only(places), labels)


def rows(part: Split, chosen: slice | np.ndarray) -> Split:
    """The chosen images, with their labels."""
    return Split(part.images[chosen], None if part.labels is None else part.labels[chosen])
