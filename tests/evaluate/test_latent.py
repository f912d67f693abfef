"""The KL of each number of a code: closed form in NumPy, and their sum the one of the objective."""

import jax
import numpy as np
import pytest

import ae_jax
from ae_jax.data.load import subset
from ae_jax.evaluate import metrics
from ae_jax.evaluate.latent import kls, traversal
from ae_jax.objective import objective
from ae_jax.resolve.config import load_config


@pytest.fixture(scope="module")
def run(digits):
    config = load_config(
        "vae", **{"train.epochs": 1, "encoder.hidden": (20,), "model.code_size": 5}
    )
    return ae_jax.fit(config, subset(digits, 256, 70), 0, progress=False)


def test_the_kl_of_each_number_is_the_closed_form(run, digits):
    images = digits.test.images[:70]
    layers = run.variables["params"]["encoder"]
    hidden, last = (jax.tree.map(np.asarray, layers[name]) for name in sorted(layers))
    x = images.reshape(70, -1) / 255 if images.dtype == np.uint8 else images.reshape(70, -1)
    h = np.maximum(x @ hidden["kernel"] + hidden["bias"], 0)
    mean, log_variance = np.split(h @ last["kernel"] + last["bias"], 2, axis=1)
    expected = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance)
    np.testing.assert_allclose(kls(run.model, run.variables, images), expected.mean(0), rtol=1e-4)


def test_their_sum_is_the_kl_of_the_objective(run, digits):
    test = subset(digits, 256, 70).test
    whole = objective.build(run.config, run.model)
    found = metrics.evaluator(whole, 32)(run.variables, test, jax.random.key(0))
    assert kls(run.model, run.variables, test.images).sum() == pytest.approx(
        found["gaussian_kl"], rel=1e-5
    )


def test_without_a_posterior_there_is_none(digits):
    config = load_config("undercomplete", **{"train.epochs": 0, "train.batch_size": 32})
    plain = ae_jax.fit(config, subset(digits, 64, 10), 0, progress=False)
    assert kls(plain.model, plain.variables, digits.test.images[:10]) is None


def test_a_traversal_moves_one_number_alone():
    seen = traversal(lambda z: z, np.array([1.0, 2.0, 3.0]), 1, (-1.0, 4.0))
    np.testing.assert_allclose(seen[:, 1], np.linspace(-1, 4, 11))
    assert (seen[:, [0, 2]] == [1.0, 3.0]).all()
