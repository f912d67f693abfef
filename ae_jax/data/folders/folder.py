"""A folder of images as a data set, and the cache of what its files decode to.

The cache is what streaming reads (`on_disk`): one entry for each folder of images and each choice
of options, made again when a file is added, removed or changed.
"""

import contextlib
import hashlib
import itertools
import logging
import math
import os
import re
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import PIL

from ae_jax.data import arrays, on_disk
from ae_jax.data.arrays import Dataset, Split
from ae_jax.data.folders import decoding, listing
from ae_jax.data.folders.decoding import How
from ae_jax.data.folders.listing import File
from ae_jax.errors import DataError

FORMAT = 1  # of the cache
BLOCK = 1000  # images that are written at once

log = logging.getLogger(__name__)
T = TypeVar("T")


def load(name: str, how: How, cache: Path, streaming: bool, may_stream: bool = True) -> Dataset:
    """The data set of the images in a folder; see `listing.files` for what lies where.

    Without test/ a tenth is held out as `arrays.from_arrays` does, of the images that can be read
    in the order of their paths. Colors that are kept, but of several kinds, become 'rgb'.

    Args:
      name: the folder.
      how: what becomes of the files.
      cache: the root of all caches; if it cannot be written, and all images fit in memory, the
        files are decoded at every call.
      streaming: training images stay on disk. So they do where they would take more than half of
        the machine's memory; a line in the log says so.
      may_stream: False: images too large for memory are refused instead.

    Raises:
      DataError: no folder, no images, files that cannot be read (how many, and the first three),
        images of several sizes, a link out of the folder; for streaming, a cache that cannot be
        written.
    """
    root = Path(os.path.expanduser(name)).resolve()
    found = listing.files(root)
    place = _place(cache, root, found, how)
    data = _opened(place, name, streaming)
    try:
        if data is None:
            _retried(root, found, how, lambda plan, how: _write(place, plan, how))
            _remove_older(place)
            data = _opened(place, name, streaming)
    except on_disk.CannotWriteError as error:
        if streaming:
            raise
        log.warning("%s is not cached for the next start (%s)", name, str(error).split("\n")[0])
    if data is None:  # nothing can be kept
        data = _retried(root, found, how, lambda plan, how: _at_once(name, plan, how))
    if skipped := len(found) - sum(len(p.images) for p in (*data[1:], data.valid) if p is not None):
        log.warning("%s: %d of %d files cannot be read and are skipped", name, skipped, len(found))
    if not (streaming or isinstance(data.train.images, np.ndarray)):
        if not may_stream:
            raise DataError(f"{name}: {_TOO_LARGE}, and data.split 'random' needs them there")
        log.warning("%s: %s; they stay on disk, as with data.streaming=True", name, _TOO_LARGE)
    return data._replace(how=how._asdict())


_TOO_LARGE = "the images would take more than half of this machine's memory"


class _Plan(NamedTuple):
    """Which file is which image: each part with `File`s, an array of objects, for images."""

    test: Split
    valid: Split
    train: Split
    names: tuple[str, ...] | None


def _planned(root: Path, found: Sequence[File]) -> _Plan:
    names = tuple(sorted({file.label for file in found if file.label is not None}))
    number = {label: i for i, label in enumerate(names)}

    def part(which: str) -> Split:
        files = [file for file in found if file.part == which]
        numbers = [number[file.label] for file in files if file.label is not None]
        labels = np.array(numbers, np.int32) if len(numbers) == len(files) else None
        return Split(np.fromiter(files, object), labels)

    train, test = part("train"), part("test")
    if not len(test.images):
        if len(train.images) < 2:
            raise DataError(f"{root}: one image; without test/ at least 2 are needed")
        train, test = arrays.held_out(train)
    return _Plan(test, part("valid"), train, names or None)


def _retried(root: Path, found: list[File], how: How, use: Callable[[_Plan, How], T]) -> T:
    """What `use` makes of the files, again as soon as they turn out to be other than planned."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow, about what is odd in a file
        while True:
            try:
                return use(_planned(root, found), how)
            except decoding.MixedColorsError:
                how = how._replace(color="rgb")
            except decoding.BadFilesError as error:
                bad = {file for file, _ in error.bad}
                left = [file for file in found if file not in bad]
                if not how.skip_bad or {f.part for f in left} != {f.part for f in found}:
                    raise _of_bad(root, error.bad, found, how) from None
                found = left


def _of_bad(root: Path, bad: Sequence[decoding.Bad], found: list[File], how: How) -> DataError:
    first = sorted(bad)[:3]
    listed = "; ".join(f"{Path(file.path).relative_to(root)} ({why})" for file, why in first)
    mend = "that leaves a part without any" if how.skip_bad else "data.skip_bad=True skips them"
    return DataError(
        f"{root}: {len(bad)} of {len(found)} files cannot be read; {mend}\n"
        f"{listed}{'; ...' if len(bad) > 3 else ''}"
    )


def _read(plan: _Plan, how: How) -> tuple[Split, Split | None, Iterator[Split]]:
    """(test set, validation set, training set in blocks)."""
    parts = plan.test, plan.valid, plan.train
    stream = decoding.images([file for part in parts for file in part.images], how)

    def block(n: int) -> np.ndarray:
        return np.stack(list(itertools.islice(stream, n)))

    def train(most: int) -> Iterator[Split]:
        n = len(plan.train.images)
        for start in range(0, n, most):
            labels = plan.train.labels
            stop = min(start + most, n)
            yield Split(block(stop - start), None if labels is None else labels[start:stop])
        next(stream, None)  # ends its bar

    test, valid = Split(block(len(plan.test.images)), plan.test.labels), None
    if n := len(plan.valid.images):
        valid = Split(block(n), plan.valid.labels)
    return test, valid, train(max(1, min(BLOCK, arrays.BLOCK_BYTES // test.images[0].nbytes)))


def _at_once(name: str, plan: _Plan, how: How) -> Dataset:
    """All in memory."""
    test, valid, blocks = _read(plan, how)
    shape = len(plan.train.images), *test.images.shape[1:]
    if not _fits(shape):
        raise DataError(f"{name}: {_TOO_LARGE}; set AE_JAX_CACHE to a directory with enough space")
    train, at = np.empty(shape, np.uint8), 0
    for block in blocks:
        train[at : at + len(block.images)] = block.images
        at += len(block.images)
    return Dataset(name, Split(train, plan.train.labels), test, plan.names, valid)


def _place(cache: Path, root: Path, found: Sequence[File], how: How) -> Path:
    """Where the cache of these files is: a folder for the options, and one in it for the files."""

    def digest(*facts: object) -> str:
        return hashlib.sha256(repr(facts).encode("utf-8", "replace")).hexdigest()[:16]

    called = re.sub("[^A-Za-z0-9.-]+", "_", root.name)[-60:]
    ours = f"{called}-{digest(FORMAT, PIL.__version__, root, how)}"
    return cache / "folders" / ours / digest(*found)


def _write(place: Path, plan: _Plan, how: How) -> None:
    test, valid, blocks = _read(plan, how)
    n = len(plan.train.images)
    on_disk.write(place, blocks, n, test, plan.names, valid, progress=False)


def _remove_older(place: Path) -> None:
    """Removes what the same folder of images was before."""
    for other in place.parent.iterdir():
        if other != place and not other.name.startswith(on_disk.WRITING):
            shutil.rmtree(other, ignore_errors=True)


def _opened(place: Path, name: str, streaming: bool) -> Dataset | None:
    """The data set in the cache, in memory if it should be and fits; None: absent or damaged.

    In memory every byte is checked, on disk each when it is read.
    """
    if not place.exists():
        return None
    try:
        data = on_disk.read(place, name)
        if streaming or not _fits(data.train.images.shape):
            return data
        return on_disk.in_memory(data)
    except DataError:
        with contextlib.suppress(OSError):
            shutil.rmtree(place)
        return None


def _fits(shape: tuple[int, ...]) -> bool:
    """Whether so many bytes are at most half of the machine's memory."""
    return math.prod(shape) <= memory() // 2


def memory() -> int:
    """Bytes of the machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
