"""Rows of a Gaussian whose two leading directions stand out, and a linear VAE trained on them."""

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.data.arrays import Split
from ae_jax.resolve.config import load_config
from ae_jax.train import loop, setup


def rows():
    """[3000, 6], centered."""
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    found = (rng.normal(size=(3000, 6)) * [3.0, 2.0, 0.6, 0.5, 0.4, 0.3]) @ basis.T
    return found - found.mean(0)


def trained(name, data, learning_rate, **changes):
    """(W [2, 6] of the decoder, losses of the last epoch) of a linear variant of a VAE."""
    config = load_config(
        name,
        **{
            "encoder.hidden": (),
            "decoder": {"hidden": (), "output": "linear"},
            "model.code_size": 2,
            "optim": {"learning_rate": learning_rate, "schedule": "cosine", "final_fraction": 0.0},
            "train": {"batch_size": 1000, "epochs": 2000},
            **changes,
        },
    )
    images = data.reshape(-1, 2, 3, 1).astype(np.float32)
    trainer = setup.prepare(config, (2, 3, 1), len(images))
    key = jax.random.key(0)
    state = trainer.init(key, jnp.zeros((2, 3, 1)))
    for chunk in loop.train(trainer, state, Split(images, None), key):
        state, losses = chunk.state, chunk.terms["loss"]
    return np.asarray(state.params["decoder"]["layer_0"]["kernel"]), losses[-3:]


def probabilistic_pca(data, noise):
    """U (L - noise) U^T of the two leading directions (Tipping & Bishop 1999, equation 7)."""
    values, vectors = np.linalg.eigh(np.cov(data, rowvar=False, bias=True))
    U, L = vectors[:, ::-1][:, :2], values[::-1][:2]
    return U @ np.diag(L - noise) @ U.T
