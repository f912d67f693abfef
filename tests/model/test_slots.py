"""Slots compose: every pair of choices from two slots occurs in some combination tried here."""

import collections
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_jax.errors import ConfigError
from ae_jax.model import bottleneck, corruption
from ae_jax.model import pipeline as model_lib
from ae_jax.model.compiled import once
from ae_jax.model.pipeline import Batch
from ae_jax.objective import losses, penalties
from ae_jax.objective import objective as objective_lib
from ae_jax.resolve.config import resolve

PATCHES = {"name": "patches", "patch": 2, "features": 4, "heads": 2, "blocks": 1}
RESIDUAL = {"name": "resnet", "channels": (2,), "groups": 2, "attention": True}
# Smooth activations: a finite difference across the kink of a ReLU is no gradient.
NETWORKS = {
    "dense": ({"hidden": (7,), "activation": "tanh"}, {"hidden": (7,), "activation": "elu"}),
    "tied": ({"hidden": (7,), "activation": "tanh"}, {"name": "tied"}),
    "conv_pool": (
        {
            "name": "conv_pool",
            "pool": "average",
            "activation": "tanh",
            "channels": (2,),
            "hidden": (),
        },
        {
            "name": "conv_pool",
            "activation": "tanh",
            "channels": (2,),
            "grid_channels": 2,
            "hidden": (),
            "kernels": (3, 3),
        },
    ),
    "conv_strided": (
        {"name": "conv_strided", "activation": "tanh", "channels": (2,)},
        {"name": "conv_strided", "activation": "tanh", "channels": (2,), "batch_norm": True},
    ),
    "resnet": ({"name": "resnet", "channels": (2,), "groups": 1}, RESIDUAL),
    "patches": (PATCHES, PATCHES),
}
RANDOM = ("dropout", "gaussian", "nested")
SLOTS = {
    "corruption": list(corruption.CORRUPTIONS),
    "network": list(NETWORKS),
    "bottleneck": list(bottleneck.BOTTLENECKS),
    "loss": list(losses.LOSSES),
    "penalty": list(penalties.PENALTIES),
}
VARIATIONAL = ("gaussian_kl", "total_correlation", "importance")  # need a posterior
NEEDS = {"revive": "top_k", "l0": "jump_relu", "commitment": "vq"}
OPTIONS = {
    "box": {"size": 3},
    "top_k": {"k": 2},
    "falling_top_k": {"k": 2, "first": 3},
    "batch_top_k": {"k": 2},
    "vq": {"size": 1, "entries": 4},
    "truncated_svd": {"rank": 2},
    "revive": {"k": 1},
    "prefixes": {"sizes": (1, 3)},
}


def also(penalty):
    """What a penalty is added to, where that is more than the reconstruction."""
    return {"gaussian_kl": {"weight": 1.0}} if penalty == "importance" else {}


def raw(corruption, network, bottleneck, loss, penalty):
    encoder, decoder = (dict(part) for part in NETWORKS[network])
    if penalty == "sparsity_kl":
        encoder["code_activation"] = "sigmoid"
    if penalty == "least_volume":
        decoder["spectral_norm"] = True
    return {
        "corruption": {"name": corruption, **OPTIONS.get(corruption, {})},
        "encoder": encoder,
        "decoder": {**decoder, "output": "sigmoid"},
        "bottleneck": {"name": bottleneck, **OPTIONS.get(bottleneck, {})},
        "loss": {"name": loss, "per": "image" if penalty == "importance" else "pixel"},
        "penalties": {penalty: {"weight": 0.1, **OPTIONS.get(penalty, {})}, **also(penalty)},
        "model": {"code_size": 5},
    }


def allowed(case):
    try:
        resolve(raw(*case))
    except ConfigError:
        return False
    return True


def pairs_of(case):
    return itertools.combinations(zip(SLOTS, case, strict=True), 2)


PLAIN = {
    "corruption": ("none",),
    "network": ("dense", "conv_strided"),
    "bottleneck": ("identity", "gaussian"),
    "loss": ("squared_error", "bernoulli"),
    "penalty": ("weight_l2", "gaussian_kl"),
}


@functools.cache
def refused(pair):
    """Whether no plain choice of the other slots goes with two choices, so that none does."""
    given = {slot: (choice,) for slot, choice in pair}
    needed = NEEDS.get(given.get("penalty", ("",))[0])
    beside = {**PLAIN, "bottleneck": (*PLAIN["bottleneck"], needed)} if needed else PLAIN
    return not any(map(allowed, itertools.product(*({**beside, **given}[s] for s in SLOTS))))


@functools.cache
def covering():
    """Greedily: the allowed case with the most pairs not seen yet, until none brings any.

    What a refused case has taught, that two of its choices never go together, holds for all.
    """
    cases = list(itertools.product(*SLOTS.values()))
    place = collections.defaultdict(itertools.count().__next__)
    pairs = np.array([[place[pair] for pair in pairs_of(case)] for case in cases])
    unseen, untried = np.ones(len(place), bool), np.ones(len(cases), bool)
    chosen = []
    while (gain := unseen[pairs].sum(1) * untried).any():
        best = gain.argmax()
        untried[best] = False
        if allowed(cases[best]):
            unseen[pairs[best]] = False
            chosen.append(cases[best])
        else:
            never = [place[pair] for pair in pairs_of(cases[best]) if refused(pair)]
            untried &= ~np.isin(pairs, never).any(1)
    return chosen


SOON = 24  # the first of the covering hold most pairs


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=pytest.mark.slow if i < SOON else pytest.mark.long)
        for i, case in enumerate(covering())
    ],
    ids="-".join,
)
def test_combination(case):
    config = resolve(raw(*case))
    model = model_lib.build(config, (4, 4, 1))
    objective = objective_lib.build(config, model)
    variables = once(model.init)(jax.random.key(0), jnp.full((4, 4, 1), 0.5))
    variables = objective.init(variables, jax.random.key(0))
    params = variables.pop("params")
    batch = Batch(jax.random.uniform(jax.random.key(1), (4, 4, 4, 1), minval=0.05))
    traces = []

    def loss_of(params, key, train):
        traces.append(1)
        return objective({"params": params, **variables}, batch, key, train)[0]

    step = jax.jit(jax.value_and_grad(loss_of), static_argnums=2)
    key = jax.random.key(2)
    loss, gradient = step(params, key, True)
    assert jnp.isfinite(loss)
    leaves, tree = jax.tree.flatten(gradient)
    assert all(jnp.all(jnp.isfinite(g)) for g in leaves)

    # Without BatchNorm, and with a bottleneck that looks at one image and no dice, evaluation is
    # the same number.
    differs = (
        case[2] in (*RANDOM, "falling_top_k", "vq", "truncated_svd") or case[1] == "conv_strided"
    )
    same = float(step(params, key, False)[0]) == pytest.approx(float(loss), rel=1e-6)
    # A batch with few positive numbers keeps all of them, as evaluation does before any training.
    assert same != differs or case[2] == "batch_top_k"

    jumps = case[2] in ("top_k", "falling_top_k", "batch_top_k", "jump_relu", "fsq", "vq")
    if jumps or case[4] in ("l1", "revive", "adversarial"):
        return  # not differentiable everywhere, or not the gradient of what is reported
    keys = jax.random.split(jax.random.key(5), len(leaves))
    far = 5e-3 if case[1] == "patches" else 1e-2  # norms of four features curve the loss more
    move = [far * jax.random.normal(k, g.shape) for k, g in zip(keys, leaves, strict=True)]
    ends = [
        jax.tree.unflatten(
            tree, [p + sign * d for p, d in zip(jax.tree.leaves(params), move, strict=True)]
        )
        for sign in (0.5, -0.5)
    ]
    up, down = (float(step(end, key, True)[0]) for end in ends)
    slope = float(sum(jnp.vdot(g, d) for g, d in zip(leaves, move, strict=True)))
    assert up - down == pytest.approx(slope, rel=0.05, abs=3e-4)
    step(params, jax.random.key(3), True)
    assert len(traces) == 2, "one trace to train, one to evaluate, none for another key"


@pytest.mark.slow
def test_a_penalty_of_weight_zero_is_the_plain_model_bit_for_bit():
    x = jax.random.uniform(jax.random.key(1), (4, 4, 4, 1))
    for penalty in penalties.PENALTIES:
        losses_ = []
        for weight in (0.0, None):
            needs = NEEDS | dict.fromkeys(VARIATIONAL, "gaussian")
            case = raw("none", "dense", needs.get(penalty, "identity"), "squared_error", penalty)
            charged = {penalty: {"weight": weight, **OPTIONS.get(penalty, {})}}
            case["penalties"] = also(penalty) | ({} if weight is None else charged)
            config = resolve(case)
            model = model_lib.build(config, (4, 4, 1))
            variables = model.init(jax.random.key(0))
            objective = objective_lib.build(config, model)
            losses_.append(objective(variables, Batch(x), jax.random.key(2), True)[0])
        assert losses_[0] == losses_[1]
