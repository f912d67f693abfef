"""The estimator with weights of rows, and trained batch by batch."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA

from ae_jax.sklearn import Autoencoder
from ae_jax.sklearn.weighing import drawn, weights_of
from tests.test_sklearn import LINEAR

RNG = np.random.default_rng(0)
MIX = RNG.normal(size=(2, 6))
X = RNG.normal(size=(320, 2)) @ MIX + 0.1 * RNG.normal(size=(320, 6))
CONSTANT = {**LINEAR, "optim": {"name": "adam", "learning_rate": 3e-3}}
QUICK = Autoencoder(CONSTANT, code_size=2, epochs=3, random_state=0)
COLUMNS = clone(QUICK).set_params(
    config={**CONSTANT, "data": {"scale": "standard"}, "corruption": {"name": "hide", "rate": 0.3}},
    scale="columns",
)


def same(a, b):
    np.testing.assert_array_equal(a.transform(X), b.transform(X))
    np.testing.assert_array_equal(a.loss_, b.loss_)


def test_whole_weights_whose_sum_is_n_are_repetitions():
    counts = RNG.multinomial(len(X), np.full(len(X), 1 / len(X)))
    assert (counts == 0).any() and (counts > 1).any()
    for seed in range(20):
        places = drawn(counts.astype(float), np.random.RandomState(seed))
        np.testing.assert_array_equal(places, np.repeat(np.arange(len(X)), counts))
    repeated = clone(QUICK).fit(np.repeat(X, counts, axis=0))
    same(clone(QUICK).fit(X, sample_weight=3.5 * counts), repeated)


def test_rows_are_drawn_as_often_as_their_weights_say():
    """A count is the floor or the ceiling of what it is on average: its variance is f (1 - f)."""
    weights = RNG.exponential(size=40) * (RNG.random(40) < 0.8)
    expected = 40 * weights / weights.sum()
    random = np.random.RandomState(0)
    counts = [np.bincount(drawn(weights, random), minlength=40) for _ in range(4000)]
    assert ((np.floor(expected) <= counts) & (counts <= np.ceil(expected))).all()
    part = expected % 1
    error = np.sqrt(part * (1 - part) / 4000) + 1e-9
    assert (np.abs(np.mean(counts, axis=0) - expected) < 5 * error).all()
    np.testing.assert_array_equal(np.sum(counts, axis=1), 40)


def test_rows_without_weight_are_never_seen():
    some, other = X[:256], X[256:] @ np.linalg.qr(RNG.normal(size=(6, 6)))[0]
    both = np.concatenate([some, other])
    weights = np.repeat([1.0, 0.0], [len(some), len(other)])
    model = clone(QUICK).set_params(epochs=200)
    whole, weighted = clone(model).fit(both), clone(model).fit(both, sample_weight=weights)
    seen, unseen = (-weighted.score_samples(rows).mean() for rows in (some, other))
    assert unseen > 10 * seen
    assert unseen > 1.5 * -whole.score_samples(other).mean()
    moved = np.where(weights[:, None] > 0, both, 1e6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a row far away
        same(clone(model).fit(moved, sample_weight=weights), weighted)
    assert weighted.bounds_ == (some.min(), some.max())


def test_equal_weights_change_nothing():
    for weights in (0.3, [2] * len(X), np.full(len(X), 1e-300)):
        assert weights_of(weights, X) is None
    same(clone(QUICK).fit(X, sample_weight=np.full(len(X), 0.1)), clone(QUICK).fit(X))


def test_scales_of_columns_are_of_the_rows_drawn():
    weights = np.repeat([0.0, 1.0, 3.0], [120, 100, 100])
    model = clone(COLUMNS).set_params(epochs=0).fit(X, sample_weight=weights)
    mean = np.average(X, weights=weights, axis=0)
    np.testing.assert_allclose(model.run_.scaler.shift, mean, atol=0.05 * X.std())


def test_a_row_far_away_keeps_its_number_where_others_have_no_weight():
    far = X.copy()
    far[200, 1] = 1e4
    weights = np.arange(320) % 2 == 0
    with pytest.warns(UserWarning, match="row 200 has 10000 in column 1"):
        clone(QUICK).set_params(epochs=0).fit(far, sample_weight=weights)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (-np.ones(len(X)), "[Nn]egative"),
        (np.ones(3), "sample_weight.shape|inconsistent"),
        (np.zeros(len(X)), "zero"),
    ],
)
def test_weights_that_are_none_are_named(weights, said):
    with pytest.raises(ValueError, match=said):
        clone(QUICK).fit(X, sample_weight=weights)


@pytest.mark.parametrize("model", [QUICK, COLUMNS])
def test_passes_over_the_same_rows_are_epochs(model):
    """Order, noise and the optimizer go on; also through a pickle."""
    a = clone(model)
    for _ in range(3):
        a = pickle.loads(pickle.dumps(a.partial_fit(X)))
    same(a, clone(model).fit(X))


@pytest.mark.slow
def test_batch_by_batch_it_comes_near_pca():
    fast = {"optim": {"name": "adam", "learning_rate": 1e-2}, "train": {"batch_size": 16}}
    model = clone(QUICK).set_params(config={**CONSTANT, **fast}).partial_fit(X[:160])
    first = -model.score(X)
    for i in range(1, 60):
        model.partial_fit(X[i % 2 * 160 :][:160])
    pca = PCA(2).fit(X)
    best = np.square(X - pca.inverse_transform(pca.transform(X))).sum(1).mean()
    assert best < -model.score(X) < 1.1 * best < first / 50


def test_it_goes_on_from_what_was_fitted_in_its_units():
    slow = {**CONSTANT, "data": {"scale": "standard"}}
    slow["optim"] = {"learning_rate": 1e-12, "schedule": "cosine"}
    model = clone(QUICK).set_params(config=slow, scale="columns", epochs=1).fit(X)
    codes, scaler, done = model.transform(X), model.run_.scaler, model.loss_
    model.partial_fit(3 * X + 5)
    np.testing.assert_allclose(model.transform(X), codes, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(model.run_.scaler.shift, scaler.shift)
    np.testing.assert_array_equal(model.loss_[:5], done)
    assert len(model.loss_) == 10 and model.loss_[5:].min() > 5 * done.max()


def test_a_pass_holds_nothing_out_and_its_rate_is_constant():
    ending = {
        **CONSTANT,
        "data": {"center": True, "n_valid": 0.2},
        "optim": {**CONSTANT["optim"], "schedule": "cosine", "warmup_epochs": 2},
        "train": {"batch_size": 64, "patience": 1},
    }
    a, b = clone(QUICK).set_params(config=ending), clone(QUICK)
    for _ in range(3):
        a.partial_fit(X)
        b.partial_fit(X)
    same(a, b)
    assert len(b.loss_) == 15 and len(b.set_params(epochs=1).fit(X).loss_) == 5
