"""Opens a saved run."""

import os
import warnings
from pathlib import Path
from typing import Any

from ae_jax.errors import CheckpointError, ConfigError
from ae_jax.files import json_file
from ae_jax.resolve.config import Resolved, resolve
from ae_jax.run.origin import Origin, from_meta
from ae_jax.run.trained import NO_BEST, Run
from ae_jax.train import checkpoint, setup
from ae_jax.train.record import Record


def restore(workdir: str | os.PathLike[str], best: bool = False) -> Run:
    """The `Run` that `run.save` or `python -m experiments.run` left in a directory.

    Only data is read (JSON and arrays); no code from the directory is executed. A damaged
    checkpoint is passed over with a warning.

    Args:
      workdir: of the run.
      best: at the epoch with the lowest loss on the validation images, instead of the newest
        checkpoint. `restore(workdir).best` is the same run.

    Raises:
      CheckpointError: there is no checkpoint, none can be read, or they are of an older format.
      ConfigError: the best is asked for of a run that held no images out to choose by; or a choice
        of the run is not known here, for it was registered (`ae_jax.register`) in another process.
    """
    path = Path(workdir).expanduser()
    if not (path / "config.json").is_file():
        raise CheckpointError(f"{workdir}: no config.json here; is this a run's work directory?")
    config = resolve(json_file.read(path / "config.json"))
    run = _restored(path, config, best)
    if run is None and best and (known := checkpoint.meta(path)):
        if not known.get("n_valid"):
            raise ConfigError(f"best: {NO_BEST}")
        raise CheckpointError(f"{workdir}: no epoch has finished yet, so there is no best one")
    if run is None:
        raise CheckpointError(f"{workdir}: no checkpoint yet")
    if best or run.valid is None or run.state is None:
        return run
    elsewhere = run.valid.best not in (None, int(run.state.step))
    return run._replace(kept=_restored(path, config, True)) if elsewhere else run


def _restored(path: Path, config: Any, best: bool) -> Run | None:
    """The newest or the best that can be read, with a warning for each that cannot."""
    made: list[tuple[setup.Trainer, Origin]] = []

    def like(meta: dict[str, Any]) -> setup.TrainState:
        origin = from_meta(meta)
        height, width, channels = origin.shape
        made.append((setup.prepare(config, (height, width, channels), origin.n_train), origin))
        return made[-1][0].abstract()

    restored = checkpoint.restore(path, like, best=best)
    if restored is None:
        return None
    for step, damage in restored.passed_over.items():
        warnings.warn(f"{path}: step {step} is damaged ({damage})", stacklevel=3)
    trainer, origin = made[-1]
    return opened(config, trainer, restored.state, restored.record, origin)


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
    run = Run(config, trainer.model, state.variables, history, mean, cov, state, origin, names)
    return run._replace(valid=record.valid, scaler=record.scaler)
