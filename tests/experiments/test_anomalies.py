"""`experiments.anomalies` on a small table made here, and what its tables and peers are."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ae_jax.errors import DataError
from experiments import anomalies
from experiments.measuring.outliers import scores, tables

ROOT = Path(__file__).parents[2]


def command(tmp_path, *arguments):
    return subprocess.run(
        [
            *(sys.executable, "-m", "experiments.anomalies", f"--json={tmp_path / 'a.json'}"),
            *("--seeds=1", "--steps=20", *arguments),
        ],
        cwd=ROOT,
        env={**os.environ, "AE_JAX_MANUAL_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )


def small():
    """Rows on a plane, all but the first eight."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2)) @ rng.normal(size=(2, 6)) + 0.05 * rng.normal(size=(80, 6))
    X[:8] = 4 * rng.normal(size=(8, 6))
    return X, (np.arange(80) < 8).astype(int)


@pytest.mark.long
def test_a_table_is_measured_once_and_printed(tmp_path):
    X, y = small()
    (tmp_path / "adbench").mkdir()
    np.savez(tmp_path / "adbench/45_wine.npz", X=X, y=y)
    done = command(tmp_path, "--only=adbench/45_wine")
    assert done.returncode == 0, done.stderr
    assert "3 new" in done.stdout and "adbench, mean of 1" in done.stdout
    row = json.loads((tmp_path / "a.json").read_text())["adbench/45_wine"]
    assert (row["rows"], row["columns"], row["outliers"]) == (80, 6, 0.1)
    assert set(row["auroc"]) == set(scores.METHODS)
    forest = 100 * roc_auc_score(y, scores.isolation_forest(X, 0))
    assert row["auroc"]["isolation forest"] == pytest.approx(forest, abs=0.01)
    again = command(tmp_path, "--only=adbench/45_wine")
    assert "3 as they were" in again.stdout
    np.savez(tmp_path / "adbench/45_wine.npz", X=X + 1e-3, y=y)
    other = command(tmp_path, "--only=adbench/45_wine")
    assert "adbench/45_wine: measured again, sha256" in other.stdout


@pytest.mark.slow
def test_a_missing_file_and_wrong_steps_are_named_in_three_lines(tmp_path):
    for arguments, said in ((("--only=adbench/45_wine",), "45_wine.npz"), (("--steps=0",), "--st")):
        done = command(tmp_path, *arguments)
        assert done.returncode == 2 and said in done.stderr
        assert len(done.stderr.strip().splitlines()) <= 3


@pytest.mark.parametrize(
    ("name", "share", "shape"),
    [
        ("breast_cancer", 0.1, (397, 30)),
        ("digits", 0.05, (1708, 64)),
        ("wine", 0.08, (141, 13)),
        ("factors", 0.05, (2000, 20)),
        ("clusters", 0.05, (2000, 8)),
        ("shifted", 0.05, (2000, 10)),
    ],
)
def test_other_tables_are_as_they_say_and_always_the_same(name, share, shape):
    X, y = tables.load(f"others/{name}")
    assert X.shape == shape and y.shape == shape[:1] and set(y) == {0, 1}
    assert y.mean() == pytest.approx(share, abs=0.003)
    np.testing.assert_array_equal(tables.load(f"others/{name}").X, X)


def test_rows_of_factors_keep_their_columns_distributions():
    """What is strange there is the company of the numbers, not the numbers."""
    X, y = tables.load("others/factors")
    ratio = X[y == 1].std(0) / X[y == 0].std(0)
    assert (abs(ratio - 1) < 0.25).all()


@pytest.mark.parametrize("kind", ["random", "fixed"])
def test_peers_find_rows_far_away(kind):
    X, y = small()
    for peer, score in scores.found(kind, X, 0, 1).items():
        assert roc_auc_score(y, score) > 0.9, peer


def test_the_mean_of_a_group_is_the_mean_of_its_tables():
    row = {"rows": 10, "columns": 2, "auroc": dict.fromkeys(scores.METHODS, 70.0)}
    other = {**row, "auroc": dict.fromkeys(scores.METHODS, 80.0)}
    found = anomalies.lines({"adbench/a": row, "adbench/b": other, "others/c": row})
    assert [line[0] for line in found] == [
        "table",
        "adbench/a",
        "adbench/b",
        "adbench, mean of 2",
        "others/c",
        "others, mean of 1",
    ]
    assert found[3][3:] == ("75.0",) * len(scores.METHODS)


def test_files_that_are_no_table_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("AE_JAX_MANUAL_DIR", str(tmp_path))
    (tmp_path / "adbench").mkdir()
    file = tmp_path / "adbench/45_wine.npz"
    for content in ({"X": np.zeros((3, 2))}, {"X": np.zeros((3, 2)), "y": np.zeros(3)}):
        np.savez(file, **content)
        with pytest.raises(DataError, match="45_wine"):
            tables.load("adbench/45_wine")
    monkeypatch.delenv("AE_JAX_MANUAL_DIR")
    with pytest.raises(DataError, match="set AE_JAX_MANUAL_DIR"):
        tables.load("adbench/45_wine")
