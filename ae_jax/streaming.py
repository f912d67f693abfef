"""Training images that stay on disk: one array_record file, read a window of batches at a time.

A record is the bytes of one image, so that a batch is gathered in the order a run in memory would
gather it, and the same compiled steps (`training.run_steps`) do the rest: the same seed gives the
same bits. A grain pipeline whose elements are windows reads the next one while this one trains.

In memory are: three windows of about WINDOW_BYTES, and for every image some 50 bytes (its place
in the file, its label, its place in the epoch's order) instead of its pixels.
"""

import contextlib
import copy
import functools
import hashlib
import json
import math
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ae_jax import devices
from ae_jax.arrays import Dataset, Split
from ae_jax.errors import DataError

if TYPE_CHECKING:
    from ae_jax.training import Trainer

WINDOW_BYTES = 8_000_000
WRITING = ".writing-"
RECORDS, ARRAYS, META = "train.array_record", "arrays.npz", "meta.json"
PER_RECORD = 64  # bytes that array_record adds


class Records:
    """Images [n, H, W, C] in a file: `len`, `shape`, `dtype`, and rows by slice or index array.

    array_record checks its own checksums whenever it reads.

    Attributes:
      sha256: of the bytes of all images; None after `first`.

    Raises:
      DataError: from here and from reading: the file is missing, truncated or damaged.
    """

    def __init__(self, file: Path, shape: tuple[int, ...], dtype: Any, sha256: str | None) -> None:
        from array_record.python.array_record_module import ArrayRecordReader

        self.file, self.shape, self.dtype = file, tuple(shape), np.dtype(dtype)
        self.ndim, self.sha256 = len(shape), sha256
        self._one_at_a_time = threading.Lock()
        with _damage(file):  # no reading ahead: the places asked for are random
            self._reader = ArrayRecordReader(str(file), "readahead_buffer_size:0,max_parallelism:0")
            if self._reader.num_records() != len(self):
                raise ValueError(f"{self._reader.num_records()} images, not {len(self)}")

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, chosen: Any) -> np.ndarray:
        """The chosen images as an array: a slice, whole numbers >= 0, or a mask."""
        if isinstance(chosen, slice):
            places = list(range(len(self))[chosen])
        else:
            index = np.asarray(chosen)
            if index.ndim == 0:
                return self[index[None]][0]
            places = (np.flatnonzero(index) if index.dtype == bool else index).tolist()
        if not places:
            return np.empty((0, *self.shape[1:]), self.dtype)
        if min(places) < 0 or max(places) >= len(self):
            raise IndexError(f"there are images 0 to {len(self) - 1}")
        with _damage(self.file), self._one_at_a_time:
            data = bytearray().join(self._reader.read(places))
            return np.frombuffer(data, self.dtype).reshape(-1, *self.shape[1:])

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise TypeError("images on disk are not one array; take some of them, images[:1000]")

    def first(self, n: int) -> "Records":
        """The first n images, on disk still."""
        if n == len(self):
            return self
        fewer = copy.copy(self)
        fewer.shape, fewer.sha256 = (n, *self.shape[1:]), None
        return fewer


@contextlib.contextmanager
def _damage(file: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # array_record raises ValueError, RuntimeError, IndexError
        why = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise DataError(
            f"{file}: missing or damaged ({why})\ndelete {file.parent}; it will be made again"
        ) from None


def write(
    folder: Path,
    blocks: Iterable[Split],
    n: int,
    test: Split,
    label_names: tuple[str, ...] | None = None,
) -> None:
    """Makes `folder` for `read`, whole or not at all.

    Args:
      folder: a new directory; another process that makes the same one at once does no harm.
      blocks: the training set, n images in all, in parts that fit in memory.
      n: for the bar that a terminal shows after two seconds, and to refuse what cannot fit.
      test: the test set.
      label_names: of the labels of both.

    Raises:
      DataError: the disk is full or cannot be written; says how many MB are needed.
    """
    image = test.images[0]
    needed = n * (image.nbytes + PER_RECORD) + test.images.nbytes
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder.parent)
        if needed > shutil.disk_usage(folder.parent).free:
            raise OSError("not enough free space")
        with tempfile.TemporaryDirectory(prefix=WRITING, dir=folder.parent) as scratch:
            made = Path(scratch) / "made"
            made.mkdir()
            labels, meta = _write_records(made / RECORDS, blocks, n)
            held = {"train_labels": labels, "test_images": test.images, "test_labels": test.labels}
            held |= {"label_names": None if label_names is None else np.array(label_names)}
            known: Any = {key: value for key, value in held.items() if value is not None}
            np.savez(made / ARRAYS, **known)
            (made / META).write_text(json.dumps(meta))
            with contextlib.suppress(OSError):  # another process was first: its copy is as good
                os.rename(made, folder)
    except (OSError, RuntimeError) as error:  # the latter from array_record
        why = getattr(error, "strerror", None) or str(error).splitlines()[0][:200]
        raise DataError(
            f"{folder}: cannot be written ({why}); {needed / 1e6:,.0f} MB are needed\n"
            "set AE_JAX_CACHE to a directory with room, or data.streaming=False"
        ) from None


def _write_records(
    file: Path, blocks: Iterable[Split], n: int
) -> tuple[np.ndarray | None, dict[str, Any]]:
    """(the labels of all blocks, what `read` must know)."""
    from array_record.python.array_record_module import ArrayRecordWriter
    from tqdm import tqdm

    digest, labels, count = hashlib.sha256(), [], 0
    writer = ArrayRecordWriter(str(file), "group_size:1,uncompressed")
    with tqdm(total=n, unit="image", desc="to disk", disable=None, delay=2) as bar:
        for block in blocks:
            for image in block.images:
                writer.write(image.tobytes())
            digest.update(np.ascontiguousarray(block.images).data)
            labels.append(block.labels)
            count += len(block.images)
            bar.update(len(block.images))
    writer.close()
    images = block.images
    meta = {
        "shape": [count, *images.shape[1:]],
        "dtype": str(images.dtype),
        "images_sha256": digest.hexdigest(),
    }
    known = [part for part in labels if part is not None]
    return (np.concatenate(known) if len(known) == len(labels) else None), meta


def _sweep(root: Path) -> None:
    """Removes what a killed process left: nothing in it was written for an hour."""
    for left in root.glob(f"{WRITING}*"):
        with contextlib.suppress(OSError):  # or is just being removed by its own
            written = max(p.stat().st_mtime for p in [left, *left.glob("*/*")])
            if time.time() - written > 3_600:
                shutil.rmtree(left)


def read(folder: Path, name: str) -> Dataset:
    """The data set that `write` made: training images as `Records`, all else in memory.

    Raises:
      DataError: names the file that is missing or damaged.
    """
    with _damage(folder / META):
        meta = json.loads((folder / META).read_text())
        known = tuple(meta["shape"]), np.dtype(meta["dtype"]), str(meta["images_sha256"])
    with (
        _damage(folder / ARRAYS),
        (folder / ARRAYS).open("rb") as stream,  # np.load leaves its own open on failure
        np.load(stream, allow_pickle=False) as file,
    ):
        labels, test_images, test_labels, names = (
            file[key] if key in file.files else None
            for key in ("train_labels", "test_images", "test_labels", "label_names")
        )
    called = None if names is None else tuple(names.tolist())
    train = Split(Records(folder / RECORDS, *known), labels)
    return Dataset(name, train, Split(test_images, test_labels), called)


class Window(NamedTuple):
    """Images for some steps of one epoch, and in which order these take them."""

    images: Any
    labels: Any  # or None
    order: Any  # indices of `images`
    start: int  # the steps of the run, [start, stop)
    stop: int
    waited: float = 0.0  # seconds that training stood still for it


def feed(
    trainer: "Trainer",
    images: Any,
    labels: Any,
    order_of: Callable[[int], Any],
    step: int,
) -> Iterator[Window]:
    """What the steps from `step` to the end of the run are fed; `order_of(epoch)` is a permutation.

    An array is one window an epoch. Of `Records` a window is a few batches, already in order, and
    the short last batch of an epoch; all windows have one shape.
    """
    steps, epochs = trainer.steps_per_epoch, trainer.config.train.epochs
    if not isinstance(images, Records):
        images, labels = devices.replicate(trainer.mesh, (images, labels))
        for epoch in range(step // steps, epochs):
            yield Window(images, labels, order_of(epoch), epoch * steps, (epoch + 1) * steps)
        return
    import grain  # takes more than a second

    epoch, first = divmod(step, steps)
    bounds = _bounds(trainer, images)
    # More rows than a batch, unless the whole set is one, for then XLA would drop the gathering
    # from the program and compile the rest a little differently, which shows in the last bit.
    rows = min(trainer.config.train.batch_size * bounds[0][1] + 1, len(images))
    skipped = sum(stop <= first for _, stop in bounds)
    order_of = functools.lru_cache(maxsize=2)(order_of)

    def load(i: int) -> Window:
        epoch, w = divmod(i, len(bounds))
        return _window(trainer, images, labels, np.asarray(order_of(epoch)), epoch, bounds[w], rows)

    pipeline = grain.MapDataset.range(epoch * len(bounds) + skipped, epochs * len(bounds)).map(load)
    # One thread and one window ahead: more only take cores from the training.
    options = grain.ReadOptions(num_threads=1, prefetch_buffer_size=1)
    with contextlib.closing(iter(pipeline.to_iter_dataset(options))) as loaded:
        asked = time.perf_counter()
        for window in loaded:
            yield window._replace(waited=time.perf_counter() - asked)
            asked = time.perf_counter()


def _bounds(trainer: "Trainer", images: Records) -> list[tuple[int, int]]:
    """Steps [first, last) of an epoch that make a window, as even as can be."""
    full, rest = trainer.batches
    batch_bytes = trainer.config.train.batch_size * images.dtype.itemsize
    most = max(1, WINDOW_BYTES // (batch_bytes * math.prod(images.shape[1:])))
    size = -(-full // -(-full // most))
    bounds = [(first, min(first + size, full)) for first in range(0, full, size)]
    return [*bounds, (full, full + 1)] if rest else bounds


def _window(
    trainer: "Trainer",
    images: Records,
    labels: Any,
    order: np.ndarray,
    epoch: int,
    bounds: tuple[int, int],
    rows: int,
) -> Window:
    """Batches [first, last) of an epoch, filled up to so many `rows`."""
    first, last = bounds
    batch, start = trainer.config.train.batch_size, epoch * trainer.steps_per_epoch
    chosen = order[first * batch : last * batch]
    filled = np.zeros((rows, *images.shape[1:]), images.dtype)
    filled[: len(chosen)] = images[chosen]
    if labels is not None:
        labels = np.resize(labels[chosen], rows)
    return Window(filled, labels, np.arange(rows, dtype=np.int32), start + first, start + last)
