"""The estimator: scikit-learn's own checks, PCA's optimum, pipelines."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from ae_jax.errors import ConfigError
from ae_jax.sklearn import Autoencoder

QUICK = Autoencoder("undercomplete", code_size=2, epochs=1)
LINEAR = {  # an autoencoder whose optimum is PCA
    "encoder": {"code_activation": "linear", "bias": False},
    "decoder": {"output": "linear", "bias": False},
    "data": {"center": True},
    "optim": {"name": "adam", "learning_rate": 3e-3, "schedule": "cosine"},
    "train": {"batch_size": 64},
}


COLUMNS = Autoencoder("rows", scale="columns", code_size=2, epochs=1)
REPEATED = "rows are drawn by weight, so that a batch is not what it is of repeated rows"
NOT_MET = {"check_sample_weight_equivalence_on_dense_data": REPEATED}


QUICKER = [
    pytest.param(estimator, check, id=check.func.__name__)
    for estimator, check in estimator_checks_generator(QUICK)
    if "sample_weight" not in check.func.__name__
]


@pytest.mark.parametrize(("estimator", "check"), QUICKER)
def test_what_scikit_learn_asks_of_an_estimator(estimator, check):
    check(estimator)


@pytest.mark.long
@parametrize_with_checks([QUICK, COLUMNS], expected_failed_checks=lambda estimator: NOT_MET)
def test_all_that_scikit_learn_asks_of_an_estimator(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


@pytest.mark.slow
def test_a_linear_one_reaches_the_error_of_pca_in_the_units_of_x(digits):
    X, _ = digits
    fitted = Autoencoder(LINEAR, code_size=10, epochs=100, random_state=0).fit(X)
    pca = PCA(10).fit(X)
    optimum = np.square(X - pca.inverse_transform(pca.transform(X))).sum(1)
    assert -fitted.score(X) == pytest.approx(optimum.mean(), rel=0.01)
    back = fitted.inverse_transform(fitted.transform(X))
    np.testing.assert_allclose(-np.square(X - back).sum(1), fitted.score_samples(X), rtol=1e-3)
    assert np.corrcoef(optimum, -fitted.score_samples(X))[0, 1] > 0.99


@pytest.mark.slow
def test_clones_and_pickles_give_the_same_codes(digits):
    X, _ = digits
    a = clone(QUICK).set_params(random_state=3).fit(X)
    same = [clone(a).fit(X), pickle.loads(pickle.dumps(a))]
    for other in same:
        np.testing.assert_array_equal(a.transform(X), other.transform(X))
    assert not np.array_equal(a.transform(X), clone(a).set_params(random_state=4).fit_transform(X))


@pytest.mark.slow
def test_codes_serve_a_classifier_in_a_pipeline(digits):
    X, y = digits
    codes = Autoencoder({"optim": {"learning_rate": 3e-3}}, code_size=16, epochs=30, random_state=0)
    model = make_pipeline(codes, LogisticRegression(max_iter=2000)).fit(X[:1200], y[:1200])
    assert model.score(X[1200:], y[1200:]) > 0.85  # chance 0.10; pixels about 0.91


@pytest.mark.slow
def test_images_and_mistakes(digits):
    X, _ = digits
    boxed = Autoencoder(
        {"corruption": {"name": "box", "size": 3}}, code_size=4, epochs=1, image_shape=(8, 8, 1)
    )
    assert boxed.fit(X[:200]).run_.model.shape == (8, 8, 1)
    with pytest.raises(ValueError, match="image_shape"):
        boxed.set_params(image_shape=(7, 8, 1)).fit(X)
    with pytest.raises(ConfigError, match="code_size"):
        Autoencoder(code_size=0).fit(X)
    with pytest.raises(NotFittedError):
        Autoencoder().transform(X)
    with pytest.raises(ValueError, match="X: has 3 columns, a code 4"):
        boxed.inverse_transform(X[:, :3])
    assert Autoencoder(code_size=4, epochs=0).fit(X[:50]).loss_.shape == (0,)


def test_rows_that_no_float32_can_hold_are_named():
    X = np.random.default_rng(0).random((40, 6))
    fitted = clone(QUICK).set_params(random_state=0).fit(X)
    far = X.copy()
    far[7, 2] = 1e300
    for method in (fitted.transform, fitted.score_samples, fitted.score):
        with pytest.raises(ValueError, match="X: row 7 is too far"):
            method(far)
    assert np.isfinite(fitted.transform(1e30 * X)).all()


@pytest.mark.parametrize("whole", [int, np.int64, np.uint8])
def test_whole_numbers_of_numpy_are_whole_numbers(whole, digits):
    X = digits[0][:60]
    fitted = Autoencoder(code_size=whole(3), epochs=whole(1), random_state=whole(0)).fit(X)
    assert fitted.transform(X).shape == (60, 3)
    assert len(fitted.get_feature_names_out()) == 3


@pytest.mark.slow
def test_a_grid_over_an_array_of_sizes(digits):
    """Every fit failed: `np.arange` gives np.int64."""
    grid = {"code_size": np.arange(2, 4)}
    search = GridSearchCV(Autoencoder(epochs=1, random_state=0), grid, cv=2, error_score="raise")
    search.fit(digits[0][:60])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.transform(digits[0][:5]).shape == (
        5,
        search.best_params_["code_size"],
    )
