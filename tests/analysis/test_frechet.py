"""Frechet distance: of Gaussians by SciPy, of samples by what they are drawn from; and N(0, I)."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.special import softmax

import ae_jax
from ae_jax.analysis import classifier, frechet, generation, judge
from ae_jax.model.bottleneck import BOTTLENECKS
from tests.analysis.test_sentences import _generation
from tests.analysis.tiny import TINY

RNG = np.random.default_rng(0)


def gaussian(seed, k=5):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(k, k))
    return frechet.Normal(rng.normal(size=k), A @ A.T / k)


def test_the_distance_is_the_formula_by_scipys_root_of_the_product():
    a, b = gaussian(1), gaussian(2)
    both = np.trace(sqrtm(a.covariance @ b.covariance)).real
    traces = np.trace(a.covariance) + np.trace(b.covariance)
    by_scipy = np.sum((a.mean - b.mean) ** 2) + traces - 2 * both
    assert frechet.distance(a, b) == pytest.approx(by_scipy, rel=1e-9)
    assert frechet.distance(b, a) == pytest.approx(by_scipy, rel=1e-9)
    independent = [frechet.Normal(np.array(m), np.diag(np.square(s))) for m, s in (
        ([0.0, 1.0], [1.0, 3.0]), ([2.0, 1.0], [4.0, 3.5]))]  # fmt: skip
    assert frechet.distance(*independent) == pytest.approx(2**2 + 3**2 + 0.5**2)


def test_samples_are_as_far_apart_as_what_they_are_drawn_from_and_a_set_from_itself_not():
    a, b = gaussian(1), gaussian(2)
    drawn = [RNG.multivariate_normal(a.mean, a.covariance, 2000) for _ in range(20)]
    found = [frechet.estimate(z, b) for z in drawn]
    values, errors = np.array(found).T
    assert values.mean() == pytest.approx(frechet.distance(a, b), rel=0.02)
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(values.std(ddof=1), rel=0.4)
    assert frechet.estimate(drawn[0], frechet.normal(drawn[0])).value == pytest.approx(0, abs=1e-9)
    one = frechet.normal(drawn[0][:, :1])
    assert frechet.distance(one, one) == pytest.approx(0, abs=1e-9)


def test_the_classifiers_codes_are_what_its_logits_are_made_of():
    images = RNG.uniform(size=(30, 8, 8, 1)).astype(np.float32)
    network = classifier.Network(2)
    params = jax.jit(network.init)(jax.random.key(0), images)["params"]
    judged = classifier.Classifier(network, params, float("nan"))
    codes, logits = judged.codes(images), params["logits"]
    p = softmax(codes @ np.asarray(logits["kernel"]) + np.asarray(logits["bias"]), axis=1)
    assert codes.shape == (30, 128)
    np.testing.assert_allclose(judged.probabilities(images), p[:, :2], atol=1e-5)


WEIGHTLESS = {"penalties.mmd.weight": 0.0}


@pytest.mark.parametrize(
    ("config", "changes", "aim"),
    [
        ("wae:plain", {}, None),
        ("sparse_l1", {}, None),
        ("wae", WEIGHTLESS, None),
        ("wae", {}, "standard normal"),
        ("aae", {}, "standard normal"),
        ("vae", {}, "standard normal"),
    ],
)
def test_codes_are_drawn_to_a_prior_by_bottleneck_or_penalty(config, changes, aim):
    config = ae_jax.load_config(config, **changes)
    model = SimpleNamespace(prior=BOTTLENECKS[config.bottleneck.name].prior)
    found = generation.aimed_at(SimpleNamespace(config=config, model=model))
    assert (found and found.name) == aim


def test_draws_of_the_prior_are_decoded_where_a_penalty_draws_the_codes_to_it():
    images = RNG.uniform(size=(60, 8, 8, 1)).astype(np.float32)
    few = {"train": {"batch_size": 50, "epochs": 0}, "penalties": {"mmd": {"weight": 1.0}}}
    drawn = ae_jax.fit({**TINY, **few}, images, jax.random.key(0), progress=False)
    made = generation.generated(drawn, images, jax.random.key(1))
    plain = drawn._replace(config=ae_jax.load_config("wae:plain", **{"model.code_size": 6}))
    without = generation.generated(plain, images, jax.random.key(1))
    assert list(made) == ["standard normal", *without]
    assert all(v.shape == (1200, 8, 8, 1) for v in made.values())
    np.testing.assert_array_equal(made["box"], without["box"])


SHARES = {"VAE: standard normal": 360, "real": 580, "dense": 216, "conv_pool": 120}


def test_the_sentence_has_the_share_of_the_penaltys_draws_and_the_distances():
    shares = {**SHARES, "AE: mixture": 530, "VAE: mixture": 400, "AE: standard normal": 450}
    numbers, control = _generation(**shares)
    numbers |= {"run": "AE", "other": "VAE: mixture"}
    before = generation.judge(numbers, control)
    drawn = "VAE by N(0, I) 60.0 ± 2.0 %, AE by N(0, I), to which its penalty draws the codes, 75.0"
    assert drawn in before and "Frechet" not in before, "an older file"
    for i, name in enumerate(("AE: mixture", "VAE: mixture", "AE: standard normal")):
        numbers[name] = {**numbers[name], "frechet": judge.Estimate(5.0 + i, 0.25)}
    control["training_images_frechet"] = [1.0, 0.5]
    said = generation.judge(numbers, control)
    assert (
        "of a test image 4.0; Frechet distance in the classifier's codes (not FID) to the test "
        "images AE: mixture 5.0 ± 0.2, VAE: mixture 6.0 ± 0.2, AE: standard normal 7.0 ± 0.2, "
        "training images 1.0 ± 0.5; by the tutorial's"
    ) in said
    plain, _ = _generation(**{k: v for k, v in shares.items() if k != "AE: standard normal"})
    assert "penalty" not in generation.judge(plain, control)
