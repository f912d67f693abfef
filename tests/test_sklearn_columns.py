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
X = (RNG.normal(size=(320, 2)) @ RNG.normal(size=(2, 6)) + 0.1 * RNG.normal(size=(320, 6))) * SIZES
HOLES = RNG.random(X.shape) < 0.15
HOLED = np.where(HOLES, np.nan, X)
NAMES = ["a", "b", "c", "d", "e", "f"]
STANDARD = {**LINEAR, "data": {"scale": "standard"}}
QUICK = Autoencoder(STANDARD, scale="columns", code_size=2, epochs=2, random_state=0)


@pytest.fixture(scope="module")
def fitted():
    return clone(QUICK).fit(HOLED)


@pytest.mark.slow
def test_a_linear_one_is_pca_after_a_standard_scaler_in_the_units_of_x():
    rate = {**LINEAR["optim"], "learning_rate": 2e-2}
    model = clone(QUICK).set_params(config={**STANDARD, "optim": rate}, epochs=300).fit(X)
    scaler, pca = StandardScaler(), PCA(2)
    z = scaler.fit_transform(X)
    best = np.square(z - pca.inverse_transform(pca.fit_transform(z))).sum(1)
    off = X - model.inverse_transform(model.transform(X))
    ours = np.square(off / scaler.scale_).sum(1)
    assert ours.mean() == pytest.approx(best.mean(), rel=0.01)
    assert np.corrcoef(best, ours)[0, 1] > 0.99
    np.testing.assert_allclose(-model.score_samples(X), np.square(off).sum(1), rtol=1e-3)
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


def test_impute_fills_holes_with_the_reconstruction_and_leaves_the_rest(fitted):
    for holed in (HOLED, HOLED.astype(np.float32)):
        filled = fitted.impute(holed)
        assert filled.dtype == holed.dtype
        np.testing.assert_array_equal(filled[~HOLES], holed[~HOLES])
        back = fitted.inverse_transform(fitted.transform(holed))
        np.testing.assert_allclose(filled[HOLES], back[HOLES], rtol=1e-4, atol=1e-4)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.impute(HOLED), fitted.impute(HOLED))


@pytest.mark.long
def test_the_imputer_is_better_than_means():
    model = Autoencoder("impute", scale="columns", random_state=0).fit(HOLED)
    filled = (model.impute(HOLED), SimpleImputer().fit_transform(HOLED))
    ours, means = (np.square((f - X) / X.std(0))[HOLES].mean() for f in filled)
    assert ours < 0.1 * means


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
    model = Autoencoder(LINEAR, code_size=2, epochs=0, random_state=0).fit(frame)
    assert list(model.feature_names_in_) == NAMES
    assert list(model.get_feature_names_out()) == ["autoencoder0", "autoencoder1"]
    np.testing.assert_array_equal(model.transform(frame), clone(model).fit_transform(X / SIZES))


@pytest.mark.parametrize("scale", ["minmax", "robust"])
def test_the_other_scales_refuse_nan_and_name_the_way_out(scale):
    model = Autoencoder(LINEAR, code_size=2, epochs=0, scale=scale).fit(X / SIZES)
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
    convolves = {"encoder": {"name": "conv_strided"}, "data": {"scale": "standard"}}
    with pytest.raises(ConfigError, match="rows take 'dense'"):
        clone(QUICK).set_params(config=convolves).fit(X)
    refusing = {"data": {"scale": "standard", "missing": "refuse"}}
    with pytest.raises(ValueError, match=r"data\.missing is 'refuse'"):
        clone(QUICK).set_params(config=refusing).fit(HOLED)
