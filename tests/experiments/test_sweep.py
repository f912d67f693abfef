"""The sweep command: its grid, its table, its figure, its files."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest

from ae_jax.data.arrays import Split
from ae_jax.data.load import hold_out, load_data, subset
from ae_jax.errors import ConfigError
from ae_jax.evaluate.metrics import evaluator
from ae_jax.figures.sweep_chart import sweep_curve
from ae_jax.resolve.config import load_config
from ae_jax.run.fitting import fit
from ae_jax.streams import stream
from ae_jax.train import loop, setup
from experiments.sweeping import grid as sweep_grid
from experiments.sweeping import session, table, training
from experiments.sweeping.plan import plan as plan_of

ROOT = Path(__file__).parents[2]
LOOP = partial(training.here, "loop")


def result(rate, seed, mse, diverged=None, valid=None):
    test = None if diverged is not None else {"mse": mse, "loss": 2 * mse, "psnr": 1.0}
    found = {"seed": seed, "overrides": {"rate": rate}, "diverged": diverged, "test": test}
    return found if valid is None else {**found, "valid": {"mse": valid}}


def test_the_best_point_is_the_validation_images_choice():
    """Whatever the test set says: it is best elsewhere, and may be permuted."""
    for tests in ((1.0, 2.0, 3.0), (3.0, 1.0, 2.0)):
        results = [result(r, s, tests[r], None, v) for r, v in enumerate((5, 6, 4)) for s in (0, 1)]
        results.append(result(3, 0, None, diverged=7))
        summary = table.summarize(results)
        assert [point["best"] for point in summary] == [False, False, True, False]
        assert [i for i, x in enumerate(table.table(summary).splitlines()[1:]) if "*" in x] == [2]
        assert summary[2]["valid"]["mse"] == {"mean": 4.0, "sd": 0.0}
    without = table.summarize([result(r, 0, r) for r in (1.0, 2.0)])
    assert not any(point["best"] for point in without) and "*" not in table.table(without)


def test_a_value_that_configs_do_not_list_is_a_points_own():
    grid = sweep_grid.parse("optim.accumulate=1,2;data.color=keep,gray")
    points = [m.point for m in sweep_grid.members("undercomplete", {}, grid, 1)]
    assert [tuple(point.values()) for point in points] == [
        (1, "keep"), (1, "gray"), (2, "keep"), (2, "gray")
    ]  # fmt: skip


def test_mean_and_deviation_are_numpys():
    draws = np.random.default_rng(0).uniform(size=(2, 5))
    results = [result(r, s, draws[r, s]) for r in (0, 1) for s in range(5)]
    results += [result(2, 0, 1e-9), result(2, 1, None, diverged=7)]
    summary = table.summarize(results)
    for r in (0, 1):
        mse, loss = summary[r]["test"]["mse"], summary[r]["test"]["loss"]
        np.testing.assert_allclose(mse["mean"], draws[r].mean())
        np.testing.assert_allclose(mse["sd"], draws[r].std(ddof=1))
        np.testing.assert_allclose(loss["sd"], 2 * draws[r].std(ddof=1))
    assert summary[2]["diverged"] == 1 and summary[2]["test"]["mse"] == {"mean": 1e-9, "sd": None}
    lines = table.table(summary).splitlines()
    assert "5 seeds" in lines[0] and "1 diverged" in lines[3]
    assert not any("*" in line for line in lines), "no images were held out to choose by"
    assert f"{draws[0].mean():.5g} ± {draws[0].std(ddof=1):.2g}" in lines[1]


def test_parsing_keeps_tuples_together():
    grid = sweep_grid.parse("a.b=1, 2;c.d=(3,4),(5,);")
    assert grid == {"a.b": ["1", "2"], "c.d": ["(3,4)", "(5,)"]}
    assert sweep_grid.parse(None) == {}
    grid = sweep_grid.parse("encoder.hidden=(3,4),()")
    found = sweep_grid.members("undercomplete", {"seed": 7}, grid, 2)
    assert [(m.seed, m.point["encoder.hidden"]) for m in found] == [
        (7, (3, 4)), (8, (3, 4)), (7, ()), (8, ())
    ]  # fmt: skip


BAD = {
    "empty": ("", 5, "--grid: is empty"),
    "no value": ("optim.learning_rate=", 5, "--grid: 'optim.learning_rate='"),
    "misspelled": ("optim.learning_rte=1e-3,1e-4", 5, "did you mean 'learning_rate'"),
    "type": ("optim.learning_rate=1e-3,fast", 5, "optim.learning_rate: must be a number"),
    "range": ("corruption.rate=0.1,1.5", 5, r"corruption.rate: must be a number in \[0, 1\]"),
    "section": ("optim=1,2", 5, "optim: is a section"),
    "twice": ("optim.b1=0.1;optim.b1=0.2", 5, "optim.b1 is given twice"),
    "same point": ("optim.b1=0.1,1e-1", 5, "same point twice: optim.b1=0.1"),
    "seed": ("seed=1,2", 5, "--seeds says"),
    "no seeds": ("optim.b1=0.1,0.2", 0, "--seeds: must be a whole number >= 1, not 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_grids_are_named_in_three_lines(case):
    text, seeds, message = BAD[case]
    base = {"corruption.name": "mask"}
    with pytest.raises(ConfigError, match=message) as error:
        sweep_grid.members("undercomplete", base, sweep_grid.parse(text), seeds)
    assert len(str(error.value).splitlines()) <= 3


def test_the_figure_holds_points_bars_and_pca():
    curves = {"linear": [(8, 0.02, 0.001), (2, 0.05, 0.06), (4, np.nan, np.nan)]}
    figure = sweep_curve(curves, "model.code_size", [(2, 0.04), (8, 0.01)])
    (axes,) = figure.axes
    assert axes.get_yscale() == "log" and axes.get_xlabel() == "model.code_size"
    line, pca = (
        next(x for x in axes.lines if len(x.get_xdata()) and x.get_linestyle() == style)
        for style in ("-", "--")
    )
    np.testing.assert_array_equal(line.get_xydata(), [(2, 0.05), (8, 0.02)])
    np.testing.assert_array_equal(pca.get_xydata(), [(2, 0.04), (8, 0.01)])
    (bars,) = axes.collections
    spans = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(spans, [(5e-5, 0.11), (0.019, 0.021)])


@pytest.mark.slow
def test_a_sweep_cut_short_keeps_what_had_ended(tmp_path, monkeypatch, capsys):
    """Two programs; interrupted in the second; then only that one is trained."""
    overrides = {"data.n_train": 80, "data.n_test": 40, "model.code_size": 3, "train.epochs": 1}
    grid = sweep_grid.parse("train.batch_size=40,80")
    members = sweep_grid.members("undercomplete", overrides, grid, 2)
    plan = plan_of(members[0].config, members)
    train, trained = training.train, []

    def counted(job, *args, fail=False):
        if fail and trained:
            raise KeyboardInterrupt
        trained.append(job.group.config.train.batch_size)
        return train(job, *args)

    def run(path):
        return session.run(plan, path, LOOP, 0.0), json.loads((path / "sweep.json").read_text())

    monkeypatch.setattr(training, "train", partial(counted, fail=True))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    assert not (tmp_path / "sweep.json").exists()
    monkeypatch.setattr(training, "train", counted)
    code, found = run(tmp_path)
    assert trained == [40, 80] and code == 0 and "1 of 2 programs" in capsys.readouterr().out
    (tmp_path / "whole").mkdir()
    _, whole = run(tmp_path / "whole")
    assert found["members"] == whole["members"] and len(found["members"]) == 4
    code, again = run(tmp_path / "whole")
    assert trained == [40, 80, 40, 80] and code == 0 and again == whole
    assert "already complete, 4 members" in capsys.readouterr().out


@pytest.mark.slow
def test_members_see_the_same_images_as_single_runs(tmp_path, capsys):
    """Which are held out depends on the seed, so every seed is a program of its own."""
    overrides = {"data.n_train": 80, "data.n_test": 40, "model.code_size": 3, "train.epochs": 1}
    overrides |= {"train.batch_size": 20, "data.n_valid": 0.25}
    members = sweep_grid.members("undercomplete", overrides, sweep_grid.parse(None), 2)
    plan = plan_of(members[0].config, members)
    assert len(plan.groups) == 2
    assert session.run(plan, tmp_path, LOOP, 0.0) == 0
    found = json.loads((tmp_path / "sweep.json").read_text())["members"]
    whole = subset(load_data("mnist5k"), 80, 40)
    for row in found:
        run = fit(members[0].config, whole, row["seed"], False)
        held = hold_out(whole, 0.25, row["seed"]).valid.images
        assert row["valid"]["mse"] == pytest.approx(run.score(held).mean() / 784, rel=1e-4)
        assert row["valid"]["loss"] == pytest.approx(run.valid.losses[-1], rel=1e-5)
    patient = sweep_grid.members("undercomplete", overrides | {"train.patience": 2}, {}, 2)
    with pytest.raises(ConfigError, match=r"train\.patience: a sweep trains every member"):
        plan_of(patient[0].config, patient)


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "experiments.sweep", *arguments],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
    )


@pytest.mark.long
def test_members_see_rows_as_single_runs_do(tmp_path, capsys):
    """Scaled by column, holes left out: the loss after training is that of `fit`."""
    changes = {"data.n_train": 120, "train.epochs": 2, "train.batch_size": 20, "model.code_size": 3}
    members = sweep_grid.members("rows", changes, sweep_grid.parse(None), 2)
    config = members[0].config
    assert session.run(plan_of(config, members), tmp_path, LOOP, 0.0) == 0
    found = json.loads((tmp_path / "sweep.json").read_text())
    data = subset(load_data("breast_cancer"), 120)
    for row in found["members"]:
        run = fit(config, data, row["seed"], progress=False)
        test = run.errors(data.test.images)
        np.testing.assert_allclose(row["test"]["mse"], test.mean(), rtol=1e-4)


@pytest.mark.slow
def test_the_command(tmp_path):
    """Three members on as many devices as there are cores."""
    done = command(
        "--config=undercomplete",
        f"--workdir={tmp_path}",
        "--config.data.n_train=200",
        "--config.train.batch_size=40",
        "--config.train.epochs=2",
        "--config.model.code_size=4",
        "--seeds=3",
        "--method=vmap",
        "--grid=optim.learning_rate=1e-3",
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "sweep.json").read_text())
    assert found["method"] == "vmap" and len(found["members"]) == 3
    assert (tmp_path / "figures" / "sweep.png").stat().st_size > 5000
    config = load_config(
        "undercomplete",
        data={"n_train": 200},
        train={"batch_size": 40, "epochs": 2},
        model={"code_size": 4},
    )
    data = load_data("mnist5k")
    train = Split(data.train.images[:200], None)
    for row in found["members"]:
        trainer = setup.prepare(config, (28, 28, 1), 200)
        key = jax.random.key(row["seed"])
        state = trainer.init(key, setup.mean_image(train.images, trainer.model))
        for chunk in loop.train(trainer, state, train, key):
            state = chunk.state
        key = stream(key, "summary")
        test = evaluator(trainer.objective, 500)(state.variables, data.test, key)
        np.testing.assert_allclose(row["test"]["mse"], test["mse"], rtol=1e-4)
    assert f"{found['summary'][0]['test']['mse']['mean']:.5g} ±" in done.stdout
