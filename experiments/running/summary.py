"""summary.json: the results of a run, and its headline."""

import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import numpy as np

import ae_jax
from ae_jax.config.sections import Config
from ae_jax.data.arrays import has_holes
from ae_jax.evaluate import advice, baselines, code_statistics, columns, manifold, metrics
from ae_jax.inputs.scaler import Scaler
from ae_jax.model.bottleneck import BOTTLENECKS
from ae_jax.model.weights import params_sha256
from ae_jax.run.trained import Run
from ae_jax.streams import stream
from ae_jax.train import setup

from ..pages import table
from ..workdirs import finished, words
from . import stages
from .architecture import count
from .prepared import Session


def summarize(
    s: Session, state: setup.TrainState, timing: Any, best: setup.TrainState | None = None
) -> dict[str, Any]:
    """Metrics on the whole test set of a session `s`, next to the baselines.

    Where there is a validation part, the same on it, and both with the weights that are `best` on
    it.
    """
    found = dict(stages.done("evaluating", _evaluations(s, state)))
    test = found["the test set"]
    summary: dict[str, Any] = {
        **_facts(s, state),
        "test": {n: v for n, v in test.items() if n not in ("noisy_mse", "denoised_mse")},
        "controls": {
            "pca": found["PCA"],
            "pca_uncentred": found["PCA without centering"],
            "mean_image": found["the mean image"],
            "untrained": found["the untrained network"]["mse"],
        },
        "timing": {"compile_s": round(timing.compile_s, 2)},
    }
    if s.dataset.valid is not None:
        summary["valid"] = _valid(s, state)
    if best is not None:
        step = int(best.step)
        summary["best"] = {
            "epoch": step // s.trainer.steps_per_epoch,
            "step": step,
            "valid": _valid(s, best),
            "test": s.evaluate(best.variables, s.dataset.test, stream(s.key, "summary")),
        }
    if timing.images:  # else nothing was trained here
        summary["timing"]["train_images_per_s"] = round(timing.rate)
    if "bce" in test:
        binary = s.config.data.binarize  # which has no entropy once it is drawn
        floor = 0.0 if binary else baselines.entropy_floor(s.dataset.test.images)
        summary["test"]["bce_floor"] = floor
    if s.dataset.name in manifold.CURVES:
        summary["manifold"] = manifold.summary(
            s.trainer.model,
            state.variables,
            s.dataset.name,
            s.config.corruption,
            stream(s.key, "curve"),
        )
    if "noisy_mse" in test:
        summary["denoise"] = {
            "noisy_mse": test["noisy_mse"],
            "denoised_mse": test["denoised_mse"],
            "linear_denoiser_mse": found["the best linear denoiser"],
        }
    return summary


def _facts(s: Session, state: setup.TrainState) -> dict[str, Any]:
    """What was trained, how far, on which images, where."""
    train, valid = s.dataset.train.images, s.dataset.valid
    return {
        "config_name": s.config.name,
        "dataset": s.dataset.name,
        "n_train": len(train),
        "n_valid": 0 if valid is None else len(valid.images),
        "n_test": len(s.dataset.test.images),
        "params": count(state.params),
        "epochs": int(state.step) // s.trainer.steps_per_epoch,
        "steps": int(state.step),
        "params_sha256": params_sha256(state.variables["params"]),
        **({"init_sha256": sha} if (sha := s.meta["init_sha256"]) else {}),
        "seed": s.config.seed,
        "device": f"{jax.devices()[0].device_kind} x{jax.device_count()}",
        "versions": {
            "ae_jax": ae_jax.__version__,
            "jax": jax.__version__,
            "numpy": np.__version__,
            "python": sys.version.split()[0],
        },
        "data": {
            "name": s.dataset.name,
            "kind": s.dataset.examples.kind,
            "scale": s.config.data.scale,
            "shape": list(train.shape[1:]),
            "number": len(train),
            "images_sha256": s.meta["images_sha256"],
            **({"binarize": True} if s.config.data.binarize else {}),
        },
    }


def _valid(s: Session, state: setup.TrainState) -> metrics.Metrics:
    """As after every epoch."""
    assert s.dataset.valid is not None
    return s.evaluate(state.variables, s.dataset.valid, stream(s.key, "validation"))


def _evaluations(s: Session, state: setup.TrainState) -> dict[str, Callable[[], Any]]:
    """What takes time in a summary: the metrics of the run and of its baselines."""
    key = stream(s.key, "summary")
    model, gray = s.trainer.model, (s.dataset.train.images, s.dataset.test.images)
    train, test = baselines.drawn(model, *gray, stream(key, "pixels"))
    scale, k = s.config.data.scale, s.config.model.code_size
    pca = cache(lambda: baselines.pca_mse(train, test, k))
    # Of images with holes both are the iterated one, which takes long.
    alike = s.dataset.scaler is None and (has_holes(train) or has_holes(test))
    uncentred = pca if alike else lambda: baselines.pca_mse(train, test, k, False, scale)

    def untrained() -> Any:
        mean = setup.mean_image(gray[0], model)
        return s.evaluate(s.trainer.init(s.key, mean).variables, s.dataset.test, key)

    tasks: dict[str, Callable[[], Any]] = {
        "the test set": lambda: s.evaluate(state.variables, s.dataset.test, key),
        "the untrained network": untrained,
        "the mean image": lambda: baselines.mean_image_mse(train, test),
        "PCA": pca,
        "PCA without centering": uncentred,
    }
    if model.corrupts:
        tasks["the best linear denoiser"] = lambda: baselines.linear_denoiser_mse(
            model, *gray, stream(s.key, "linear_denoiser")
        )
    return tasks


def of_the_code(config: Config, test_codes: np.ndarray) -> dict[str, Any]:
    """How the code is used, of the codes [n, k] of the test set."""
    _, deviations = code_statistics.unit_statistics(test_codes)
    least = 2e-3 * float(np.ptp(test_codes, axis=0).max())  # as a histogram calls a unit constant
    found: dict[str, Any] = code_statistics.code_metrics(test_codes, least)
    bounds = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}.get(config.encoder.code_activation)
    if BOTTLENECKS[config.bottleneck.name].prior is not None:
        found["collapsed_units"] = int((deviations**2 < advice.ACTIVE).sum())
    elif bounds:
        found["saturated_units"] = code_statistics.saturated_units(test_codes, *bounds)
    return found


def by_column(s: Session, run: Run, scaler: Scaler) -> dict[str, Any]:
    """The errors of rows and signals on the test set, in their own units; the strangest rows."""
    test, labels = s.dataset.test
    back = run.reconstruct(test, labels)
    found = columns.column_errors(scaler, s.dataset.train.images, test, back)
    told: dict[str, Any] = {"unexplained": found.of_all(), "columns": found.rows()}
    if scaler.examples.kind == "rows":
        told["strangest"] = [
            {
                **strange._asdict(),
                **({} if labels is None else {"label": _label(s, labels[strange.row])}),
                "reasons": [reason._asdict() for reason in strange.reasons],
            }
            for strange in columns.strangest(scaler, test, back)
        ]
    return told


def _label(s: Session, label: int) -> str:
    names = s.dataset.label_names
    return str(label) if names is None else names[label]


def headline(summary: dict[str, Any]) -> str:
    """The numbers to look at first, beside what they are compared with; a denoiser's is first."""
    test, shown, said = summary["test"], finished.baselines(summary), words.of_summary(summary)
    shown_as = _with_db if said is words.IMAGES else "{:.5f}".format
    rows = []
    if "denoise" in summary:
        d = summary["denoise"]
        rows.append((f"denoised mse {said.mse}", shown_as(d["denoised_mse"])))
        if d["linear_denoiser_mse"] is not None:
            rows.append(("  best linear denoiser", f"{d['linear_denoiser_mse']:.5f}"))
        rows.append(("  before denoising", f"{d['noisy_mse']:.5f}"))
    on = f"test mse {said.mse}" if not rows else f"test mse on clean {said.many}"
    rows.append((on, shown_as(test["mse"])))
    names = {"pca": "PCA of equal size", "mean_image": said.mean, "untrained": "untrained"}
    rows += [(f"  {name}", f"{shown[c]:.5f}") for c, name in names.items() if c in shown]
    if "unexplained" in test:
        rows.append(("fraction of variance unexplained", f"{test['unexplained']:.4f}"))
    if "pca" not in shown:
        rows.append((f"  {names['pca']}", finished.copies(summary)))
    if "manifold" in summary:
        rows += [(k.replace("_", " "), f"{v:.3f}") for k, v in summary["manifold"].items()]
    return table.terminal(rows)


def _with_db(mse: float) -> str:
    return f"{mse:.5f}  ({metrics.psnr(mse):.1f} dB)"
