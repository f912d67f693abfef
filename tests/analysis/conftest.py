"""Studies of small runs."""

import jax
import pytest

import ae_jax
from ae_jax.analysis import Study
from tests.analysis.tiny import TINY


@pytest.fixture(scope="module")
def study(digits):
    data = ae_jax.data.load.subset(digits, 200, 40)
    run = ae_jax.fit(TINY, data, jax.random.key(0), progress=False)
    return Study(run, data, jax.random.key(1), effort=0.01, sizes=(2, 4))


@pytest.fixture(scope="module")
def untrained(digits):
    """A study of a run as it begins, for what does not depend on training."""
    data = ae_jax.data.load.subset(digits, 200, 40)
    config = {**TINY, "train": {"batch_size": 50, "epochs": 0}}
    run = ae_jax.fit(config, data, jax.random.key(0), progress=False)
    return Study(run, data, jax.random.key(1))
