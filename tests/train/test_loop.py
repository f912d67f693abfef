"""The loop: resume is bit-exact, every image is seen once an epoch, one compilation a size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_jax.data.arrays import Split
from ae_jax.errors import ConfigError, DivergedError
from ae_jax.model import scaling
from ae_jax.model.pipeline import Batch
from ae_jax.optimizer.schedules import SCHEDULES
from ae_jax.resolve.config import load_config, resolve
from ae_jax.streams import stream
from ae_jax.train import loop, setup

SHAPE = (28, 28, 1)


def noise_images(n=70, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, *SHAPE)).astype(np.uint8)


def run(config, images, epochs, state=None, key=0, chunk_steps=0):
    trainer = setup.prepare(with_epochs(config, epochs), SHAPE, len(images))
    key = jax.random.key(key)
    if state is None:
        state = trainer.init(key, setup.mean_image(images, trainer.model))
    chunks = []
    for chunk in loop.train(trainer, state, Split(images, None), key, chunk_steps):
        chunks.append(chunk)
        state = chunk.state
    return state, chunks


def with_epochs(config, epochs):
    raw = config.to_dict()
    raw["train"]["epochs"] = epochs
    return resolve(raw)


def same_bits(a, b):
    for (path, x), y in zip(
        jax.tree_util.tree_leaves_with_path(a), jax.tree.leaves(b), strict=True
    ):
        np.testing.assert_array_equal(np.asarray(x), np.asarray(y), err_msg=str(path))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["denoise", "dropout", "conv_strided:batchnorm", "linear"])
def test_resume_is_bit_exact(name):
    config = load_config(name, train={"batch_size": 16})
    images = noise_images()
    whole, _ = run(config, images, 4)
    half, _ = run(config, images, 2)
    saved = jax.tree.map(lambda v: jnp.array(np.asarray(v)), half)
    resumed, _ = run(config, images, 4, saved)
    same_bits(whole, resumed)


@pytest.mark.slow
def test_resume_in_the_middle_of_an_epoch():
    config = load_config("denoise", train={"batch_size": 16}, model={"code_size": 20})
    images = noise_images()
    whole, chunks = run(config, images, 3, chunk_steps=7)
    assert [c.steps[1] for c in chunks if c.steps[1] % 7 == 0] == [7, 14]
    trainer = setup.prepare(with_epochs(config, 3), SHAPE, len(images))
    key = jax.random.key(0)
    state = trainer.init(key, jnp.zeros(SHAPE))
    for chunk in loop.train(trainer, state, Split(images, None), key, 7):
        if chunk.steps[1] == 7:
            saved = jax.tree.map(lambda v: jnp.array(np.asarray(v)), chunk.state)
            break
    resumed, _ = run(config, images, 3, saved)
    same_bits(whole, resumed)


@pytest.mark.slow
def test_a_step_returns_its_metrics_beside_the_state():
    """What is checkpointed is what the next step needs, whatever a step measures."""
    config = load_config("sparse_kl", train={"batch_size": 16})
    trainer = setup.prepare(config, SHAPE, 70)
    state, key = trainer.init(jax.random.key(0), jnp.zeros(SHAPE)), jax.random.key(1)
    batch = Batch(scaling.to_network(jnp.asarray(noise_images(16)), "unit"))
    after, metrics = loop.train_step(trainer, state, batch, key)
    assert list(metrics) == ["loss", "reconstruction", "sparsity_kl"]
    variables = {"params": state.params, **state.statistics}
    loss, (terms, _) = trainer.objective(variables, batch, key, True, 0.0)
    same_bits(metrics, {"loss": loss, **terms})
    assert jax.tree.structure(after) == jax.tree.structure(trainer.abstract())
    weights = len(jax.tree.leaves(state.params))
    counters = 3  # the step; Adam's and the schedule's own
    assert len(jax.tree.leaves(trainer.abstract())) == 3 * weights + counters
    assert {leaf.shape for leaf in jax.tree.leaves(after)} == {
        (), *(leaf.shape for leaf in jax.tree.leaves(state.params))
    }  # fmt: skip


@pytest.mark.slow
def test_seed_decides_the_run():
    config = load_config("undercomplete", train={"batch_size": 16})
    images = noise_images()
    first, _ = run(config, images, 1)
    again, _ = run(config, images, 1)
    other, _ = run(config, images, 1, key=1)
    same_bits(first, again)
    assert not np.array_equal(
        first.params["encoder"]["layer_0"]["kernel"], other.params["encoder"]["layer_0"]["kernel"]
    )


def test_epoch_mean_weighs_the_short_batch_as_a_batch():
    """With learning rate ~0 the recorded losses are those of the initial weights, by hand."""
    config = load_config(
        "undercomplete", train={"batch_size": 16}, optim={"name": "sgd", "learning_rate": 1e-30}
    )
    images = noise_images(40)
    state, chunks = run(config, images, 1)
    W = {k: np.asarray(v["layer_0"]["kernel"], np.float64) for k, v in state.params.items()}
    b = {k: np.asarray(v["layer_0"]["bias"], np.float64) for k, v in state.params.items()}
    x = 2.0 * images.reshape(40, -1) / 255 - 1
    code = np.tanh(x @ W["encoder"] + b["encoder"])
    error = np.square(np.tanh(code @ W["decoder"] + b["decoder"]) - x).mean(1)
    key = stream(jax.random.key(0), "order")
    order = np.asarray(loop.epoch_order(key, 40, 0))
    assert sorted(order) == list(range(40))
    expected = [error[order[i : i + 16]].mean() for i in (0, 16, 32)]
    losses = np.concatenate([chunk.terms["loss"] for chunk in chunks])
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


def test_drop_remainder_and_orders_differ():
    images = noise_images(40)
    config = load_config("undercomplete", train={"batch_size": 16, "drop_remainder": True})
    assert setup.prepare(config, SHAPE, 40).steps_per_epoch == 2
    state, _ = run(config, images, 2)
    assert int(state.step) == 4
    key = stream(jax.random.key(0), "order")
    orders = [tuple(np.asarray(loop.epoch_order(key, 40, e))) for e in range(3)]
    assert len(set(orders)) == 3


def test_a_cosine_ends_with_the_last_step_that_is_taken():
    optim = {"name": "sgd", "learning_rate": 1.0, "schedule": "cosine", "final_fraction": 0.0}
    for drop in (True, False):
        train = {"batch_size": 16, "drop_remainder": drop, "epochs": 1}
        trainer = setup.prepare(load_config("undercomplete", optim=optim, train=train), SHAPE, 40)
        params = {"w": jnp.zeros(1)}
        memory, rates = trainer.optimizer.init(params), []
        for _ in range(trainer.steps_per_epoch + 1):
            step, memory = trainer.optimizer.update({"w": -jnp.ones(1)}, memory, params)
            rates.append(float(step["w"][0]))
        n = len(rates) - 1
        expected = [0.5 * (1 + np.cos(np.pi * i / n)) for i in range(n + 1)]
        np.testing.assert_allclose(rates, expected, atol=1e-6)


def test_an_exponential_rate_ends_at_its_fraction_and_stays():
    optim = {"learning_rate": 0.5, "schedule": "exponential", "final_fraction": 0.01}
    rate = SCHEDULES["exponential"](load_config("undercomplete", optim=optim).optim, 10)
    rates = [float(rate(step)) for step in (0, 5, 10, 20)]
    np.testing.assert_allclose(rates, [0.5, 0.05, 0.005, 0.005], rtol=1e-5)


def test_one_compilation_for_each_batch_size(monkeypatch):
    sizes = []
    compile_ = loop.compile_steps

    def counted(trainer, new, args):
        sizes.extend(new)
        return compile_(trainer, new, args)

    monkeypatch.setattr(loop, "compile_steps", counted)
    monkeypatch.setattr(loop, "CHUNK_SECONDS", 1e-4)
    monkeypatch.setattr(loop, "SLOW_STEPS", 1)
    config = load_config("undercomplete", train={"batch_size": 16})
    _, chunks = run(config, noise_images(70), 6)
    assert len(chunks) > 6
    assert sizes == [16, 6]


def test_chunks_last_a_quarter_of_a_second_and_of_slow_steps_more():
    assert loop.next_chunk(100, 0.1) == 250
    assert loop.next_chunk(10, 0.2) == 16, "20 ms a step: sixteen, not the dozen of a quarter"
    assert loop.next_chunk(1, 0.125) == 8, "a second at most"
    assert loop.next_chunk(1, 3.0) == 1 and loop.next_chunk(1, 0.0) > 1000


def test_what_was_compiled_ahead_is_all_there_is(monkeypatch):
    """Before there is a state: the same bits, and the loop compiles no steps of its own."""
    config, images = load_config("denoise", train={"batch_size": 16}), noise_images()
    trainer, key = setup.prepare(with_epochs(config, 2), SHAPE, len(images)), jax.random.key(0)
    programs, seconds = loop.compile_ahead(trainer, Split(images, None), key)
    assert set(programs) == {16, 70 % 16} and seconds > 0
    as_before, _ = run(config, images, 2)
    monkeypatch.setattr(loop, "compile_steps", None)
    state = trainer.init(key, setup.mean_image(images, trainer.model))
    for chunk in loop.train(trainer, state, Split(images, None), key, programs=programs):
        assert chunk.compile_s == 0
    same_bits(chunk.state, as_before)


def test_divergence_names_step_and_leaf():
    config = load_config("linear", train={"batch_size": 16}, optim={"learning_rate": 1e30})
    with pytest.raises(DivergedError, match=r"step 1 .*\n.*params/decoder/layer_0/kernel"):
        run(config, noise_images(), 2)


def test_nan_in_the_data_is_reported_at_the_first_step():
    images = np.full((32, *SHAPE), np.nan, np.float32)
    with pytest.raises(DivergedError, match="step 0"):
        run(load_config("undercomplete", train={"batch_size": 16}), images, 1)


def test_batch_larger_than_the_set():
    with pytest.raises(ConfigError, match=r"train\.batch_size: 256 .* at most 70"):
        setup.prepare(load_config("undercomplete"), SHAPE, 70)
