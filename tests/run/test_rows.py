"""Runs of rows with holes: the same bits when kept and gone on with, and what doors take."""

import os
import signal

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

import ae_jax
from ae_jax.errors import ConfigError, DataError
from ae_jax.train import loop
from tests.run.doors import same

RNG = np.random.default_rng(0)
N, D = 42, 5
ROWS = (RNG.normal(size=(N, 2)) @ RNG.normal(size=(2, D))) * [1, 10, 1e3, 1e-3, 1] + 1e6
HOLED = np.where(RNG.random(ROWS.shape) < 0.2, np.nan, ROWS)
DATA = ae_jax.from_arrays(HOLED, HOLED[:5])


def config(epochs=2, **more):
    return {
        "data": {"scale": "standard", "indicator": True, "n_valid": 4},
        "corruption": {"name": "hide", "rate": 0.4, "lowest": 0.0},
        "encoder": {"hidden": (7,)},
        "model": {"code_size": 3},
        "train": {"batch_size": 16, "epochs": epochs},
        **more,
    }


def fit(c, data=DATA, key=5, **options):
    return ae_jax.fit(c, data, key, progress=False, **options)


@pytest.fixture(scope="module")
def run():
    return fit(config())


@pytest.fixture(scope="module")
def whole():
    return fit(config(4))


@pytest.mark.long
def test_what_comes_back_is_the_run_and_goes_on_as_it_would(run, whole, tmp_path):
    run.save(tmp_path)
    back = ae_jax.restore(str(tmp_path))
    same(back.state, run.state)
    same((back.scaler.shift, back.scaler.spread), (run.scaler.shift, run.scaler.spread))
    assert back.config == run.config and back.origin == run.origin
    same(back.impute(HOLED), run.impute(HOLED))
    same(back.score(HOLED), run.score(HOLED))
    same(back.sample(1, 4), run.sample(1, 4))
    for start in (run, back):
        more = fit(config(4), start=start)
        same(more.state, whole.state)
        same(more.history, whole.history)
        same(more.valid.losses, whole.valid.losses)
        same(more.impute(HOLED), whole.impute(HOLED))
    with pytest.raises(DataError, match="other data"):
        fit(config(4), ae_jax.from_arrays(ROWS, HOLED[:5]), start=run)


def test_an_interrupted_run_goes_on_with_the_same_bits(whole, monkeypatch):
    train = loop.train

    def interrupted(*args):
        for i, chunk in enumerate(train(*args)):
            if i == 0:
                os.kill(os.getpid(), signal.SIGINT)
            yield chunk

    monkeypatch.setattr(loop, "train", interrupted)
    part = fit(config(4))
    monkeypatch.undo()
    assert 0 < part.state.step < whole.state.step
    same(fit(config(4), start=part).state, whole.state)


def test_what_was_observed_is_given_back_as_it_was(run):
    """In the data's units, float64; the holes have numbers of their column's size."""
    back = run.impute(HOLED)
    seen = ~np.isnan(HOLED)
    assert back.dtype == np.float64 and np.isfinite(back).all()
    same(back[seen], HOLED[seen])
    off = np.abs(back - np.nanmean(HOLED, 0)) / np.nanstd(HOLED, 0)
    assert off[~seen].max() < 5
    np.testing.assert_allclose(back[~seen], run.reconstruct(HOLED)[~seen], rtol=1e-12)
    same(run.impute(np.ma.masked_array(np.nan_to_num(HOLED), ~seen)), back)
    same(run.impute(run.impute(HOLED)), back)


def test_everything_is_in_the_datas_units(run):
    codes = run.encode(HOLED)
    assert codes.dtype == np.float32 and codes.shape == (N, 3)
    made = {
        "reconstruct": run.reconstruct(HOLED),
        "decode": run.decode(codes),
        "corrupt": run.corrupt(ROWS, 0),
        "sample": run.sample(0, N),
        "interpolate": run.interpolate(ROWS[0], HOLED[1], N),
    }
    for name, x in made.items():
        assert x.dtype == np.float64 and x.shape == (N, D), name
        near = np.abs(np.nanmean(x, 0) - ROWS.mean(0)) < 3 * ROWS.std(0)
        assert near.all(), name
    same(made["decode"], made["reconstruct"])
    hidden = np.isnan(made["corrupt"])
    assert 0 < hidden.mean() < 0.4
    np.testing.assert_allclose(made["corrupt"][~hidden], ROWS[~hidden], rtol=1e-9)
    same(run.interpolate(ROWS[:1], HOLED[1:2], N), made["interpolate"])
    assert run.impute(HOLED[:0]).shape == (0, D)


def test_errors_and_scores_are_over_what_was_observed(run):
    """By hand, in units of the scale: of a row without a number nothing, and no NaN."""
    x = HOLED.copy()
    x[0] = np.nan
    square = np.square((x - run.reconstruct(x)) / run.scaler.spread)
    np.testing.assert_allclose(run.score(x), np.nansum(square, 1), rtol=1e-3)
    assert run.score(x)[0] == 0
    assert (np.isnan(run.errors(x)[:, 0, 0]) == np.isnan(x)).all()


BAD = {
    "too narrow": (ROWS[:, :4], "[n, 5]"),
    "too wide": (np.c_[ROWS, ROWS], "[n, 5]"),
    "one row": (ROWS[0], "x[None]"),
    "a cube": (ROWS[None], "[n, D]"),
    "text": (ROWS.astype(str), "numbers"),
    "objects": ([[None] * D], "numbers"),
    "ragged": ([[1.0], [1.0, 2.0]], "not an array"),
    "complex": (ROWS + 1j, "complex128"),
    "infinite": (np.where(np.arange(D) == 2, np.inf, ROWS), "column 2"),
    "dates": (ROWS.astype("datetime64[s]"), "datetime64"),
    "far": (ROWS * 1e300, "column 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_row_is_refused_in_a_line(run, name):
    x, said = BAD[name]
    for door in (run.encode, run.reconstruct, run.impute, run.score, lambda v: run.corrupt(v, 0)):
        with pytest.raises(DataError) as error:
            door(x)
        assert said in str(error.value) and len(str(error.value).splitlines()) <= 3


@pytest.mark.parametrize("name", ["text", "objects", "ragged", "complex", "infinite", "dates"])
def test_nor_is_it_a_training_set(name):
    with pytest.raises(DataError) as error:
        fit(config(), BAD[name][0])
    assert len(str(error.value).splitlines()) <= 3
    for nothing in (ROWS[:0], ROWS[:, :0], ROWS[:1], np.full_like(ROWS, np.nan)):
        with pytest.raises(DataError) as error:
            fit(config(), nothing)
        assert len(str(error.value).splitlines()) <= 3


def test_a_run_without_holes_takes_none():
    c = config(1, corruption={"name": "none"})
    plain = fit({**c, "data": {"scale": "standard", "missing": "refuse"}}, ROWS)
    for door in (plain.encode, plain.reconstruct, plain.score):
        with pytest.raises(DataError, match=r"NaN; .*data\.missing"):
            door(HOLED)
    with pytest.raises(ConfigError, match=r"data\.missing 'mask'"):
        plain.impute(HOLED)


def test_a_linear_model_of_standardized_rows_is_pca():
    """The least error of any linear map through two numbers, by scikit-learn; within 1 %."""
    x = RNG.normal(size=(60, 3)) @ RNG.normal(size=(3, 6)) + 0.3 * RNG.normal(size=(60, 6))
    x = x * [1.0, 1e3, 1e-3, 50.0, 1.0, 7.0] + [0, 1e4, 0, 3, 1, 1]
    c = {
        "data": {"scale": "standard"},
        "model": {"code_size": 2},
        "optim": {"learning_rate": 0.02, "schedule": "cosine"},
        "train": {"batch_size": 60, "epochs": 1000},
    }
    run = fit(c, ae_jax.from_arrays(x, x[:2]))
    assert not run.config.encoder.hidden and run.config.decoder.output == "linear"
    scaler = StandardScaler().fit(x)
    z = scaler.transform(x)
    pca = PCA(2).fit(z)
    least = np.square(z - pca.inverse_transform(pca.transform(z))).sum()
    found = np.square(z - scaler.transform(run.reconstruct(x))).sum()
    assert least * (1 - 1e-4) < found < 1.01 * least
    assert run.score(x).sum() == pytest.approx(found, rel=1e-3)
