"""Progress of a session: the first lines, metrics.jsonl, frames, speed."""

import os
from pathlib import Path

import jax
import numpy as np

from ae_jax.data.arrays import Split
from ae_jax.data.tables import table
from ae_jax.evaluate import metrics
from ae_jax.model.pipeline import Variables
from ae_jax.streams import stream
from ae_jax.train import devices, loop, setup
from ae_jax.train.record import History, epoch_means
from ae_jax.train.setup import TrainState

from .. import cli
from ..workdirs import words, workdir
from . import beginning
from .architecture import count, layers
from .prepared import Session

FRAME_IMAGES = 8


class Timing:
    """Seconds spent compiling and stepping, and images seen, in this process."""

    def __init__(self, started: float, compile_s: float = 0.0) -> None:
        """`started`: when the command was; `compile_s`: spent before the first step."""
        self.started, self.compile_s, self.step_s, self.images = started, compile_s, 0.0, 0

    def add(self, chunk: loop.Chunk, trainer: setup.Trainer) -> None:
        """Counts a chunk."""
        self.compile_s += chunk.compile_s
        self.step_s += chunk.seconds
        steps = chunk.steps[1] - chunk.steps[0]
        self.images += round(steps * trainer.n_train / trainer.steps_per_epoch)

    @property
    def rate(self) -> float:
        """Training images per second, compilation not counted."""
        return self.images / max(self.step_s, 1e-9)


def announce(s: Session, path: Path, step: int, state: TrainState, seen: bool) -> None:
    """What is about to happen, in a few lines."""
    c, t = s.config, s.trainer
    print(f"{c.name}: {s.dataset.name}, {t.n_train:,} training {_described(s)}")
    if columns := s.dataset.examples.columns:
        train = s.dataset.train.images
        print(table.describe(table.Table(train.reshape(len(train), -1), columns)))
    print(
        f"{c.encoder.name} -> {c.model.code_size} -> {c.decoder.name}, "
        f"{count(state.params):,} parameters; {c.train.epochs} epochs of {t.steps_per_epoch} steps"
    )
    print(layers(t.model, state.variables))
    for line in beginning.lines(s, state):
        print(line)
    if memory := cli.gpu_memory(jax.default_backend(), os.environ):
        print(memory)
    where = f", resuming at step {step}" if step else ", no checkpoint yet: from the start"
    print(f"workdir {path}" + (where if seen else ""), flush=True)


def _described(s: Session) -> str:
    """'images (28, 28, 1)', 'rows (36,)'."""
    of = s.dataset.examples
    return f"{words.of(of.kind, '').many} {of.outer(s.trainer.model.shape)}"


def log_steps(s: Session, log: workdir.MetricsLog, chunk: loop.Chunk) -> None:
    """The lines between epochs that `train.log_every` asks for."""
    every = s.config.train.log_every
    for i, step in enumerate(range(*chunk.steps)):
        if every and (step + 1) % every == 0:
            terms = {name: float(values[i]) for name, values in chunk.terms.items()}
            epoch = step / s.trainer.steps_per_epoch
            log.write(step=step + 1, epoch=round(epoch, 4), split="train_step", **terms)


def log_epoch(
    s: Session,
    path: Path,
    log: workdir.MetricsLog,
    chunk: loop.Chunk,
    history: History,
    valid: metrics.Metrics | None,
    timing: Timing,
    quiet: bool,
) -> None:
    """The epoch's mean over its batches, its first and last batch; metrics of the other parts.

    Those of the validation part are given, those of the test set are measured every `eval.every`
    epochs, for this line alone.
    """
    n = s.trainer.steps_per_epoch
    means = epoch_means({name: values[-n:] for name, values in history.arrays().items()})
    where = {"step": chunk.steps[1], "epoch": chunk.epoch}
    log.write(**where, split="train", **means, images_per_s=round(timing.rate))
    line = f"epoch {chunk.epoch:4d}  train loss {means['loss']:.5g}"
    if valid is not None:
        log.write(**where, split="valid", **valid)
        line += f"  valid loss {valid['loss']:.5g}"
    if chunk.epoch % s.config.eval.every == 0 or chunk.epoch == s.config.train.epochs:
        key = jax.random.fold_in(stream(s.key, "evaluation"), chunk.epoch)
        variables = devices.local(chunk.state.variables)
        test = s.evaluate(variables, s.dataset.test, key)
        if not np.isfinite(test["loss"]):
            loop.check_state(s.trainer, chunk.state)
        log.write(**where, split="test", **test)
        line += f"  test loss {test['loss']:.5g}  mse {test['mse']:.5f}"
        workdir.save_frame(path, chunk.epoch, see_few(s, variables)[1])
    if not quiet:
        print(line, flush=True)


def few(s: Session, n: int = FRAME_IMAGES) -> Split:
    """The first n test images."""
    return Split(*(v if v is None else v[:n] for v in s.dataset.test))


def see_few(
    s: Session, variables: Variables, n: int = FRAME_IMAGES
) -> tuple[np.ndarray, np.ndarray]:
    """(the first n test images as a denoiser gets them, outputs for these), in [0,1] units.

    The noise is the same at every call, so that outputs of different epochs compare.
    """
    seen, outputs = s.see(variables, *few(s, n))
    return np.asarray(seen), np.asarray(outputs)
