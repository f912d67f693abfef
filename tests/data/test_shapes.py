"""Images of known factors: their areas, places and turns are those of the factors."""

import numpy as np
import pytest

import ae_jax
from ae_jax.data import shapes

RNG = np.random.default_rng(0)
VALUES = shapes.factors(RNG, 600)
X = shapes.images(VALUES)[..., 0] / 255
AT = (2 * np.arange(28) + 1) / 28 - 1


def moments(images):
    """(area, center [n, 2], covariance [n, 2, 2]) of brightness, right and up, as [-1, 1]."""
    mass = images.sum((1, 2))
    grid = np.stack(np.meshgrid(AT, AT[::-1]), axis=-1)
    center = np.einsum("nij,ijc->nc", images, grid) / mass[:, None]
    apart = grid - center[:, None, None]
    spread = np.einsum("nij,nijc,nijd->ncd", images, apart, apart) / mass[:, None, None]
    return mass * (2 / 28) ** 2, center, spread


def test_areas_and_places_are_those_of_the_formulas():
    kind, scale, angle, x, y = VALUES.T
    area, center, spread = moments(X)
    L, W = shapes.LENGTH, shapes.WIDTH
    unit = np.array([np.pi * L * W, 4 * L * W, 2 * L * W])[kind.astype(int)]
    ratio = area / (unit * scale**2)  # corners are of a few pixels
    np.testing.assert_allclose(ratio, 1, atol=0.1)
    np.testing.assert_allclose([ratio[kind == k].mean() for k in range(3)], 1, atol=0.03)
    # The middle of a triangle is a third of its height above the base, at L - 2 (2 L) / 3.
    ahead = np.where(kind == 2, -L / 3, 0) * scale
    middle = np.stack([x + ahead * np.cos(angle), y + ahead * np.sin(angle)], axis=1)
    np.testing.assert_allclose(center, middle, atol=0.02)
    turned = np.arctan2(2 * spread[:, 0, 1], spread[:, 0, 0] - spread[:, 1, 1]) / 2
    np.testing.assert_allclose(turned, angle, atol=0.1)


def test_factors_are_uniform_and_independent():
    values = shapes.factors(RNG, 40_000)
    for column, (low, high) in zip(values.T, shapes.FACTORS.values(), strict=True):
        assert low <= column.min() and column.max() <= high
        assert column.mean() == pytest.approx((low + high) / 2, abs=0.02)
    assert np.bincount(values[:, 0].astype(int)) / 40_000 == pytest.approx(1 / 3, abs=0.01)
    assert np.abs(np.corrcoef(values.T) - np.eye(5)).max() < 0.03


def test_the_set_is_the_same_at_every_call_and_its_label_is_the_shape():
    data = ae_jax.load_data("shapes")
    assert data.train.images.shape == (18_000, 28, 28, 1) and len(data.test.images) == 2_000
    assert data.train.images.dtype == np.uint8 and data.train.images.max() == 255
    assert tuple(data.label_names) == shapes.NAMES
    values = shapes.factors(np.random.Generator(np.random.Philox([3, 0])), 20_000)
    np.testing.assert_array_equal(data.train.labels, values[:18_000, 0])
    np.testing.assert_array_equal(data.test.images[-3:], shapes.images(values[-3:]))
