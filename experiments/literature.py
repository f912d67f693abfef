"""Tables of the literature on full MNIST: deep autoencoders, and pre-trained classifiers.

    python -m experiments.literature
    python -m experiments.literature --only=rifai2011:contractive --seeds=1

Each row is a config. Rows of classifiers measure the test error after fine-tuning the encoders that
the config pre-trained (`ae_jax.pretraining`). Validation images select learning rate and epoch; the
test set is evaluated once. Writes experiments/results/literature.json after every
training; rows already in the file are not trained again, and what is already trained of the other
rows is kept in the work directory: a command that was ended, by a kill as well, goes on. Several
commands with other rows may run at the same time. Exit codes: 0 done, 2 bad input or environment,
3 a training diverged, 130 interrupted.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from absl import flags

from ae_jax.data.load import Dataset
from ae_jax.resolve import config as config_lib

from . import cli
from .measuring import classified, measured, papers
from .measuring.measured import RUN, Measurement, Task

# Of a classifier: at a constant rate, without momentum, until so many times the epochs are done
# that brought the lowest error on validation images.
PATIENCE = 2.0
UNTRAINED = {"train.epochs": 0}
PRETRAINING = {"train.epochs": (50, 100, 200, 300), "optim.learning_rate": (1e-4, 3e-4, 1e-3)}


class Line(NamedTuple):
    """One line of a published table."""

    config: str
    published: Mapping[str, float | None]  # what is measured -> the printed number, if there is one
    measure: Callable[..., dict[str, float]]  # (config, data, key, workdir)
    differs: str  # from the paper
    changes: Mapping[str, Any] = {}


def _rifai(
    variant: str, error: float | None, J: float | None, saturated: float | None, **changes: Any
) -> Line:
    tuning: dict[str, Any] = {
        "rates": (0.5,),
        "batch_size": 100,
        "epochs": 150,
        "patience": PATIENCE,
    }
    return Line(
        "rifai2011" + variant,
        {"test error (%)": error, "mean J^2 (1e-4)": J, "saturated (%)": saturated},
        partial(classified.classification, parts="published", widths=(1000,), **tuning),
        "two contractive weights were tried, of the others one strength; Adam before fine-tuning",
        changes,
    )


def _vincent(variant: str, error: float | None, **searched: Any) -> Line:
    tuning: dict[str, Any] = {
        "ranges": {"rate": (0.05, 0.1, 0.2, 0.5), **searched},
        "draws": 4,
        "batch_size": 100,
        "epochs": 150,
        "patience": PATIENCE,
    }
    return Line(
        "vincent2010" + variant,
        {"test error (%)": error},
        partial(classified.searched, parts="basic", widths=(1000, 1000, 1000), **tuning),
        "another draw of 10,000, 2,000 and 50,000 images; one width; 4 settings were tried",
        {} if searched else UNTRAINED,
    )


def _burda(variant: str, likelihood: float) -> Line:
    return Line(
        "burda2016" + variant,
        {"NLL (nats)": likelihood},
        partial(papers.likelihood, draws=5_000),
        "60,000 updates, not 9.8 million; Adam's epsilon 1e-8, not 1e-4; pixels' biases start at 0",
        {"train.epochs": 20},
    )


ROWS: dict[str, Line] = {
    "hinton2006": Line(
        "hinton2006:published",
        {"sse": 3.00, "PCA": 13.87},
        papers.reconstruction,
        "no pre-training; ELU; decay of the weights",
    ),
    "vincent2010": _vincent("", 3.46, **PRETRAINING),
    "vincent2010:sdae": _vincent(
        ":sdae", 2.84, **PRETRAINING, **{"corruption.rate": (0.1, 0.25, 0.4)}
    ),
    "vincent2010:none": _vincent("", None),
    "rifai2011:contractive": _rifai(":contractive", 1.14, 0.73, 86.36),
    "rifai2011:gaussian": _rifai(":gaussian", 1.18, 0.86, 17.77),
    "rifai2011:binary": _rifai(":binary", 1.57, 7.87, 68.19),
    "rifai2011:decay": _rifai(":decay", 1.68, 5.00, 12.97),
    "rifai2011": _rifai("", 1.78, 17.5, 49.90),
    "rifai2011:none": _rifai("", None, None, None, **UNTRAINED),
    "burda2016": _burda("", 86.76),
    "burda2016:iwae5": _burda(":iwae5", 85.54),
    "burda2016:iwae50": _burda(":iwae50", 84.78),
    "sparse_top_k:makhzani": Line(
        "sparse_top_k:makhzani",
        {"test error (%)": 1.35, "error on pixels (%)": 7.20},
        partial(classified.probe, kept=(25, 50, 75, 100), strengths=(0.01, 0.1, 1.0), steps=200),
        "30 epochs of Adam, not 5,000 of gradient descent; k = 25 from the first step",
    ),
}


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    a = measured.asked(ROWS, "row")
    tasks = [Task(name, RUN, seed) for seed in range(a.seeds) for name in a.names]
    measured.fill(a, tasks, measurement(a.dataset, Path(flags.FLAGS.workdir)))
    return 0


def measurement(data: Dataset, workdir: Path) -> Measurement:
    """The rows on a data set; `workdir` keeps what is trained."""
    return Measurement(
        protocol=lambda task: protocol(ROWS[task.row], data.name),
        take=lambda task: numbers_of(ROWS[task.row], data, task.seed, workdir),
        row=lambda name, runs: summary(ROWS[name], runs[RUN]),
        said=said,
    )


def protocol(row: Line, data: str) -> dict[str, Any]:
    """What a row's numbers depend on: its config, and how it is measured."""
    config = measured.fields_of(row.config, {**row.changes, "data.name": data})
    how = row.measure if isinstance(row.measure, partial) else partial(row.measure)
    return {"config": config, "measure": how.func.__name__, **how.keywords}


def said(task: Task, row: dict[str, Any]) -> str:
    """The numbers of a seed."""
    numbers = row["measured"][RUN]["by_seed"][str(task.seed)]
    found = ", ".join(f"{k} {numbers[k]:.4g}" for k in row["mean"])
    return f"{task.row}, seed {task.seed}: {found}"


def numbers_of(row: Line, data: Dataset, seed: int, workdir: Path) -> dict[str, Any]:
    """What a row measures, with one seed; the seconds are those of the last command."""
    import ae_jax

    begun = time.perf_counter()
    config = ae_jax.load_config(row.config, **{**row.changes, "data.name": data.name})
    settings = {**protocol(row, data.name), "config": dict(config_lib.flat(config))}
    within = workdir / row.config.replace(":", "_") / _digest(settings) / str(seed)
    found = row.measure(config, data, jax.random.key(seed), within)
    return {**found, **measured.timed(begun)}


def _digest(settings: Mapping[str, Any]) -> str:
    """A short hash that differs between settings."""
    text = json.dumps(measured.as_json(settings), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def summary(row: Line, by_seed: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Means and deviations over seeds, beside what is printed."""
    kinds = [k for k in next(iter(by_seed.values())) if k not in ("seconds", "date", "search")]
    values = {k: [numbers[k] for numbers in by_seed.values()] for k in kinds}
    return {
        "config": row.config,
        "changes": dict(row.changes),
        "differs": row.differs,
        "published": dict(row.published),
        "mean": {k: float(np.mean(v)) for k, v in values.items()},
        "std": {k: measured.deviation(v) for k, v in values.items()},
    }


if __name__ == "__main__":
    measured.define_flags("literature.json")
    cli.define_path("workdir", "runs/literature", "Keeps what is trained, to go on after a kill.")
    flags.adopt_module_key_flags(measured)  # --help shows them
    cli.run(main)
