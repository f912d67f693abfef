"""Evaluates and draws a run that was trained and saved from Python."""

import time
from pathlib import Path

from ae_jax.errors import CheckpointError
from ae_jax.run import keeping
from ae_jax.run.origin import key_of

from ..workdirs import lock, place, workdir
from . import session


def complete(path: Path, data: str | None) -> None:
    """Writes what `experiments.run` writes at the end: summary.json, figures, report.html.

    Args:
      path: of the run.
      data: where they are now (--data), if they are not where the config says.

    Raises:
      CheckpointError: the run has not been trained to its end.
      DataError: the data are not there.
    """
    started = time.perf_counter()
    run = keeping.restore(str(path))
    if run.origin is None or run.state is None:  # restored runs have both
        raise CheckpointError(f"{path}: cannot be completed")
    dataset, known = place.opened(path, run.config, data), run.origin._asdict()
    s = session.prepare(run.config, dataset, key_of(run.origin), known)
    if int(run.state.step) < run.config.train.epochs * s.trainer.steps_per_epoch:
        raise CheckpointError(
            f"--workdir: the run in {path} has not finished (no summary.json)\n"
            "the command that started it resumes from its last checkpoint"
        )
    with lock.hold(path):
        workdir.claim(path, run.config, s.meta)
        session.train(s, path, started)
