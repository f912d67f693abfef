"""Training of encoders and a logistic layer on labels."""

import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import optax
from tqdm.auto import tqdm

from ae_jax.data.arrays import Split
from ae_jax.errors import CheckpointError, ConfigError, DataError
from ae_jax.model.compiled import compiled
from ae_jax.model.pipeline import Model, Params, Tree
from ae_jax.model.weights import params_sha256
from ae_jax.pretraining.classifier import Classifier, begun, joined, logits, parted
from ae_jax.run.origin import key_data
from ae_jax.run.trained import Run
from ae_jax.streams import stream
from ae_jax.train import checkpoint, loop

SCHEDULES = ("cosine", "constant")
LEAST = 10  # epochs before patience ends anything
KEPT_EVERY_S = 20.0


def fine_tune(
    runs: Sequence[Run],
    train: Split,
    valid: Split,
    key: jax.Array,
    epochs: int = 30,
    learning_rate: float = 0.1,
    batch_size: int = 100,
    progress: bool = True,
    *,
    momentum: float = 0.9,
    schedule: str = "cosine",
    patience: float = 0.0,
    workdir: Path | None = None,
) -> Classifier:
    """The encoders of `runs`, lowest first, and a logistic layer as one classifier.

    -log p(label | image) is minimized by gradient descent; the logistic layer starts at 0. What
    comes back are the parameters of the epoch with the fewest errors on `valid`, the last of
    several, which nothing is trained on.

    Args:
      runs: autoencoders as `greedy` leaves them, or `[run]`, whatever its encoder.
      train: images and labels.
      valid: other images and labels.
      key: of the order of the images.
      epochs: over `train`, at most.
      learning_rate: at the start.
      batch_size: images a step; what is left of an epoch is not used in it.
      progress: whether to show a bar.
      momentum: weight of the last step in the next, in [0, 1).
      schedule: 'cosine', the rate falls to 0; or 'constant'.
      patience: ends after `patience` times the number of the best epoch, and at least 10 epochs;
        0: never (2 in the deep learning tutorials of the LISA lab).
      workdir: keeps what is done, and goes on from there when called again.

    Raises:
      ConfigError: no such schedule.
      DataError: no labels, or fewer images than one batch.
      CheckpointError: `workdir` is of another fine-tuning or has more epochs, or cannot be written.
    """
    first = begun(runs, _classes(train, valid, batch_size, schedule))
    steps = len(train.images) // batch_size
    rate: Any = learning_rate
    if schedule == "cosine":
        rate = optax.cosine_decay_schedule(learning_rate, epochs * steps)
    optimizer = optax.sgd(rate, momentum or None)
    run_epoch = compiled(_epoch, first.models, optimizer)
    params, fixed = parted(first.variables)
    images, labels = jnp.asarray(train.images), jnp.asarray(train.labels)
    k_order = stream(key, "order")
    how = [learning_rate, batch_size, momentum, schedule, schedule == "cosine" and epochs]
    given = params_sha256((first.variables, tuple(train), tuple(valid))) if workdir else ""
    kept = _Kept(workdir, [*how, repr([run.config for run in runs]), given, list(key_data(key))])
    state, best, errors = kept.restore((params, optimizer.init(params)), params)
    if len(errors) > epochs:
        raise CheckpointError(f"{workdir}: has {len(errors)} epochs, more than {epochs}")
    with tqdm(
        total=epochs,
        initial=len(errors),
        unit="epoch",
        desc="fine-tuning",
        disable=not progress,
        leave=None,  # where it is not within another bar
    ) as bar:
        while len(errors) < epochs and not _ends(errors, patience):
            order = loop.epoch_order(k_order, len(images), jnp.asarray(len(errors)))
            chosen = order[: steps * batch_size].reshape(steps, batch_size)
            state = run_epoch(fixed, state, images, labels, chosen)
            now = Classifier(first.models, joined(state[0], fixed), [])
            errors.append(now.error(valid))
            if errors[-1] <= min(errors):
                best = state[0]
            kept.save(state, best, errors, len(errors) == epochs or _ends(errors, patience))
            bar.update()
            bar.set_postfix(valid=f"{100 * errors[-1]:.2f} %")
    return Classifier(first.models, joined(best, fixed), errors)


def _classes(train: Split, valid: Split, batch_size: int, schedule: str) -> int:
    """How many there are, of arguments that are allowed."""
    if train.labels is None or valid.labels is None:
        raise DataError("fine_tune: a classifier needs labels")
    if len(train.images) < batch_size:
        raise DataError(f"fine_tune: {len(train.images)} images, a batch has {batch_size}")
    if schedule not in SCHEDULES:
        raise ConfigError(f"fine_tune: schedule must be one of {SCHEDULES}, not {schedule!r}")
    return int(train.labels.max()) + 1


def _ends(errors: Sequence[float], patience: float) -> bool:
    """Whether so many epochs without a lower error are enough."""
    if not patience or len(errors) < LEAST:
        return False
    return len(errors) >= patience * (1 + errors.index(min(errors)))


class _Kept:
    """What is done of a fine-tuning, in a work directory, if there is one."""

    def __init__(self, workdir: Path | None, about: list[Any]) -> None:
        self.workdir, self.about, self.at = workdir, about, time.monotonic()

    def restore(self, state: Tree, best: Params) -> tuple[Any, Any, list[float]]:
        """(state, the best parameters, errors so far), those given where there are none."""
        if self.workdir is None:
            return state, best, []
        errors: list[float] = []

        def like(meta: dict[str, Any]) -> Any:
            if meta.get("about") != self.about:
                raise CheckpointError(f"{self.workdir}: holds another fine-tuning; name another")
            errors.extend(meta["errors"])
            return jax.eval_shape(lambda: {"state": state, "best": best})

        found = checkpoint.resume(self.workdir, like)
        if found is None:
            return state, best, []
        for step, why in found.passed_over.items():
            warnings.warn(f"{self.workdir}: step {step} is passed over: {why}", stacklevel=4)
        return found.state["state"], found.state["best"], errors[-found.step :]

    def save(self, state: Tree, best: Params, errors: list[float], last: bool) -> None:
        """Writes, if it is the last epoch or some time after the one written before."""
        if self.workdir is None or not (last or time.monotonic() > self.at + KEPT_EVERY_S):
            return
        meta = {"about": self.about, "errors": errors}
        checkpoint.save(self.workdir, len(errors), {"state": state, "best": best}, meta)
        self.at = time.monotonic()


def _epoch(
    models: tuple[Model, ...],
    optimizer: optax.GradientTransformation,
    fixed: Params,
    state: Tree,
    images: jax.Array,
    labels: jax.Array,
    chosen: jax.Array,
) -> Any:
    """One pass over the chosen rows [steps, batch]."""

    def loss(params: Params, rows: jax.Array) -> jax.Array:
        found = logits(models, joined(params, fixed), images[rows])
        return optax.softmax_cross_entropy_with_integer_labels(found, labels[rows]).mean()

    def step(i: jax.Array, state: Tree) -> Any:
        params, memory = state
        updates, memory = optimizer.update(jax.grad(loss)(params, chosen[i]), memory, params)
        return optax.apply_updates(params, updates), memory

    return jax.lax.fori_loop(0, len(chosen), step, state)
