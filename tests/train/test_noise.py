"""The noise of real runs of the loop: never used twice, and nobody's business but its slot's."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_jax.data.arrays import Split
from ae_jax.model.bottleneck import BOTTLENECKS
from ae_jax.model.bottleneck.plain import DropoutBottleneck
from ae_jax.model.corruption import CORRUPTIONS
from ae_jax.objective.penalties import PENALTIES
from ae_jax.resolve.config import merge, resolve
from ae_jax.streams import stream
from ae_jax.train import loop, setup

IMAGES = np.random.default_rng(0).integers(1, 256, (7, 6, 6, 1)).astype(np.uint8)
NOISY = {
    "corruption": {"name": "gaussian", "sigma": 0.3},
    "encoder": {"hidden": (6,), "code_activation": "sigmoid"},
    "bottleneck": {"name": "dropout", "rate": 0.5},
    "model": {"code_size": 5},
    "penalties": {"contractive_hessian": {"weight": 1e-3}},
    "train": {"batch_size": 3, "epochs": 2},  # a step of 1 image at the end of each epoch
}
STEPS = 6


@pytest.fixture
def drawn(monkeypatch):
    """slot -> {(key data, what came of it)} of every call in a compiled program that ran."""
    seen = {}

    def note(name, key, result):
        if key is not None:  # initial weights are made without noise
            data = jax.random.key_data(key)
            jax.debug.callback(lambda *found: seen.setdefault(name, []).append(found), data, result)

    def watch(slots, name, place):
        slot = slots[name]

        @functools.wraps(slot)
        def watched(*args, **options):
            result = slot(*args, **options)
            note(name, args[place], result)
            return result

        monkeypatch.setitem(slots, name, watched)

    class WatchedDropout(DropoutBottleneck):
        def __call__(self, h, key, train):
            z, code = super().__call__(h, key, train)
            note("dropout", key, z)
            return z, code

    watch(CORRUPTIONS, "gaussian", 0)
    monkeypatch.setitem(BOTTLENECKS, "dropout", WatchedDropout)
    watch(PENALTIES, "contractive", 3)
    watch(PENALTIES, "contractive_hessian", 3)
    return seen


def train(raw, seed=0):
    """The last state of a run."""
    config = resolve(raw)
    trainer = setup.prepare(config, IMAGES.shape[1:], len(IMAGES))
    key = jax.random.key(seed)
    state = trainer.init(key, jnp.zeros(IMAGES.shape[1:]))
    for chunk in loop.train(trainer, state, Split(IMAGES, None), key):
        state = chunk.state
    jax.effects_barrier()
    return state


def keys(drawn):
    """slot -> the keys it was given."""
    return {name: set(by_key(calls)) for name, calls in drawn.items()}


def by_key(calls):
    """key -> what came of it."""
    return {tuple(key.tolist()): np.asarray(result) for key, result in calls}


@pytest.mark.slow
def test_noise_is_never_used_twice(drawn):
    """No slot has a key twice or another's, no two images of a run have the same noise."""
    train(NOISY)
    found = keys(drawn)
    assert {name: len(given) for name, given in found.items()} == dict.fromkeys(
        ("gaussian", "dropout", "contractive_hessian"), STEPS
    )
    assert all(len(calls) == STEPS for calls in drawn.values()), "one call per step"
    assert len(set().union(*found.values())) == 3 * STEPS
    # The key alone decides: the noise is what the slot makes of nothing.
    noise = [
        image.tobytes()
        for key, noisy in drawn["gaussian"]
        for image in np.asarray(
            jax.random.normal(jax.random.wrap_key_data(jnp.asarray(key)), noisy.shape)
        )
    ]
    assert len(set(noise)) == len(noise) == 2 * len(IMAGES)


@pytest.mark.long
def test_another_seed_has_other_noise(drawn):
    train(NOISY)
    first = set().union(*keys(drawn).values())
    drawn.clear()
    train(NOISY, seed=1)
    assert drawn and not first & set().union(*keys(drawn).values())


@pytest.mark.long
def test_a_penalty_that_draws_disturbs_no_other_stream(drawn):
    """All keys of a run stay; the first batch, whose weights are the same, keeps x~ and z."""
    added = merge(NOISY, {"penalties": {"contractive": {"method": "hutchinson"}}})
    train(NOISY)
    alone = {name: list(calls) for name, calls in drawn.items()}
    drawn.clear()
    train(added)
    both = keys(drawn)
    assert len(both.pop("contractive")) == STEPS
    assert both == keys(alone)
    noisy, others = (by_key(found["gaussian"]) for found in (alone, drawn))
    for key, x in noisy.items():
        np.testing.assert_array_equal(x, others[key])
    first = stream(jax.random.fold_in(stream(jax.random.key(0), "noise"), 0), "bottleneck")
    first = tuple(np.asarray(jax.random.key_data(first)).tolist())
    z, other = (by_key(found["dropout"])[first] for found in (alone, drawn))
    np.testing.assert_array_equal(z, other)


@pytest.mark.long
def test_the_order_of_penalties_changes_no_bit():
    penalties = {
        "contractive_hessian": {"weight": 0.1},
        "l1": {"weight": 0.3},
        "contractive": {"weight": 0.1, "method": "hutchinson"},
    }
    states = [
        train({**NOISY, "penalties": dict(order)})
        for order in itertools.islice(itertools.permutations(penalties.items()), 0, 6, 2)
    ]
    for other in states[1:]:
        for a, b in zip(jax.tree.leaves(states[0]), jax.tree.leaves(other), strict=True):
            np.testing.assert_array_equal(a, b)
