"""Controls and metrics against scikit-learn, closed forms and published MNIST floors."""

import math
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from sklearn.decomposition import PCA, TruncatedSVD

from ae_jax.data.arrays import Split
from ae_jax.data.load import load_data
from ae_jax.evaluate import baselines
from ae_jax.evaluate import metrics as evaluation
from ae_jax.model.pipeline import build
from ae_jax.resolve.config import load_config
from ae_jax.train import setup


def test_pca_error_is_scikit_learns(digits):
    train, test = digits.train.images[:800], digits.test.images[:300]
    a, b = train.reshape(800, -1) / 255.0, test.reshape(300, -1) / 255.0
    pca = PCA(16, svd_solver="full").fit(a)
    svd = TruncatedSVD(16, algorithm="arpack", random_state=0).fit(a)
    for model, centered in ((pca, True), (svd, False)):
        expected = np.mean((b - model.inverse_transform(model.transform(b))) ** 2)
        assert baselines.pca_mse(train, test, 16, centered) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("k", [1, 7, 20])
def test_pca_of_fewer_images_than_pixels_is_scikit_learns(k, digits, monkeypatch):
    """Of 20 centered images one direction carries nothing: any will do, as long as it is one."""
    train, test = digits.train.images[:20], digits.test.images[:50]
    a, b = baselines.unit_rows(train), baselines.unit_rows(test)
    sides = []
    eigh = scipy.linalg.eigh
    monkeypatch.setattr(scipy.linalg, "eigh", lambda m, **o: sides.append(len(m)) or eigh(m, **o))
    mean, V = baselines.principal_directions(train, k, centred=True)
    pca = PCA(min(k, 19), svd_solver="full").fit(a.astype(np.float64))
    assert sides == [20], "not the 784 x 784 matrix"
    np.testing.assert_allclose(mean, pca.mean_, atol=1e-6)
    np.testing.assert_allclose(V.T @ V, np.eye(k), atol=1e-10)
    overlap = np.abs(np.sum(V[:, : min(k, 19)] * pca.components_.T, axis=0))
    np.testing.assert_allclose(overlap, 1, atol=1e-6)
    expected = np.mean((b - pca.inverse_transform(pca.transform(b))) ** 2)
    assert baselines.pca_mse(train, test, k) == pytest.approx(
        expected, rel=1e-2 if k == 20 else 1e-5
    )


def test_pca_of_many_pixels_takes_the_randomized_route(monkeypatch, digits):
    train, test = digits.train.images[:300], digits.test.images[:100]
    exact = baselines.pca_mse(train, test, 8)
    monkeypatch.setattr(baselines, "EXACT_PIXELS", 100)
    assert baselines.pca_mse(train, test, 8) == pytest.approx(exact, rel=2e-2)
    assert baselines.pca_mse(train, test, 1000) < 0.01  # more numbers than images: clamped


@pytest.mark.long
@pytest.mark.skipif("AE_JAX_MANUAL_DIR" not in os.environ, reason="needs the full MNIST files")
def test_floors_of_full_mnist():
    """PCA-32 centered 0.01683, uncentered 0.06889 / 4, mean image 0.0675: all of MNIST."""
    data = load_data("mnist")
    args = data.train.images, data.test.images
    assert baselines.pca_mse(*args, 32) == pytest.approx(0.01683, abs=2e-5)
    uncentered = baselines.pca_mse(*args, 32, centred=False, scale="sym")
    assert uncentered == pytest.approx(0.06889 / 4, abs=2e-5)
    assert baselines.mean_image_mse(*args) == pytest.approx(0.06747, abs=2e-5)


def moments(rows):
    rows = np.concatenate([rows, np.ones((len(rows), 1))], 1)
    return rows.T @ rows / len(rows)


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["mask", "gaussian"])
def test_linear_denoiser_is_the_closed_form(noise):
    """Marginalized over the noise: E[x~ x~^T] and E[x~ x^T] are known (Chen et al. 2012)."""
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(9, 9)) * 0.07
    draw = lambda n: np.clip(0.5 + rng.normal(size=(n, 9)) @ mix, 0, 1).astype(np.float32)  # noqa: E731
    train, test = draw(2000), draw(4000)
    S = moments(train)
    options = {"rate": 0.4} if noise == "mask" else {"sigma": 0.3}
    if noise == "mask":
        q = np.array([0.6] * 9 + [1.0])
        A, B = S * np.outer(q, q), (S * q[:, None])[:, :9]
        np.fill_diagonal(A, q * np.diag(S))
        C = moments(test) * np.outer(q, q)
        np.fill_diagonal(C, q * np.diag(moments(test)))
        D = (moments(test) * q[:, None])[:, :9]
    else:
        A, B = S + np.diag([0.09] * 9 + [0.0]), S[:, :9]
        C, D = moments(test) + np.diag([0.09] * 9 + [0.0]), moments(test)[:, :9]
    W = np.linalg.solve(A, B)
    expected = (np.trace(W.T @ C @ W) - 2 * np.trace(W.T @ D) + np.mean(test**2) * 9) / 9
    config = load_config(
        "linear",
        **{"corruption": {"name": noise, **options}, "data.scale": "unit", "model.code_size": 2},
    )
    model = build(config, (3, 3, 1))
    ours = baselines.linear_denoiser_mse(
        model, train.reshape(-1, 3, 3, 1), test.reshape(-1, 3, 3, 1), jax.random.key(0)
    )
    assert ours == pytest.approx(expected, rel=0.03)


@pytest.mark.slow
def test_metrics_are_those_of_numpy_for_any_batch_size(digits):
    """Sums over all images divided once: a short last batch weighs as many images as it has."""
    config = load_config("denoise", model={"code_size": 12})
    trainer = setup.prepare(config, (28, 28, 1), 4000)
    state = trainer.init(jax.random.key(1), jnp.zeros((28, 28, 1)))
    images = digits.test.images[:130]
    results = [
        evaluation.evaluator(trainer.objective, size)(
            state.variables, Split(images, None), jax.random.key(0)
        )
        for size in (50, 1000)
    ]
    x = 2.0 * images.reshape(130, -1) / 255 - 1
    p = {
        k: {n: np.asarray(v, np.float64) for n, v in m["layer_0"].items()}
        for k, m in state.params.items()
    }
    code = np.tanh(x @ p["encoder"]["kernel"] + p["encoder"]["bias"])
    output = np.tanh(code @ p["decoder"]["kernel"] + p["decoder"]["bias"])
    sse = np.square((x - output) / 2).sum(1).mean()
    for metrics in results:
        assert metrics["sse"] == pytest.approx(sse, rel=1e-5)
        assert metrics["mse"] == pytest.approx(sse / 784, rel=1e-5)
        assert metrics["psnr"] == pytest.approx(-10 * math.log10(sse / 784), rel=1e-5)
        # x m with m in {0, 2}: E (x m - x)^2 = x^2, in sym units; a quarter in unit units
        assert metrics["noisy_mse"] == pytest.approx(np.mean(x**2) / 4, rel=0.02)


@pytest.mark.slow
def test_bce_is_never_below_the_floor_of_gray_pixels(digits):
    """A sigmoid output's BCE is at least the entropy of the pixels, whatever the weights."""
    loss = {"name": "bernoulli_nll", "per": "image"}
    config = load_config("dense", loss=loss, **{"model.init": "keras"})
    trainer = setup.prepare(config, (28, 28, 1), 4000)
    state = trainer.init(jax.random.key(1), jnp.zeros((28, 28, 1)))
    images = digits.test.images[:200]
    metrics = evaluation.evaluator(trainer.objective, 64)(
        state.variables, Split(images, None), jax.random.key(0)
    )
    x = images.reshape(200, -1) / 255.0
    floor = -(x * np.log(np.maximum(x, 1e-12)) + (1 - x) * np.log(np.maximum(1 - x, 1e-12)))
    assert metrics["bce"] > floor.sum(1).mean()
    assert metrics["bce"] == pytest.approx(metrics["loss"], rel=1e-6)
    assert metrics["bce"] == pytest.approx(784 * math.log(2), rel=0.05)  # untrained: a fair coin
