"""One training session in a work directory: restore, train, evaluate, summarise, draw."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from tqdm import tqdm

import ae_jax
from ae_jax import api, checkpoint, controls, evaluation, manifold, scaling, training
from ae_jax.data import Dataset
from ae_jax.model import Batch
from experiments import pictures, workdir

FRAME_IMAGES = 8
SAVE_SHARE = 20  # between checkpoints at ends of epochs, at least so many times what a save takes


class Session(NamedTuple):
    """What is fixed for a run: config, data, compiled functions, key."""

    config: Any
    dataset: Dataset
    trainer: training.Trainer
    evaluate: Callable[..., evaluation.Metrics]
    reconstruct: Callable[..., jax.Array]  # (variables, images, labels or None) -> [0,1] units
    key: jax.Array

    @property
    def meta(self) -> dict[str, Any]:
        """What a checkpoint must say to be opened without the data."""
        return {"shape": list(self.trainer.model.shape), "n_train": self.trainer.n_train}


def prepare(config: Any, dataset: Dataset) -> Session:
    """Everything that can be refused is refused here, before a file is touched."""
    images = dataset.train.images
    training.check_labels(config, dataset.train)
    trainer = training.prepare(config, images.shape[1:], len(images))
    evaluate = evaluation.evaluator(trainer.objective, config.eval.batch_size)
    model = trainer.model

    def reconstruct(variables: Any, images: Any, labels: Any) -> jax.Array:
        batch = Batch(scaling.to_network(images, model.scale), labels)
        return scaling.to_unit(model.run(variables, batch, None).x_hat, model.scale)

    key = jax.random.key(config.seed)
    return Session(config, dataset, trainer, evaluate, jax.jit(reconstruct), key)


def train(s: Session, path: Path, started: float, stop: Any) -> int:
    """Trains from the newest checkpoint to the end; returns the exit code."""
    with checkpoint.manager(path) as m:
        state = checkpoint.restore(m, lambda meta: s.trainer.abstract())
        resumed = state is not None
        if state is None:
            mean = training.mean_image(s.dataset.train.images, s.config.data.scale)
            state = s.trainer.init(s.key, mean)
        total = s.config.train.epochs * s.trainer.steps_per_epoch
        if resumed and int(state.step) >= total and (path / "summary.json").exists():
            print(f"{path}: already complete, {s.config.train.epochs} epochs")
            print(headline(json.loads((path / "summary.json").read_text())))
            return 0
        announce(s, path, int(state.step), state)
        log = workdir.MetricsLog(path, int(state.step))
        timing = Timing(started)
        code, state = _loop(s, path, m, state, log, timing, stop)
        if code:
            print(f"saved step {int(state.step)}; run the same command again to go on")
            return code
    summary = summarise(s, state, timing)
    workdir.write_json(path / "summary.json", summary)
    run = api.with_codes(s.config, s.trainer.model, state.variables, {}, s.dataset.train.images)
    np.savez(path / "codes.npz", mean=run.code_mean, cov=run.code_cov)
    pictures.draw(s, path, run, log.rows, summary)
    summary["timing"]["wall_s"] = round(time.perf_counter() - started, 2)
    workdir.write_json(path / "summary.json", summary)
    print(headline(summary))
    print(f"done in {summary['timing']['wall_s']:.1f} s; figures in {path / 'figures'}")
    return 0


class Timing:
    """Seconds spent compiling and stepping, and images seen, in this process."""

    def __init__(self, started: float) -> None:
        """`started`: when the command was."""
        self.started, self.compile_s, self.step_s, self.images = started, 0.0, 0.0, 0

    def add(self, chunk: training.Chunk, trainer: training.Trainer) -> None:
        """Counts a chunk."""
        self.compile_s += chunk.compile_s
        self.step_s += chunk.seconds
        steps = chunk.steps[1] - chunk.steps[0]
        self.images += round(steps * trainer.n_train / trainer.steps_per_epoch)

    @property
    def rate(self) -> float:
        """Training images a second, compilation not counted."""
        return self.images / max(self.step_s, 1e-9)


def _loop(
    s: Session, path: Path, m: Any, state: Any, log: Any, timing: Timing, stop: Any
) -> tuple[int, training.TrainState]:
    """Steps, log lines, checkpoints; (exit code or 0, last state)."""
    every = s.config.train.checkpoint_every
    total = s.config.train.epochs * s.trainer.steps_per_epoch
    saved, save_s = time.perf_counter(), 0.0
    bar = tqdm(
        total=total,
        initial=int(state.step),
        unit="step",
        disable=not sys.stderr.isatty(),
        desc=s.config.name,
        dynamic_ncols=True,
    )
    with bar:
        for chunk in training.train(s.trainer, state, s.dataset.train, s.key, every):
            state = chunk.state
            step = chunk.steps[1]
            timing.add(chunk, s.trainer)
            bar.update(step - chunk.steps[0])
            bar.set_postfix(loss=f"{chunk.terms['loss'][-1]:.4g}", img_s=f"{timing.rate:,.0f}")
            _log_steps(s, log, chunk)
            ended = step % s.trainer.steps_per_epoch == 0
            if ended:
                _log_epoch(s, path, log, chunk, timing, quiet=not bar.disable)
            waited = time.perf_counter() - saved > SAVE_SHARE * save_s
            due = step % every == 0 if every else ended and waited
            if due or stop.code or step == total:
                begun = time.perf_counter()
                checkpoint.save(m, step, state, s.meta)
                saved = time.perf_counter()
                save_s = saved - begun
            if stop.code and step < total:
                return stop.code, state
    return 0, state


def _log_steps(s: Session, log: Any, chunk: training.Chunk) -> None:
    every = s.config.train.log_every
    for i, step in enumerate(range(*chunk.steps)):
        if every and (step + 1) % every == 0:
            terms = {name: float(values[i]) for name, values in chunk.terms.items()}
            epoch = step / s.trainer.steps_per_epoch
            log.write(step=step + 1, epoch=round(epoch, 4), split="train_step", **terms)


def _log_epoch(
    s: Session, path: Path, log: Any, chunk: training.Chunk, timing: Timing, quiet: bool
) -> None:
    """The epoch's mean over its batches, its first and last batch, and the test set's metrics."""
    record = {name: np.asarray(v, np.float64) for name, v in chunk.state.record.items()}
    means = {name: float(values.mean()) for name, values in record.items()}
    ends = {"loss_first_batch": record["loss"][0], "loss_last_batch": record["loss"][-1]}
    where = {"step": chunk.steps[1], "epoch": chunk.epoch}
    log.write(
        **where,
        split="train",
        **means,
        **{k: float(v) for k, v in ends.items()},
        images_per_s=round(timing.rate),
    )
    line = f"epoch {chunk.epoch:4d}  train loss {means['loss']:.5g}"
    if chunk.epoch % s.config.eval.every == 0 or chunk.epoch == s.config.train.epochs:
        key = jax.random.fold_in(training.split_keys(s.key).evaluation, chunk.epoch)
        metrics = s.evaluate(chunk.state.variables, s.dataset.test, key)
        log.write(**where, split="test", **metrics)
        line += f"  test loss {metrics['loss']:.5g}  mse {metrics['mse']:.5f}"
        workdir.save_frame(path, chunk.epoch, reconstruct_few(s, chunk.state.variables))
    if not quiet:
        print(line, flush=True)


def reconstruct_few(s: Session, variables: Any) -> np.ndarray:
    """Reconstructions of the first test images, in [0,1] units."""
    images, labels = (v if v is None else v[:FRAME_IMAGES] for v in s.dataset.test)
    return np.asarray(s.reconstruct(variables, images, labels))


def summarise(s: Session, state: training.TrainState, timing: Timing) -> dict[str, Any]:
    """summary.json: metrics on the whole test set beside the controls."""
    train_images, test_images = s.dataset.train.images, s.dataset.test.images
    key = training.split_keys(s.key).evaluation
    test = s.evaluate(state.variables, s.dataset.test, key)
    mean = training.mean_image(train_images, s.config.data.scale)
    untrained = s.evaluate(s.trainer.init(s.key, mean).variables, s.dataset.test, key)
    k = s.config.model.code_size
    summary: dict[str, Any] = {
        "config_name": s.config.name,
        "dataset": s.dataset.name,
        "n_train": len(train_images),
        "n_test": len(test_images),
        "params": count(state.params),
        "epochs": int(state.step) // s.trainer.steps_per_epoch,
        "steps": int(state.step),
        "params_sha256": workdir.params_sha256(state.params),
        "test": {n: v for n, v in test.items() if n not in ("noisy_mse", "denoised_mse")},
        "controls": {
            "pca": controls.pca_mse(train_images, test_images, k),
            "pca_uncentred": controls.pca_mse(
                train_images, test_images, k, centred=False, scale=s.config.data.scale
            ),
            "mean_image": controls.mean_image_mse(train_images, test_images),
            "untrained": untrained["mse"],
        },
        "seed": s.config.seed,
        "device": f"{jax.devices()[0].device_kind} x{jax.device_count()}",
        "versions": {
            "ae_jax": ae_jax.__version__,
            "jax": jax.__version__,
            "numpy": np.__version__,
            "python": sys.version.split()[0],
        },
        "timing": {
            "compile_s": round(timing.compile_s, 2),
            "train_images_per_s": round(timing.rate),
        },
    }
    if s.dataset.name in manifold.CURVES:
        summary["manifold"] = manifold.summary(s.trainer.model, state.variables, s.dataset.name)
    if "noisy_mse" in test:
        summary["denoise"] = {
            "noisy_mse": test["noisy_mse"],
            "denoised_mse": test["denoised_mse"],
            "linear_denoiser_mse": controls.linear_denoiser_mse(
                s.trainer.model, train_images, test_images, key
            ),
        }
    return summary


def count(params: Any) -> int:
    """Number of parameters."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def announce(s: Session, path: Path, step: int, state: Any) -> None:
    """What is about to happen, in a few lines."""
    c, t = s.config, s.trainer
    print(f"{c.name}: {s.dataset.name}, {t.n_train:,} training images {t.model.shape}")
    print(
        f"{c.encoder.name} -> {c.model.code_size} -> {c.decoder.name}, "
        f"{count(state.params):,} parameters; {c.train.epochs} epochs of {t.steps_per_epoch} steps"
    )
    print(f"workdir {path}" + (f", resuming at step {step}" if step else ""), flush=True)


def headline(summary: dict[str, Any]) -> str:
    """The numbers to look at first, beside what they are compared with."""
    test, c = summary["test"], summary["controls"]
    lines = [
        f"test mse {test['mse']:.5f} per pixel in [0,1] ({test['psnr']:.1f} dB); "
        f"PCA of equal size {c['pca']:.5f}, mean image {c['mean_image']:.5f}, "
        f"untrained {c['untrained']:.5f}"
    ]
    if "manifold" in summary:
        lines.append(", ".join(f"{k} {v:.3f}" for k, v in summary["manifold"].items()))
    if "denoise" in summary:
        d = summary["denoise"]
        linear = d["linear_denoiser_mse"]
        beside = f"; best linear denoiser {linear:.5f}" if linear is not None else ""
        lines.append(f"denoised mse {d['denoised_mse']:.5f} from {d['noisy_mse']:.5f}{beside}")
    return "\n".join(lines)
