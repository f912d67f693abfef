"""A row of `experiments.bench`: training from disk compared with training from memory."""

import statistics
import tempfile
from pathlib import Path
from types import ModuleType

import jax

from ae_jax.data import arrays, on_disk
from ae_jax.data.arrays import Split
from ae_jax.resolve import config
from ae_jax.train import loop, setup
from experiments.benchmarks.subjects import FOREVER, digits
from experiments.benchmarks.turns import Pace, Row, Work, interleave

N_IMAGES = 60_000
BATCH = 256
LONGER = 4


def stream(torch_side: ModuleType, base: str, pace: Pace) -> Row:
    """A training step of `base` with its 60,000 images on disk, and with them in memory."""
    # Rounds of several windows: the one that is read ahead while the other side works is for free.
    pace = pace._replace(seconds=LONGER * pace.seconds)
    with tempfile.TemporaryDirectory() as folder:
        split = Split(digits(N_IMAGES), None)
        few = arrays.rows(split, slice(0, 1))
        on_disk.write(Path(folder) / "digits", [split], N_IMAGES, few)
        disk = on_disk.read(Path(folder) / "digits", "digits").train
        seconds = interleave({"ours": _work(base, disk), "memory": _work(base, split)}, pace)
    medians = {side: 1e3 * statistics.median(values) for side, values in seconds.items()}
    return {
        "name": f"stream:{base}",
        **{f"{side}_ms": round(ms, 4) for side, ms in medians.items()},
        "torch_ms": None,
        "ratio": None,
        "of_memory": round(medians["memory"] / medians["ours"], 3),  # throughput
        "kind": "pipeline",
        "batch_size": BATCH,
        "rounds_ms": {s: [round(1e3 * v, 4) for v in values] for s, values in seconds.items()},
    }


def _work(base: str, split: Split) -> Work:
    resolved = config.load_config(base, **{"train.epochs": FOREVER, "train.batch_size": BATCH})
    trainer = setup.prepare(resolved, split.images.shape[1:], N_IMAGES)
    key = jax.random.key(0)
    state = trainer.init(key, setup.mean_image(split.images[:BATCH], trainer.model))
    chunks = loop.train(trainer, state, split, key)

    def work(n: int) -> list[float]:
        losses: list[float] = []
        while len(losses) < n:
            losses.extend(next(chunks).terms["loss"].tolist())
        return losses

    return work
