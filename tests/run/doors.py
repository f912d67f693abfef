"""Data, a small run and its checks, shared by the tests of what comes in from Python."""

import jax
import numpy as np

import ae_jax

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (60, 8, 6, 1)).astype(np.uint8)
X[:2, 0, :2, 0] = 0, 255  # so that any two have the range of all
UNIT = (X / 255).astype(np.float32)
SMALL = {"model": {"code_size": 4}, "train": {"batch_size": 20, "epochs": 1}}


def fit(data, config=SMALL, key=KEY, **options):
    return ae_jax.fit(config, data, key, progress=False, **options)


def one_line(error, *parts):
    text = str(error.value)
    assert len(text.splitlines()) == 1, text
    for part in parts:
        assert part in text, text


def same(a, b):
    """Asserts that two trees have the same leaves, bit for bit."""
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(np.asarray(x), np.asarray(y))
