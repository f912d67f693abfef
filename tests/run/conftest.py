"""Two small trained runs."""

import numpy as np
import pytest

from ae_jax import from_arrays
from tests.run.doors import SMALL, X, fit


@pytest.fixture(scope="module")
def run():
    return fit(X)


@pytest.fixture(scope="module")
def told():
    """A run whose decoder is told one of three labels."""
    config = {**SMALL, "model": {"code_size": 4, "classes": 3}}
    return fit(from_arrays(X, X, np.arange(60) % 3, np.arange(60) % 3), config)
