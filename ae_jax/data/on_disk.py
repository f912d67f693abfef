"""Training images that stay on disk: one array_record file with one image per record.

While a run trains, memory holds three windows of the file (see `ae_jax.train.feed`) and about 50
bytes per image (its position in the file, its label, its position in the epoch), not its pixels.
"""

import contextlib
import copy
import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ae_jax.data import arrays
from ae_jax.data.arrays import Dataset, Split
from ae_jax.errors import DataError
from ae_jax.files import json_file

WRITING = ".writing-"
RECORDS, ARRAYS, META = "train.array_record", "arrays.npz", "meta.json"
PER_RECORD = 64  # bytes that array_record adds


class CannotWriteError(DataError):
    """The disk is full or cannot be written."""


class Records:
    """Images [n, H, W, C] in a file: `len`, `shape`, `dtype`, and rows by slice or index array.

    array_record checks its own checksums whenever it reads.

    Attributes:
      sha256: of the bytes of all images; None after `first` and `only`.

    Raises:
      DataError: from here and from reading: the file is missing, truncated or damaged.
    """

    complete = True  # nothing is missing in them

    def __init__(
        self, file: Path, shape: tuple[int, ...], dtype: DTypeLike, sha256: str | None
    ) -> None:
        from array_record.python.array_record_module import ArrayRecordReader

        self.file, self.shape, self.dtype = file, tuple(shape), np.dtype(dtype)
        self.ndim, self.sha256 = len(shape), sha256
        self._places: np.ndarray | None = None  # in the file, of each image; None: all in order
        self._one_at_a_time = threading.Lock()
        with _damage(file):  # no reading ahead: the places asked for are random
            self._reader = ArrayRecordReader(str(file), "readahead_buffer_size:0,max_parallelism:0")
            if self._reader.num_records() != len(self):
                raise ValueError(f"{self._reader.num_records()} images, not {len(self)}")

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, chosen: slice | np.ndarray) -> np.ndarray:
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
        if self._places is not None:
            places = self._places[places].tolist()
        with _damage(self.file), self._one_at_a_time:
            data = bytearray().join(self._reader.read(places))
            return np.frombuffer(data, self.dtype).reshape(-1, *self.shape[1:])

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise TypeError("images on disk are not one array; take a slice, such as images[:1000]")

    def first(self, n: int) -> "Records":
        """The first n images, on disk still."""
        if n == len(self):
            return self
        fewer = copy.copy(self)
        fewer.shape, fewer.sha256 = (n, *self.shape[1:]), None
        return fewer

    def only(self, places: np.ndarray) -> "Records":
        """The images at these places, on disk still."""
        fewer = self.first(len(places))
        fewer = copy.copy(fewer) if fewer is self else fewer
        fewer._places = places if self._places is None else self._places[places]
        fewer.sha256 = None
        return fewer


@contextlib.contextmanager
def _damage(file: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # array_record raises ValueError, RuntimeError, IndexError
        why = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise DataError(
            f"{file}: missing or damaged ({why})\ndelete {file.parent}; it will be created again"
        ) from None


def write(
    folder: Path,
    blocks: Iterable[Split],
    n: int,
    test: Split,
    label_names: tuple[str, ...] | None = None,
    valid: Split | None = None,
    progress: bool = True,
) -> None:
    """Makes `folder` for `read`, whole or not at all.

    Args:
      folder: a new directory; another process that makes the same one at once does no harm.
      blocks: the training set, n images in all, in parts that fit in memory.
      n: for the bar that a terminal shows after two seconds, and to refuse what cannot fit.
      test: the test set.
      label_names: of the labels of both.
      valid: the validation set, or None.
      progress: False: no bar; the blocks have one of their own.

    Raises:
      CannotWriteError: the disk is full or cannot be written; says how many MB are needed.
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
            labels, meta = _write_records(made / RECORDS, blocks, n, progress)
            held = {"train_labels": labels, "test_images": test.images, "test_labels": test.labels}
            if valid is not None:
                held |= {"valid_images": valid.images, "valid_labels": valid.labels}
            held |= {"label_names": None if label_names is None else np.array(label_names)}
            known: Any = {key: value for key, value in held.items() if value is not None}
            np.savez(made / ARRAYS, **known)
            json_file.write(made / META, meta | {"arrays_sha256": _sha256(made / ARRAYS)})
            with contextlib.suppress(OSError):  # another process was first: its copy is as good
                os.rename(made, folder)
    except (OSError, RuntimeError) as error:  # the latter from array_record
        why = getattr(error, "strerror", None) or str(error).splitlines()[0][:200]
        raise CannotWriteError(
            f"{folder}: cannot be written ({why}); {needed / 1e6:,.0f} MB are needed\n"
            "set AE_JAX_CACHE to a directory with enough space, or data.streaming=False"
        ) from None


def _write_records(
    file: Path, blocks: Iterable[Split], n: int, progress: bool
) -> tuple[np.ndarray | None, dict[str, Any]]:
    """(the labels of all blocks, what `read` must know)."""
    from array_record.python.array_record_module import ArrayRecordWriter
    from tqdm import tqdm

    digest, labels, count = hashlib.sha256(), [], 0
    writer = ArrayRecordWriter(str(file), "group_size:1,uncompressed")
    off = None if progress else True  # None: where there is no terminal
    with tqdm(total=n, unit="image", desc="to disk", disable=off, delay=2) as bar:
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


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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
        meta = json_file.read(folder / META)
        known = tuple(meta["shape"]), np.dtype(meta["dtype"]), str(meta["images_sha256"])
    with (
        _damage(folder / ARRAYS),
        (folder / ARRAYS).open("rb") as stream,  # np.load leaves its own open on failure
        np.load(stream, allow_pickle=False) as file,
    ):
        if meta.get("arrays_sha256") not in (None, _sha256(folder / ARRAYS)):  # None: once absent
            raise ValueError("its checksum differs")
        held = {key: file[key] for key in file.files}
    names, valid = held.get("label_names"), None
    if "valid_images" in held:
        valid = Split(held["valid_images"], held.get("valid_labels"))
    called = None if names is None else tuple(names.tolist())
    train = Split(Records(folder / RECORDS, *known), held.get("train_labels"))
    test = Split(held.get("test_images"), held.get("test_labels"))
    return Dataset(name, train, test, called, valid)


def in_memory(data: Dataset) -> Dataset:
    """A data set that `read` has opened, with its training images in memory, every byte checked.

    Raises:
      DataError: names the file that is damaged.
    """
    records = data.train.images
    images, at = np.empty(records.shape, records.dtype), 0
    for block in arrays.blocks(records):
        images[at : at + len(block)] = block
        at += len(block)
    with _damage(records.file):
        if arrays.sha256(images) != records.sha256:
            raise ValueError("its checksum differs")
    return data._replace(train=Split(images, data.train.labels))
