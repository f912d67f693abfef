"""Saves a run to a directory that `restore` opens and `experiments.run` resumes."""

import json
import os
from collections.abc import Sequence
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

OTHERWISE = "save it to another directory"


def save(
    directory: str | os.PathLike[str],
    config: Config,
    origin: Origin,
    states: Sequence[tuple[setup.TrainState, Record]],
) -> None:
    """Writes config.json, metrics.jsonl and, last and atomically, the checkpoints.

    `states` are the last one, and before it the best where that is another.

    Raises:
      CheckpointError: the directory holds another run, or a later step of this one; or it cannot
        be written.
    """
    path, (state, record) = Path(directory).expanduser(), states[-1]
    height, width, channels = origin.shape
    trainer = setup.prepare(config, (height, width, channels), origin.n_train)
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
    for state, record in states:
        if (step := int(state.step)) not in checkpoint.steps(path):
            loss = None if record.valid is None else record.valid.at(step)
            checkpoint.save(path, step, state, origin._asdict(), loss, record)


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
    steps, rows = min(map(len, record.history.values()), default=0), []
    for end in range(steps_per_epoch, steps + 1, steps_per_epoch):
        if end <= after:
            continue
        terms = {n: v[end - steps_per_epoch : end] for n, v in record.history.items()}
        where = {"step": end, "epoch": end // steps_per_epoch}
        rows.append({**where, "split": "train", **epoch_means(terms)})
        if record.valid is not None and (loss := record.valid.at(end)) is not None:
            rows.append({**where, "split": "valid", "loss": loss})
    return rows
