"""Scales against scikit-learn's, fitted on training rows alone, inverted in float64."""

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from ae_jax import from_arrays, load_config
from ae_jax.data.scales import NORMAL_IQR, SCALES, fitted, scaled
from ae_jax.errors import ConfigError, DataError
from ae_jax.inputs.examples import Column, Examples
from ae_jax.run.ready import ready

RNG = np.random.default_rng(0)
X = np.exp(RNG.normal(size=(50, 4))) * [1.0, 1e-3, 1e5, 2.0] + [0.0, 5.0, -1e6, 3.0]
HOLED = np.where(RNG.random(X.shape) < 0.2, np.nan, X)
TEST = X[:20] + 100 * X.std(0)  # elsewhere
THEIRS = {
    "unit": MinMaxScaler(),
    "sym": MinMaxScaler(),  # the network sees 2 v - 1; see `ae_jax.model.scaling`
    "standard": StandardScaler(),
    "robust": RobustScaler(),
}


def theirs(scale, train, x):
    found = THEIRS[scale].fit(train).transform(x)
    # RobustScaler divides by the interquartile range, here a normal distribution's spread is 1.
    return found * NORMAL_IQR if scale == "robust" else found


def rows_of(data, part="train"):
    return getattr(data, part).images[:, 0, 0]


@pytest.mark.parametrize("scale", THEIRS)
@pytest.mark.parametrize("train", [X, HOLED], ids=["whole", "holes"])
def test_they_are_scikit_learns_and_know_the_training_rows_alone(scale, train):
    data = scaled(from_arrays(train, TEST), scale)
    assert rows_of(data).dtype == np.float32
    np.testing.assert_allclose(rows_of(data), theirs(scale, train, train), rtol=1e-5, atol=1e-5)
    found = rows_of(data, "test")
    np.testing.assert_allclose(found, theirs(scale, train, TEST), rtol=1e-5)
    assert found.min() > 3, "a test set with another mean has another mean"
    assert data.sha256("train") == from_arrays(train, TEST).sha256("train")


def test_none_leaves_numbers_as_they_are():
    data = scaled(from_arrays(HOLED, TEST), "none")
    np.testing.assert_array_equal(rows_of(data), HOLED.astype(np.float32))


def test_the_interquartile_range_is_a_normal_distributions():
    normal = RNG.normal(3.0, 7.0, (200_000, 1))
    robust = fitted(Examples("rows"), normal[:, None, None], "robust")
    assert robust.spread[0] == pytest.approx(7.0, rel=0.01)
    assert robust.shift[0] == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("scale", SCALES)
def test_the_inverse_is_of_float64(scale):
    """Around 1e12, where float32 has steps of 65,536; what float32 holds is the scaled number."""
    x = 1e12 + RNG.normal(size=(50, 3))
    scaler = fitted(Examples("rows"), x[:, None, None], scale)
    z = (x - scaler.shift) / scaler.spread
    back = scaler.to_data(z[:, None, None])
    assert back.dtype == np.float64 and back.shape == x.shape
    np.testing.assert_allclose(back, x, rtol=1e-15)
    if scale != "none":
        np.testing.assert_allclose(
            scaler.to_data(scaler.to_network(x[:, None, None])), x, rtol=0, atol=5e-4
        )


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("value", [0.0, 0.1, -1e12 / 3])
def test_a_constant_column_does_no_harm(scale, value):
    """Of 0.1 the rounded mean of 49 is not 0.1, and leaves a deviation of 1e-17."""
    x = np.stack([np.full(49, value), np.arange(49.0)], axis=1)
    x[3, 0] = np.nan
    data = scaled(from_arrays(x, x + 1), scale)
    seen = np.delete(rows_of(data)[:, 0], 3)
    if scale != "none":
        np.testing.assert_allclose(seen, 0, atol=1e-3)
        np.testing.assert_allclose(np.delete(rows_of(data, "test")[:, 0], 3), 1, atol=1e-3)
    np.testing.assert_allclose(data.scaler.to_data(data.train.images), x, 1e-7, 1e-5)


def test_a_column_that_is_mostly_one_value_has_a_robust_spread():
    """Its interquartile range is 0: its deviation serves. scikit-learn divides by 1."""
    x = np.zeros((50, 1))
    x[:5] = 1000.0
    robust = fitted(Examples("rows"), x[:, None, None], "robust")
    assert robust.spread[0] == pytest.approx(x.std())


@pytest.mark.parametrize("scale", SCALES)
def test_channels_of_signals_have_a_scale_each(scale):
    x = RNG.normal(size=(20, 7, 2)) * [1.0, 100.0] + [0.0, 5.0]
    data = scaled(from_arrays(x, x, kind="signal"), scale)
    assert data.train.images.shape == (20, 1, 7, 2)
    expected = x if scale == "none" else theirs(scale, x.reshape(-1, 2), x.reshape(-1, 2))
    found = data.train.images.reshape(-1, 2)
    np.testing.assert_allclose(found, expected.reshape(-1, 2), rtol=1e-5, atol=1e-5)


def test_booleans_and_categories_stay_as_they_are():
    x = np.stack([np.arange(9.0), np.arange(9) % 2, np.arange(9) % 3 > 0, np.arange(9) % 3 == 0], 1)
    columns = (Column("a"), Column("b", "boolean"), Column("c", "category", ("u", "v")))
    data = scaled(from_arrays(x, x, columns=columns), "standard")
    np.testing.assert_array_equal(rows_of(data)[:, 1:], x[:, 1:])
    assert rows_of(data)[:, 0].std() == pytest.approx(1)


def refused(error, *parts):
    text = str(error.value)
    assert len(text.splitlines()) <= 3
    for part in parts:
        assert part in text


def test_what_cannot_be_scaled_is_named():
    empty = X.copy()
    empty[:, 2] = np.nan
    with pytest.raises(DataError) as error:
        scaled(from_arrays(empty, X), "standard")
    refused(error, "column 2", "leave the column out")
    with pytest.raises(DataError) as error:
        scaled(from_arrays(empty, X, columns=("a", "b", "price", "d")), "none")
    refused(error, "column 'price'")
    for value in (np.inf, -np.inf):
        infinite = X.copy()
        infinite[7, 1] = value
        with pytest.raises(DataError) as error:
            from_arrays(infinite)
        refused(error, "row 7, column 1", "NaN")
        with pytest.raises(DataError) as error:
            from_arrays(X, infinite)
        refused(error, "test", "row 7, column 1")
    far = X.copy()
    far[5, 0] = 1e300
    with pytest.raises(DataError) as error:
        scaled(from_arrays(X, far), "standard")
    refused(error, "column 0", "row 5", "float32")
    with pytest.raises(ConfigError, match="allowed here"):
        fitted(Examples("rows"), X[:, None, None], "half")


def test_holes_that_are_refused_are_named():
    holed = X.copy()
    holed[4, 3] = np.nan
    c = load_config("undercomplete", data={"scale": "standard", "missing": "refuse"})
    for data, part in ((from_arrays(holed, X), "train"), (from_arrays(X, holed), "test")):
        with pytest.raises(DataError) as error:
            ready(c, data)
        refused(error, part, "row 4, column 3", "data.missing")
    settled, _ = ready(load_config("undercomplete", data={"scale": "standard"}), data)
    assert settled.data.missing == "mask", "the default of rows"


def test_images_have_scales_of_their_own():
    images = from_arrays(RNG.integers(0, 256, (9, 4, 4)).astype(np.uint8))
    with pytest.raises(ConfigError, match="images take 'unit' or 'sym'"):
        scaled(images, "standard")
    assert scaled(images, "sym") is images
