"""What travels between the host and the device while a run trains: nothing that is not said."""

import jax
import numpy as np
import pytest

import ae_jax
from ae_jax.data.arrays import Split
from ae_jax.train import loop, setup


@pytest.mark.parametrize("config", ["denoise", "cvae"])
def test_an_epoch_in_memory_sends_nothing_by_itself(config):
    """JAX refuses transfers that are not asked for by name, once the images are there."""
    few = {"train.epochs": 3, "train.batch_size": 16, "model.code_size": 3}
    resolved = ae_jax.load_config(config, **few)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 4, 4, 1), np.uint8)
    labels = rng.integers(0, 10, 40).astype(np.int32)
    trainer = setup.prepare(resolved, images.shape[1:], len(images))
    key = jax.random.key(0)
    state = trainer.init(key, setup.mean_image(images, trainer.model))
    chunks = loop.train(trainer, state, Split(images, labels), key)
    losses = [next(chunks).terms["loss"]]  # the images travel, and programs are compiled
    with jax.transfer_guard("disallow"):
        with pytest.raises(Exception, match="Disallowed host-to-device transfer"):
            jax.jit(lambda x: x + 1)(np.ones(3))
        losses += [chunk.terms["loss"] for chunk in chunks]
    assert sum(map(len, losses)) == 9
