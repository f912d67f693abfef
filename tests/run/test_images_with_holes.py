"""Runs of images of which not all pixels were observed, against truths about them."""

import jax
import numpy as np
import pytest

import ae_jax
from ae_jax.analysis import APPLICATIONS, NotApplicable, Study, imputation
from ae_jax.errors import ConfigError, DataError
from ae_jax.evaluate import baselines, incomplete
from tests.run.doors import same

SIDE, N = 8, 2000


def low_rank(n, seed):
    """Mixtures [n, SIDE, SIDE, 1] of three pictures: three numbers are all there is to know."""
    pictures = np.random.default_rng(9).random((3, SIDE * SIDE))
    shares = np.random.default_rng(seed).dirichlet(np.ones(3), n)
    return (shares @ pictures).reshape(n, SIDE, SIDE, 1).astype(np.float32)


TRUTH, TEST = low_rank(N, 0), low_rank(200, 1)
HIDDEN, GONE = (np.random.default_rng(2).random(x.shape) < 0.2 for x in (TRUTH, TEST))
HOLED, ASKED = np.where(HIDDEN, np.nan, TRUTH), np.where(GONE, np.nan, TEST)


SMALL = {
    "data": {"missing": "mask", "indicator": True, "n_valid": 20},
    "corruption": {"name": "hide", "rate": 0.3},
    "encoder": {"hidden": (9,)},
    "decoder": {"output": "sigmoid"},
    "loss": {"name": "bernoulli_nll"},
    "model": {"code_size": 3},
    "train": {"batch_size": 40, "epochs": 2},
}
FEW = slice(0, 120)


@pytest.fixture(scope="module")
def run():
    """Trained until it fills holes well."""
    config = {
        **{name: SMALL[name] for name in ("corruption", "model")},
        "data": {"missing": "mask", "indicator": True},
        "encoder": {"hidden": (32,)},
        "decoder": {"hidden": (32,)},
        "optim": {"learning_rate": 5e-3, "schedule": "cosine"},
        "train": {"batch_size": 100, "epochs": 40},
    }
    return ae_jax.fit(config, ae_jax.from_arrays(HOLED, ASKED), 0, progress=False)


def fit(data, changes=SMALL, **options):
    return ae_jax.fit(changes, data, 0, progress=False, whole=True, **options)


def of_file(path, below):
    """The data set of a file with masks beside, in which `below` stands where they hide."""
    train, test = np.where(HIDDEN, below, TRUTH)[FEW], np.where(GONE, below, TEST)[FEW]
    np.savez(path, train=train, train_mask=~HIDDEN[FEW], test=test, test_mask=~GONE[FEW])
    return ae_jax.load_data(str(path))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small run, and the file its data are of."""
    path = tmp_path_factory.mktemp("holes") / "photos.npz"
    return fit(of_file(path, 0.0)), path


@pytest.mark.slow
def test_no_bit_depends_on_what_was_not_observed(small):
    """Loss, gradients and state are the same, whatever stands where the masks hide."""
    first, path = small
    other = fit(of_file(path, np.resize([-1e300, np.nan, 0.5, np.inf], HIDDEN.shape[1:])))
    same(other.state, first.state)
    same(other.history, first.history)
    same((other.code_mean, other.code_cov), (first.code_mean, first.code_cov))
    same(other.valid.losses, first.valid.losses)
    assert other.origin == first.origin, "nor does the hash of the data"
    assert np.isfinite(first.history["loss"]).all()


@pytest.mark.long
def test_going_on_gives_the_bits_of_the_whole_run(small, tmp_path):
    whole, path = small
    data = ae_jax.load_data(str(path))
    half = fit(data, {**SMALL, "train": {"batch_size": 40, "epochs": 1}})
    half.save(tmp_path)
    back = ae_jax.restore(str(tmp_path))
    same(back.impute(ASKED), half.impute(ASKED))
    same(fit(data, start=back).state, whole.state)
    with pytest.raises(DataError, match="other data"):
        fit(ae_jax.from_arrays(TRUTH[FEW], ASKED[FEW]), start=back)


@pytest.mark.slow
def test_holes_of_images_of_low_rank_are_filled_with_what_was_there(run):
    """Far below the mean image's error, beside PCA of the true rank as the yardstick."""
    filled = run.impute(ASKED)
    assert filled.dtype == np.float32 and filled.shape == TEST.shape
    np.testing.assert_array_equal(filled[~GONE], TEST[~GONE])
    mean = np.broadcast_to(np.nanmean(HOLED, axis=0), TEST.shape)
    rows = ASKED.reshape(len(ASKED), -1)
    pca = incomplete.fill(rows, *incomplete.principal(HOLED.reshape(N, -1), 3))
    ours, blank, best = (
        np.square(v.reshape(TEST.shape) - TEST)[GONE].mean() for v in (filled, mean, pca)
    )
    assert best < 0.05 * blank
    assert ours < 0.1 * blank and ours < 3 * best


@pytest.mark.slow
def test_masks_and_nan_are_the_same_at_every_method(run):
    masked = np.ma.masked_array(np.where(GONE, 7.0, TEST), GONE)
    for name in ("encode", "reconstruct", "impute", "score", "errors"):
        same(getattr(run, name)(masked), getattr(run, name)(ASKED))
    same(run.interpolate(masked[0], masked[1]), run.interpolate(ASKED[0], ASKED[1]))
    errors = np.square(run.reconstruct(ASKED) - TEST)
    np.testing.assert_allclose(run.score(ASKED), np.where(GONE, 0, errors).sum((1, 2, 3)), 1e-5)
    assert (np.isnan(run.errors(ASKED)) == GONE).all()
    noisy = run.corrupt(ASKED, 0)
    assert np.isnan(noisy[GONE]).all() and 0.2 < np.isnan(noisy[~GONE]).mean() < 0.4
    bytes_ = (255 * TEST).astype(np.uint8)
    same(run.impute(bytes_), bytes_ / np.float32(255))
    with pytest.raises(DataError, match="or NaN"):
        run.impute(ASKED * 2)
    labels = [
        label.get_text() for label in run.plot_reconstructions(ASKED).axes[0].get_yticklabels()
    ]
    assert labels == ["original\n(orange: not observed)", "reconstruction"]
    labels = [
        label.get_text() for label in run.plot_reconstructions(TEST).axes[0].get_yticklabels()
    ]
    assert labels == ["original", "reconstruction"]


def test_a_pixel_that_was_observed_nowhere_does_no_harm():
    """A dead pixel of a sensor: baselines take the mean of its channel, and stay finite."""
    holed, color = HOLED[FEW].copy(), np.repeat(HOLED[FEW], 3, axis=3)
    holed[:, 2, 3] = color[:, 2, 3, 1] = color[..., 2] = np.nan
    gray = baselines.mean_row(holed).reshape(SIDE, SIDE)
    assert gray[2, 3] == pytest.approx(np.nanmean(holed))
    others = np.delete(holed.reshape(len(holed), -1), 19, axis=1)
    np.testing.assert_allclose(np.delete(gray, 19), np.nanmean(others, 0), rtol=1e-6)
    mean = baselines.mean_row(color).reshape(SIDE, SIDE, 3)
    assert mean[2, 3, 1] == pytest.approx(np.nanmean(color[..., 1]))
    np.testing.assert_allclose(mean[..., 2], np.nanmean(color))
    off = np.square(TEST[FEW] - gray[..., None])
    assert baselines.mean_image_mse(holed, TEST[FEW]) == pytest.approx(off.mean(), rel=1e-4)
    pca = baselines.pca_mse(holed, TEST[FEW], 3)
    # Of low rank, so that nothing is left but the dead pixel.
    dead = np.square(TEST[FEW, 2, 3] - np.nanmean(holed)).sum() / TEST[FEW].size
    assert dead < pca < 2 * dead + 1e-4


def test_the_entropy_floor_is_that_of_observed_pixels():
    x = np.array([0.5, 0.25, np.nan, 1.0], np.float32).reshape(1, 2, 2, 1)
    by_hand = np.log(2) - 0.25 * np.log(0.25) - 0.75 * np.log(0.75)
    assert baselines.entropy_floor(x) == pytest.approx(by_hand, rel=1e-6)


@pytest.mark.slow
def test_applications_skip_what_has_holes_and_imputation_fills_it(run, monkeypatch):
    monkeypatch.setattr(imputation, "MOST_COLUMNS", 10)  # else the longest of them
    study = Study(run, ae_jax.from_arrays(HOLED, ASKED), jax.random.key(0), most=(150, 40))
    for name, application in APPLICATIONS.items():
        if name != "imputation":
            why = "is for rows" if name == "recovery" else "images without holes"
            with pytest.raises(NotApplicable, match=why):
                application(study, jax.random.key(0))
    found = APPLICATIONS["imputation"](study, jax.random.key(0))
    names = ["the mean image", "PCA, 3 numbers", "k nearest images"]
    assert list(found.control["mse"]) == names
    assert found.numbers["mse"] < 0.2 * found.control["mse"]["the mean image"]
    assert "an image over" in found.sentence
    with pytest.raises(ConfigError, match="without holes"):
        fit(TRUTH[FEW], {"train": {"epochs": 0, "batch_size": 9}}).impute(TEST)
