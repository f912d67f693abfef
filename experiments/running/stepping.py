"""The steps of a session: log lines, checkpoints, and signals that end it."""

import signal
import sys
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ae_jax.evaluate.metrics import Metrics
from ae_jax.run import keeping
from ae_jax.run.trained import ANY, Run
from ae_jax.run.validation import Validation
from ae_jax.train import checkpoint, devices, loop, setup
from ae_jax.train.interrupt import Interrupt
from ae_jax.train.record import History, Record

from ..workdirs import workdir
from . import trackers
from .prepared import Session
from .progress import Timing, log_epoch, log_steps, see_few

# Between checkpoints at ends of epochs, steps take at least so many times what a save takes.
SAVE_SHARE = 40


def to_the_end(
    s: Session,
    path: Path,
    state: setup.TrainState,
    record: Record,
    log: workdir.MetricsLog | None,
    timing: Timing,
    programs: loop.Programs,
    shown: trackers.Shown | None = None,
) -> tuple[int, setup.TrainState, Record]:
    """Trains on from a state; (exit code if a signal came, or 0; last state; its record).

    `programs` are the compiled steps, as of `loop.train`. Saved is where `train.checkpoint_every`
    or the clock says so, where the loss on the validation images is lower than ever, and at the
    end.
    """
    every = s.config.train.checkpoint_every
    total = s.config.train.epochs * s.trainer.steps_per_epoch
    if ended(s, state, record):
        return 0, state, record
    history = History(record.history)
    validation = Validation(s.trainer, s.dataset.valid, s.key, s.evaluate, record.valid)
    saved, save_s, code = timing.step_s, 0.0, 0
    bar = _bar(s, int(state.step), total)
    with bar, Interrupt(signal.SIGINT, signal.SIGTERM) as stop:
        for chunk in loop.train(s.trainer, state, s.dataset.train, s.key, every, programs):
            state, step = chunk.state, chunk.steps[1]
            timing.add(chunk, s.trainer)
            history.add(chunk.terms)
            _show(bar, chunk, timing)
            found = validation.measured(chunk)
            if log:
                _log(s, path, log, chunk, history, found, timing, not bar.disable, shown)
            epoch = step % s.trainer.steps_per_epoch == 0
            waited = timing.step_s - saved > SAVE_SHARE * save_s
            beaten = found is not None and validation.beaten
            last: int = step == total or validation.ended
            due: int = beaten or last or (step % every == 0 if every else epoch and waited)
            due, last, code = devices.agree(due, last, stop.code)
            if due or code:
                begun = time.perf_counter()
                loop.check_state(s.trainer, state)
                record = Record(
                    history.arrays(),
                    None,
                    s.dataset.label_names,
                    validation.curve,
                    s.dataset.scaler,
                )
                if last:
                    record = record._replace(moments=as_run(s, state, record).moments("run"))
                loss = found["loss"] if found else None
                checkpoint.save(path, step, state, s.meta, loss, record)
                saved, save_s = timing.step_s, time.perf_counter() - begun
            if code or last:
                break
    return code, state, record


def ended(s: Session, state: setup.TrainState, record: Record) -> bool:
    """Whether a run has been trained to its end: that of its epochs, or of its patience."""
    total = s.config.train.epochs * s.trainer.steps_per_epoch
    patience = s.config.train.patience
    stopped = record.valid is not None and record.valid.ends(patience)
    return bool(int(state.step) >= total or stopped)


def _log(
    s: Session,
    path: Path,
    log: workdir.MetricsLog,
    chunk: loop.Chunk,
    history: History,
    valid: Metrics | None,
    timing: Timing,
    quiet: bool,
    shown: trackers.Shown | None,
) -> None:
    """Lines of metrics.jsonl, and the same in trackers."""
    known, epoch = len(log.rows), chunk.steps[1] % s.trainer.steps_per_epoch == 0
    log_steps(s, log, chunk)
    if epoch:
        log_epoch(s, path, log, chunk, history, valid, timing, quiet)
    if shown:
        shown.rows(log.rows[known:])
    if shown and epoch:
        variables = devices.local(chunk.state.variables)
        shown.epoch(chunk.steps[1], variables, *see_few(s, variables))


def as_run(s: Session, state: setup.TrainState, record: Record) -> Run:
    """The run as its network is (`Run.inner`), with the moments of its codes."""
    run = keeping.opened(s.config, s.trainer, devices.local(state), record)._replace(
        scaler=None, limits=ANY if s.dataset.scaler else None
    )
    return run if run.code_mean is not None else run.with_codes(s.dataset.train.images)


def _bar(s: Session, step: int, total: int) -> Any:
    return tqdm(
        total=total,
        initial=step,
        disable=not sys.stderr.isatty(),
        desc=s.config.name,
        dynamic_ncols=True,
        bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} steps [{elapsed} < {remaining}{postfix}]",
        postfix="compiling" if step < total else None,
    )


def _show(bar: Any, chunk: loop.Chunk, timing: Timing) -> None:
    if chunk.compile_s:
        bar.unpause()  # the time left is that of steps: compiling is not done again
    bar.update(chunk.steps[1] - chunk.steps[0])
    loss = float(chunk.terms["loss"][-1])
    bar.set_postfix_str(f"loss {loss:.4g}, {timing.rate:,.0f}/s")
