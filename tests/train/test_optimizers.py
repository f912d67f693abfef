"""Optimizers against Optax called by hand, and what they are told that they cannot use."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from optax import contrib

from ae_jax.config.schema import fields
from ae_jax.errors import ConfigError
from ae_jax.optimizer import LENIENT, OPTIMIZERS
from ae_jax.optimizer.build import build
from ae_jax.optimizer.evaluated import evaluated
from ae_jax.resolve.config import load_config, nested, resolve
from ae_jax.sweep import members
from tests.sweep.ensembles import close, single, sweep, together

RATE, STEPS = 0.05, 8  # radam rectifies after some


def by_name(optimizer, **fixed):
    return lambda t, **own: optimizer(RATE, **fixed, **own)


def keras_adam(t, b1=0.9, b2=0.999, eps=1e-8):
    """Its eps is Adam's, larger by 1 / sqrt(1 - b2^t) in step t."""
    return optax.adam(RATE, b1, b2, eps / np.sqrt(1 - b2**t))


def muon(t, momentum=0.95, b1=0.9, b2=0.999, **own):
    return contrib.muon(RATE, beta=momentum, adam_b1=b1, adam_b2=b2, **own)


def adafactor(t, momentum=0.0, **own):
    return optax.adafactor(RATE, momentum=momentum or None, **own)


# In step t, with its own defaults unless told otherwise.
BY_HAND = {
    "sgd": by_name(optax.sgd),
    "adam": by_name(optax.adam),
    "keras_adam": keras_adam,
    "adamw": by_name(optax.adamw),
    "nadam": by_name(optax.nadam),
    "adabelief": by_name(optax.adabelief),
    "radam": by_name(optax.radam),
    "amsgrad": by_name(optax.amsgrad),
    "adamax": by_name(optax.adamax),
    "adan": by_name(optax.adan, eps_root=0.0),
    "yogi": by_name(optax.yogi),
    "novograd": by_name(optax.novograd),
    "lion": by_name(optax.lion),
    "rmsprop": by_name(optax.rmsprop),
    "adagrad": by_name(optax.adagrad),
    "adadelta": by_name(optax.adadelta),
    "adafactor": adafactor,
    "lamb": by_name(optax.lamb),
    "lars": by_name(optax.lars),
    "muon": muon,
    "schedule_free": by_name(contrib.schedule_free_adamw),
}


def another(default):
    """A value that is allowed wherever `default` is, and changes what comes out."""
    if isinstance(default, bool):
        return not default
    if isinstance(default, int):
        return 3
    return 0.9 * default if default else 0.3


def params():
    """A matrix, a bias that is 0 and a kernel of a convolution."""
    key = jax.random.key(0)
    shapes = {"matrix": (5, 4), "kernel": (2, 2, 3, 3)}
    tree = {name: jax.random.normal(key, shape) for name, shape in shapes.items()}
    return {**tree, "bias": jnp.zeros(4)}


def gradients(params, t):
    """They depend on where the parameters are, and on the step."""
    noise = {n: jax.random.normal(jax.random.key(t), p.shape) for n, p in params.items()}
    return jax.tree.map(lambda p, e: 0.5 * p + e, params, noise)


def taken(optimizers, start):
    """The parameters after each step with the optimizer of the step, and its state."""
    p = start
    state = optimizers(1).init(p)
    for t in range(1, STEPS + 1):
        step, state = optimizers(t).update(gradients(p, t), state, p)
        p = optax.apply_updates(p, step)
        yield p, state


def ours(name, **own):
    config = resolve({"optim": {"name": name, "learning_rate": RATE, **own}})
    return build(config, 100)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("changed", [False, True])
def test_steps_are_those_of_optax(name, changed):
    own = fields(OPTIMIZERS[name]) if changed else {}
    told = {field: another(default) for field, (_, default) in own.items()}
    mine = taken(lambda t: ours(name, **told), params())
    theirs = taken(lambda t: BY_HAND[name](t, **told), params())
    for (p, _), (wanted, _) in zip(mine, theirs, strict=True):
        close(p, wanted, rtol=2e-5, atol=1e-6)


def test_clipping_decay_and_schedule_are_around_each():
    """A rate that warms up for 4 steps and falls over the 4 of another epoch."""
    common = {"warmup_epochs": 1, "decay_epochs": 2, "schedule": "cosine", "clip_norm": 2.0}
    config = {"weight_decay": 0.1, "learning_rate": RATE, "name": "rmsprop", **common}

    def rate(t):
        fall = 0.01 + 0.99 * 0.5 * (1 + jnp.cos(jnp.pi * jnp.maximum(t - 4, 0) / 4))
        return RATE * jnp.minimum(1.0, (t + 1) / 4) * fall

    decay, rms = optax.add_decayed_weights(0.1), optax.scale_by_rms()
    clip, last = optax.clip_by_global_norm(2.0), optax.scale_by_learning_rate(rate)
    for decoupled, order in ((False, (clip, decay, rms, last)), (True, (clip, rms, decay, last))):
        mine = build(resolve({"optim": {**config, "decoupled": decoupled}}), 4)
        found = taken(lambda t, mine=mine: mine, params())
        wanted = taken(lambda t, order=order: optax.chain(*order), params())
        for (p, _), (q, _) in zip(found, wanted, strict=True):
            close(p, q, rtol=2e-5, atol=1e-6)


def test_schedule_free_is_evaluated_at_the_average_of_its_inner_steps():
    """Defazio et al. 2024, equations 3 to 5, of RMSProp; weights are squares of the rates."""
    b1, b2, eps, start = 0.9, 0.999, 1e-8, params()
    optim = {"name": "schedule_free", "learning_rate": RATE, "warmup_epochs": 1}
    mine = build(resolve({"optim": optim}), 4)
    z, v, total, weights = start, jax.tree.map(jnp.zeros_like, start), start, 0.0
    close(evaluated(start, mine.init(start)), start, rtol=0, atol=0)
    y = start
    for t, (p, state) in enumerate(taken(lambda t: mine, start), 1):
        g, rate = gradients(y, t), RATE * min(1.0, t / 4)
        v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g**2, v, g)
        root = jax.tree.map(lambda v, t=t: np.sqrt(v / (1 - b2**t)) + eps, v)
        z = jax.tree.map(lambda z, g, root, rate=rate: z - rate * g / root, z, g, root)
        weights += rate**2
        fresh = jax.tree.map(lambda z, rate=rate: rate**2 * z, z)
        total = fresh if t == 1 else jax.tree.map(jnp.add, total, fresh)
        x = jax.tree.map(lambda s, weights=weights: s / weights, total)
        y = jax.tree.map(lambda x, z: b1 * x + (1 - b1) * z, x, z)
        close(p, y, rtol=1e-4, atol=1e-5)
        close(evaluated(p, state), x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.999])
@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_what_is_evaluated_is_the_moving_average_of_the_weights(name, decay):
    """(1 - d) / (1 - d^t) sum d^(t - i) p_i, in float64; training goes on with the weights."""
    start, optim = params(), {"name": name, "learning_rate": RATE, "average": decay}
    mine = build(resolve({"optim": optim}), 100)
    close(evaluated(start, mine.init(start)), start, rtol=0, atol=0)
    raw, seen = taken(lambda t: ours(name), start), []
    for (p, state), (wanted, _) in zip(taken(lambda t: mine, start), raw, strict=True):
        close(p, wanted, rtol=0, atol=0)
        seen.append(jax.tree.map(np.float64, p))
        weights = (1 - decay) * decay ** np.arange(len(seen))[::-1] / (1 - decay ** len(seen))
        mean = jax.tree.map(lambda *leaves, w=weights: sum(map(np.multiply, w, leaves)), *seen)
        close(evaluated(p, state), mean, rtol=1e-5, atol=1e-6)


def test_another_optimizer_starts_from_its_own_numbers():
    raw = {"optim": {"learning_rate": 0.5, "b2": 0.9, "weight_decay": 0.1, "clip_norm": 2.0}}
    for config in (resolve(raw), load_config("undercomplete", **raw)):
        o = config.replace(**{"optim.name": "lion"}).optim
        assert (o.b1, o.b2, o.weight_decay, o.learning_rate) == (0.9, 0.99, 1e-3, 0.5)
        assert o.clip_norm == 2.0
        o = config.replace(**{"optim.name": "yogi"}).optim
        assert (o.b2, o.eps, o.weight_decay) == (0.9, 1e-3, 0.1)
        back = config.replace(**{"optim.name": "lion"}).replace(**{"optim.name": "adam"}).optim
        assert (back.b2, back.weight_decay, back.learning_rate) == (0.999, 0.0, 0.5)
    for order in (("name", "b2"), ("b2", "name")):
        told = {"name": "lion", "b2": 0.95}
        assert resolve(nested({f"optim.{f}": told[f] for f in order})).optim.b2 == 0.95
    assert config.replace(**{"optim.name": "muon"}).optim.ns_steps == 5


@pytest.mark.parametrize("name", LENIENT)
def test_the_first_optimizers_have_the_fields_they_always_had(name):
    told = {"name": name, "momentum": 0.5, "b1": 0.5, "eps": 0.5, "decoupled": True}
    o = resolve({"optim": told}).optim.to_dict()
    assert list(o) == [
        "name", "learning_rate", "momentum", "b1", "b2", "eps", "weight_decay", "decoupled",
        "clip_norm", "schedule", "final_fraction", "warmup_epochs", "decay_epochs",
    ]  # fmt: skip
    assert told.items() <= o.items()


def test_schedules_count_updates():
    """4 epochs of 5 batches are 10 updates of 2: a cosine over 10, 2 of them (an epoch) a ramp."""
    optim = {"name": "sgd", "learning_rate": 1.0, "schedule": "cosine", "final_fraction": 0.0}
    config = {"optim": {**optim, "accumulate": 2, "warmup_epochs": 1}, "train": {"epochs": 4}}
    rule = build(resolve(config), 5)
    p, steps = {"w": jnp.zeros(1)}, []
    state = rule.init(p)
    for _ in range(20):
        step, state = rule.update({"w": -jnp.ones(1)}, state, p)
        steps.append(float(step["w"][0]))
    wanted = [0.5, 1.0, *(0.5 * (1 + np.cos(np.pi * i / 8)) for i in range(8))]
    np.testing.assert_allclose(steps[1::2], wanted, atol=1e-6)
    assert not any(steps[::2])


WRONG = {
    "name": ({"name": "lyon"}, r"optim\.name: unknown choice 'lyon'; did you mean 'lion'"),
    "other": ({"ns_steps": 3}, r"optim\.ns_steps: unknown field 'ns_steps'"),
    "near": ({"name": "muon", "ns_step": 3}, r"optim\.ns_step: .*did you mean 'ns_steps'"),
    "count": ({"name": "muon", "ns_steps": 0}, r"optim\.ns_steps: must be a whole number >= 1"),
    "decay": ({"name": "rmsprop", "decay": 1.0}, r"optim\.decay: must be a number in \[0, 1\)"),
    "b1": ({"name": "schedule_free", "b1": 0.0}, r"optim\.b1: must be a number in \(0, 1\)"),
    "momentum": ({"name": "lion", "momentum": 0.9}, r"optim\.momentum: lion has no such number"),
    "eps": ({"name": "lars", "eps": 0.1}, r"optim\.eps: lars has no such.*leave it 1e-08"),
    "decoupled": (
        {"name": "adamw", "decoupled": True},
        r"optim\.decoupled: adamw adds weight_decay itself; leave it False",
    ),
    "accumulate": ({"accumulate": 0}, r"optim\.accumulate: must be a whole number >= 1"),
    "average": ({"average": 1.0}, r"optim\.average: must be a number in \[0, 1\)"),
    "averages": (
        {"name": "schedule_free", "average": 0.9},
        r"optim\.average: schedule_free evaluates an average of its own; leave it 0",
    ),
    "schedule": (
        {"name": "schedule_free", "schedule": "cosine"},
        r"optim\.schedule: schedule_free averages .* needs 'constant'",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_an_optimizer_cannot_use_is_named(case):
    optim, message = WRONG[case]
    with pytest.raises(ConfigError, match=message) as error:
        resolve({"optim": optim})
    assert len(str(error.value).splitlines()) <= 3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lion", "adafactor", "muon", "schedule_free"])
def test_rates_of_a_sweep_are_those_of_single_runs(name):
    raw = {
        "optim": {"name": name},
        "model": {"code_size": 3},
        "train": {"batch_size": 32, "epochs": 2},
    }
    found = sweep(raw, [{"optim.learning_rate": rate} for rate in (0.01, 0.03)])
    (group,) = members.groups(found)
    _, states, losses, _ = together(group, "vmap")
    for member, state, loss in zip(found, states, losses, strict=True):
        _, alone, wanted = single(member)
        close(state.variables, alone.variables, rtol=1e-4, atol=1e-5)
        close(loss, wanted, rtol=1e-5)


def test_codes_that_an_optimizer_sees_whole_do_not_share_a_program():
    sizes = [{"model.code_size": k} for k in (3, 5)]
    groups = {
        name: len(members.groups(sweep({"optim": {"name": name}}, sizes)))
        for name in ("adam", "lamb", "muon", "adafactor")
    }
    assert groups == {"adam": 1, "lamb": 1, "muon": 2, "adafactor": 2}
