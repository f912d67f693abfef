"""Gradients by microbatches: the whole batch's, and only where no image depends on another."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ae_jax
from ae_jax.model.pipeline import Batch, build
from ae_jax.objective import objective
from ae_jax.train import microbatch

SHAPE = (28, 28, 1)
COUPLED = {  # config -> what couples images or draws noise for the whole batch
    "conv_strided:batchnorm": {},
    "conv_pool": {"corruption.name": "gaussian", "corruption.sigma": 0.1},
    "conv_strided": {"bottleneck.name": "dropout"},
    "cvae": {},
    "dense": {},
}


@pytest.mark.slow
def test_the_mean_over_microbatches_is_the_gradient_of_the_batch():
    few = {"encoder.channels": (4, 4), "decoder.channels": (4, 4), "model.code_size": 4}
    config = ae_jax.load_config("conv_strided", **few)
    f = objective.build(config, build(config, SHAPE))
    key = jax.random.key(0)
    variables = f.model.init(key, jnp.zeros(SHAPE))
    batch = Batch(jax.random.uniform(key, (12, *SHAPE)))

    def loss_of(params, batch):
        return f({**variables, "params": params}, batch, key, True)

    function = jax.value_and_grad(loss_of, has_aux=True)
    (whole, (terms, _)), grads = jax.jit(function)(variables["params"], batch)
    cut = jax.jit(microbatch.mean_over(function, 3))
    (loss, (some, _)), by_microbatches = cut(variables["params"], batch)
    np.testing.assert_allclose(loss, whole, rtol=1e-5)
    np.testing.assert_allclose(some["reconstruction"], terms["reconstruction"], rtol=1e-5)
    for a, b in zip(jax.tree.leaves(by_microbatches), jax.tree.leaves(grads), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5 * np.abs(b).max())


@pytest.mark.parametrize("name", COUPLED)
def test_what_couples_images_is_not_cut(name):
    assert microbatch.size(ae_jax.load_config(name, **COUPLED[name]), 200) == 200


@pytest.mark.parametrize(("batch", "part"), [(200, 100), (64, 64), (250, 50), (101, 101), (10, 10)])
def test_microbatches_are_equal(batch, part):
    assert microbatch.size(ae_jax.load_config("conv_pool"), batch) == part
