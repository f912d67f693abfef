"""A run in TensorBoard, by tensorboardX: `tensorboard --logdir=runs` shows all runs there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


class Writer:
    """An event file in <run>/tensorboard; what earlier ones say of later steps is void."""

    def __init__(self, path: Path, name: str, config: Mapping[str, Any], step: int) -> None:
        from tensorboardX import SummaryWriter

        self.events = SummaryWriter(str(path / "tensorboard"), purge_step=step + 1)

    def numbers(self, values: Mapping[str, float], step: int) -> None:
        """A curve for each."""
        for name, value in values.items():
            self.events.add_scalar(name, value, step)

    def histograms(self, values: Mapping[str, np.ndarray], step: int) -> None:
        """A histogram for each."""
        for name, array in values.items():
            self.events.add_histogram(name, array, step)

    def picture(self, name: str, pixels: np.ndarray, step: int) -> None:
        """An image."""
        shape = "HW" if pixels.ndim == 2 else "HWC"
        self.events.add_image(name, pixels, step, dataformats=shape)

    def close(self, ended: bool) -> None:
        """What is left is written."""
        self.events.close()
