"""Opens a run that was kept."""

import warnings
from pathlib import Path
from typing import Any

from ae_jax.errors import CheckpointError
from ae_jax.files import json_file
from ae_jax.resolve.config import Resolved, resolve
from ae_jax.run.origin import Origin, from_meta
from ae_jax.run.trained import Run
from ae_jax.train import checkpoint, setup
from ae_jax.train.record import Record


def restore(workdir: str, best: bool = False) -> Run:
    """The `Run` that `run.save` or `python -m experiments.run` left in a directory.

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

    def like(meta: dict[str, Any]) -> setup.TrainState:
        origin = from_meta(meta)
        height, width, channels = origin.shape
        trainers.append(setup.prepare(config, (height, width, channels), origin.n_train))
        origins.append(origin)
        return trainers[-1].abstract()

    restored = checkpoint.restore(path, like, best=best)
    if restored is None:
        raise CheckpointError(f"{workdir}: no checkpoint here yet")
    for step, damage in restored.passed_over.items():
        warnings.warn(f"{workdir}: step {step} is damaged ({damage})", stacklevel=2)
    return opened(config, trainers[-1], restored.state, restored.record, origins[-1])


def opened(
    config: Resolved,
    trainer: setup.Trainer,
    state: setup.TrainState,
    record: Record,
    origin: Origin | None = None,
) -> Run:
    """The `Run` of a checkpoint.

    Raises:
      CheckpointError: its record is of another code.
    """
    mean, cov = record.moments or (None, None)
    if mean is not None and len(mean) != (k := config.model.code_size):
        raise CheckpointError(f"the checkpoint's record is of a code of {len(mean)}, not of {k}")
    history, names = dict(record.history), record.label_names
    return Run(config, trainer.model, state.variables, history, mean, cov, state, origin, names)
