"""Successive halving: rungs by hand, and survivors that are the members of a whole sweep."""

import json
from functools import partial

import numpy as np
import pytest

from ae_jax.errors import ConfigError
from ae_jax.sweep import halving
from ae_jax.sweep.halving import Rung
from experiments.sweeping import grid as sweep_grid
from experiments.sweeping import session, training
from experiments.sweeping.plan import plan as make_plan

SMALL = {
    "data.n_train": 80,
    "data.n_test": 40,
    "data.n_valid": 0.25,
    "model.code_size": 3,
    "train.epochs": 4,
    "train.batch_size": 5,
}
LOOP = partial(training.here, "loop")
RATES = "optim.learning_rate=1e-9,3e-3,1e-3,1e-8"


def test_rungs_by_hand():
    """The tables of Jamieson & Talwalkar 2016 and of Li et al. 2018 (Hyperband, its bracket 4)."""
    assert halving.rungs(81, 81, 3) == [
        Rung(81, 1), Rung(27, 3), Rung(9, 9), Rung(3, 27), Rung(1, 81)
    ]  # fmt: skip
    assert halving.rungs(4, 4, 2) == [Rung(4, 1), Rung(2, 2), Rung(1, 4)]
    assert halving.rungs(5, 100, 3) == [Rung(5, 34), Rung(1, 100)]
    assert halving.rungs(1, 10, 3) == [Rung(1, 10)]
    assert halving.rungs(100, 2, 3) == [Rung(100, 2)], "no epochs to divide"


def test_the_best_go_on_and_what_diverged_does_not():
    losses = {0: 3.0, 1: float("nan"), 2: 1.0, 3: float("inf"), 4: 1.0, 5: 2.0}
    assert halving.best(losses, 1) == [2]
    assert halving.best(losses, 3) == [2, 4, 5]
    assert halving.best(losses, 6) == [0, 2, 4, 5]
    assert halving.best({7: float("inf"), 8: float("nan")}, 1) == [7], "one must"


def plan_of(reduction, overrides=SMALL, grid=RATES, seeds=2):
    members = sweep_grid.members("undercomplete", overrides, sweep_grid.parse(grid), seeds)
    return make_plan(members[0].config, members, reduction)


def found(plan, path):
    path.mkdir(exist_ok=True)
    assert session.run(plan, path, LOOP, 0.0) == 0
    return json.loads((path / "sweep.json").read_text())


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The whole sweep, and the search."""
    path = tmp_path_factory.mktemp("halving")
    return found(plan_of(0), path / "whole"), found(plan_of(2), path / "search")


@pytest.mark.slow
def test_survivors_are_the_members_of_the_whole_sweep(both):
    """Rates that learn nothing leave first; the survivor's weights are those of one training."""
    whole, searched = both
    epochs = {p["overrides"]["optim.learning_rate"]: p["epochs"] for p in searched["summary"]}
    assert sorted(epochs.values()) == [1, 1, 2, 4] and epochs[3e-3] == 4 and epochs[1e-3] == 2
    for a, b in zip(whole["members"], searched["members"], strict=True):
        assert (a["seed"], a["overrides"]) == (b["seed"], b["overrides"])
        if b["epochs"] == 4:
            np.testing.assert_allclose(b["test"]["mse"], a["test"]["mse"], rtol=1e-6)
            assert a["params_sha256"] == b["params_sha256"]
    (best,) = [point for point in searched["summary"] if point["best"]]
    assert best["epochs"] == 4
    steps = [r["members"] * r["ms_per_member_step"] > 0 for r in searched["timing"]["groups"]]
    assert len(steps) == 6, "three rungs of two seeds, whose validation images differ"


@pytest.mark.slow
@pytest.mark.parametrize("killed", [2, 4])
def test_a_search_cut_short_goes_on_with_its_rung(both, killed, tmp_path, monkeypatch, capsys):
    """Stopped at the first program of the second and of the third rung."""
    train, calls = training.train, []

    def counted(*args, fail=False):
        if fail and len(calls) == killed:
            raise KeyboardInterrupt
        calls.append(args[0].group.seeds)
        return train(*args)

    monkeypatch.setattr(training, "train", partial(counted, fail=True))
    with pytest.raises(KeyboardInterrupt):
        found(plan_of(2), tmp_path)
    assert [f.name for f in tmp_path.glob("states_*")] == [f"states_{killed // 2}.npz"]
    monkeypatch.setattr(training, "train", counted)
    again = found(plan_of(2), tmp_path)
    assert len(calls) == 6 and f"{killed // 2} of 3 rungs had ended" in capsys.readouterr().out
    assert again["members"] == both[1]["members"]
    assert not list(tmp_path.glob("states_*")) and not (tmp_path / "ended.json").exists()


@pytest.mark.slow
def test_what_is_damaged_is_named(tmp_path, monkeypatch):
    train, calls = training.train, []

    def once_round(*args):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(1)
        return train(*args)

    monkeypatch.setattr(training, "train", once_round)
    with pytest.raises(KeyboardInterrupt):
        found(plan_of(2), tmp_path)
    (tmp_path / "states_1.npz").write_bytes(b"PK")
    with pytest.raises(ConfigError, match=r"--workdir: the states of the search .* cannot be read"):
        session.run(plan_of(2), tmp_path, LOOP, 0.0)


REFUSED = {
    "no validation images": ({"data.n_valid": 0}, RATES, "data.n_valid=0.1"),
    "one point": ({}, "optim.learning_rate=1e-3", "two points at least"),
    "epochs": ({}, "train.epochs=2,4", "train.epochs cannot be in the grid"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_search_of_nothing_is_refused(case):
    overrides, grid, message = REFUSED[case]
    with pytest.raises(ConfigError, match=message) as error:
        plan_of(3, {**SMALL, **overrides}, grid, 1)
    assert len(str(error.value).splitlines()) <= 3
