"""The estimator with a scale for each column: NaN, frames with names, beside scikit-learn."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from ae_jax.errors import ConfigError
from ae_jax.sklearn import Autoencoder
from tests.test_sklearn import LINEAR

RNG = np.random.default_rng(0)
SIZES = np.array([1, 1e3, 1e-3, 10, 1, 1e5])
X = (RNG.normal(size=(400, 2)) @ RNG.normal(size=(2, 6)) + 0.1 * RNG.normal(size=(400, 6))) * SIZES
HOLES = RNG.random(X.shape) < 0.15
HOLED = np.where(HOLES, np.nan, X)
NAMES = ["a", "b", "c", "d", "e", "f"]
STANDARD = {**LINEAR, "data": {"scale": "standard"}}
QUICK = Autoencoder(STANDARD, scale="columns", code_size=2, epochs=2, random_state=0)


@pytest.fixture(scope="module")
def fitted():
    return clone(QUICK).fit(HOLED)


def test_a_linear_one_is_pca_after_a_standard_scaler_in_the_units_of_x():
    model = clone(QUICK).set_params(epochs=150).fit(X)
    scaler, pca = StandardScaler(), PCA(2)
    z = scaler.fit_transform(X)
    best = np.square(z - pca.inverse_transform(pca.fit_transform(z))) @ scaler.var_
    # Of both the error in standard deviations is least; in units of X the largest column counts.
    assert np.median(-model.score_samples(X)) == pytest.approx(np.median(best), rel=0.1)
    assert np.corrcoef(best, -model.score_samples(X))[0, 1] > 0.99
    back = model.inverse_transform(model.transform(X))
    error = -np.square(X - back).sum(axis=1)
    np.testing.assert_allclose(model.score_samples(X), error, rtol=1e-3)
    np.testing.assert_allclose(model.run_.scaler.spread, scaler.scale_, rtol=1e-9)
    assert model.bounds_ is None


def test_a_hole_is_taken_for_the_mean_and_has_no_error(fitted):
    filled = SimpleImputer().fit_transform(HOLED)
    codes = fitted.transform(HOLED)
    np.testing.assert_allclose(codes, fitted.transform(filled), rtol=1e-4, atol=1e-5)
    parts = np.square(HOLED - fitted.inverse_transform(codes))
    error = np.array([row[~hole].sum() for row, hole in zip(parts, HOLES, strict=True)])
    np.testing.assert_allclose(-fitted.score_samples(HOLED), error, rtol=1e-4)
    assert fitted.score_samples(np.full((1, 6), np.nan)) == 0


def test_impute_fills_holes_better_than_means_and_leaves_the_rest():
    config = {
        "data": {"scale": "standard", "indicator": True},
        "corruption": {"name": "hide", "rate": 0.5, "lowest": 0.0},
        "encoder": {"hidden": (64,)},
        "decoder": {"hidden": (64,)},
        "optim": {"learning_rate": 3e-3},
        "train": {"batch_size": 100, "epochs": 100},
    }
    model = Autoencoder(config, scale="columns", code_size=8, random_state=0).fit(HOLED)
    filled, means = model.impute(HOLED), SimpleImputer().fit_transform(HOLED)
    np.testing.assert_array_equal(filled[~HOLES], X[~HOLES])
    ours, others = (np.square((f - X) / X.std(0))[HOLES].mean() for f in (filled, means))
    assert ours < 0.3 * others
    narrow = HOLED.astype(np.float32)
    assert model.impute(narrow).dtype == np.float32
    np.testing.assert_array_equal(model.impute(narrow)[~HOLES], narrow[~HOLES])
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.impute(HOLED), filled)


def test_frames_keep_their_names():
    frame = pd.DataFrame(HOLED, columns=NAMES)
    model = clone(QUICK).fit(frame)
    assert list(model.feature_names_in_) == NAMES
    assert list(model.get_feature_names_out()) == ["autoencoder0", "autoencoder1"]
    codes = model.set_output(transform="pandas").transform(frame)
    assert list(codes.columns) == ["autoencoder0", "autoencoder1"]
    np.testing.assert_array_equal(codes, clone(QUICK).fit(HOLED).transform(HOLED))
    assert np.isfinite(model.impute(frame)).all()
    with pytest.raises(ValueError, match="feature names"):
        model.impute(frame[NAMES[::-1]])
    with pytest.raises(ValueError, match="'c': no number in the training set"):
        clone(QUICK).fit(frame.assign(c=np.nan))


def test_frames_keep_their_names_in_one_interval_too():
    frame = pd.DataFrame(X / SIZES, columns=NAMES)
    model = Autoencoder(code_size=3, epochs=0, random_state=0).fit(frame)
    assert list(model.feature_names_in_) == NAMES
    assert list(model.get_feature_names_out()) == [f"autoencoder{i}" for i in range(3)]
    np.testing.assert_array_equal(model.transform(frame), clone(model).fit_transform(X / SIZES))


@pytest.mark.parametrize("scale", ["minmax", "robust"])
def test_the_other_scales_refuse_nan_and_name_the_way_out(scale):
    model = Autoencoder(code_size=2, epochs=0, scale=scale).fit(X / SIZES)
    assert not get_tags(model).input_tags.allow_nan
    for method in (model.fit, model.partial_fit, model.transform, model.score_samples):
        with pytest.raises(ValueError, match="Input X contains NaN") as said:
            method(HOLED)
        assert "scale='columns'" in str(said.value) and str(said.value).count("\n") == 1
    with pytest.raises(ValueError, match="impute: needs scale='columns'"):
        model.impute(X)
    assert get_tags(model.set_params(scale="columns")).input_tags.allow_nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.transform(HOLED)  # it was fitted with the other scale


def test_what_columns_cannot_take_is_named(fitted):
    with pytest.raises(ValueError, match="image_shape: with scale='columns'"):
        clone(QUICK).set_params(image_shape=(2, 3, 1)).fit(X)
    with pytest.raises(ValueError, match="infinity"):
        fitted.transform(np.where(HOLES, np.inf, X))
    for method in (clone(QUICK).fit, fitted.score_samples, fitted.partial_fit):
        with pytest.raises(ValueError, match="X: column x1 goes beyond 1e\\+150"):
            method(np.where(np.arange(6) == 1, 1e200, X))
    with pytest.raises(NotFittedError):
        clone(QUICK).impute(X)
    convolves = {"encoder": {"name": "conv"}, "data": {"scale": "standard"}}
    with pytest.raises(ConfigError, match="rows take 'dense'"):
        clone(QUICK).set_params(config=convolves).fit(X)
    refusing = {"data": {"scale": "standard", "missing": "refuse"}}
    with pytest.raises(ValueError, match=r"data\.missing is 'refuse'"):
        clone(QUICK).set_params(config=refusing).fit(HOLED)
