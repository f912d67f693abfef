"""A run in TensorBoard: its numbers, images and histograms, written by tensorboardX.

python -m experiments.run --config=configs/denoise.py --tensorboard
tensorboard --logdir=runs
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ae_jax.errors import ConfigError
from ae_jax.model import scaling
from ae_jax.model.pipeline import Variables

from .prepared import Session

CODES = 1000  # test images whose codes are shown
SIDE = 84  # pixels an image is wide at most


def check() -> None:
    """Raises ConfigError where tensorboardX is not installed."""
    try:
        import tensorboardX  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"--tensorboard: tensorboardX is not installed ({error})\n"
            "pip install 'ae_jax[tensorboard]'"
        ) from error


class EventFile:
    """An event file in <run>/tensorboard; what earlier ones say of later steps is void."""

    def __init__(self, path: Path, s: Session, step: int) -> None:
        """Of session `s` in `path`, which goes on from `step`."""
        from tensorboardX import SummaryWriter

        model = s.trainer.model
        self.writer = SummaryWriter(str(path / "tensorboard"), purge_step=step + 1)
        self.test, self.denoises = s.dataset.test, model.corrupts
        self.of_images = s.dataset.examples.kind == "image"
        self.encode = jax.jit(lambda v, x: model.encode(v, scaling.to_network(x, model.scale)))

    def numbers(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Every number of these lines of metrics.jsonl, as <name>/<split>."""
        for row in rows:
            for name in row.keys() - {"step", "epoch", "split"}:
                self.writer.add_scalar(f"{name}/{row['split']}", row[name], row["step"])

    def epoch(
        self, step: int, variables: Variables, inputs: np.ndarray, outputs: np.ndarray
    ) -> None:
        """Histograms of parameters, gathered statistics and codes; test images, if they are.

        `inputs` stand over `outputs`, of a denoiser over the clean images as well.
        """
        for path, leaf in jax.tree_util.tree_leaves_with_path(variables):
            tag = jax.tree_util.keystr(path, simple=True, separator="/")
            self.writer.add_histogram(tag, np.asarray(leaf), step)
        codes = self.encode(variables, self.test.images[:CODES])
        self.writer.add_histogram("code", np.asarray(codes), step)
        if not self.of_images:
            return
        from ae_jax.evaluate import baselines
        from ae_jax.figures.animation import displayable, mosaic

        rows = [displayable(inputs, "test images"), displayable(outputs, "outputs")]
        if self.denoises:
            clean = baselines.unit_rows(self.test.images[: len(outputs)])
            rows.append(displayable(clean.reshape(outputs.shape), "test images"))
        picture = mosaic(rows, SIDE)[0]
        shape = "HW" if picture.ndim == 2 else "HWC"
        self.writer.add_image("reconstructions", picture, step, dataformats=shape)

    def close(self) -> None:
        """What is left is written."""
        self.writer.close()
