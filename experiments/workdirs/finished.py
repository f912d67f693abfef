"""Reads and checks a finished run from its directory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ae_jax.config.sections import Config
from ae_jax.errors import CheckpointError
from ae_jax.evaluate.baselines import COPIES
from ae_jax.files import json_file
from ae_jax.resolve.config import flat, resolve

from .. import cli
from . import workdir

NEEDED = ("test.mse", "test.psnr", "params", "epochs", "steps", "n_train", "n_test")
OPTIONAL = (
    "test.",
    "valid.",
    "best.",
    "denoise.",
    "manifold.",
    "code.",
    "timing.",
)  # what is there are numbers
SECTIONS = (
    "test",
    "valid",
    "best",
    "controls",
    "denoise",
    "manifold",
    "code",
    "timing",
    "versions",
)
BASELINES = {
    "pca": "PCA, equal code size",
    "pca_uncentred": "PCA without centering",
    "mean_image": "the mean image",
    "untrained": "the untrained network",
}


class Record(NamedTuple):
    """What a finished run left, read and checked."""

    path: Path
    config: Config
    summary: dict[str, Any]
    rows: list[dict[str, Any]]


def read(path: Path, summary: dict[str, Any] | None = None) -> Record:
    """The run in a work directory; `summary` is what its summary.json will hold.

    Raises:
      CheckpointError: there is no run, it has not finished, or a file is not written by ae_jax.
    """
    if not (path / "config.json").is_file():
        raise CheckpointError(f"--workdir: {path} holds no run; {cli.command('run')} makes one")
    if summary is None and not (path / "summary.json").is_file():
        raise CheckpointError(
            f"--workdir: the run in {path} has not finished (no summary.json)\n"
            "the command that started it resumes from its last checkpoint"
        )
    config = resolve(json_file.read(path / "config.json"))
    found = summary or json_file.read(path / "summary.json")
    _check(path / "summary.json", found)
    return Record(path, config, found, workdir.read_metrics(path))


def lacks_summary(path: Path) -> bool:
    """Whether there is a run that nobody has evaluated, as `run.save` leaves it."""
    return (path / "config.json").is_file() and not (path / "summary.json").exists()


def baselines(summary: Mapping[str, Any]) -> dict[str, float]:
    """The baselines on clean images that compare with the run.

    Without PCA where the code is as large as the rank of the data, up to COPIES of the
    variance: a copy is no achievement then, and the error of a denoiser is not to be the least.
    """
    found = summary["controls"]
    copied = _left(summary) < COPIES
    return {c: found[c] for c in BASELINES if not (copied and c.startswith("pca"))}


def copies(summary: dict[str, Any]) -> str:
    """Why `controls` has no PCA."""
    left = 100 * _left(summary)
    some = f"{left:.2g}" if left >= 0.01 else "under 0.01"
    return f"does not apply: a code this large can copy (PCA leaves {some} % of the variance)"


def _left(summary: Mapping[str, Any]) -> float:
    """The share of the mean image's error that PCA of equal code size leaves."""
    found = summary["controls"]
    return found["pca"] / found["mean_image"] if found["mean_image"] > 0 else 0.0


def _check(file: Path, summary: dict[str, Any]) -> None:
    """That every number a page shows is there and is a number."""
    known = dict(flat(summary))
    needed = [*NEEDED, *(f"controls.{control}" for control in BASELINES)]
    if "denoise" in summary:
        needed += ["denoise.noisy_mse", "denoise.denoised_mse"]
    if known.get("denoise.linear_denoiser_mse", 0) is None:  # where there are too many pixels
        del known["denoise.linear_denoiser_mse"]
    optional = [name for name in known if name.startswith(OPTIONAL)]
    for name in (*needed, *optional):
        if not isinstance(known.get(name), int | float):
            raise CheckpointError(f"{file}: {name} is missing, or not a number")
    for section in SECTIONS:
        if not isinstance(summary.get(section, {}), dict):
            raise CheckpointError(f"{file}: {section} is not a section")
    if not isinstance(summary.get("dataset"), str):
        raise CheckpointError(f"{file}: dataset is missing, or not text")
