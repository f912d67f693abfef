"""The published table: what its numbers mean, and its verdicts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ae_jax
from ae_jax.arrays import Dataset, rows
from ae_jax.model import build
from experiments import reproduce
from experiments.published import ROWS, Published

QUICK = {"train.epochs": 2, "train.batch_size": 50}


def test_the_printed_numbers_are_what_they_are_called():
    data = ae_jax.load_data("mnist5k")
    data = Dataset(
        "mnist5k", rows(data.train, slice(0, 210)), rows(data.test, slice(0, 90))
    )  # 5 batches an epoch, the last of 10
    run = ae_jax.fit(ae_jax.load_config("linear", **QUICK), data, jax.random.key(7), progress=False)
    x, x_hat = data.test.images / 255.0, run.reconstruct(data.test.images)
    mse = np.square(x - x_hat).mean()
    losses = run.history["loss"]
    truth = {"test": 4 * mse, "last batch": losses[9], "last epoch": losses[5:].mean()}  # [-1,1]
    for measure, value in truth.items():
        row = Published("linear", 1.0, measure, "", QUICK, "")
        found = reproduce.outcome(row, "better", 7, data)
        assert found["value"] == pytest.approx(value, rel=1e-4)
        assert found["test_mse"] == pytest.approx(mse, rel=1e-4)


def test_verdicts_allow_the_spread_and_no_more():
    def of(measure, *values, batch=0.0):
        row = Published("linear", 1.0, measure, "", {}, "")
        runs = {
            str(i): {"value": v, "batch_std": batch, "test_mse": v} for i, v in enumerate(values)
        }
        return reproduce.verdict(row, {"published": runs, "better": runs})

    assert of("test", 0.9, 1.0)["verdict"] == "beaten"
    assert of("test", 0.95, 1.15)["verdict"] == "met"  # 1.05 +- 0.1
    assert of("test", 1.15, 1.25)["verdict"] == "missed"
    assert of("test", 1.15, batch=0.2)["verdict"] == "missed"
    assert of("last batch", 1.15, batch=0.2)["verdict"] == "met"
    assert of("test", 0.7, 0.8)["better"]["gain"] == pytest.approx(0.25)


@pytest.mark.parametrize("name", ROWS)
def test_the_better_config_has_as_many_parameters_and_epochs(name):
    def count(config):
        model = build(config, (28, 28, 1))
        shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((28, 28, 1)))
        return sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]))

    usual, better = (reproduce.config_of(ROWS[name], k, "mnist") for k in ("published", "better"))
    assert count(usual) == count(better)
    assert usual.train.epochs == better.train.epochs
    assert usual.data.name == "mnist"
