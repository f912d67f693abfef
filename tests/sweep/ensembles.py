"""Members trained together and one by one, on a few small images."""

import jax
import numpy as np
import pytest

from ae_jax.data.arrays import Split
from ae_jax.resolve.config import merge, nested, resolve
from ae_jax.sweep import ensemble
from ae_jax.sweep.members import Member
from ae_jax.train import loop, setup

METHODS = pytest.mark.parametrize("method", ensemble.METHODS)


def noise_images(n=70, side=6, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 1)).astype(np.uint8)


DATA = Split(noise_images(), None)


def sweep(raw, points, seeds=(0,)):
    """The members of some points, as the command makes them."""
    configs = [resolve(merge(raw, nested(point))) for point in points]
    return [Member(s, p, c) for p, c in zip(points, configs, strict=True) for s in seeds]


def single(member, data=DATA):
    """(trainer, last state, losses) of the single run."""
    trainer = setup.prepare(member.config, data.images.shape[1:], len(data.images))
    key = jax.random.key(member.seed)
    state = trainer.init(key, setup.mean_image(data.images, trainer.model))
    losses = []
    for chunk in loop.train(trainer, state, data, key):
        state = chunk.state
        losses.append(chunk.terms["loss"])
    return trainer, state, np.concatenate(losses)


def together(group, method, data=DATA, compiled=None):
    """(ensemble, every member's last state, their losses, who diverged)."""
    e = ensemble.prepare(group, data, method)
    states, losses = ensemble.start(e), []
    for chunk in ensemble.train(e, states, compiled):
        states = chunk.states
        losses.append(chunk.terms["loss"])
    return e, ensemble.results(e, states), np.concatenate(losses, axis=1), chunk.diverged


def close(a, b, **tolerance):
    for (path, x), y in zip(
        jax.tree_util.tree_leaves_with_path(a), jax.tree.leaves(b), strict=True
    ):
        np.testing.assert_allclose(x, y, err_msg=jax.tree_util.keystr(path), **tolerance)
