"""What the estimator does with units: precision, outliers, masks; beside PCA on the same rows."""

import re
import warnings

import numpy as np
import pytest
from sklearn.decomposition import PCA

from ae_jax.sklearn import Autoencoder
from tests.test_sklearn import LINEAR


def plane(n, seed=0):
    """Rows [n, 6] on a plane, plus noise of 0.01."""
    rng = np.random.default_rng(seed)
    return rng.random((n, 2)) @ rng.random((2, 6)) + 0.01 * rng.normal(size=(n, 6))


def linear(**options):
    return Autoencoder(LINEAR, code_size=2, epochs=150, random_state=0, **options)


@pytest.fixture(scope="module")
def seconds():
    """Times in seconds since 1970, in which float32 has steps of 128 s, and a fit to them."""
    X = 1.7e9 + 1000 * plane(500)
    return X, linear().fit(X)


def test_what_comes_back_is_as_fine_as_what_went_in(seconds):
    X, fitted = seconds
    back = fitted.inverse_transform(fitted.transform(X))
    assert back.dtype == np.float64
    assert len(np.unique(back[:, 0])) > 490
    assert np.abs(back - X).mean() < 32, "float32 alone is off by as much"


def test_scores_are_of_the_units_of_x(seconds):
    X, fitted = seconds
    back = fitted.inverse_transform(fitted.transform(X))
    error = -np.square(X - back).sum(axis=1)
    np.testing.assert_allclose(fitted.score_samples(X), error, rtol=1e-12)


@pytest.mark.parametrize(
    ("given", "kept"), [("f4", "f4"), ("f8", "f8"), ("i8", "f8"), (">f8", "f8")]
)
def test_types_come_back(given, kept):
    X = (100 * plane(60)).astype(given)
    fitted = Autoencoder(code_size=2, epochs=1, random_state=0).fit(X)
    codes = fitted.transform(X)
    assert codes.dtype == kept and fitted.inverse_transform(codes).dtype == kept


@pytest.mark.slow
@pytest.mark.parametrize("value", [1e4, -1e4])
def test_one_row_far_away_is_named_and_robust_scales_ignore_it(value):
    X = np.vstack([plane(500), np.full((1, 6), 0.5)])
    X[500, 3] = value
    with pytest.warns(UserWarning, match=rf"row 500 has {value:g} in column 3.*scale='robust'"):
        linear().fit(X)
    fitted = linear(scale="robust").fit(X)
    alone = linear().fit(X[:500])
    left, best = (np.median(-e.score_samples(X[:500])) for e in (fitted, alone))
    assert left < 1.2 * best
    assert best < PCA(1).fit(X[:500]).noise_variance_ * 6, "better than one number could"
    assert fitted.score_samples(X)[500] < -0.9e8, "what is far away stays strange"


@pytest.mark.parametrize("far", [{250: 1e4}, {7: 9e3, 90: -8e3}, {3: 500.0, 4: 400.0, 5: 300.0}])
def test_only_rows_that_are_far_are_named(far):
    """Of 501 rows five may be left out; the largest of the others are not to be blamed."""
    X = plane(501)
    for row, value in far.items():
        X[row, 2] = value
    with pytest.warns(UserWarning, match="in column 2") as said:
        Autoencoder(code_size=1, epochs=0).fit(X)
    named = re.search(
        r"row (\d+) has .* in column 2(?: \(as do rows ([\d, ]+)\))?, the", str(said[0].message)
    )
    rows = [named[1], *(named[2].split(", ") if named[2] else [])]
    assert list(map(int, rows)) == list(far)


@pytest.mark.parametrize("kind", ["lognormal", "sparse", "two groups"])
def test_no_warning_where_many_rows_are_large(kind):
    rng = np.random.default_rng(2)
    X = {
        "lognormal": rng.lognormal(size=(500, 4)),
        "sparse": (rng.random((500, 50)) < 0.01).astype(float),
        "two groups": np.repeat([0.0, 1e6], [450, 50])[:, None] + rng.random((500, 2)),
    }[kind]
    Autoencoder(code_size=1, epochs=0).fit(X)  # warnings are errors here


@pytest.mark.slow
@pytest.mark.parametrize("X", [plane(500), plane(2), np.ones((20, 3)), np.eye(30)])
def test_no_warning_where_nothing_is_far_away(X):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Autoencoder(code_size=1, epochs=1, random_state=0).fit(X)


def test_masks_are_not_dropped():
    X = plane(40)
    masked = np.ma.masked_where(X > 0.5, X)
    fitted = Autoencoder(code_size=2, epochs=1, random_state=0).fit(X)
    for method in (fitted.transform, fitted.score_samples, fitted.score, fitted.fit):
        with pytest.raises(ValueError, match=r"a masked array.*X\.filled"):
            method(masked)


def test_an_unknown_scale_is_refused():
    with pytest.raises(
        ValueError, match="scale: must be 'minmax', 'robust' or 'columns', not 'log'"
    ):
        linear(scale="log").fit(plane(20))
