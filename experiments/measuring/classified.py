"""Errors of classifiers: of pre-trained encoders, and of logistic regression on codes.

`classification` is pre-training and fine-tuning as papers did it, `searched` chooses their settings
by a random search first, `probe` leaves the codes as they are. Whatever is chosen, is chosen on
held-out images; the test images are looked at once.
"""

import math
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ae_jax.data.load import Dataset, Split
from ae_jax.files import json_file
from ae_jax.pretraining import Classifier
from ae_jax.resolve.config import Resolved
from ae_jax.run.trained import Run

from . import papers

SEARCH = 2010  # seed of the draws of a search, and of what is trained in it


def classification(
    config: Resolved,
    data: Dataset,
    key: jax.Array,
    workdir: Path | None = None,
    *,
    parts: str,
    rates: Sequence[float],
    **how: Any,
) -> dict[str, Any]:
    """Test error (%) of encoders, pre-trained layer by layer, then trained on labels.

    By gradient descent at a constant rate, without momentum. The rate and the epoch are those with
    the lowest error on the validation images. What is said of the first layer is measured on these
    before fine-tuning. `how`: see `_fitted`.
    """
    train, valid, test = papers.PARTS[parts](data)
    layers, tuned = _fitted(config, data.name, train, valid, key, workdir, rates=rates, **how)
    rate, found = min(tuned.items(), key=lambda item: min(item[1].valid_errors))
    best = max(i for i, e in enumerate(found.valid_errors) if e == min(found.valid_errors))
    return {
        "test error (%)": 100 * found.error(test),
        "held-out error (%)": 100 * min(found.valid_errors),
        "rate": rate,
        "updates": len(train.images) // how["batch_size"] * (best + 1),
        "test images": len(test.images),
        **layer_numbers(layers[0], valid.images),
    }


def searched(
    config: Resolved,
    data: Dataset,
    key: jax.Array,
    workdir: Path | None = None,
    *,
    parts: str,
    ranges: Mapping[str, Sequence[float]],
    draws: int,
    **how: Any,
) -> dict[str, Any]:
    """`classification` with the settings that a random search chose, the same for every key.

    Of `draws` settings, each a value of every range, those with the lowest error on the validation
    images; the test images are not looked at. `ranges`: fields of the config, and the "rate" of
    fine-tuning. "search" in what comes back has all that was drawn, with its error.
    """
    train, valid, _ = papers.PARTS[parts](data)
    within = workdir and workdir.parent / "search"
    kept = within and within / "search.json"
    found: list[dict[str, float]] = json_file.read(kept)["drawn"] if kept and kept.exists() else []
    drawn = _draws(ranges, draws)
    for i, settings in enumerate(drawn[len(found) :], len(found)):
        changed, rate = _with(config, settings)
        k, at = jax.random.key(SEARCH), within and within / str(i)
        of = _fitted(changed, data.name, train, valid, k, at, rates=(rate,), **how)[1]
        found.append({**settings, "held-out error (%)": 100 * min(of[rate].valid_errors)})
        if kept:
            json_file.write(kept, {"drawn": found})
    best = min(range(len(found)), key=lambda i: found[i]["held-out error (%)"])
    changed, rate = _with(config, drawn[best])
    measured = classification(changed, data, key, workdir, parts=parts, rates=(rate,), **how)
    return {**measured, **drawn[best], "search": found}


def _draws(ranges: Mapping[str, Sequence[float]], draws: int) -> list[dict[str, float]]:
    """So many different settings, or all; each value of a range as likely as the others."""
    rng, found = np.random.default_rng(SEARCH), dict[tuple[int, ...], None]()
    while len(found) < min(draws, math.prod(map(len, ranges.values()))):
        found[tuple(int(rng.integers(len(values))) for values in ranges.values())] = None
    return [
        {name: values[i] for i, (name, values) in zip(chosen, ranges.items(), strict=True)}
        for chosen in found
    ]


def _with(config: Resolved, settings: Mapping[str, float]) -> tuple[Resolved, float]:
    """The config with settings, and the rate of fine-tuning."""
    return config.replace(**{k: v for k, v in settings.items() if k != "rate"}), settings["rate"]


def _fitted(
    config: Resolved,
    name: str,
    train: Split,
    valid: Split,
    key: jax.Array,
    workdir: Path | None,
    *,
    widths: Sequence[int],
    rates: Sequence[float],
    batch_size: int,
    epochs: int,
    patience: float,
) -> tuple[list[Run], dict[float, Classifier]]:
    """Layers of these widths, and by rate the classifiers that they became."""
    from ae_jax import pretraining

    k_layers, k_labels = jax.random.split(key)

    def within(what: str, which: float) -> Path | None:
        return workdir and workdir / what / str(which)

    def fit(config: Resolved, data: Dataset, key: jax.Array, i: int) -> Run:
        return papers.kept_fit(config, data, key, within("layer", i))

    layers = pretraining.greedy(config, widths, Dataset(name, train, valid), k_layers, train=fit)
    return layers, {
        rate: pretraining.fine_tune(
            layers,
            train,
            valid,
            k_labels,
            epochs,
            rate,
            batch_size,
            progress=sys.stderr.isatty(),
            momentum=0.0,
            schedule="constant",
            patience=patience,
            workdir=within("rate", rate),
        )
        for rate in rates
    }


def layer_numbers(run: Run, images: np.ndarray) -> dict[str, float]:
    """Of the codes h: the mean of (dh_j/dx_i)^2 over i, j and images; the share near 0 or 1 (%).

    Near: below 0.05 or above 0.95. Rifai et al. 2011, table 1, print numbers like the first, times
    10^4, as "average norm of the Jacobian", and the second as the saturation.
    """
    h = run.encode(images)
    squares = squared_norms(run, images).mean() / (h.shape[1] * images[0].size)
    return {
        "mean J^2 (1e-4)": 1e4 * float(squares),
        "saturated (%)": 100 * float(((h < 0.05) | (h > 0.95)).mean()),
    }


def squared_norms(run: Run, images: np.ndarray) -> np.ndarray:
    """||dh/dx||_F^2 of a run's encoder for every image [n]."""
    from ae_jax.model import scaling
    from ae_jax.objective import contractive

    J = contractive.jacobian(run.model, run.variables)
    parts = (images[i : i + 1000] for i in range(0, len(images), 1000))
    return np.concatenate(
        [J.squared(J.of(scaling.to_network(part, run.model.scale))) for part in parts]
    )


def probe(
    config: Resolved,
    data: Dataset,
    key: jax.Array,
    workdir: Path | None = None,
    *,
    kept: Sequence[int],
    strengths: Sequence[float],
    steps: int,
) -> dict[str, float]:
    """Test error (%) of logistic regression on k-sparse codes as they are, and on pixels.

    By L-BFGS, so many `steps` of it. How many units are `kept` for the classifier, and the strength
    C of its regularization, are those with the lowest error on the validation images.
    """
    from ae_jax.evaluate.baselines import unit_rows

    parts = papers.published(data)
    run = papers.kept_fit(config, Dataset(data.name, parts.train, parts.valid), key, workdir)
    codes = {k: with_k(run, k).encode for k in kept}
    held_out, k, strength, error = _best_logistic(codes, parts, strengths, steps)
    return {
        "test error (%)": error,
        "held-out error (%)": held_out,
        "kept": k,
        "C": strength,
        "test images": len(parts.test.images),
        "error on pixels (%)": _best_logistic({0: unit_rows}, parts, strengths, steps)[-1],
    }


def _best_logistic(
    features: Mapping[int, Callable[[np.ndarray], np.ndarray]],
    parts: papers.Parts,
    strengths: Sequence[float],
    steps: int,
) -> tuple[float, int, float, float]:
    """(validation error (%), features, C, test error (%)) of the lowest validation error."""
    found = []
    for name, of in features.items():
        X, V = of(parts.train.images), of(parts.valid.images)
        for C in strengths:
            fitted = _logistic(X, parts.train.labels, C, steps)
            found.append((100 * (1 - fitted.score(V, parts.valid.labels)), name, C, fitted))
    error, name, C, fitted = min(found, key=lambda one: one[0])
    X = features[name](parts.test.images)
    return error, name, C, 100 * (1 - fitted.score(X, parts.test.labels))


def with_k(run: Run, k: int) -> Run:
    """The run with another number of units kept."""
    from ae_jax.model import pipeline

    config = run.config.replace(**{"bottleneck.k": k})
    return run._replace(
        config=config, model=pipeline.build(config, run.model.shape), code_mean=None, code_cov=None
    )


def _logistic(X: np.ndarray, labels: np.ndarray | None, strength: float, steps: int) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():  # that it could go on: the steps are a budget
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=strength, max_iter=steps).fit(X, labels)
