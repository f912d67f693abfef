"""Keeps a run in a directory: what `restore` opens and `experiments.run` goes on with."""

import json
import os
from pathlib import Path
from typing import Any

from ae_jax.config.sections import Config
from ae_jax.errors import CheckpointError
from ae_jax.files import json_file, json_lines
from ae_jax.model.weights import params_sha256
from ae_jax.resolve.config import MAY_CHANGE, OF_IMAGES, changes
from ae_jax.run import origin as origin_lib
from ae_jax.run.origin import Origin
from ae_jax.train import checkpoint, setup
from ae_jax.train.record import Record, epoch_means

OTHERWISE = "save it in another directory"


def save(
    directory: str | os.PathLike[str],
    config: Config,
    origin: Origin,
    state: setup.TrainState,
    record: Record,
) -> None:
    """Writes config.json, metrics.jsonl and, last and atomically, the checkpoint.

    Raises:
      CheckpointError: the directory holds another run, or a later step of this one; or it cannot
        be written.
    """
    path = Path(directory).expanduser()
    trainer = setup.prepare(config, (*origin.shape,), origin.n_train)  # type: ignore[arg-type]
    new = json.loads(json.dumps(config.to_dict()))
    if _kept(path, new, origin, state, trainer):
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
        json_file.write(path / "config.json", new)
        rows = json_lines.read(path / "metrics.jsonl")
        rows += _rows(record, trainer.steps_per_epoch, rows[-1]["step"] if rows else 0)
        json_lines.write(path / "metrics.jsonl", rows)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written: {error.strerror or error}") from error
    checkpoint.save(path, int(state.step), state, origin._asdict(), record=record)


def _kept(
    path: Path, config: Config, origin: Origin, state: setup.TrainState, trainer: setup.Trainer
) -> bool:
    """Whether this state is there already; CheckpointError where another run's is."""
    if (path / "config.json").exists():
        old = json_file.read(path / "config.json")
        if changed := changes(old, config, (*MAY_CHANGE, *OF_IMAGES)):
            raise CheckpointError(f"{path}: holds another run; {OTHERWISE}\n{changed[0]}")
    elif (path / "checkpoints").exists():
        raise CheckpointError(f"{path}: has checkpoints without a config.json; {OTHERWISE}")

    def like(meta: dict[str, Any]) -> setup.TrainState:
        if others := origin_lib.differences(origin_lib.from_meta(meta), origin):
            raise CheckpointError(f"{path}: holds another run; {OTHERWISE}\n{others[0]}")
        return trainer.abstract()

    found = checkpoint.restore(path, like)
    if found is None or found.step < int(state.step):
        return False
    if found.step > int(state.step):
        raise CheckpointError(
            f"{path}: holds step {found.step} of this run, which is later than {int(state.step)}; "
            f"{OTHERWISE}"
        )
    if params_sha256(found.state) != params_sha256(state):
        raise CheckpointError(f"{path}: holds another run at step {found.step}; {OTHERWISE}")
    return True


def _rows(record: Record, steps_per_epoch: int, after: int) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl of the epochs that end after a step."""
    steps = min(map(len, record.history.values()), default=0)
    return [
        {"step": end, "epoch": end // steps_per_epoch, "split": "train", **means}
        for end in range(steps_per_epoch, steps + 1, steps_per_epoch)
        if end > after
        for means in [
            epoch_means({n: v[end - steps_per_epoch : end] for n, v in record.history.items()})
        ]
    ]
