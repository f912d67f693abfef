"""A run in Weights & Biases, offline: `wandb sync runs/denoise/wandb/offline-run-*` sends it.

WANDB_MODE=online in the environment sends it while it is trained.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

PROJECT = "ae_jax"  # unless the environment says WANDB_PROJECT
BINS = 64


class Writer:
    """A run in <run>/wandb; one that goes on has the same id, by which sync joins them."""

    def __init__(self, path: Path, name: str, config: Mapping[str, Any], step: int) -> None:
        mode = os.environ.get("WANDB_MODE", "offline")
        if mode == "offline":
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
            os.environ.setdefault("WANDB_CACHE_DIR", str(path / "wandb" / "cache"))
        import wandb

        self.wandb = wandb
        (path / "wandb").mkdir(exist_ok=True)  # or it takes another place
        quiet = wandb.Settings(console="off", silent=True, disable_git=True, disable_code=True)
        self.run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=name,
            id=_id(path / "wandb"),
            resume="allow",
            dir=str(path),
            mode=mode,
            settings=quiet,
        )
        self.run.config.update(dict(config), allow_val_change=True)

    def numbers(self, values: Mapping[str, float], step: int) -> None:
        """A curve for each."""
        self.run.log(dict(values), step=step)

    def histograms(self, values: Mapping[str, np.ndarray], step: int) -> None:
        """A histogram for each."""
        made = {n: self.wandb.Histogram(np_histogram=_histogram(v)) for n, v in values.items()}
        self.run.log(made, step=step)

    def picture(self, name: str, pixels: np.ndarray, step: int) -> None:
        """An image."""
        self.run.log({name: self.wandb.Image(pixels)}, step=step)

    def close(self, ended: bool) -> None:
        """What is left is written."""
        self.run.finish(exit_code=0 if ended else 1)


def _histogram(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.histogram(values[np.isfinite(values)], BINS)


def _id(folder: Path) -> str | None:
    """Of the newest run there; None where there is none."""
    names = sorted(found.name for found in folder.glob("*run-*-*"))
    found = re.search(r"run-\d+_\d+-(\w+)$", names[-1]) if names else None
    return found and found[1]
