"""What is frozen stays to the bit, and the rest is trained as if it were all there is."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ae_jax.data.arrays import Split
from ae_jax.errors import ConfigError
from ae_jax.export.weights import named
from ae_jax.model.pipeline import Batch
from ae_jax.optimizer import OPTIMIZERS
from ae_jax.optimizer.build import build
from ae_jax.optimizer.evaluated import evaluated
from ae_jax.optimizer.sparing import sparing
from ae_jax.resolve.config import resolve
from ae_jax.train import frozen, loop, setup

NET = {
    "params": {
        "encoder": {
            "layer_0": {"kernel": jnp.ones((4, 3)), "bias": jnp.zeros(3)},
            "norm_0": {"scale": jnp.ones(3)},
        },
        "decoder": {"layer_0": {"kernel": jnp.ones((3, 4)), "bias": jnp.zeros(4)}},
    },
    "batch_stats": {"encoder": {"norm_0": {"mean": jnp.zeros(3), "var": jnp.ones(3)}}},
    "data": {"mean": jnp.zeros(4)},
}
LAYER = {"params/encoder/layer_0/kernel", "params/encoder/layer_0/bias"}
NORM = {f"batch_stats/encoder/norm_0/{n}" for n in ("mean", "var")} | {
    "params/encoder/norm_0/scale"
}


@pytest.mark.parametrize(
    ("patterns", "wanted"),
    [
        (["encoder"], LAYER | NORM),
        (["encoder/"], LAYER | NORM),
        (["encoder/layer_0"], LAYER),
        (["encoder/*_0"], LAYER | NORM),
        (["*/norm_?"], NORM),
        (["*/bias"], {f"params/{net}/layer_0/bias" for net in ("encoder", "decoder")}),
        (["encoder/layer_0/kernel", "*/scale"], {"params/encoder/layer_0/kernel", *NORM} - {
            "batch_stats/encoder/norm_0/mean", "batch_stats/encoder/norm_0/var"}),
    ],
)  # fmt: skip
def test_a_pattern_is_a_path_its_beginning_or_a_glob(patterns, wanted):
    assert frozen.find(patterns, NET) == wanted
    norm = {"encoder/norm_0"} if wanted >= NORM else set()
    assert frozen.still(frozen.find(patterns, NET)) == norm


@pytest.mark.parametrize("pattern", ["encodr", "layer_0", "enc", "", "data", "data/mean", "params"])
def test_what_is_no_part_is_refused_with_the_parts(pattern):
    with pytest.raises(ConfigError) as error:
        frozen.find(["decoder/layer_0/bias", pattern], NET)
    first, second = str(error.value).splitlines()
    assert first.startswith(f"train.frozen: unknown parameter '{pattern}'")
    parts = "decoder, decoder/layer_0, encoder, encoder/layer_0, encoder/norm_0"
    assert second == f"allowed here: {parts}"


def test_something_must_be_left_to_train():
    for patterns in (["*"], ["encoder", "decoder"]):
        with pytest.raises(ConfigError, match=r"^train\.frozen: leaves no parameter to train"):
            frozen.find(patterns, NET)


def moved(rule, params, gradients):
    """The parameters after some steps, and those that are evaluated."""
    state = rule.init(params)
    for gradient in gradients:
        updates, state = rule.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
    return params, evaluated(params, state)


MARKS = dict.fromkeys(("sgd", "lars", "muon", "schedule_free"), pytest.mark.slow)
CASES = [
    pytest.param(name, marks=[] if name == "adamw" else MARKS.get(name, pytest.mark.long))
    for name in OPTIMIZERS
]


@pytest.mark.parametrize("name", CASES)
def test_the_rest_is_trained_as_if_there_were_nothing_else(name):
    """By every optimizer, with its norms, decay, groups of batches and averages of weights."""
    optim = {"name": name, "learning_rate": 0.1, "clip_norm": 0.5}
    optim |= {} if name == "schedule_free" else {"average": 0.6}
    optim |= {} if name == "lars" else {"weight_decay": 0.1}
    rng = np.random.default_rng(0)

    def numbers(scale):
        shapes = {"a": {"w": (5, 3), "b": (3,)}, "z": {"w": (3, 4), "b": (4,)}}
        return jax.tree.map(
            lambda shape: jnp.asarray(scale * rng.normal(size=shape), jnp.float32),
            shapes,
            is_leaf=lambda shape: isinstance(shape, tuple),
        )

    params, gradients = numbers(1.0), [numbers(3.0) for _ in range(3)]
    params["a"]["b"] = jnp.array([-0.0, 0.0, 1.0])
    rule = build(resolve({"optim": optim, "train": {"epochs": 3}}), 1)
    whole = sparing(rule, lambda p: jax.tree_util.tree_map_with_path(_is_z, p))
    for after in moved(whole, params, gradients):
        np.testing.assert_array_equal(after["a"]["w"], params["a"]["w"])
        np.testing.assert_array_equal(after["a"]["b"], params["a"]["b"])
    alone = moved(rule, {"z": params["z"]}, [{"z": g["z"]} for g in gradients])
    for ours, truth in zip(moved(whole, params, gradients), alone, strict=True):
        for part in ("w", "b"):
            assert (np.asarray(truth["z"][part]) != params["z"][part]).any()
            np.testing.assert_allclose(ours["z"][part], truth["z"][part], rtol=1e-6)


def _is_z(path, leaf):
    return path[0].key == "z"


IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1)).astype(np.uint8)
CONVOLUTIONAL = {
    "encoder": {"name": "conv_strided", "channels": (2, 3), "batch_norm": True},
    "decoder": {"name": "conv_strided", "channels": (3, 2), "batch_norm": True},
    "model": {"code_size": 3},
    "optim": {"weight_decay": 0.1, "average": 0.5},
    "train": {"batch_size": 20, "epochs": 2, "frozen": ("encoder", "decoder/layer_0/bias")},
}


@pytest.fixture(scope="module")
def trained():
    """(trainer, the state at the start, the state at the end, the first loss)."""
    trainer = setup.prepare(resolve(CONVOLUTIONAL), (8, 8, 1), len(IMAGES))
    key = jax.random.key(0)
    state = trainer.init(key, setup.mean_image(IMAGES, trainer.model))
    statistics = jax.tree.map(lambda v: v + 0.1, state.statistics)
    params = jax.tree.map(lambda v: v, state.params)
    params["encoder"]["layer_0"]["bias"] = jnp.array([-0.0, 0.25])
    state = state._replace(statistics=statistics, params=params)
    begin = jax.tree.map(np.array, state._replace(optimizer=()))
    state = state._replace(optimizer=trainer.optimizer.init(params))
    losses = []
    for chunk in loop.train(trainer, state, Split(IMAGES, None), key):
        state = chunk.state
        losses.extend(chunk.terms["loss"])
    return trainer, begin, state, losses


@pytest.mark.slow
def test_what_is_frozen_stays_to_the_bit_its_running_averages_too(trained):
    trainer, begin, state, _ = trained
    for kind in ("params", "statistics"):
        before, after = (getattr(s, kind) for s in (begin, state))
        if kind == "params":
            before, after = {"params": before}, {"params": after}
        before, after = named(before), named(after)
        for name in before:
            same = before[name].tobytes() == after[name].tobytes()
            assert same == (name in trainer.frozen), name
    averaged = named(state.variables)
    for name in trainer.frozen:
        if name.startswith("params/"):
            assert averaged[name].tobytes() == named({"params": begin.params})[name].tobytes()


@pytest.mark.slow
def test_a_frozen_batchnorm_normalizes_as_at_evaluation(trained):
    """The first loss is that of codes as at evaluation, decoded as in training."""
    trainer, begin, _, losses = trained
    variables = {"params": begin.params, **begin.statistics}
    order = loop.epoch_order(_stream("order"), len(IMAGES), 0)[:20]
    x = jnp.asarray(IMAGES[order] / 255, jnp.float32)
    module = trainer.model.module
    h = module.apply(variables, x, False, method="encode")
    a, _ = module.apply(variables, h, True, method="decode", mutable=["batch_stats"])
    assert losses[0] == pytest.approx(float(jnp.square(a - x).mean()), rel=1e-5)
    moving = trainer.model._replace(still=frozenset())
    f, _ = moving.apply(variables, Batch(x), x, None, True, mutable=["batch_stats"])
    assert abs(float(jnp.square(f.x_hat - x).mean()) - losses[0]) > 1e-4, "else it shows nothing"


def _stream(name):
    from ae_jax.streams import stream

    return stream(jax.random.key(0), name)


@pytest.mark.slow
def test_running_averages_of_others_than_batchnorm_stay_as_well():
    raw = {
        "bottleneck": {"name": "batch_top_k", "k": 1},
        "model": {"code_size": 3},
        "train": {"batch_size": 20, "epochs": 1},
    }
    for patterns, moves in (((), True), (("bottleneck",), False)):
        config = resolve({**raw, "train": {**raw["train"], "frozen": patterns}})
        trainer = setup.prepare(config, (8, 8, 1), len(IMAGES))
        begin = trainer.init(jax.random.key(0), jnp.zeros((8, 8, 1)))
        before = named(begin.statistics)
        batch = Batch(jnp.asarray(IMAGES[:20] / 255, jnp.float32))
        step = jax.jit(partial(loop.train_step, trainer))
        state, _ = step(begin, batch, _stream("noise"))
        after = named(state.statistics)
        assert after and any((after[n] != before[n]).any() for n in after) == moves
