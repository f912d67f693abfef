"""Updates from several batches, and evaluation of averaged weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ae_jax
from ae_jax.data.arrays import Split, hold_out
from ae_jax.errors import ConfigError
from ae_jax.evaluate.metrics import evaluator
from ae_jax.model.pipeline import Batch
from ae_jax.optimizer.evaluated import evaluated
from ae_jax.resolve.config import merge, resolve
from ae_jax.streams import stream
from ae_jax.sweep import members
from ae_jax.train import loop, setup
from tests.run.doors import fit, same
from tests.sweep.ensembles import DATA, close, single, sweep, together

KEY, SHAPE = jax.random.key(0), (6, 6, 1)
RAW = {
    "corruption": {"name": "mask", "rate": 0.3},
    "model": {"code_size": 3},
    "train": {"batch_size": 16, "epochs": 3},
}


def with_optim(epochs=3, batch_size=16, **optim):
    train = {"epochs": epochs, "batch_size": batch_size}
    return resolve(merge(RAW, {"optim": optim, "train": train}))


def trained(config, state=None):
    trainer = setup.prepare(config, SHAPE, 70)
    if state is None:
        state = trainer.init(KEY, setup.mean_image(DATA.images, trainer.model))
    for chunk in loop.train(trainer, state, Split(DATA.images, None), KEY):
        state = chunk.state
    return state


def copied(state):
    return jax.tree.map(lambda leaf: jnp.array(np.asarray(leaf)), state)


@pytest.mark.parametrize("name", ["sgd", "adamw", "schedule_free"])
def test_several_batches_make_the_update_of_a_large_one(name):
    """Squared error without BatchNorm; before the last of them nothing moves."""
    raw = {**RAW, "corruption": {"name": "none"}}
    x = jnp.asarray(np.random.default_rng(0).uniform(0, 1, (30, *SHAPE)).astype(np.float32))
    found = {}
    for batches in (1, 3):
        train = {"batch_size": 30 // batches}
        optim = {"name": name, "accumulate": batches, "learning_rate": 0.05}
        trainer = setup.prepare(resolve(merge(raw, {"train": train, "optim": optim})), SHAPE, 70)
        step = jax.jit(lambda state, x, t=trainer: loop.train_step(t, state, Batch(x), KEY)[0])
        state = first = trainer.init(KEY, jnp.zeros(SHAPE))
        for _ in range(2):  # updates
            for part in jnp.split(x, batches):
                close(state.params, first.params, rtol=0, atol=0)
                state = step(state, part)
            first = state
        found[batches] = state
    start = trainer.init(KEY, jnp.zeros(SHAPE)).params["decoder"]["layer_0"]["bias"]
    assert np.abs(start - found[3].params["decoder"]["layer_0"]["bias"]).max() > 1e-3
    close(found[3].params, found[1].params, rtol=1e-4, atol=1e-6)
    close(found[3].variables, found[1].variables, rtol=1e-4, atol=1e-6)


def test_a_group_that_is_not_full_is_carried_to_the_next_epoch():
    """5 batches an epoch (the last of 6 images counts as the others), 3 an update: 1, 3, 5."""
    state = None
    for epochs, (updates, rest) in enumerate([(1, 2), (3, 1), (5, 0)], 1):
        state = trained(with_optim(epochs, accumulate=3), state)
        optimizer = state.optimizer
        assert int(optimizer.inner[0].count) == updates and int(optimizer.batches) == rest
        state = copied(state)
    close(state, trained(with_optim(3, accumulate=3)), rtol=0, atol=0)  # resumed amid groups


@pytest.mark.long
def test_members_accumulate_as_single_runs_do():
    raw = merge(RAW, {"optim": {"accumulate": 2}})
    found = sweep(raw, [{"optim.learning_rate": rate} for rate in (0.01, 0.03)])
    (group,) = members.groups(found)
    _, states, *_ = together(group, "vmap")
    for member, state in zip(found, states, strict=True):
        close(state.params, single(member)[1].params, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "optim",
    [{"average": 0.9}, {"average": 0.9, "accumulate": 2}, {"name": "schedule_free"}],
)
def test_what_is_known_of_a_run_is_known_of_the_evaluated_weights(optim, tmp_path):
    """Codes, validation, best and saved; training goes on with the others, with the same bits."""
    raw = merge(RAW, {"optim": {"learning_rate": 0.02, **optim}})
    data = hold_out(ae_jax.from_arrays(DATA.images, DATA.images), 10, 0)
    run = fit(data, raw)
    trained, shown = run.state.params, run.variables["params"]
    kernel = shown["encoder"]["layer_0"]["kernel"]
    assert np.abs(kernel - trained["encoder"]["layer_0"]["kernel"]).max() > 1e-3
    same(shown, evaluated(trained, run.state.optimizer))
    plain = run._replace(variables={**run.variables, "params": trained})
    assert np.abs(plain.encode(DATA.images) - run.encode(DATA.images)).max() > 1e-3
    objective = setup.prepare(run.config, SHAPE, 60).objective
    key, size = stream(KEY, "validation"), run.config.eval.batch_size
    loss = evaluator(objective, size)(run.variables, data.valid, key)["loss"]
    assert run.valid.losses[-1] == pytest.approx(loss, rel=1e-6)

    half = fit(data, merge(raw, {"train": {"epochs": 1}}))
    half.save(tmp_path / "half")
    again = ae_jax.restore(tmp_path / "half")
    same(again.variables, half.variables)
    going = fit(data, raw, start=again)
    same(going.state, run.state)
    same(going.variables, run.variables)
    same(going.best.variables, run.best.variables)
    other = fit(data, merge(raw, {"train": {"epochs": 0}}), key=1, init_from=run)
    same(other.variables["params"], shown)
    same(other.state.params, shown)


def test_an_update_is_no_longer_than_an_epoch():
    with pytest.raises(ConfigError, match=r"optim\.accumulate: 6 batches .* at most 5"):
        setup.prepare(with_optim(accumulate=6), SHAPE, 70)
    assert "accumulate" not in with_optim(accumulate=1).to_dict()["optim"]
    assert with_optim(accumulate=2).to_dict()["optim"]["accumulate"] == 2
