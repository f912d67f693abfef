"""Synthetic sets against their formulas, and against what the formulas promise."""

import numpy as np
import pytest

from ae_jax.data import synthetic
from ae_jax.data.load import load_data


@pytest.mark.parametrize(
    "name, shape", [("spiral", (1, 1, 2)), ("curve3d", (1, 1, 3)), ("gaussian", (8, 8, 1))]
)
def test_shape_type_and_range(name, shape):
    data = load_data(name)
    assert data.name == name
    for part, n in ((data.train, 4_000), (data.test, 1_000)):
        assert part.images.shape == (n, *shape)
        assert part.images.dtype == np.float32
        assert part.images.min() >= 0 and part.images.max() <= 1
        assert part.labels is None
    assert not (data.train.images[:1_000] == data.test.images).any(axis=(1, 2, 3)).any()
    np.testing.assert_array_equal(data.train.images, load_data(name).train.images)


def test_spiral_points_satisfy_the_polar_equation():
    p = 2 * load_data("spiral").train.images.astype(np.float64)[:, 0, 0, :] - 1
    radius = np.hypot(p[:, 0], p[:, 1])
    angle = np.arctan2(p[:, 1], p[:, 0])
    # r = 0.1 + 0.45 t and angle = 3 pi t, so the radius alone says where the angle must be.
    expected = 3 * np.pi * (radius - 0.1) / 0.45
    turns = (angle - expected) / (2 * np.pi)
    np.testing.assert_allclose(turns, np.round(turns), atol=1e-5)
    assert 0.1 <= radius.min() < 0.11 and 0.54 < radius.max() <= 0.55


def test_corners_are_about_one_unit_from_the_spiral():
    curve = 2 * synthetic.spiral_curve(np.linspace(0, 1, 10_001)) - 1
    for corner in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        assert 0.85 < np.linalg.norm(curve - corner, axis=-1).min() < 1.15


def test_curve3d_is_a_helix_of_constant_speed():
    p = load_data("curve3d").train.images.astype(np.float64)[:, 0, 0, :]
    t = (p[:, 2] - 0.1) / 0.8
    np.testing.assert_allclose(np.hypot(p[:, 0] - 0.5, p[:, 1] - 0.5), 0.35, atol=1e-6)
    turns = np.arctan2(p[:, 1] - 0.5, p[:, 0] - 0.5) / (2 * np.pi) - t
    np.testing.assert_allclose(turns, np.round(turns), atol=1e-6)
    steps = np.diff(synthetic.helix_curve(np.linspace(0, 1, 1_001)), axis=0)
    length = np.linalg.norm(steps, axis=-1).sum()
    assert length == pytest.approx(np.hypot(2 * np.pi * 0.35, 0.8), rel=1e-5)


def covariance_of_gaussian():
    """The true covariance [64, 64], of rank 8."""
    factor = synthetic.gaussian_directions() * synthetic.GAUSSIAN_SCALES[:, None]
    return factor.T @ factor


def test_gaussian_covariance_has_the_stated_spectrum():
    covariance = covariance_of_gaussian()
    values = np.linalg.eigvalsh(covariance)[::-1]
    np.testing.assert_allclose(values[:8], synthetic.GAUSSIAN_SCALES**2, rtol=1e-10)
    np.testing.assert_allclose(values[8:], 0, atol=1e-15)
    # six standard deviations of every pixel fit into [0,1]: nothing had to be clipped
    assert 6 * np.sqrt(covariance.diagonal().max()) < 0.5


def test_gaussian_samples_have_the_true_covariance_and_pca_error():
    x = synthetic.gaussian(7, 20_000).reshape(20_000, 64).astype(np.float64)
    sample = np.cov(x.T)
    truth = covariance_of_gaussian()
    # relative error of a sample covariance is about sqrt(effective rank / n): 0.01 here
    assert np.linalg.norm(sample - truth) < 0.05 * np.linalg.norm(truth)
    top = np.linalg.eigh(sample).eigenvectors[:, -3:]
    centered = x - x.mean(0)
    sse = ((centered - centered @ top @ top.T) ** 2).sum(-1).mean()
    assert sse == pytest.approx((synthetic.GAUSSIAN_SCALES[3:] ** 2).sum(), rel=0.03)
