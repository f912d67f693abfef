"""Pixels drawn black or white: their means, a loss in closed form, what is measured on them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ae_jax
from ae_jax.errors import ConfigError
from ae_jax.evaluate import baselines, metrics
from ae_jax.model import scaling
from ae_jax.model.pipeline import Batch, build
from ae_jax.objective import objective as objective_lib
from ae_jax.train import loop, setup

SHAPE = (4, 5, 1)
GRAY = np.linspace(0, 1, 20, dtype=np.float32).reshape(SHAPE)
CONFIG = {
    "encoder.hidden": (),
    "decoder": {"hidden": (), "output": "sigmoid"},
    "model.code_size": 2,
    "loss": {"name": "bernoulli_nll", "per": "image"},
    "data": {"binarize": True},
    "train.batch_size": 500,
}


def trainer_of(bias, **changes):
    """(trainer, state) of a network that answers every image with the logits `bias` [4, 5, 1]."""
    trainer = setup.prepare(ae_jax.load_config("dense", **{**CONFIG, **changes}), SHAPE, 500)
    state = trainer.init(jax.random.key(0), None)
    zeros = jax.tree.map(jnp.zeros_like, state.params)
    last = {"kernel": zeros["decoder"]["layer_0"]["kernel"], "bias": jnp.ravel(bias)}
    decoder = {**zeros["decoder"], "layer_0": last}
    return trainer, state._replace(params={**zeros, "decoder": decoder})


@pytest.mark.parametrize("scale", ["unit", "sym"])
def test_pixels_are_white_as_often_as_their_gray_says(scale):
    x = jnp.tile(scaling.to_network(GRAY, scale), (20_000, 1, 1, 1))
    unit = scaling.to_unit(np.asarray(scaling.black_or_white(jax.random.key(0), x, scale)), scale)
    assert set(np.unique(unit)) == {0.0, 1.0}
    far = np.abs(unit.mean(0) - GRAY) / np.sqrt(np.maximum(GRAY * (1 - GRAY), 1e-12) / 20_000)
    assert far.max() < 4
    assert (unit.mean(0)[GRAY == 0] == 0).all() and (unit.mean(0)[GRAY == 1] == 1).all()


def test_a_step_has_the_loss_of_a_fresh_draw():
    """Its mean is the cross-entropy of the gray pixels, its variance sum p (1 - p) b^2."""
    b = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    trainer, state = trainer_of(b)
    batch = Batch(jnp.tile(GRAY, (500, 1, 1, 1)))
    step = jax.jit(lambda key: loop.train_step(trainer, state, batch, key)[1]["loss"])
    losses = np.array([step(jax.random.key(i)) for i in range(20)])
    mean = np.sum(np.logaddexp(0, b) - GRAY * b)
    deviation = np.sqrt(np.sum(GRAY * (1 - GRAY) * b**2) / 500)
    assert abs(losses.mean() - mean) < 4 * deviation / np.sqrt(20)
    assert 0.5 * deviation < losses.std() < 1.7 * deviation


def test_metrics_are_of_drawn_pixels():
    """All of them 1/2 from 1/2; gray ones would be nearer."""
    trainer, state = trainer_of(np.zeros(SHAPE))
    data = ae_jax.Split(np.tile(GRAY, (7, 1, 1, 1)), None)
    found = metrics.evaluator(trainer.objective, 4)(state.variables, data, jax.random.key(0))
    assert found["mse"] == pytest.approx(0.25, abs=1e-6)
    plain = ae_jax.load_config("dense", **{**CONFIG, "data.binarize": False})
    model = build(plain, SHAPE)
    gray = metrics.evaluator(objective_lib.build(plain, model), 4)
    gray = gray(state.variables, data, jax.random.key(0))
    assert gray["mse"] == pytest.approx(np.mean((GRAY - 0.5) ** 2), rel=1e-5)


def test_baselines_are_of_drawn_pixels():
    trainer, _ = trainer_of(np.zeros(SHAPE))
    images = np.full((3000, *SHAPE), 128, np.uint8)
    drawn, other = baselines.drawn(trainer.model, images, images, jax.random.key(0))
    assert set(np.unique(drawn)) == {0, 255} and drawn.dtype == np.uint8
    assert np.mean(drawn != other) == pytest.approx(0.5, abs=0.01), "not the same random numbers"
    assert baselines.mean_image_mse(drawn, drawn) == pytest.approx(0.25, abs=1e-3)
    gray = trainer.model._replace(binarize=False)
    assert baselines.drawn(gray, images, images, jax.random.key(0))[0] is images


def test_rows_have_no_pixels():
    rows = np.random.default_rng(0).normal(size=(50, 3))
    config = ae_jax.load_config("rows", **{"data.binarize": True})
    with pytest.raises(ConfigError, match=r"data\.binarize: draws black and white pixels"):
        ae_jax.fit(config, ae_jax.from_arrays(rows, rows), jax.random.key(0))
