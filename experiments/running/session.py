"""One training session in a work directory: restore, train, evaluate, summarize, draw."""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from ae_jax.data.load import Dataset
from ae_jax.errors import CheckpointError, ConfigError
from ae_jax.evaluate import metrics
from ae_jax.files import json_file
from ae_jax.model import scaling
from ae_jax.model.pipeline import Batch, Variables
from ae_jax.resolve.config import Resolved
from ae_jax.run import sources
from ae_jax.run.origin import origin_of
from ae_jax.run.ready import ready
from ae_jax.run.trained import Run
from ae_jax.streams import stream
from ae_jax.train import checkpoint, cost, devices, setup, taking
from ae_jax.train.record import Record

from .. import cli
from ..workdirs import place, words, workdir
from . import ahead, stepping, trackers
from .prepared import Session
from .progress import Timing, announce


def prepare(
    config: Resolved,
    dataset: Dataset,
    key: jax.Array | None = None,
    known: Mapping[str, Any] | None = None,
) -> Session:
    """Everything that can be refused is refused here, before a file is touched.

    `key` is the run's where it is not that of the config's seed; `known` what a checkpoint says of
    the run, which then goes on with the weights that it has.
    """
    if key is None:
        if config.seed is None:
            raise ConfigError(
                "seed: must be a whole number; a run whose key no seed gives has None"
            )
        key = jax.random.key(config.seed)
    meta = origin_of(config, dataset, key)._asdict()
    config, dataset = ready(config, dataset)
    images = dataset.train.images
    setup.check_all_labels(config, dataset)
    trainer = setup.prepare(config, images.shape[1:], len(images), devices.mesh())
    devices.check_fits("model, encoder, decoder", trainer.abstract())
    source = None if known else sources.of_trainer(trainer)
    meta["init_sha256"] = source.sha256 if source else (known or {}).get("init_sha256")
    evaluate = metrics.evaluator(trainer.objective, config.eval.batch_size)
    model = trainer.model

    noise = stream(key, "shown")

    def see(
        variables: Variables, images: jax.Array, labels: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        x = scaling.to_network(images, model.scale)
        seen = model.corrupt(noise, x) if model.corrupts else x
        x_hat = model.apply(variables, Batch(x, labels), seen, None, False).x_hat
        return scaling.to_unit(seen, model.scale), scaling.to_unit(x_hat, model.scale)

    return Session(config, dataset, trainer, evaluate, jax.jit(see), key, meta, source)


def cost_text(s: Session) -> str:
    """What the training would cost, in a few lines; nothing is written."""
    c = cost.measure(s.trainer, s.dataset.train, s.key)
    many = words.of(s.dataset.examples.kind, "").many
    return (
        f"{s.config.name}: {c.params:,} parameters, {s.trainer.n_train:,} training {many}\n"
        f"a step of {s.config.train.batch_size} {many}: {c.flops / 1e6:,.0f} MFLOP, "
        f"{c.bytes / 1e6:,.0f} MB read and written, {1e3 * c.step_s:.3g} ms "
        f"({c.flops / c.step_s / 1e9:.0f} GFLOP/s)\n"
        f"memory of the program, training set included: {c.memory / 2**20:,.0f} MiB\n"
        f"{c.steps:,} steps, {s.config.train.epochs} epochs: about {_duration(c.seconds)}, "
        f"{c.compile_s:.1f} s of it to compile; evaluation and figures come on top"
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes} min"
        if hours
        else f"{minutes} min {rest} s"
        if minutes
        else f"{rest} s"
    )


def train(
    s: Session, path: Path, started: float, shown_in: Sequence[str] = (), pictures: bool = True
) -> int:
    """Trains from the newest good checkpoint to the end; returns the exit code.

    `shown_in` are the names of trackers, see `running.trackers`.
    """
    compiling = ahead.begin(s, path)
    state, record, seen = start(s, path)
    step = int(state.step)
    if stepping.ended(s, state, record) and (summary := workdir.complete(path, step)):
        print(f"{path}: already complete, {summary['epochs']} epochs")
        print(_headline(summary))
        if jax.process_index() == 0:
            _complete(s, path, state, record, summary, pictures)
        print(f"report: {path / 'report.html'}")
        return 0
    log = None
    if jax.process_index() == 0:  # one writer of text files
        announce(s, path, step, state, seen)
        log = workdir.MetricsLog(path, step)
    programs, compile_s = compiling.result()
    timing = Timing(started, compile_s)
    with trackers.shown(path, s, step, shown_in if log else ()) as shown:
        code, state, record = stepping.to_the_end(
            s, path, state, record, log, timing, programs, shown
        )
        if shown:
            shown.ended = not code
    if code:
        print(f"saved step {int(state.step)}; run the same command again to resume")
    elif log:
        finish(s, path, state, record, log, timing, pictures)
    return code


def _complete(
    s: Session,
    path: Path,
    state: setup.TrainState,
    record: Record,
    summary: dict[str, Any],
    pictures: bool,
) -> None:
    """What a run that has ended may still lack: its pictures, its page."""
    lacking = pictures and not summary.get("figures", True)
    if lacking:
        run = stepping.as_run(s, state, record)
        _draw(s, path, run, workdir.read_metrics(path), summary)
        json_file.write(path / "summary.json", {**summary, "figures": True})
    if lacking or not (path / "report.html").exists():
        _page(path, summary)


def start(s: Session, path: Path) -> tuple[setup.TrainState, Record, bool]:
    """(the newest good state or a new one, its record, whether there has been a run here).

    Raises:
      CheckpointError: there are checkpoints and none is good, or a finished run has lost them.
    """

    def like(meta: dict[str, Any]) -> setup.TrainState:
        place.refuse_others(path, meta, place.facts(s.dataset))
        return s.trainer.abstract()

    restored = checkpoint.resume(path, like, devices.everywhere(s.trainer.mesh))
    if restored is None:
        if (path / "summary.json").exists():
            raise CheckpointError(
                f"{path}: has the summary.json of a run but no checkpoint to resume from\n"
                "choose another --workdir, or delete this one to start over"
            )
        mean = setup.mean_image(s.dataset.train.images, s.trainer.model)
        state = s.trainer.init(s.key, mean)
        if s.source is not None:
            state = taking.begun(s.trainer, state, s.source.arrays)
        return state, Record(), (path / "metrics.jsonl").exists()
    for step, damage in restored.passed_over.items():
        print(
            f"warning: checkpoint of step {step} is damaged and was set aside ({damage}); "
            f"resuming from step {restored.step}",
            file=sys.stderr,
        )
    return restored.state, restored.record, True


def finish(
    s: Session,
    path: Path,
    state: setup.TrainState,
    record: Record,
    log: workdir.MetricsLog,
    timing: Timing,
    pictures: bool,
) -> None:
    """Evaluates, draws, and says so. summary.json comes last: it is what makes a run complete."""
    drawing = ", drawing figures" if pictures else ""
    print(f"evaluating the run and its baselines{drawing} ...", flush=True)
    from ae_jax.evaluate.advice import advise  # with SciPy: the first step does not wait for it
    from ae_jax.evaluate.latent import kls

    from .summary import by_column, of_the_code, summarize

    run = stepping.as_run(s, state, record)
    summary = summarize(s, devices.local(state), timing, _best(s, path, state, record))
    summary["code"] = of_the_code(s.config, run.encode(s.dataset.test.images))
    if (kl := kls(run.model, run.variables, s.dataset.test.images)) is not None:
        summary["kl"] = kl.tolist()
    if s.dataset.scaler is not None:
        found = by_column(s, run, s.dataset.scaler)
        summary["test"]["unexplained"] = found.pop("unexplained")
        summary |= found
    summary["figures"] = pictures
    if pictures:
        _draw(s, path, run, log.rows, summary)
    summary["timing"]["wall_s"] = round(time.perf_counter() - timing.started, 2)
    page = _page(path, summary)
    json_file.write(path / "summary.json", summary)
    print(_headline(summary))
    for sentence in advise(s.config, summary, log.rows):
        print(cli.wrapped(f"advice: {sentence}", sys.stdout))
    where = f"; figures in {path / 'figures'}" if pictures else ""
    print(f"done in {summary['timing']['wall_s']:.1f} s{where}")
    print(f"report: {page}")


def _headline(summary: dict[str, Any]) -> str:
    from .summary import headline

    return headline(summary)


def _best(
    s: Session, path: Path, state: setup.TrainState, record: Record
) -> setup.TrainState | None:
    """The state with the lowest loss on the validation images; None where there is no such part."""
    if record.valid is None or record.valid.best is None:
        return None
    if record.valid.best == int(state.step):
        return devices.local(state)
    found = checkpoint.restore(path, lambda meta: s.trainer.abstract(), best=True)
    best: setup.TrainState | None = found and found.state
    return best


def _draw(
    s: Session, path: Path, run: Run, rows: Sequence[Mapping[str, Any]], summary: dict[str, Any]
) -> None:
    """The run's figures."""
    from . import pictures  # matplotlib: the first step does not wait for it

    pictures.draw(s, path, run, rows, summary)


def _page(path: Path, summary: dict[str, Any]) -> Path:
    """report.html of a run whose summary.json may still have to be written."""
    from ..pages import one_run  # at the end only: not before the first step
    from ..workdirs import finished

    return one_run.write(finished.read(path, summary))
