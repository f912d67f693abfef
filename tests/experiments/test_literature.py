"""The tables of the literature: what their numbers mean, and what is trained on what."""

import jax
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import ae_jax
from ae_jax import pretraining
from ae_jax.data.arrays import Dataset, rows
from ae_jax.errors import DataError
from experiments import literature


@pytest.fixture(scope="module")
def digits():
    data = ae_jax.load_data("mnist5k")
    return Dataset("few", rows(data.train, slice(0, 300)), rows(data.test, slice(0, 100)))


def small(path, **changes):
    return ae_jax.load_config(path, **{"model.code_size": 12, "train.epochs": 1, **changes})


@pytest.mark.slow
def test_the_jacobian_norm_is_that_of_the_literal_jacobian(digits):
    run = ae_jax.fit(small("rifai2011:contractive"), digits, jax.random.key(0), progress=False)
    images = digits.test.images[:7]
    layer = run.variables["params"]["encoder"]["layer_0"]
    W, b = np.asarray(layer["kernel"], np.float64), np.asarray(layer["bias"], np.float64)
    h = 1 / (1 + np.exp(-(images.reshape(7, -1) / 255 @ W + b)))
    J = (h * (1 - h))[:, :, None] * W.T  # dh_j/dx_i = h_j (1 - h_j) W_ij
    norms = np.sqrt(np.square(J).sum((1, 2)))
    assert literature.jacobian_norm(run, images) == pytest.approx(norms.mean(), rel=1e-4)


@pytest.mark.long
def test_squared_error_is_per_image_and_pca_beside_it(digits):
    found = literature.reconstruction(small("hinton2006"), digits, jax.random.key(0))
    flat = digits.train.images.reshape(300, -1) / 255.0
    test = digits.test.images.reshape(100, -1) / 255.0 - flat.mean(0)
    _, _, V = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
    left = np.square(test - test @ V[:12].T @ V[:12]).sum(1).mean()
    assert found["PCA"] == pytest.approx(left, rel=1e-4)
    assert found["sse"] > 5  # an epoch on 300 images: not per pixel


@pytest.mark.slow
def test_a_classifier_never_sees_what_chooses_it(digits, monkeypatch):
    monkeypatch.setattr(literature, "HELD_OUT", 100)
    seen, tune = [], pretraining.fine_tune

    def spy(runs, train, valid, key, epochs, rate, progress):
        seen.append((runs, train, valid, rate))
        return tune(runs, train, valid, key, epochs, rate, batch_size=50, progress=False)

    monkeypatch.setattr(pretraining, "fine_tune", spy)
    config = small("vincent2010:sdae", **{"train.batch_size": 50})
    rates = (0.1, 0.3)
    found = literature.classification(config, digits, jax.random.key(0), (12, 8), 200, 1, rates)
    runs, train, valid, _ = seen[0]
    np.testing.assert_array_equal(train.images, digits.train.images[:200])
    np.testing.assert_array_equal(valid.images, digits.train.images[200:])
    assert [run.config.model.code_size for run in runs] == [12, 8]
    assert [rate for *_, rate in seen] == list(rates)
    tuned = [tune(*seen[0][:3], jax.random.split(jax.random.key(0))[1], 1, r, 50, False)
             for r in rates]  # fmt: skip
    best = min(tuned, key=lambda c: min(c.valid_errors))
    assert found["test error (%)"] == pytest.approx(100 * best.error(digits.test))
    with pytest.raises(DataError, match="250 images to train on and 100"):
        literature.classification(config, digits, jax.random.key(0), (12,), 250, 1, rates)


def test_means_and_deviations_stand_beside_what_is_printed():
    by_seed = {"0": {"sse": 3.0, "seconds": 1.0}, "1": {"sse": 5.0, "seconds": 2.0}}
    row = literature.summary(literature.ROWS["hinton2006"], by_seed)
    assert (row["mean"], row["std"]) == ({"sse": 4.0}, {"sse": pytest.approx(2**0.5)})
    assert row["published"]["sse"] == 3.00


def test_how_it_is_measured_belongs_to_the_protocol():
    found = literature.protocol(literature.ROWS["rifai2011:decay"], "mnist")
    config = found["config"]
    assert config["penalties.weight_l2.weight"] == 1000.0 and config["train.epochs"] == 10
    assert found["widths"] == (1000,) and found["rates"] == literature.TUNING["rates"]
    probe = literature.protocol(literature.ROWS["sparse_top_k:makhzani"], "mnist")
    assert (probe["measure"], probe["steps"]) == ("probe", 200)


@pytest.mark.slow
def test_the_probe_on_pixels_is_logistic_regression(digits):
    config = small("sparse_top_k:makhzani", **{"bottleneck.k": 4, "data.name": "mnist5k"})
    found = literature.probe(config, digits, jax.random.key(0), 200)
    X, x = (p.images.reshape(len(p.images), -1) / np.float32(255) for p in digits[1:])
    fitted = LogisticRegression(max_iter=200).fit(X, digits.train.labels)
    error = 100 * (1 - fitted.score(x, digits.test.labels))
    assert found["error on pixels (%)"] == pytest.approx(error, abs=2)  # an image in a hundred
    assert found["test error (%)"] < 90  # four numbers of twelve say more than chance
