"""A run in trackers: what a run shows of itself, and what a tracker is.

python -m experiments.run --config=configs/denoise.py --tensorboard --mlflow --wandb

Each keeps its files in the work directory and asks no server. A resumed run goes on in the same
tracker's run. Another tracker is a file like `mlflow.py` and a line in TRACKERS.
"""

import contextlib
import importlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import jax
import numpy as np

from ae_jax import extras
from ae_jax.errors import ConfigError
from ae_jax.model import scaling
from ae_jax.model.pipeline import Variables
from ae_jax.resolve.config import flat

from .prepared import Session

# Name, which is that of the flag, the extra and the file here -> the package that it needs.
TRACKERS = {"tensorboard": "tensorboardX", "mlflow": "mlflow", "wandb": "wandb"}
CODES = 1000  # test images whose codes are shown
SIDE = 84  # pixels an image is wide at most


class Writer(Protocol):
    """What a tracker must take; `Writer(path, name, config, step)` opens it.

    Its files are in `path`/<tracker>. `name` is the run's, `config` its fields. It goes on from
    `step`: what it has of later ones is void, or is said again.
    """

    def numbers(self, values: Mapping[str, float], step: int) -> None:
        """Numbers by name, such as 'loss/train'."""

    def histograms(self, values: Mapping[str, np.ndarray], step: int) -> None:
        """Arrays by name, whose distribution is to be seen; some trackers have none."""

    def picture(self, name: str, pixels: np.ndarray, step: int) -> None:
        """uint8 [height, width] or [height, width, 3]."""

    def close(self, ended: bool) -> None:
        """What is left is written; `ended`: the run will not be resumed."""


def check(names: Sequence[str]) -> None:
    """Raises ConfigError where the package of a tracker is not installed."""
    for name in names:
        extras.need(f"--{name}", (TRACKERS[name],), name)


class Shown:
    """The trackers of a run, each told the same."""

    def __init__(self, s: Session, writers: list[Writer]) -> None:
        """Of session `s`."""
        model = s.trainer.model
        self.writers, self.ended = writers, False
        self.test, self.denoises = s.dataset.test, model.corrupts
        self.of_images = s.dataset.examples.kind == "image"
        self.encode = jax.jit(lambda v, x: model.encode(v, scaling.to_network(x, model.scale)))

    def rows(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Every number of these lines of metrics.jsonl, as <name>/<split>."""
        for row in rows:
            names = row.keys() - {"step", "epoch", "split"}
            values = {f"{name}/{row['split']}": float(row[name]) for name in sorted(names)}
            for writer in self.writers:
                writer.numbers(values, row["step"])

    def epoch(
        self, step: int, variables: Variables, inputs: np.ndarray, outputs: np.ndarray
    ) -> None:
        """Histograms of parameters, gathered statistics and codes; test images, if they are.

        `inputs` stand over `outputs`, of a denoiser over the clean images as well.
        """
        leaves = jax.tree_util.tree_leaves_with_path(variables)
        arrays = {jax.tree_util.keystr(p, simple=True, separator="/"): v for p, v in leaves}
        arrays["code"] = self.encode(variables, self.test.images[:CODES])
        shown = {name: np.asarray(array) for name, array in arrays.items()}
        picture = self._picture(inputs, outputs) if self.of_images else None
        for writer in self.writers:
            writer.histograms(shown, step)
            if picture is not None:
                writer.picture("reconstructions", picture, step)

    def _picture(self, inputs: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        from ae_jax.evaluate import baselines
        from ae_jax.figures.animation import displayable, mosaic

        rows = [displayable(inputs, "test images"), displayable(outputs, "outputs")]
        if self.denoises:
            clean = baselines.unit_rows(self.test.images[: len(outputs)])
            rows.append(displayable(clean.reshape(outputs.shape), "test images"))
        return np.rint(255 * mosaic(rows, SIDE)[0]).astype(np.uint8)


@contextlib.contextmanager
def shown(path: Path, s: Session, step: int, names: Sequence[str]) -> Iterator[Shown | None]:
    """The trackers `names` of the run in `path`, which goes on from `step`; None where none is.

    Whoever ends the run says so by `ended`. Raises ConfigError where one cannot be opened.
    """
    fields = dict(flat(s.config.to_dict()))
    found = Shown(s, [])
    with contextlib.ExitStack() as opened:
        for name in names:
            try:
                module = importlib.import_module(f".{name}", __package__)
                writer: Writer = module.Writer(path, path.resolve().name, fields, step)
            except Exception as error:  # of a package that is not ours: anything
                reason = str(error).strip().partition("\n")[0]
                raise ConfigError(f"--{name}: {type(error).__name__}: {reason}") from error
            found.writers.append(writer)
            opened.callback(_closed, writer, found)
        yield found if names else None


def _closed(writer: Writer, found: Shown) -> None:
    writer.close(found.ended)
