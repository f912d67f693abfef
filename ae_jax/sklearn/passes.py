"""One more pass over rows that may be others: what `Autoencoder.partial_fit` does."""

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.data import scales
from ae_jax.data.arrays import Dataset
from ae_jax.resolve.config import Resolved
from ae_jax.run.origin import key_of
from ae_jax.run.trained import Run
from ae_jax.train import devices, loop, setup
from ae_jax.train.record import History

# What a pass changes in a config: no row is held out, and the rate knows no end.
ONE_PASS: dict[str, dict[str, Any]] = {
    "data": {"n_valid": 0},
    "optim": {"schedule": "constant", "warmup_epochs": 0, "decay_epochs": 0},
    "train": {"epochs": 1, "patience": 0},
}
KEPT = 8  # compiled passes, one for each number of rows


def once_more(
    run: Run, state: setup.TrainState | None, data: Dataset, batch_size: int
) -> tuple[Run, setup.TrainState]:
    """(the run after a pass over all of `data`, the state from which the next one goes on).

    Weights, averages, the scaler and the key are those of `run`. Order and noise are those of a
    pass that was not there yet: of equally many rows k passes are the same as k epochs.

    Args:
      run: as `fit` gives it.
      state: of the pass before this; None: the optimizer starts fresh.
      data: of the same kind and shape as the run's, in its own units.
      batch_size: at most the rows are a batch.

    Raises:
      DivergedError: the loss stopped being finite.
      DataError: a row is too far from those of the first pass for float32.
    """
    assert run.origin is not None, "fit gives one"
    n = len(data.train.images)
    sizes = {"data.n_train": n, "train.batch_size": min(batch_size, n)}
    config = run.config.replace(**ONE_PASS, **sizes)
    rows = scales.scaled(data, config.data.scale, run.scaler).train
    trainer, programs = _prepared(config, run.model.shape, n)
    done = int(state.step) if state is not None else len(run.history.get("loss", ()))
    passes = -(-done // trainer.steps_per_epoch)  # never a step's noise again
    now = _begun(trainer, run, state, passes * trainer.steps_per_epoch)
    trainer = trainer._replace(config=config.replace(**{"train.epochs": passes + 1}))
    history = History(run.history)
    for chunk in loop.train(trainer, now, rows, key_of(run.origin), programs=programs):
        now = chunk.state
        history.add(chunk.terms)
    now = jax.tree.map(np.asarray, devices.local(now))
    found = {"variables": now.variables, "history": history.arrays()}
    return run._replace(config=config, **found).with_codes(data.train.images), now


def _begun(
    trainer: setup.Trainer, run: Run, state: setup.TrainState | None, step: int
) -> setup.TrainState:
    """A copy, for training consumes it."""
    if state is None:
        params, statistics = setup.part(run.variables)
        state = setup.TrainState(jnp.int32(0), params, statistics, trainer.optimizer.init(params))
    return jax.tree.map(jnp.array, state._replace(step=jnp.int32(step)))


@lru_cache(maxsize=KEPT)
def _prepared(
    config: Resolved, shape: tuple[int, int, int], n: int
) -> tuple[setup.Trainer, loop.Programs]:
    """(the trainer of a pass over n rows, room for its compiled steps): equal passes share them."""
    return setup.prepare(config, shape, n, devices.mesh()), {}
