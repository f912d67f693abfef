"""The published table: what its numbers mean, and its verdicts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ae_jax
from ae_jax.data.arrays import Dataset, rows
from ae_jax.model.pipeline import build
from experiments import reproduce
from experiments.measuring import said
from experiments.measuring.measured import Task
from experiments.measuring.published import ROWS, Published

EPOCHS = {  # as published
    "linear": 20,
    "undercomplete": 20,
    "dense": 50,
    "conv_pool": 20,
    "deep": 20,
    "conv_strided": 20,
    "vae": 50,
    "cvae": 50,
}
QUICK = {"train.epochs": 2, "train.batch_size": 50}


@pytest.mark.slow
def test_the_printed_numbers_are_what_they_are_called():
    data = ae_jax.load_data("mnist5k")
    data = Dataset(
        "mnist5k", rows(data.train, slice(0, 210)), rows(data.test, slice(0, 90))
    )  # 5 batches per epoch, the last of 10
    run = ae_jax.fit(ae_jax.load_config("linear", **QUICK), data, jax.random.key(7), progress=False)
    x, x_hat = data.test.images / 255.0, run.reconstruct(data.test.images)
    mse = np.square(x - x_hat).mean()
    losses = run.history["loss"]
    truth = {"test": 4 * mse, "last batch": losses[9], "last epoch": losses[5:].mean()}  # [-1,1]
    for measure, value in truth.items():
        row = Published("linear", "1.0", measure, "", QUICK, "")
        found = reproduce.outcome(row, "better", 7, data)
        assert found["value"] == pytest.approx(value, rel=1e-4)
        assert found["test_mse"] == pytest.approx(mse, rel=1e-4)
        # The last batch has 10 images, not 50: the spread of means grows with the root of 5.
        assert found["batch_std"] == pytest.approx(losses[5:].std() * 5**0.5, rel=1e-4)


def verdict(measure, *values, printed="1.000", batch=0.0, mean_image=2.0):
    row = Published("linear", printed, measure, "", {}, "")
    runs = {str(i): {"value": v, "batch_std": batch, "test_mse": v} for i, v in enumerate(values)}
    return reproduce.verdict(row, {"published": runs, "better": runs}, {"mean_image": mean_image})


def test_verdicts_allow_the_spread_and_no_more():
    assert verdict("test", 0.8, 0.9)["verdict"] == "beaten"  # 0.85 +- 0.07
    assert verdict("test", 0.9, 1.0)["verdict"] == "met"  # lower, but by no more than the spread
    assert verdict("test", 0.97, 1.13)["verdict"] == "met"  # 1.05 +- 0.11
    assert verdict("test", 1.15, 1.25)["verdict"] == "missed"
    assert verdict("test", 1.15, batch=0.2)["verdict"] == "missed"
    assert verdict("last batch", 1.15, batch=0.2)["verdict"] == "met"
    assert verdict("test", 0.7, 0.8)["better"]["gain"] == pytest.approx(0.25)


def test_verdicts_allow_what_printing_rounded_away():
    assert verdict("test", 1.04, printed="1.0")["verdict"] == "met"
    assert verdict("test", 1.06, printed="1.0")["verdict"] == "missed"
    assert verdict("test", 1.04, printed="1.00")["verdict"] == "missed"


def test_seeds_that_learned_nothing_are_counted_and_not_averaged():
    found = verdict("test", 0.9, 0.99, 0.999, 1.2, mean_image=1.0)
    assert (found["ours"]["seeds"], found["ours"]["stuck"]) == (4, 3)  # from 98 % of the mean image
    assert (found["ours"]["mean"], found["verdict"]) == (0.9, "beaten")
    assert said.plus_minus(found["ours"]) == "0.9"  # of the one that learned no deviation
    found = verdict("test", 1.1, 1.3, mean_image=1.0)
    assert (found["ours"]["mean"], found["verdict"]) == (pytest.approx(1.2), "missed")


def test_a_row_depends_on_its_own_config_and_no_other():
    m = reproduce.measurement(ae_jax.load_data("mnist5k"))
    usual, better = (m.protocol(Task("linear", kind, 0)) for kind in ("published", "better"))
    assert usual["measure"] == better["measure"] == "test"
    usual, better = usual["config"], better["config"]
    assert usual["optim.name"] == "sgd" and better["optim.name"] == "adam"
    assert usual["train.epochs"] == better["train.epochs"] == 20
    assert usual["data.name"] == "mnist5k"


@pytest.mark.parametrize("name", ROWS)
def test_the_better_config_has_as_many_parameters_and_epochs(name):
    def count(config):
        model = build(config, (28, 28, 1))
        shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((28, 28, 1)))
        return sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]))

    usual, better = (reproduce.config_of(ROWS[name], k, "mnist") for k in ("published", "better"))
    assert count(usual) == count(better)
    assert usual.train.epochs == better.train.epochs == EPOCHS[name]
    assert usual.data.name == "mnist"
