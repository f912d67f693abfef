"""The files of a run: config.json, metrics.jsonl, summary.json, frames/, figures/."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ae_jax.errors import CheckpointError
from ae_jax.files import json_file, json_lines
from ae_jax.resolve import config as config_lib
from ae_jax.train import checkpoint

from . import place


def claim(workdir: Path, config: config_lib.HasDict, images: dict[str, Any] | None = None) -> None:
    """Makes the directory this config's, or checks that it already is.

    Where `images`, the data set's `place.facts`, are those of the run's checkpoints, data may lie
    elsewhere than the config of the run says.

    Raises:
      CheckpointError: it cannot be written, or belongs to a run of another config.
    """
    try:
        (workdir / "figures").mkdir(parents=True, exist_ok=True)
        (workdir / "frames").mkdir(exist_ok=True)
    except OSError as error:
        raise CheckpointError(f"--workdir: cannot write {workdir}: {error.strerror}") from error
    file = workdir / "config.json"
    new = json.loads(json.dumps(config.to_dict()))
    if file.exists() and (changed := _changes(workdir, json_file.read(file), new, images or {})):
        listed = "; ".join(changed[:6]) + ("; ..." if len(changed) > 6 else "")
        raise CheckpointError(
            f"--workdir: {workdir} holds a run of another config\n{listed}\n"
            "choose another --workdir, or delete this one"
        )
    json_file.write(file, new)


def _changes(workdir: Path, old: Any, new: Any, images: dict[str, Any]) -> list[str]:
    """'field: old -> new' of all that makes it another run; the same images elsewhere do not."""
    changed = config_lib.changes(old, new)
    if not any(change.partition(": ")[0] in config_lib.OF_IMAGES for change in changed):
        return changed
    known = checkpoint.meta(workdir)
    if not known or not images:
        return changed
    if others := place.differences(known, images):
        return changed + others
    return config_lib.changes(old, new, (*config_lib.MAY_CHANGE, *config_lib.OF_IMAGES))


def complete(workdir: Path, steps: int) -> dict[str, Any] | None:
    """The summary of a run that has ended after `steps`, figures and all; it is written last."""
    file = workdir / "summary.json"
    summary = json_file.read(file) if file.exists() else {}
    return summary if summary.get("steps") == steps else None


def read_metrics(workdir: Path) -> list[dict[str, Any]]:
    """The rows of metrics.jsonl, up to a line cut short by a kill, or damaged."""
    return json_lines.read(workdir / "metrics.jsonl")


class MetricsLog:
    """metrics.jsonl, continued from a step: what a killed run wrote beyond it is dropped."""

    def __init__(self, workdir: Path, step: int) -> None:
        """Opens the log of `workdir` as it stood at `step`."""
        self.rows = [row for row in read_metrics(workdir) if row["step"] <= step]
        self.file = workdir / "metrics.jsonl"
        json_lines.write(self.file, self.rows)

    def write(self, **row: Any) -> None:
        """Appends one row."""
        self.rows.append(row)
        with self.file.open("a") as f:
            f.write(json.dumps(row) + "\n")


def save_frame(workdir: Path, epoch: int, images: np.ndarray) -> None:
    """Reconstructions [m, height, width, channels] of the fixed images after an epoch."""
    np.save(workdir / "frames" / f"epoch_{epoch:05d}.npy", images.astype(np.float16))


def load_frames(workdir: Path, last_epoch: int) -> dict[int, np.ndarray]:
    """epoch -> frame, up to `last_epoch`."""
    files = sorted((workdir / "frames").glob("epoch_*.npy"))
    frames = {int(f.stem.removeprefix("epoch_")): f for f in files}
    return {e: np.load(f).astype(np.float32) for e, f in frames.items() if e <= last_epoch}
