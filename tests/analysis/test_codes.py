"""PCA, denoising, compression, classification: numbers against closed forms and scikit-learn."""

import jax
import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.decomposition import PCA

import ae_jax
from ae_jax.analysis import Study, classification, codec, compression, denoising, pca
from ae_jax.model import pipeline as model_lib


@pytest.fixture(scope="module")
def images():
    """Images whose pixels have different variances."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 6)) @ rng.normal(size=(6, 64)) * 0.05
    rows += 0.01 * rng.normal(size=rows.shape)
    return (0.5 + rows).clip(0, 1).reshape(-1, 8, 8, 1).astype(np.float32)


def test_errors_and_angles_are_those_of_pca(images):
    rows = images.reshape(len(images), -1)
    train, test = rows[:200], rows[200:]
    curve = pca.errors(images[:200], images[200:], 5)
    for k in (1, 3, 5):
        fitted = PCA(k).fit(train)
        again = fitted.inverse_transform(fitted.transform(test))
        assert curve[k] == pytest.approx(np.mean((again - test) ** 2), rel=1e-3)
    assert curve[0] == pytest.approx(np.mean((test - train.mean(0)) ** 2), rel=1e-3)
    fitted = PCA(3).fit(train)
    projected = fitted.inverse_transform(fitted.transform(train)).reshape(-1, 8, 8, 1)
    assert pca.angles(projected, fitted.components_.T).max() < 0.5
    assert pca.angles(projected, PCA(6).fit(train).components_[3:6].T).min() > 85


def test_a_known_rotation_is_the_angle_found():
    plane = np.eye(4)[:, :2]
    turned = np.column_stack([np.eye(4)[:, 0], [0, np.cos(0.5), np.sin(0.5), 0]])
    rows = np.random.default_rng(0).normal(size=(50, 2)) @ turned.T
    found = pca.angles(rows.reshape(50, 2, 2, 1).astype(np.float32), plane)
    np.testing.assert_allclose(found, [0, np.degrees(0.5)], atol=0.2)


def test_quantizing_costs_a_twelfth_of_the_squared_step():
    """The error of a fine uniform quantizer is step^2 / 12 (Bennett 1948)."""
    codes = np.random.default_rng(0).uniform(-1, 1, (20_000, 2)).astype(np.float32)
    for bits in (4, 6, 8):
        rounded = codec.quantize(codes, codes, bits)
        step = 2 / (2**bits - 1)
        assert np.mean((rounded - codes) ** 2) == pytest.approx(step**2 / 12, rel=0.05)
        assert len(np.unique(rounded[:, 0])) == 2**bits
    assert codec.quantize(codes, codes, 32) is codes


def test_an_entropy_coder_takes_what_scipy_says():
    """Frequencies of the same codes: their entropy; of others the cross-entropy, by hand."""
    rng = np.random.default_rng(0)
    shares = np.array([0.5, 0.25, 0.125, 0.125])
    codes = rng.choice(4, (200_000, 3), p=shares).astype(np.float32)
    found = codec.entropy(codes, codes, 1, 4)
    assert found == pytest.approx(3 * 1.75, abs=0.02)
    assert found == pytest.approx(
        sum(entropy(np.unique(c, return_counts=True)[1], base=2) for c in codes.T), abs=1e-4
    )
    pairs = np.repeat(codes[:, :1], 2, axis=1)  # together one value, not two
    assert codec.entropy(pairs, pairs, 2, 16) == pytest.approx(1.75, abs=0.01)
    few = np.array([[0.0], [0.0], [1.0]])
    by_hand = -np.log2(3 / 7) / 2 - np.log2(1 / 7) / 2  # counts 2 + 1, 1 + 1, 0 + 1, 0 + 1
    assert codec.entropy(np.array([[0.0], [7.0]]), few, 1, 4) == pytest.approx(by_hand)


def test_quantized_codes_meet_the_best_pca_of_as_many_bits(images):
    """12 bits are 3 numbers of 4, 6 of 2, ...; half of the best one's error is 3 dB."""
    train, test = images[:100], images[100:140]
    best = min(
        compression._pca_errors_by_bits(train, test, k, [b])[0].mean()
        for b, k in ((1, 12), (2, 6), (3, 4), (4, 3), (5, 2), (6, 2), (7, 1), (8, 1))
    )
    few = compression.of_quantized(np.full(len(test), best), 6.0, 5.0, train[:4], test)
    assert few["bits"] == 6, "no more components than images can tell"
    errors = np.full(len(test), best / 2)
    found = compression.of_quantized(errors, 12.0, 9.0, train, test)
    assert found["pca_mse"] == pytest.approx(best) and found["bits"] == 12
    assert found["gain_db"][0] == pytest.approx(10 * np.log10(2), abs=1e-6)


def test_the_pca_codec_is_the_best_linear_one(images):
    encode, decode = codec.pca_codec(images, 4)
    rows = images.reshape(len(images), -1)
    fitted = PCA(4).fit(rows)
    theirs = fitted.inverse_transform(fitted.transform(rows))
    np.testing.assert_allclose(decode(encode(images)), theirs, atol=1e-4)


def test_separable_codes_are_classified_and_noise_is_guessed():
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 4
    codes = np.eye(4)[labels] * 5 + rng.normal(size=(400, 4)) * 0.3
    found = classification.accuracies(codes[:300], labels[:300], codes[300:], labels[300:])
    assert min(found.values()) > 0.99
    noise = rng.normal(size=(1200, 4))
    labels = np.arange(1200) % 4
    chance = classification.accuracies(noise[:800], labels[:800], noise[800:], labels[800:])
    assert max(chance.values()) < 0.32


def test_equal_accuracies_tie_and_the_error_is_mcnemars():
    rng = np.random.default_rng(0)
    ours, theirs = rng.uniform(size=(2, 1000)) < [[0.9], [0.8]]
    labels = np.arange(1000) % 10
    run = dict.fromkeys(classification.WAYS, ours)
    other = {"linear_probe": theirs, "nearest_neighbors": ours}
    pixels = dict.fromkeys(classification.WAYS, np.ones(1000, bool))
    numbers, control = classification.table(run, other, pixels, labels)
    b, c = np.sum(ours & ~theirs), np.sum(~ours & theirs)
    value, error = numbers["gain_over_pca"]["linear_probe"]
    assert value == pytest.approx((b - c) / 1000)
    # The variance of a difference of paired proportions (McNemar 1947; Fleiss, section 13.1).
    assert error == pytest.approx(np.sqrt(b + c - (b - c) ** 2 / 1000) / 1000, rel=1e-3)
    said = classification.judge(numbers, control)
    assert "linear probe" in said and "the run wins (80" in said
    assert "5 nearest neighbors" in said and "the run and PCA tie" in said
    assert said.count("the image itself wins") == 2
    guesses = {**control, "commonest_class": 0.95}
    assert "the run does not work" in classification.judge(numbers, guesses)


def test_the_median_filter_removes_single_pixels():
    clean = np.zeros((2, 9, 9, 1), np.float32)
    clean[:, 3:8, 3:8] = 1
    noisy = clean.copy()
    noisy[:, 1, 1] = 1
    noisy[:, 5, 5] = 0
    cut = 4 * 2 / clean.size  # the filter rounds off the square's four corners
    assert denoising.median(noisy, clean, sizes=(3,)) == pytest.approx([cut, cut])


def test_another_level_of_noise_is_that_level():
    config = ae_jax.load_config("denoise", corruption={"name": "mask", "rate": 0.1, "lowest": 0.0})
    model = model_lib.build(config, (8, 8, 1))
    images = np.ones((500, 8, 8, 1), np.float32)
    for rate in (0.25, 0.75):
        noisy = denoising.corrupted(
            denoising.at_level(model, config, rate), images, jax.random.key(0)
        )
        assert np.mean(noisy != 1) == pytest.approx(rate, abs=0.01)


@pytest.mark.long
@pytest.mark.parametrize("noise", [{"name": "dropout"}, {"name": "gaussian", "sigma": 0.1}])
def test_noise_beyond_the_trained_level_is_denoised_too(noise, images):
    """Both leave the range of the trained noise: 1 / (1 - rate), and any number."""
    config = {
        "corruption": noise,
        "encoder": {},
        "decoder": {},
        "model": {"code_size": 3},
        "train": {"epochs": 1, "batch_size": 50},
    }
    run = ae_jax.fit(config, images[:200], jax.random.key(0), progress=False)
    data = ae_jax.from_arrays(images[:200], images[200:])
    study = Study(run, data, jax.random.key(0))
    numbers, control, _ = denoising.measure(study, jax.random.key(1))
    assert np.isfinite(numbers["mse"]).all() and len(numbers["mse"]) == len(numbers["levels"])
    assert control["noisy"] == sorted(control["noisy"])
