"""First weights, by the laws of Flax's own initializers."""

import jax
import numpy as np
import pytest
from flax import linen as nn

from ae_jax.model.layers import INITIALIZERS

IN, OUT = 300, 200
BY_FLAX = {
    "torch": nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform"),
    "keras": nn.initializers.glorot_uniform(),
    "he": nn.initializers.he_uniform(),
    "sigmoid4": nn.initializers.variance_scaling(16.0, "fan_avg", "uniform"),
    "zero": nn.initializers.zeros,
}


def test_every_initializer_has_its_law():
    assert set(BY_FLAX) == set(INITIALIZERS)


@pytest.mark.parametrize("name", sorted(BY_FLAX))
def test_kernels_are_uniform_in_the_bounds_of_flax(name):
    kernel, _ = INITIALIZERS[name]
    own = np.asarray(kernel(IN, OUT)(jax.random.key(0), (IN, OUT)))
    other = np.asarray(BY_FLAX[name](jax.random.key(1), (IN, OUT)))
    assert np.abs(own).max() == pytest.approx(np.abs(other).max(), rel=1e-3)
    assert own.std() == pytest.approx(other.std(), rel=0.02)
    assert own.mean() == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("name", ["keras", "he", "sigmoid4"])
def test_biases_start_at_zero(name):
    assert not np.asarray(INITIALIZERS[name][1](IN, OUT)(jax.random.key(0), (OUT,))).any()
