"""Filling the holes of seven tables, beside scikit-learn's imputers.

    python -m experiments.imputation
    python -m experiments.imputation --only=yeast,letter --seeds=1
    python -m experiments.imputation --data=FOLDER --json=FILE

A fifth of the entries of a table is hidden: of all entries alike ('random'), or the more often the
larger a number is among those of its column ('large': not missing at random). `configs/impute.py`,
the same for all tables, is trained on what is left and fills it, as the others do: the column's
mean, KNNImputer and IterativeImputer with their defaults. The error is the mean squared error of
the hidden entries, each column in units of the standard deviation of what was left of it.

The tables are satellite, optdigits, SpamBase, pendigits, letter, annthyroid and yeast of ADBench
(Han, Hu, Huang, Jiang & Zhao 2022, "ADBench: anomaly detection benchmark", NeurIPS), .npz files
with an X in the folder `adbench` of AE_JAX_MANUAL_DIR. Of another folder all tables are taken.
Writes experiments/results/imputation.json after every table, pattern and seed; what is in the file
already is not measured again. Exit codes: 0 done, 2 bad input or environment, 3 a training
diverged, 130 interrupted.
"""

import os
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from absl import flags
from scipy.stats import rankdata

from ae_jax.errors import DataError

from . import cli
from .measuring import measured
from .measuring.measured import BySeed, Measurement, Row, Task
from .pages.table import terminal

if TYPE_CHECKING:  # with all applications, which draw: the first line of a command does not wait
    from ae_jax.analysis.judge import Estimate

TABLES = ("satellite", "optdigits", "SpamBase", "pendigits", "letter", "annthyroid", "yeast")
ADBENCH = "adbench"
CONFIG = "impute"
SHARE = 0.2  # of the entries of a table, hidden
OURS, MEAN, OTHERS = "ae_jax", "column mean", ("KNNImputer", "IterativeImputer")
METHODS = (MEAN, *OTHERS, OURS)
VERSION = 1  # of what is measured: numbers of an earlier one are measured anew


class Tables(NamedTuple):
    """A folder of tables."""

    name: str
    files: dict[str, Path]

    def rows(self, table: str) -> np.ndarray:
        """The numbers of a table, float64 [n, D].

        Raises:
          DataError: the file cannot be read, or has no complete X [n, D].
        """
        try:
            with np.load(self.files[table], allow_pickle=False) as found:
                x = np.asarray(found["X"], np.float64)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{self.files[table]}: no table with an X ({error})") from error
        if x.ndim != 2 or not np.isfinite(x).all():
            raise DataError(f"{self.files[table]}: X must be [n, D], without holes of its own")
        return x


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    tables = found(flags.FLAGS.data)
    a = measured.asked(tables.files, "table", lambda name: tables)
    tasks = [
        Task(name, pattern, seed)
        for seed in range(a.seeds)
        for pattern in PATTERNS
        for name in a.names
    ]
    measured.fill(a, tasks, measurement(tables))
    rows = measured.rows_of(a.file, tables.name)
    print(shown({name: rows[name] for name in a.names}))
    return 0


def found(data: str) -> Tables:
    """The tables of a folder, or the seven of ADBench, by name without a leading number.

    Raises:
      DataError: there is no such folder, or not all of its tables.
    """
    manual = os.environ.get("AE_JAX_MANUAL_DIR", ".")
    folder = Path(manual) / ADBENCH if data == ADBENCH else Path(data)
    files = {_name(path): path for path in sorted(folder.glob("*.npz"))}
    if data == ADBENCH:
        if absent := [name for name in TABLES if name not in files]:
            raise DataError(
                f"--data: {folder}: no table {absent[0]}; the folder with the .npz files of "
                "ADBench is expected in AE_JAX_MANUAL_DIR, or --data=FOLDER"
            )
        files = {name: files[name] for name in TABLES}
    if not files:
        raise DataError(f"--data: {folder}: no folder with tables, .npz files with an X")
    return Tables(data, files)


def _name(path: Path) -> str:
    number, _, rest = path.stem.partition("_")
    return rest if rest and number.isdigit() else path.stem


def measurement(tables: Tables, changes: Mapping[str, Any] | None = None) -> Measurement:
    """All methods on tables, ours with changes to its config."""
    changes = changes or {}
    protocol = {
        "config": measured.fields_of(CONFIG, changes, named=False),
        "share": SHARE,
        "version": VERSION,
    }
    return Measurement(
        protocol=lambda task: protocol,
        take=lambda task: compared(tables.rows(task.row), task, changes),
        row=summary,
        said=said,
        kinds=tuple(PATTERNS),
    )


def anywhere(x: np.ndarray) -> np.ndarray:
    """Probabilities [n, D] of being hidden, all alike."""
    return np.full(x.shape, SHARE)


def where_large(x: np.ndarray) -> np.ndarray:
    """Probabilities [n, D] from 0 for a column's smallest number to twice SHARE for its largest.

    They grow with the rank among the column's numbers; equal numbers have that of their middle.
    """
    return 2 * SHARE * (rankdata(x, axis=0) - 0.5) / len(x)


PATTERNS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "random": anywhere,
    "large": where_large,
}


def compared(x: np.ndarray, task: Task, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Errors of all methods on the same hidden entries, and ours against each of the others."""
    from sklearn.preprocessing import StandardScaler

    from ae_jax.analysis import judge

    begun = time.perf_counter()
    hidden = np.random.default_rng(task.seed).random(x.shape) < PATTERNS[task.kind](x)
    holed = np.where(hidden, np.nan, x)
    scaler = StandardScaler().fit(holed)
    truth, given = scaler.transform(x), scaler.transform(holed)
    squares, took = {}, {}
    for name in METHODS:
        start = time.perf_counter()
        if name == OURS:
            filled = scaler.transform(imputed(holed, task.seed, changes))
        else:
            filled = classical(name, given)
        squares[name] = np.where(hidden, np.square(filled - truth), 0.0).sum(axis=1)
        took[name] = round(time.perf_counter() - start, 1)
    holes = int(hidden.sum())
    # A row's part of the mean over all holes, times the number of rows.
    per_row = {name: v * len(x) / holes for name, v in squares.items()}
    return {
        "mse": {name: float(f"{v.mean():.6g}") for name, v in per_row.items()},
        "gain": {name: list(judge.gain(per_row[name], per_row[OURS])) for name in (MEAN, *OTHERS)},
        "hidden": holes,
        "took": took,
        **measured.timed(begun),
    }


def imputed(holed: np.ndarray, seed: int, changes: Mapping[str, Any]) -> np.ndarray:
    """Rows [n, D] filled by a network that was trained on them."""
    import ae_jax

    data = ae_jax.from_arrays(holed, holed[:1])  # nothing is held out; a test set is not used
    config = ae_jax.load_config(CONFIG, **changes)
    return ae_jax.fit(config, data, seed, progress=False, whole=True).impute(holed)


def classical(name: str, given: np.ndarray) -> np.ndarray:
    """Standardized rows [n, D] filled by a method that is fitted on them."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401 (makes the next one)
    from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

    imputers = {
        MEAN: SimpleImputer,
        "KNNImputer": KNNImputer,
        "IterativeImputer": lambda: IterativeImputer(random_state=0),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # ten rounds are its default
        filled: np.ndarray = imputers[name]().fit_transform(given)
    return filled


def summary(name: str, by_kind: dict[str, BySeed]) -> Row:
    """Mean and deviation over seeds of a table's errors, and the verdicts, of each pattern."""
    from ae_jax.analysis import judge
    from ae_jax.analysis.judge import Estimate

    row: Row = {"config": CONFIG}
    for pattern, by_seed in by_kind.items():
        entries = list(by_seed.values())
        mse = {method: [e["mse"][method] for e in entries] for method in entries[0]["mse"]}
        gains = {k: over([Estimate(*e["gain"][k]) for e in entries]) for k in entries[0]["gain"]}
        row[pattern] = {
            "seeds": len(entries),
            "mse": {k: float(f"{np.mean(v):.6g}") for k, v in mse.items()},
            "std": {k: float(f"{measured.deviation(v):.6g}") for k, v in mse.items()},
            "gain": {k: list(v) for k, v in gains.items()},
            "wins": {k: judge.beyond(v) for k, v in gains.items()},
        }
    return row


def over(gains: "list[Estimate]") -> "Estimate":
    """Their mean. Seeds share the rows, so its error is no smaller than one seed's on average."""
    from ae_jax.analysis import judge
    from ae_jax.analysis.judge import Estimate

    one = float(np.mean([g.error for g in gains]))
    if len(gains) == 1:
        return Estimate(gains[0].value, one)
    value, between = judge.mean([g.value for g in gains])
    return Estimate(value, max(one, between))


def said(task: Task, row: Row) -> str:
    """What was found at a seed."""
    entry = row["measured"][task.kind]["by_seed"][str(task.seed)]
    errors = ", ".join(f"{name} {mse:.4f}" for name, mse in entry["mse"].items())
    return f"{task.row}, {task.kind}, seed {task.seed} ({entry['seconds']:.0f} s): {errors}"


def lines(rows: Mapping[str, Row]) -> list[tuple[str, ...]]:
    """The table: a line for each pattern and table, and the methods that ours is better than."""
    result: list[tuple[str, ...]] = [
        ("hidden", "table", "seeds", *METHODS, f"{OURS} is better than")
    ]
    for pattern in PATTERNS:
        for name, row in rows.items():
            if (of := row.get(pattern)) is None:
                continue
            errors = (_error(of["mse"][m], of["std"][m], of["seeds"]) for m in METHODS)
            better, worse = ([m for m in OTHERS if of["wins"][m] == sign] for sign in (1, -1))
            verdict = ", ".join([*better, *(f"not {m}, which is better" for m in worse)])
            result.append((pattern, name, str(of["seeds"]), *errors, verdict or "none"))
    return result


def _error(mse: float, std: float, seeds: int) -> str:
    return f"{mse:.4f}" + (f" ± {std:.4f}" if seeds > 1 else "")


def counts(rows: Mapping[str, Row]) -> list[str]:
    """How often ours is better than the others, beyond chance, in a sentence for each pattern."""
    sentences = []
    for pattern in PATTERNS:
        wins = [row[pattern]["wins"] for row in rows.values() if pattern in row]
        each = [f"{m} on {sum(w[m] > 0 for w in wins)}" for m in (MEAN, *OTHERS)]
        both = sum(all(w[m] > 0 for m in OTHERS) for w in wins)
        sentences.append(
            f"{pattern}: of {len(wins)} tables {OURS} is better than {', '.join(each)}, "
            f"than the last two at once on {both}"
        )
    return sentences


def shown(rows: Mapping[str, Row]) -> str:
    """`lines` in columns, and `counts`."""
    table = lines(rows)
    return "\n".join([terminal(table, range(2, len(table[0]) - 1)), *counts(rows)])


if __name__ == "__main__":
    measured.define_flags("imputation.json", ADBENCH)
    flags.adopt_module_key_flags(measured)  # --help shows them
    cli.run(main)
