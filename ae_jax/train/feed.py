"""Input of the compiled steps: one array in memory, or windows of batches from disk.

The elements of a grain pipeline are windows. It reads the next window while the current one trains,
in the same order as a run in memory, so the same seed gives the same bits.
"""

import contextlib
import functools
import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ae_jax.data.arrays import Images, stays_on_disk
from ae_jax.train import devices
from ae_jax.train.setup import Trainer

WINDOW_BYTES = 8_000_000


class Window(NamedTuple):
    """Images for some steps of one epoch, and in which order these take them."""

    images: Any
    labels: Any  # or None
    order: Any  # indices of `images`
    start: int  # the steps of the run, [start, stop)
    stop: int
    waited: float = 0.0  # seconds that training stood still for it


def feed(
    trainer: Trainer,
    images: Images,
    labels: np.ndarray | None,
    order_of: Callable[[int], Any],
    step: int,
) -> Iterator[Window]:
    """What the steps from `step` to the end of the run are fed; `order_of(epoch)` is a permutation.

    An array is one window per epoch. Of what stays on disk a window is a few batches, already in
    order, and the short last batch of an epoch; all windows have one shape.
    """
    steps, epochs = trainer.steps_per_epoch, trainer.config.train.epochs
    if not stays_on_disk(images):
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


def _bounds(trainer: Trainer, images: Images) -> list[tuple[int, int]]:
    """Steps [first, last) of an epoch that make a window, as even as can be."""
    full, rest = trainer.batches
    batch_bytes = trainer.config.train.batch_size * images.dtype.itemsize
    most = max(1, WINDOW_BYTES // (batch_bytes * math.prod(images.shape[1:])))
    size = -(-full // -(-full // most))
    bounds = [(first, min(first + size, full)) for first in range(0, full, size)]
    return [*bounds, (full, full + 1)] if rest else bounds


def _window(
    trainer: Trainer,
    images: Images,
    labels: np.ndarray | None,
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
