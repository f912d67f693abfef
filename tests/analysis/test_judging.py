"""Anomalies, samples, directions, tangents, captions: numbers that can be checked otherwise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from sklearn.decomposition import PCA

import ae_jax
from ae_jax.analysis import (
    anomaly_scores,
    caption,
    classifier,
    code_space,
    copying,
    deform,
    dense_vs_conv,
    dimension,
    filters,
    manifold,
    off_manifold,
    sampling,
    transformations,
    worlds,
)
from ae_jax.evaluate import baselines, conformal
from ae_jax.model import pipeline as model_lib
from ae_jax.model import scaling


@pytest.fixture(scope="module")
def run():
    """A small nonlinear run on images of 6 x 6 pixels in [-1,1] units."""
    images = np.random.default_rng(0).uniform(size=(64, 6, 6, 1)).astype(np.float32)
    config = {
        "data": {"scale": "sym"},
        "encoder": {"hidden": (12,), "activation": "tanh"},
        "decoder": {"hidden": (12,), "activation": "tanh", "output": "tanh"},
        "model": {"code_size": 4},
        "train": {"epochs": 2, "batch_size": 32},
    }
    return ae_jax.fit(config, images, jax.random.key(0), progress=False), images


def test_mahalanobis_is_scipys():
    codes = np.random.default_rng(0).normal(size=(200, 3)) @ np.diag([1.0, 2.0, 3.0])
    mean, cov = codes.mean(0), np.cov(codes, rowvar=False)
    theirs = [mahalanobis(z, mean, np.linalg.inv(cov)) ** 2 for z in codes[:5]]
    np.testing.assert_allclose(anomaly_scores.mahalanobis(codes[:5], mean, cov), theirs, rtol=5e-3)


def test_the_threshold_keeps_its_promise():
    """Over random calibration sets, a new normal score exceeds it with probability <= 5 %."""
    rng = np.random.default_rng(0)
    hits = [rng.normal() > conformal.threshold(rng.normal(size=60)) for _ in range(20_000)]
    assert 0.03 < np.mean(hits) <= 0.053
    assert conformal.threshold(np.arange(100.0)) == 95.0
    assert conformal.threshold(np.arange(10.0)) == np.inf


def test_the_pca_score_is_the_residual_of_scikit_learns_pca():
    rng = np.random.default_rng(0)
    images = rng.uniform(size=(80, 5, 5, 1)).astype(np.float32)
    fitted = PCA(3).fit(images[:60].reshape(60, -1))
    rest = images[60:].reshape(20, -1)
    theirs = np.square(rest - fitted.inverse_transform(fitted.transform(rest))).sum(1)
    ours = anomaly_scores.pca_error(images[:60], images[60:], 3)
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)


@pytest.mark.slow
def test_the_gradient_of_the_error_is_that_of_finite_differences(run):
    run, images = run
    e, x = 1e-2, images[0]
    moved = np.stack([x.ravel() + s * e * np.eye(36)[i] for i in range(36) for s in (1, -1)])
    # Exact for the quadratic part, and the noise of float32 is below one part in a hundred.
    errors = run.score(moved.reshape(-1, 6, 6, 1).astype(np.float32)).reshape(36, 2)
    exact = np.linalg.norm((errors[:, 0] - errors[:, 1]) / (2 * e))
    assert anomaly_scores.gradient_norm(run, images[:1])[0] == pytest.approx(exact, rel=0.02)


def test_samples_have_the_moments_of_the_codes():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(4000, 3)) @ np.array([[1, 0.5, 0], [0, 1, 0], [0, 0.3, 2]]) + 5
    drawn = sampling.gaussian(codes, jax.random.key(0), 20_000)
    np.testing.assert_allclose(drawn.mean(0), codes.mean(0), atol=0.05)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(codes.T), atol=0.15)
    far = off_manifold.scaled(codes, 2.0)
    np.testing.assert_allclose(np.cov(far.T), 4 * np.cov(codes.T), rtol=1e-6)


def test_a_mixture_samples_clusters_and_a_gaussian_what_is_between():
    rng = np.random.default_rng(0)
    codes = np.repeat([[-5.0, 0], [5.0, 0]], 500, 0) + 0.3 * rng.normal(size=(1000, 2))
    found = sampling.samplers(codes.astype(np.float32), jax.random.key(0), 500)
    between = {name: np.mean(np.abs(z[:, 0]) < 3.5) for name, z in found.items()}
    assert between["mixture"] < 0.02 and between["Gaussian"] > 0.3
    assert np.abs(found["box"]).max() < 6.5
    assert found["standard normal"].std() == pytest.approx(1, rel=0.1)
    again = sampling.samplers(codes.astype(np.float32), jax.random.key(0), 500)
    assert all(np.array_equal(found[name], again[name]) for name in found)


def test_neighbors_of_clusters_agree_and_of_noise_by_chance():
    rng = np.random.default_rng(0)
    labels = np.arange(500) % 5
    clusters = 10 * np.eye(5)[labels] + rng.normal(size=(500, 5))
    assert (code_space.agreement(clusters, labels) == 1).all()
    chance = code_space.agreement(rng.normal(size=(500, 2)), labels).mean()
    assert chance == pytest.approx(0.2, abs=0.04)


def test_views_win_only_over_both_controls():
    rng = np.random.default_rng(0)
    labels = np.arange(600) % 3
    clusters = 10 * np.eye(3)[labels][:, :2] + rng.normal(size=(600, 2))
    noise, other = rng.normal(size=(2, 600, 2))
    codes = {"first two coordinates": noise, "PCA": clusters, "t-SNE": clusters[:300]}
    pixels = {"PCA": other, "t-SNE": clusters[:300]}
    numbers, control = code_space.scored(codes, pixels, labels)
    assert numbers["gain_over_same_view"]["t-SNE"] == (0, 0)
    said = code_space.judge(numbers, control)
    assert "the codes win in PCA 100.0" in said
    assert "they tie in first two coordinates" in said
    assert "t-SNE 100.0" in said[said.index("they tie in") :]
    assert "(of pixels 100.0" in said and "lose" not in said
    swapped = code_space.scored(pixels, {**codes, "t-SNE": noise[:300]}, labels)
    assert "they lose in PCA" in code_space.judge(*swapped)


def test_variance_off_the_digit():
    train = np.zeros((5, 4, 4, 1), np.uint8)
    train[:, 1:3, 1:3] = 200
    dark = filters.dark_pixels(train)
    assert dark.sum() == 12
    weights = np.random.default_rng(0).normal(size=(300, 4, 4, 1))
    weights[:, dark] *= 0.5
    assert filters.off_digit_variance(weights, dark)["ratio"] == pytest.approx(
        0.25 * (11 / 12) / (3 / 4), rel=0.1
    )
    smooth = np.where(dark[None], 7.0, weights)
    assert filters.off_digit_variance(smooth, dark)["off_digit"] == 0


@pytest.mark.parametrize("kind", deform.EXTENT)
def test_transformations_change_what_is_measured_by_what_they_say(kind):
    """An ellipse of ink in the middle, alpha = 1."""
    rows, columns = np.mgrid[:41, :41] - 20.0
    image = np.exp(-((columns / 7) ** 2) - (rows / 3) ** 2)[None, ..., None].astype(np.float32)
    image *= 0.7
    before = deform.properties(image, kind)[0]
    after = deform.properties(deform.transform(image, kind, 1.0), kind)[0]
    extent = deform.EXTENT[kind]
    relative = kind in ("brightness", "zoom")
    wanted = before * (1 + extent) if relative else before + extent
    assert after == pytest.approx(wanted, rel=0.02)


def test_angles_change_by_the_shorter_way_round():
    turned = deform.changes(np.array([[80.0, 85, -88]]), "rotation")
    np.testing.assert_allclose(turned, [[-5, 0, 7]])


def test_the_direction_of_brightness_in_pixels_is_the_image_itself():
    images = np.random.default_rng(0).uniform(0, 0.6, (400, 3, 3, 1)).astype(np.float32)
    A, b = transformations.directions(
        lambda x: x.reshape(len(x), -1), images, "brightness", ridge=1e-6
    )
    for alpha, A_alpha in zip(transformations.ALPHAS, A, strict=True):
        np.testing.assert_allclose(A_alpha, 0.3 * alpha * np.eye(9), atol=1e-3)
    np.testing.assert_allclose(b, 0, atol=1e-3)
    steady = np.tile(transformations.ALPHAS**3, (4, 1))
    assert transformations.monotony(steady) == pytest.approx(1)
    assert transformations.monotony(-steady) == pytest.approx(-1)


def test_the_share_reached_is_the_slope_against_the_true_change():
    rng = np.random.default_rng(0)
    true = np.outer(rng.uniform(1, 3, 400), transformations.ALPHAS)
    slopes = rng.normal(0.4, 0.1, 400)
    found = transformations.reached(slopes[:, None] * true, true)
    assert found.value == pytest.approx(np.median(slopes))
    # The median of normal values: sqrt(pi / 2) sigma / sqrt(n).
    assert found.error == pytest.approx(np.sqrt(np.pi / 2) * 0.1 / 20, rel=0.25)
    assert transformations.reached(true, true) == (1, 0)
    true[:3] = 0  # blank images change in nothing
    assert np.isfinite(transformations.reached(slopes[:, None] * true, true).value)
    assert np.isnan(transformations.reached(true[:3], true[:3]).value)


def test_what_moves_reach_is_said_with_what_the_code_can_hold():
    kinds = dict(zip(deform.EXTENT, (0.8, 0.13, 0.51, np.nan), strict=True))
    numbers = {
        k: {"share_of_true_change": v, "share_error": 0.01, "monotony": 1.0}
        for k, v in kinds.items()
    }
    control = {
        k: {
            "random_share_of_true_change": 0.02,
            "reencoded_share_of_true_change": 0.9,
            "reencoded_share_error": 0.01,
        }
        for k in kinds
    }
    said = transformations.judge({"run": "deep", **numbers}, control)
    assert "deep: " in said and "13 ± 1 % of a shift" in said and "90, 90, 90, 90 %" in said
    assert "over half of it for 1 of 4" in said, "0.51 +- 0.01 and nan are no half"


@pytest.mark.slow
def test_tangents_are_the_singular_vectors_of_the_whole_jacobian(run):
    run, images = run
    s, U = dimension.tangents(run, images[:2])

    def through(x):
        seen = scaling.to_network(x.reshape(1, 6, 6, 1), "sym")
        z = run.model.encode(run.variables, seen)
        return run.model.decode(run.variables, z).reshape(-1)

    # dr/dx with both sides in the network's scale: the factor of [0,1] units cancels.
    J = np.asarray(jax.jacobian(through)(jnp.asarray(images[0]).reshape(-1))) / 2
    left, theirs, _ = np.linalg.svd(J)
    np.testing.assert_allclose(s[0], theirs[:4], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(abs(np.sum(U[0, 0].ravel() * left[:, 0])), 1, atol=1e-3)


def test_independent_pixels_keep_their_places():
    images = np.zeros((50, 4, 4, 1), np.float32)
    images[:25, 1, 2] = 1
    drawn = manifold.independent_pixels(images, 400, jax.random.key(0))
    assert drawn[:, 1, 2].mean() == pytest.approx(0.5, abs=0.1) and drawn.sum((0, 3))[1, 2] > 0
    assert drawn.sum() == drawn[:, 1, 2].sum()


def test_participation_counts_equal_directions():
    assert dimension.participation(np.array([2.0, 2, 2, 0, 0])) == pytest.approx(3)
    assert dimension.participation(np.array([[1.0, 0], [1, 1]])) == pytest.approx([1, 2])


@pytest.mark.parametrize("n", [2, 40, 90])
def test_linear_dimension_is_that_of_scikit_learns_variances(n, digits):
    """Of more and of fewer images than pixels."""
    rows = baselines.unit_rows(digits.train.images[:n, 8:16, 8:16])
    deviations = PCA(svd_solver="full").fit(rows.astype(np.float64)).singular_values_
    expected = dimension.participation(deviations)
    assert dimension.linear_dimension(rows) == pytest.approx(expected, rel=1e-6)


def test_shuffled_blocks_keep_the_pixels_and_move_them():
    images = np.random.default_rng(0).uniform(size=(3, 10, 10, 1)).astype(np.float32)
    moved = worlds.shuffled_blocks(images, jax.random.key(0))
    assert not np.array_equal(moved, images)
    np.testing.assert_array_equal(np.sort(moved.ravel()), np.sort(images.ravel()))
    np.testing.assert_array_equal(moved[:, 8:], images[:, 8:])
    framed = np.zeros((3, 14, 15, 1))
    framed[:, 2:12, 3:13] = images
    assert worlds.inner(framed) == (slice(2, 12), slice(3, 13))
    assert copying.copied(images, images) == 1
    assert copying.copied(np.full_like(images, images.mean()), images) == pytest.approx(0, abs=1e-6)


def test_the_reader_knows_captions_it_was_not_fitted_on():
    read = caption.reader()
    texts, digits = caption.captions(caption.ASKED)
    assert not set(texts) & set(caption.captions(caption.TEMPLATES)[0])
    assert (read.predict(texts) == digits).all()
    assert caption.misspelt("seven") == "sevn" and caption.misspelt("two") == "two"
    wrong, meant = caption.misspellings(caption.ASKED)
    assert not set(wrong) & set(texts)
    # Seven of ten words have four letters or more; no figure is misspelt.
    assert len(wrong) == 7 * len(caption.ASKED)
    assert set(meant.tolist()) == {0, 3, 4, 5, 7, 8, 9}
    assert (read.predict(["sevn", "eigt"]) == [7, 8]).all()


def test_the_candidates_have_the_tutorials_parameters():
    counts = {}
    for name, config in dense_vs_conv.candidates().items():
        model = model_lib.build(ae_jax.load_config("deep", **config), (28, 28, 1))
        shapes = jax.eval_shape(model.init, jax.random.key(0))
        counts[name] = sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]))
    assert counts["dense, 10"] == 220_066 and counts["convolutional, 64"] == 210_369
    assert 0.9 < counts["convolutional, 64"] / counts["dense, 64"] < 1.1


@pytest.mark.long
def test_the_judge_reads_digits(digits):
    test = digits.test._replace(images=digits.test.images[:300] / np.float32(255))
    test = test._replace(labels=digits.test.labels[:300])
    judge = classifier.train(
        digits.train.images, digits.train.labels, jax.random.key(0), test, steps=150
    )
    assert judge.accuracy > 0.85  # a guess is right in a tenth
    p = judge.probabilities(test.images[:7])
    assert (p.sum(1) <= 1 + 1e-5).all() and p.shape == (7, 10)
    noise = np.random.default_rng(0).uniform(size=(100, 28, 28, 1))
    assert judge.recognizable(noise) == 0 < judge.recognizable(test.images)
    assert judge.probabilities(noise[:0]).shape == (0, 10)
