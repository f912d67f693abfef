"""Finite scalar quantization: all levels, their numbers, the gradient straight through."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ae_jax
from ae_jax.errors import ConfigError
from ae_jax.model.bottleneck.quantized import FiniteBottleneck


def quantized(h, levels):
    return FiniteBottleneck(levels).apply({}, jnp.asarray(h, jnp.float32), None, True)


@pytest.mark.parametrize("levels", [3, 4, 5, 8, 16])
def test_every_level_is_reached_and_codes_and_numbers_are_one_to_one(levels):
    """All pairs of levels by enumeration; equal steps from -1, below 1 by one where even."""
    one = np.linspace(-20, 20, 4001)
    h = np.array(list(itertools.product(one[:: 4000 // 400], repeat=2)))
    z, code = quantized(h, levels)
    found = {}
    for numbers, values in zip(
        np.asarray(code.levels).tolist(), np.asarray(z).tolist(), strict=True
    ):
        found.setdefault(tuple(numbers), set()).add(tuple(values))
    assert set(found) == set(itertools.product(range(levels), repeat=2))
    assert all(len(values) == 1 for values in found.values())
    for numbers, values in found.items():
        expected = [(n - levels // 2) / (levels // 2) for n in numbers]
        np.testing.assert_allclose(next(iter(values)), expected, atol=1e-6)


@pytest.mark.parametrize("levels", [4, 5])
def test_zero_is_the_middle_and_the_gradient_is_that_of_the_bound(levels):
    """tanh scaled to the levels, by hand; `round` alone would have a gradient of 0."""
    h = np.array([[0.0, 0.4, -2.0]])
    z, code = quantized(h, levels)
    assert float(z[0, 0]) == 0 and int(code.levels[0, 0]) == levels // 2
    half, offset = (levels - 1) / 2, (levels % 2 == 0) / 2
    inner = h + np.arctanh(offset / half)
    slope = half * (1 - np.tanh(inner) ** 2) / (levels // 2)
    gradient = jax.grad(lambda h: quantized(h, levels)[0].sum())(jnp.asarray(h, jnp.float32))
    np.testing.assert_allclose(gradient, slope, rtol=1e-5)


def test_bits_are_those_of_the_levels():
    assert FiniteBottleneck(8).bits == 3
    with pytest.raises(ConfigError, match=r"bottleneck\.levels: must be a whole number from 3"):
        ae_jax.load_config("undercomplete", bottleneck={"name": "fsq", "levels": 2})
