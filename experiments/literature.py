"""Tables of the literature on full MNIST: deep autoencoders, and pre-trained classifiers.

    python -m experiments.literature
    python -m experiments.literature --only=rifai2011:contractive --seeds=1

Each row is a config. Rows of classifiers measure the test error after fine-tuning the encoders that
the config pre-trained (`ae_jax.pretraining`). Held-out training images select learning rate and
epoch; the test set is evaluated once. Writes experiments/results/literature.json after every
training; rows already in the file are not trained again. Exit codes: 0 done, 2 bad input or
environment, 3 a training diverged, 130 interrupted.
"""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from absl import flags
from sklearn.exceptions import ConvergenceWarning

from ae_jax.data.load import Dataset
from ae_jax.errors import DataError
from ae_jax.resolve.config import Resolved
from ae_jax.run.trained import Run

from . import cli
from .measuring import measured
from .measuring.measured import RUN, Measurement, Task

TUNING: dict[str, Any] = {"epochs": 20, "rates": (0.05, 0.1, 0.2)}
HELD_OUT = 10_000  # the last training images, which choose rate and epoch


class Line(NamedTuple):
    """One line of a published table."""

    config: str
    published: Mapping[str, float | None]  # what is measured -> the printed number, if there is one
    measure: Callable[[Any, Any, jax.Array], dict[str, float]]  # (config, data, key)
    scaled: str  # what is smaller here than there
    changes: Mapping[str, Any] = {}


def reconstruction(config: Resolved, data: Dataset, key: jax.Array) -> dict[str, float]:
    """Squared error a test image, and that of PCA with as many numbers."""
    import ae_jax
    from ae_jax.evaluate import baselines

    run = ae_jax.fit(config, data, key, progress=False, whole=True)
    train, test = data.train.images, data.test.images
    pca = baselines.pca_mse(train, test, config.model.code_size)
    return {
        "sse": float(run.score(test).mean()),
        "train sse": float(run.score(train[:HELD_OUT]).mean()),
        "PCA": pca * test[0].size,
    }


def classification(
    config: Resolved,
    data: Dataset,
    key: jax.Array,
    widths: Sequence[int],
    n: int,
    epochs: int,
    rates: Sequence[float],
) -> dict[str, float]:
    """Test error (%) of `n` training images, layers of `widths` pre-trained, then fine-tuned."""
    from ae_jax import pretraining
    from ae_jax.data.arrays import Dataset, rows

    if len(data.train.images) < n + HELD_OUT:
        raise DataError(
            f"{data.name}: {n:,} images to train on and {HELD_OUT:,} to hold out needed"
        )
    k_layers, k_labels = jax.random.split(key)
    train, valid = rows(data.train, slice(0, n)), rows(data.train, slice(-HELD_OUT, None))
    runs = pretraining.greedy(config, widths, Dataset(data.name, train, valid), k_layers, False)
    tried = {
        rate: pretraining.fine_tune(runs, train, valid, k_labels, epochs, rate, progress=False)
        for rate in rates
    }
    rate, found = min(tried.items(), key=lambda item: min(item[1].valid_errors))
    return {
        "test error (%)": 100 * found.error(data.test),
        "held-out error (%)": 100 * min(found.valid_errors),
        "rate": rate,
        "Jacobian norm": jacobian_norm(runs[0], data.test.images[:HELD_OUT]),
    }


def probe(config: Resolved, data: Dataset, key: jax.Array, steps: int) -> dict[str, float]:
    """Test error (%) of logistic regression on the codes as they are, and on pixels.

    By L-BFGS, so many `steps` of it.
    """
    from sklearn.linear_model import LogisticRegression

    import ae_jax
    from ae_jax.evaluate.baselines import unit_rows

    run = ae_jax.fit(config, data, key, progress=False, whole=True)
    kinds = {"test error (%)": run.encode, "error on pixels (%)": unit_rows}
    found = {}
    for name, features in kinds.items():
        fitted = LogisticRegression(max_iter=steps)
        with warnings.catch_warnings():  # that it could go on: the steps are a budget
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted.fit(features(data.train.images), data.train.labels)
        right = fitted.score(features(data.test.images), data.test.labels)
        found[name] = 100 * (1 - float(right))
    return found


def jacobian_norm(run: Run, images: np.ndarray) -> float:
    """Mean over images of ||dh/dx||_F of a run's encoder, before fine-tuning."""
    from ae_jax.model import scaling
    from ae_jax.objective import contractive

    J = contractive.jacobian(run.model, run.variables)
    norms = [
        np.sqrt(J.squared(J.of(scaling.to_network(images[i : i + 1000], run.model.scale))))
        for i in range(0, len(images), 1000)
    ]
    return float(np.concatenate(norms).mean())


def _rifai(variant: str, error: float | None, norm: float | None, **changes: Any) -> Line:
    return Line(
        "rifai2011" + variant,
        {"test error (%)": error, "Jacobian norm": norm},
        partial(classification, widths=(1000,), n=50_000, **TUNING),
        "10 epochs of pre-training, 20 of fine-tuning; strengths not selected; norm in other units",
        {"train.epochs": 10, **changes},
    )


def _vincent(variant: str, error: float | None, **changes: Any) -> Line:
    return Line(
        "vincent2010" + variant,
        {"test error (%)": error},
        partial(classification, widths=(1000, 1000, 1000), n=10_000, **TUNING),
        "one choice of widths, pre-training rates and noise; "
        "the test set is MNIST's 10,000, not 50,000 others",
        changes,
    )


UNTRAINED = {"train.epochs": 0}
ROWS: dict[str, Line] = {
    "hinton2006": Line(
        "hinton2006:published", {"sse": 3.00, "PCA": 13.87}, reconstruction, "no pre-training"
    ),
    "vincent2010": _vincent("", 3.46),
    "vincent2010:sdae": _vincent(":sdae", 2.84),
    "vincent2010:none": _vincent("", None, **UNTRAINED),
    "rifai2011:contractive": _rifai(":contractive", 1.14, 0.73e-4),
    "rifai2011:gaussian": _rifai(":gaussian", 1.18, 0.86e-4),
    "rifai2011:binary": _rifai(":binary", 1.57, 7.87e-4),
    "rifai2011:decay": _rifai(":decay", 1.68, 5.00e-4),
    "rifai2011": _rifai("", 1.78, 17.5e-4),
    "rifai2011:none": _rifai("", None, None, **UNTRAINED),
    "sparse_top_k:makhzani": Line(
        "sparse_top_k:makhzani",
        {"test error (%)": 1.35, "error on pixels (%)": 7.20},
        partial(probe, steps=200),
        "30 epochs of Adam; k is 25 for the classifier as well",
    ),
}


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    a = measured.asked(ROWS, "row")
    tasks = [Task(name, RUN, seed) for seed in range(a.seeds) for name in a.names]
    measured.fill(a, tasks, measurement(a.dataset))
    return 0


def measurement(data: Dataset) -> Measurement:
    """The rows on a data set."""
    return Measurement(
        protocol=lambda task: protocol(ROWS[task.row], data.name),
        take=lambda task: numbers_of(ROWS[task.row], data, task.seed),
        row=lambda name, runs: summary(ROWS[name], runs[RUN]),
        said=said,
    )


def protocol(row: Line, data: str) -> dict[str, Any]:
    """What a row's numbers depend on: its config, and how it is measured."""
    config = measured.fields_of(row.config, {**row.changes, "data.name": data})
    how = row.measure if isinstance(row.measure, partial) else partial(row.measure)
    return {"config": config, "measure": how.func.__name__, "held_out": HELD_OUT, **how.keywords}


def said(task: Task, row: dict[str, Any]) -> str:
    """The numbers of a seed."""
    numbers = row["measured"][RUN]["by_seed"][str(task.seed)]
    found = ", ".join(f"{k} {numbers[k]:.4g}" for k in row["mean"])
    return f"{task.row}, seed {task.seed}: {found}"


def numbers_of(row: Line, data: Dataset, seed: int) -> dict[str, Any]:
    """What a row measures, with one seed."""
    import ae_jax

    begun = time.perf_counter()
    config = ae_jax.load_config(row.config, **{**row.changes, "data.name": data.name})
    return {**row.measure(config, data, jax.random.key(seed)), **measured.timed(begun)}


def summary(row: Line, by_seed: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Means and deviations over seeds, beside what is printed."""
    kinds = [k for k in next(iter(by_seed.values())) if k not in ("seconds", "date")]
    values = {k: [numbers[k] for numbers in by_seed.values()] for k in kinds}
    return {
        "config": row.config,
        "changes": dict(row.changes),
        "scaled": row.scaled,
        "published": dict(row.published),
        "mean": {k: float(np.mean(v)) for k, v in values.items()},
        "std": {k: measured.deviation(v) for k, v in values.items()},
    }


if __name__ == "__main__":
    measured.define_flags("literature.json")
    flags.adopt_module_key_flags(measured)  # --help shows them
    cli.run(main)
