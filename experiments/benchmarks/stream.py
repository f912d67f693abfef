"""A row of `experiments.bench`: training from disk compared with training from memory."""

import statistics
import tempfile
from pathlib import Path
from types import ModuleType

from ae_jax.data import arrays, on_disk
from ae_jax.data.arrays import Split

from .subjects import Subject, digits, ours
from .turns import Pace, Row, Work, interleave

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
        sides = {"ours": disk, "memory": split}
        seconds = interleave({side: _work(base, data) for side, data in sides.items()}, pace)
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


def _work(base: str, data: Split) -> Work:
    return ours(Subject(base), {"train.batch_size": BATCH}, data).work
