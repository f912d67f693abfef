"""Runs of every config with random weights: an export must not care how they were found."""

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax import extras
from ae_jax.export import packages
from ae_jax.run.exporting import WRITERS
from ae_jax.run.ready import ready
from ae_jax.run.trained import Run
from ae_jax.train import setup
from tests.resolve.small import small

FORMATS = [f for f in WRITERS if not extras.missing(packages.NEEDS[f].writing)]
OPENED = [format for format in FORMATS if format != "torch"]  # which executes Python


def run_of(path, **fields):
    """(a run of the config with random variables, some of its test examples, their labels)."""
    config, data = small(path)
    if fields:
        config = config.replace(**fields)
    config, scaled = ready(config, data)
    images = scaled.train.images
    trainer = setup.prepare(config, images.shape[1:], len(images))
    state = trainer.init(jax.random.key(0), setup.mean_image(images, trainer.model))
    run = Run(config, trainer.model, shaken(state.variables), {}, scaler=scaled.scaler)
    labels = data.test.labels if trainer.model.conditional else None
    return run._replace(label_names=data.label_names), data.test.images, labels


def shaken(variables):
    """Other weights, and averages and counts as a training might leave them: not as at the start.

    What is >= 0 at the start, such as a variance, stays so.
    """
    rng = np.random.default_rng(0)

    def other(path, leaf):
        noise = jnp.asarray(rng.normal(size=leaf.shape), leaf.dtype)
        if path[0].key == "params":
            return leaf + 0.05 * noise
        size = 0.01 if path[-1].key == "threshold" else 0.3  # a larger one closes every code
        return leaf + size * jnp.abs(noise)

    return jax.tree_util.tree_map_with_path(other, variables)


def results(run, x, z, labels):
    """What the functions of a run, or of what was exported, say of examples and of codes."""
    return {
        "encode": run.encode(x),
        "decode": run.decode(z, labels),
        "reconstruct": run.reconstruct(x, labels),
        "score": run.score(x, labels),
    }


def check_equal(ours, theirs, rtol=1e-5):
    """Types and shapes alike, numbers to 1e-5 of the largest."""
    assert ours.keys() == theirs.keys()
    for name, a in ours.items():
        b = theirs[name]
        assert (a.dtype, a.shape) == (b.dtype, b.shape), name
        assert np.isfinite(a).all(), name
        gap, most = np.max(np.abs(a - b), initial=0), np.max(np.abs(a), initial=0)
        assert gap <= rtol * most, (name, gap / most)
