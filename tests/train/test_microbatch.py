"""Gradients by microbatches: the whole batch's, and only where no image depends on another."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ae_jax
from ae_jax.model import walk
from ae_jax.model.pipeline import Batch, build
from ae_jax.objective import objective
from ae_jax.train import loop, microbatch, setup

SHAPE = (28, 28, 1)
COUPLED = {  # config -> what couples images or draws noise of the code for the whole batch
    "conv_strided:batchnorm": {},
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


def size(name, batch, shape=SHAPE, **changes):
    config = ae_jax.load_config(name, **changes)
    return microbatch.size(config, build(config, shape), batch)


@pytest.mark.parametrize("name", COUPLED)
def test_what_couples_images_is_not_cut(name):
    assert size(name, 200, **COUPLED[name]) == 200


@pytest.mark.parametrize(("batch", "part"), [(200, 100), (64, 64), (250, 50), (101, 101), (10, 10)])
def test_microbatches_are_equal(batch, part):
    assert size("conv_pool", batch) == part


def test_of_large_images_there_are_fewer():
    """Numbers of an image by hand: 32 x 16 x 16 + 64 x 8 x 8 + 64, and back to 32 x 32 x 3."""
    small = {"encoder.channels": (32, 64), "decoder.channels": (64, 32)}
    config = ae_jax.load_config("conv_strided", **small)
    made = 8192 + 4096 + 64 + 4096 + 8192 + 3072
    assert walk.numbers(build(config, (32, 32, 3))) == made
    assert size("conv_strided", 64, (32, 32, 3), **small) == 64
    assert size("resnet", 64, (32, 32, 3)) == 16 < size("resnet", 64, (16, 16, 3)) == 64
    assert size("resnet", 61, (32, 32, 3)) == 61, "a prime is not cut"


@pytest.mark.slow
def test_a_batch_in_microbatches_has_the_noise_of_the_whole(monkeypatch):
    """One step from equal weights; the noise changes the loss, cutting the batch does not."""
    few = {"encoder.channels": (4, 4), "decoder.channels": (4, 4), "model.code_size": 4}
    config = ae_jax.load_config(
        "conv_strided",
        **few,
        **{
            "corruption.name": "gaussian",
            "corruption.sigma": 0.5,
            "model.init": "he",
            "train.batch_size": 12,
        },
    )
    trainer = setup.prepare(config, SHAPE, 12)
    state = trainer.init(jax.random.key(0), jnp.zeros(SHAPE))
    batch = Batch(jax.random.uniform(jax.random.key(1), (12, *SHAPE)))
    found = {}
    for images in (12, 3):
        monkeypatch.setattr(microbatch, "size", lambda config, model, n, images=images: images)
        step = jax.jit(partial(loop.train_step, trainer))
        found[images], metrics = step(state, batch, jax.random.key(2))
        losses = metrics["loss"], float(step(state, batch, jax.random.key(3))[1]["loss"])
        assert losses[0] != pytest.approx(losses[1], rel=1e-5)
        np.testing.assert_allclose(metrics["loss"], found.setdefault("loss", losses[0]), rtol=1e-6)
    whole, cut = (jax.tree.leaves(found[images].optimizer) for images in (12, 3))
    for a, b in zip(whole, cut, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5 * np.abs(a).max() + 1e-12)
