"""Runs of images of which not all pixels were observed, against truths about them."""

import json
import os
import signal

import jax
import numpy as np
import pytest

import ae_jax
from ae_jax.analysis import APPLICATIONS, NotApplicable, Study
from ae_jax.evaluate import baselines, incomplete
from ae_jax.train import loop
from tests.run.doors import same

SIDE, N = 8, 400


def low_rank(n, seed):
    """Mixtures [n, SIDE, SIDE, 1] of three pictures: three numbers are all there is to know."""
    pictures = np.random.default_rng(9).random((3, SIDE * SIDE))
    shares = np.random.default_rng(seed).dirichlet(np.ones(3), n)
    return (shares @ pictures).reshape(n, SIDE, SIDE, 1).astype(np.float32)


TRUTH, TEST = low_rank(N, 0), low_rank(100, 1)
HIDDEN, GONE = (np.random.default_rng(2).random(x.shape) < 0.2 for x in (TRUTH, TEST))
HOLED, ASKED = np.where(HIDDEN, np.nan, TRUTH), np.where(GONE, np.nan, TEST)


def config(epochs=2, **more):
    return {
        "data": {"missing": "mask", "indicator": True},
        "corruption": {"name": "hide", "rate": 0.3},
        "encoder": {"hidden": (32,)},
        "decoder": {"hidden": (32,)},
        "model": {"code_size": 3},
        "train": {"batch_size": 50, "epochs": epochs},
        **more,
    }


def fit(c, data, **options):
    return ae_jax.fit(c, data, 0, progress=False, **options)


@pytest.fixture(scope="module")
def run():
    return fit(config(), ae_jax.from_arrays(HOLED, ASKED))
