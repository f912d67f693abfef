"""The table of imputations, on small tables that are made here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.impute import KNNImputer

from ae_jax.analysis.judge import Estimate
from ae_jax.errors import DataError
from experiments import imputation
from experiments.imputation import MEAN, OTHERS, OURS, PATTERNS
from experiments.measuring import measured
from experiments.measuring.measured import Task

SHORT = {"train": {"epochs": 2, "batch_size": 50}, "model.code_size": 8, "encoder.hidden": (8,)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """'small', whole numbers, and 'constant', of which a column does not vary."""
    path, rng = tmp_path_factory.mktemp("tables"), np.random.default_rng(0)
    x = rng.normal(size=(120, 2)) @ rng.normal(size=(2, 4)) * 30 + 100
    np.savez(path / "7_small.npz", X=x.astype(np.uint8), y=np.zeros(120))
    np.savez(path / "constant.npz", X=np.c_[x, np.full(120, 0.1)])
    return path


def test_a_fifth_is_hidden_and_in_one_pattern_large_numbers_more_often():
    x = np.random.default_rng(0).normal(size=(20_000, 3)) ** 3
    x[:, 2] = np.round(x[:, 2])  # mostly 0, which are hidden alike
    shares = {name: p(x) for name, p in PATTERNS.items()}
    for p in shares.values():
        np.testing.assert_allclose(p.mean(0), imputation.SHARE, rtol=1e-3)
    assert np.ptp(shares["random"]) == 0
    large = shares["large"]
    assert all(spearmanr(large[:, i], x[:, i]).statistic > 0.999 for i in range(3))
    assert large.min() >= 0 and large.max() == pytest.approx(0.4, rel=1e-3)
    assert np.ptp(large[x[:, 2] == 0, 2]) == 0


def test_the_error_is_by_hand_that_of_the_hidden_entries(folder, monkeypatch):
    """In standard deviations of what is left; a constant column has no error."""
    tables = imputation.found(str(folder))
    x = tables.rows("constant")
    monkeypatch.setattr(
        imputation, "imputed", lambda holed, *_: np.where(np.isnan(holed), x, holed)
    )
    found = imputation.compared(x, Task("constant", "random", 3), {})
    hidden = np.random.default_rng(3).random(x.shape) < 0.2
    z = np.where(hidden, np.nan, x)
    deviation = np.where(np.nanstd(z, 0) > 1e-9, np.nanstd(z, 0), 1)
    z, truth = ((v - np.nanmean(z, 0)) / deviation for v in (z, x))
    assert found["hidden"] == hidden.sum()
    assert found["mse"][OURS] == pytest.approx(0, abs=1e-20)
    assert found["mse"][MEAN] == pytest.approx(np.square(truth)[hidden].mean(), rel=1e-5)
    knn = np.square(KNNImputer().fit_transform(z) - truth)[hidden].mean()
    assert found["mse"]["KNNImputer"] == pytest.approx(knn, rel=1e-5)
    for name in (MEAN, *OTHERS):
        value, error = found["gain"][name]
        assert value == pytest.approx(found["mse"][name] - found["mse"][OURS], rel=1e-5)
        assert 0 < error < value, "nothing is better than the truth, beyond chance"


def test_seeds_share_the_rows_of_a_table():
    alike = [Estimate(1.0, 0.3), Estimate(1.0, 0.5)]
    assert imputation.over(alike) == (1.0, pytest.approx(0.4))
    value, error = imputation.over([Estimate(0.0, 0.1), Estimate(2.0, 0.1)])
    assert (value, error) == (1.0, pytest.approx(1.0))
    assert imputation.over(alike[:1]) == alike[0]


@pytest.mark.slow
def test_every_table_pattern_and_seed_is_measured_once(folder, tmp_path, capsys):
    tables = imputation.found(str(folder))
    assert list(tables.files) == ["small", "constant"]
    m = imputation.measurement(tables, SHORT)
    a = measured.Asked(list(tables.files), ["small"], 2, tables, tmp_path / "rows.json")
    tasks = [Task("small", *task) for task in (("random", 0), ("large", 0), ("random", 1))]
    measured.fill(a, tasks[:2], m)
    measured.fill(a, tasks, m)
    assert capsys.readouterr().out.endswith("1 new, 2 as they were\n")
    rows = measured.rows_of(a.file, str(folder))
    row = rows["small"]
    for pattern, seeds in {"random": ["0", "1"], "large": ["0"]}.items():
        entries = row["measured"][pattern]["by_seed"]
        assert list(entries) == seeds and row[pattern]["seeds"] == len(seeds)
        for method in (OURS, MEAN, *OTHERS):
            errors = [e["mse"][method] for e in entries.values()]
            assert row[pattern]["mse"][method] == pytest.approx(np.mean(errors), rel=1e-5)
            assert row[pattern]["std"][method] == pytest.approx(
                measured.deviation(errors), rel=1e-4
            )
        # Two epochs learn little: two factors are in reach of chained regressions.
        assert row[pattern]["wins"]["IterativeImputer"] == -1
    table = imputation.lines(rows)
    assert [line[:3] for line in table[1:]] == [("random", "small", "2"), ("large", "small", "1")]
    assert ["±" in line[3] for line in table[1:]] == [True, False]
    assert all("not IterativeImputer, which is better" in line[-1] for line in table[1:])
    assert all("IterativeImputer on 0, than" in said for said in imputation.counts(rows))
    assert imputation.shown(rows).count("\n") == len(table) + len(PATTERNS) - 1


def test_wins_over_both_are_counted():
    def row(mean, knn, iterative):
        return {"random": {"wins": {MEAN: mean, OTHERS[0]: knn, OTHERS[1]: iterative}}}

    rows = {"a": row(1, 1, 1), "b": row(1, 1, 0), "c": row(1, -1, 1), "d": {}}
    said = (
        "column mean on 3, KNNImputer on 2, IterativeImputer on 2, than the last two at once on 1"
    )
    assert imputation.counts(rows)[0] == f"random: of 3 tables ae_jax is better than {said}"


def test_what_is_no_table_is_named(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="no folder with tables"):
        imputation.found(str(tmp_path / "nothing"))
    monkeypatch.setenv("AE_JAX_MANUAL_DIR", str(tmp_path))
    with pytest.raises(DataError, match="no table satellite"):
        imputation.found("adbench")
    holed = np.array([[1.0, np.nan]])
    for name, arrays in {"a": {"Z": holed}, "b": {"X": holed}, "c": {"X": np.arange(3)}}.items():
        np.savez(tmp_path / f"{name}.npz", **arrays)
        with pytest.raises(DataError, match=rf"{name}\.npz.* X"):
            imputation.found(str(tmp_path)).rows(name)


@pytest.mark.long
def test_the_command(folder, tmp_path):
    file = tmp_path / "x.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "experiments.imputation", "--only=constant", "--seeds=1"),
            *(f"--data={folder}", f"--json={file}"),
        ],
        cwd=Path(__file__).parents[2],
        env=os.environ,
        capture_output=True,
        text=True,
    )
    # The config's batches are larger than this table.
    assert done.returncode == 2 and "train.batch_size" in done.stderr
    assert len(done.stderr.strip().splitlines()[-3:]) <= 3
    x = np.tile(np.load(folder / "constant.npz")["X"], (3, 1))
    np.savez(tmp_path / "long.npz", X=x)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "experiments.imputation", "--seeds=1"),
            *(f"--data={tmp_path}", f"--json={file}"),
        ],
        cwd=Path(__file__).parents[2],
        env=os.environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "random: of 1 tables ae_jax is better than" in done.stdout
    assert json.loads(file.read_text())["rows"][0]["name"] == "long"
