"""Finds labelled outliers of tables without their labels, beside scikit-learn's detectors.

    python -m experiments.anomalies
    python -m experiments.anomalies --only=adbench/45_wine,others/digits --seeds=1

Every method is fit on all rows of a table, and judged by the area under ROC on the same rows, with
one setting for all tables. Needs the 18 files of $AE_JAX_MANUAL_DIR/adbench for `adbench/...`; the
tables of `others/...` come with scikit-learn or are drawn. Writes
experiments/results/anomalies.json after every table and seed; rows already in the file are not
measured again. Exit codes: 0 done, 2 bad input or environment, 3 a training diverged, 130
interrupted.
"""

import hashlib
import time
from typing import Any, NamedTuple

import numpy as np
from absl import flags
from sklearn.metrics import roc_auc_score

from ae_jax.errors import ConfigError
from ae_jax.sklearn.detector import MEMBERS, PASSES, STEPS

from . import cli
from .measuring import measured
from .measuring.measured import BySeed, Measurement, Row, Task
from .measuring.outliers import tables
from .measuring.outliers.scores import METHODS, found
from .pages.table import terminal

VERSION = 1  # of the tables and the methods
KINDS = ("ours", "random", "fixed")  # methods; of fixed ones a seed changes nothing


class _Tables(NamedTuple):
    """What --data names; each is read when it is measured."""

    name: str


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    steps = flags.FLAGS.steps
    if steps < 1:
        raise ConfigError(f"--steps: must be at least 1, not {steps}")
    a = measured.asked(tables.names(), "table", _Tables)
    tasks = [
        Task(name, kind, seed)
        for seed in range(a.seeds)
        for name in a.names
        for kind in KINDS
        if kind != "fixed" or seed == 0
    ]
    measured.fill(a, tasks, measurement(steps))
    print(shown(measured.rows_of(a.file, a.dataset.name)))
    return 0


def measurement(steps: int) -> Measurement:
    """The area under ROC of every method on a table."""
    return Measurement(
        protocol=lambda task: protocol(task, steps),
        take=lambda task: areas(task, steps),
        row=summary,
        said=said,
        kinds=KINDS,
        keyed=True,
    )


def protocol(task: Task, steps: int) -> dict[str, Any]:
    """What the numbers of a table depend on."""
    table = tables.load(task.row)
    digest = hashlib.sha256(np.ascontiguousarray(table.X).data).hexdigest()
    of_all = {"sha256": digest, "version": VERSION}
    if task.kind != "ours":
        return of_all
    training = {"steps": steps, "passes": PASSES, "members": MEMBERS}
    return {"config": measured.fields_of("tabular_anomaly", {}, named=False), **training, **of_all}


def areas(task: Task, steps: int) -> dict[str, Any]:
    """Area under ROC in percent of each method, and what was measured."""
    begun, (X, y) = time.perf_counter(), tables.load(task.row)
    scores = found(task.kind, X, task.seed, steps)
    auroc = {name: round(100 * float(roc_auc_score(y, score)), 2) for name, score in scores.items()}
    table = {"rows": len(X), "columns": X.shape[1], "outliers": round(float(y.mean()), 4)}
    return {"auroc": auroc, "table": table, **measured.timed(begun)}


def summary(name: str, by_kind: dict[str, BySeed]) -> Row:
    """Means and deviations over the seeds."""
    taken = [entry for by_seed in by_kind.values() for entry in by_seed.values()]
    by_method = {m: [e["auroc"][m] for e in taken if m in e["auroc"]] for m in METHODS}
    by_method = {m: values for m, values in by_method.items() if values}
    return {
        "date": max(e["date"] for e in taken),
        "seeds": max(map(len, by_kind.values())),
        **taken[0]["table"],
        "auroc": {m: round(float(np.mean(v)), 2) for m, v in by_method.items()},
        "std": {m: round(measured.deviation(v), 2) for m, v in by_method.items()},
    }


def said(task: Task, row: Row) -> str:
    """What was found on a table at a seed."""
    entry = row["measured"][task.kind]["by_seed"][str(task.seed)]
    areas = ", ".join(f"{name} {area:.1f}" for name, area in entry["auroc"].items())
    return f"{task.row}, seed {task.seed} ({entry['seconds']:.0f} s): {areas}"


def lines(rows: dict[str, Row]) -> list[tuple[str, ...]]:
    """The table that is printed: a line a table, and after each group its mean."""
    result = [("table", "rows", "columns", *METHODS)]
    groups = dict.fromkeys(name.partition("/")[0] for name in rows)
    for group in groups:
        mine = {name: row for name, row in rows.items() if name.startswith(f"{group}/")}
        for name, row in mine.items():
            numbers = (f"{row['auroc'][m]:.1f}" if m in row["auroc"] else "-" for m in METHODS)
            result.append((name, str(row["rows"]), str(row["columns"]), *numbers))
        means = (_mean([row["auroc"].get(m) for row in mine.values()]) for m in METHODS)
        result.append((f"{group}, mean of {len(mine)}", "", "", *means))
    return result


def _mean(values: list[float | None]) -> str:
    known = [v for v in values if v is not None]
    return f"{np.mean(known):.1f}" if len(known) == len(values) else "-"


def shown(rows: dict[str, Row]) -> str:
    """`lines` in columns."""
    table = lines(rows)
    return terminal(table, range(1, len(table[0])))


if __name__ == "__main__":
    measured.define_flags("anomalies.json", "tables")
    flags.adopt_module_key_flags(measured)  # --help shows them
    flags.DEFINE_integer("steps", STEPS, "Updates of our network's weights.")
    cli.run(main)
