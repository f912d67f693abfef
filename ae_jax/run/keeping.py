"""Opens a run that was kept."""

import warnings
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ae_jax.errors import CheckpointError
from ae_jax.files import json_file
from ae_jax.resolve.config import resolve
from ae_jax.run.starting import key_data
from ae_jax.run.trained import Origin, Run
from ae_jax.train import checkpoint, setup


def restore(workdir: str, best: bool = False) -> Run:
    """The `Run` that `python -m experiments.run` left in a work directory.

    Only data is read (JSON and arrays); no code from the directory is executed. A damaged
    checkpoint is passed over with a warning.

    Args:
      workdir: of the run.
      best: the checkpoint with the lowest test loss instead of the newest.

    Raises:
      CheckpointError: there is no checkpoint, or none can be read.
    """
    path = Path(workdir).expanduser()
    if not (path / "config.json").is_file():
        raise CheckpointError(f"{workdir}: no config.json here; is this a run's work directory?")
    config = resolve(json_file.read(path / "config.json"))
    trainers: list[setup.Trainer] = []
    origins: list[Origin] = []
    key = key_data(jax.random.key(config.seed))

    def like(meta: dict[str, Any]) -> setup.TrainState:
        shape, n = tuple(meta["shape"]), meta["n_train"]
        trainers.append(setup.prepare(config, shape, n))
        origins.append(Origin(shape, n, meta.get("images_sha256", ""), None, key))
        return trainers[-1].abstract()

    restored = checkpoint.restore(path, like, best=best)
    if restored is None:
        raise CheckpointError(f"{workdir}: no checkpoint here yet")
    for step, damage in restored.passed_over.items():
        warnings.warn(f"{workdir}: step {step} is damaged ({damage})", stacklevel=2)
    model, k, state = trainers[-1].model, config.model.code_size, restored.state
    known = np.zeros(k), np.eye(k), None
    if (path / "codes.npz").is_file():
        known = _of_codes(path / "codes.npz", k)
    mean, cov, names = known
    return Run(config, model, state.variables, {}, mean, cov, state, origins[-1], names)


def _of_codes(file: Path, k: int) -> tuple[np.ndarray, np.ndarray, Any]:
    """(mean, covariance, names of the labels or None)."""
    try:
        with np.load(file, allow_pickle=False) as codes:
            mean, cov = codes["mean"], codes["cov"]
            names = codes["label_names"] if "label_names" in codes.files else None
    except Exception as error:  # zipfile, zlib and numpy each have their own
        raise CheckpointError(f"{file}: cannot be read ({error})") from error
    if mean.shape != (k,) or cov.shape != (k, k):
        raise CheckpointError(f"{file}: is of a code of another size than {k}")
    return mean, cov, None if names is None else tuple(map(str, names.reshape(-1)))
