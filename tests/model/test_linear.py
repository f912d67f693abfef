"""Linear autoencoder = PCA (Baldi & Hornik 1989), on real digits."""

import jax
import numpy as np
import pytest

from ae_jax.evaluate import baselines
from ae_jax.resolve.config import load_config
from ae_jax.run import fitting
from experiments.running.pictures import linear_maps


def angles(W, V):
    """Cosines of the principal angles between two column spaces."""
    return np.linalg.svd(np.linalg.qr(W)[0].T @ np.linalg.qr(V)[0], compute_uv=False)


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["linear:optimum", "linear:optimum,centred", "tied"])
def test_reaches_the_optimum(variant, digits):
    config = load_config(variant)
    images = digits.train.images
    run = fitting.fit(config, digits, jax.random.key(0), progress=False)
    centered = config.data.center
    optimum = baselines.pca_mse(images, images, 32, centered, "sym")
    x = baselines.unit_rows(images)
    error = np.mean((run.reconstruct(images).reshape(len(x), -1) - x) ** 2)
    assert optimum * (1 - 1e-5) <= error <= 1.01 * optimum
    end_to_end, product = linear_maps(config, run.variables)
    assert np.abs(product - np.eye(32)).max() < 0.01
    _, V = baselines.principal_directions(2 * x - 1, 32, centered)
    # The decoder's side: pixels that never vary leave the encoder's weights on them free.
    _, _, rows = np.linalg.svd(end_to_end)
    # The last directions have nearly equal variances and may mix with the next ones.
    assert np.sum(angles(rows[:32].T, V) > 0.99) >= 28


def test_centering_matters(digits):
    """The scale of the tutorial does not center: its optimum is above PCA's, by a known amount."""
    images = digits.train.images
    centered = baselines.pca_mse(images, images, 8)
    uncentered = baselines.pca_mse(images, images, 8, centred=False, scale="sym")
    assert uncentered > 1.02 * centered
