"""Members trained together are the single runs, whatever numbers and seeds they differ in."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_jax.config.schema import NonNegative, Probability, fields
from ae_jax.errors import ConfigError
from ae_jax.evaluate.metrics import evaluator
from ae_jax.export.weights import named
from ae_jax.model import corruption
from ae_jax.model.corruption import CORRUPTIONS
from ae_jax.objective.penalties import PENALTIES
from ae_jax.optimizer import OPTIMIZERS, unused
from ae_jax.resolve.config import SLOTS, flat, merge, nested
from ae_jax.sweep import autotune, ensemble, members
from ae_jax.train import loop, setup, taking
from tests.sweep.ensembles import DATA, METHODS, close, single, sweep, together

NOISY = {
    "corruption": {"name": "mask", "rate": 0.3},
    "encoder": {"hidden": (12,)},
    "bottleneck": {"name": "dropout", "rate": 0.5},
    "model": {"code_size": 5},
    "penalties": {"weight_l2": {"weight": 0.1}},
    "optim": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.5},
    "train": {"batch_size": 16, "epochs": 2},
}
# Two seeds; numbers of every part, some of them 0 in one member only.
POINTS = [
    {"optim.learning_rate": 0.1, "penalties.weight_l2.weight": 0.0, "corruption.rate": 0.0},
    {"optim.learning_rate": 0.03, "penalties.weight_l2.weight": 0.1, "corruption.rate": 0.5},
]
FIELDS = {
    "optim.momentum": (0.0, 0.9),
    "optim.weight_decay": (1e-3, 0.0),
    "bottleneck.rate": (0.0, 0.4),
}
NOT_OPEN = [f"optim.{field}" for field in ("average", "b2", "b3", "decay", "rho")]
NOT_OPEN += ["bottleneck.decay"]
POINTS = [p | {f: v[i] for f, v in FIELDS.items()} for i, p in enumerate(POINTS)]


@pytest.fixture(scope="module")
def singles():
    return [single(member) for member in three()]


def three():
    """The members of two points, one of them with two seeds."""
    return sweep(NOISY, POINTS, (3, 4))[:3]


@pytest.mark.slow
@METHODS
def test_members_are_the_single_runs(method, singles, monkeypatch):
    """Of all seeds and numbers, in chunks of a few steps, from two compilations (batches 16, 6)."""
    traced, run_steps = [], loop.run_steps

    def counted(trainer, size, *args):
        traced.append(size)
        return run_steps(trainer, size, *args)

    monkeypatch.setattr(loop, "run_steps", counted)
    monkeypatch.setattr(loop, "CHUNK_SECONDS", 1e-4)
    monkeypatch.setattr(loop, "SLOW_STEPS", 1)
    (group,) = members.groups(three())
    e, states, losses, _ = together(group, method)
    assert traced == [16, 6]
    evaluate, key = ensemble.evaluator(e), jax.random.key(9)
    for i, (trainer, state, wanted) in enumerate(singles):
        close(states[i].params, state.params, rtol=1e-4, atol=1e-6)
        close(losses[i], wanted, rtol=1e-5)
        assert int(states[i].step) == 10
        alone = evaluator(trainer.objective, 500)(state.variables, DATA, key)
        row = evaluate(i, state.variables, DATA, key)
        assert set(row) >= set(alone)
        np.testing.assert_allclose([row[n] for n in alone], list(alone.values()), rtol=1e-5)


@pytest.mark.slow
def test_loop_over_seeds_is_the_single_run_bit_for_bit():
    found = sweep(NOISY, [{}], (0, 1))
    _, states, *_ = together(members.groups(found)[0], "loop")
    for member, state in zip(found, states, strict=True):
        close(state.params, single(member)[1].params, rtol=0, atol=0)


@pytest.mark.long
def test_statistics_of_batchnorm_and_the_mean_image_are_the_members_own():
    raw = {
        "data": {"center": True},
        "encoder": {"name": "conv_strided", "channels": (2, 3), "batch_norm": True},
        "model": {"code_size": 2},
        "train": {"batch_size": 35, "epochs": 1},
    }
    found = sweep(raw, [{}], (0, 1))
    _, states, *_ = together(members.groups(found)[0], "vmap")
    for member, state in zip(found, states, strict=True):
        close(state.variables, single(member)[1].variables, rtol=1e-4, atol=1e-6)


def test_what_cannot_be_an_argument_makes_groups():
    grid = {"encoder.hidden": [(4,), (6,)], "optim.clip_norm": [None, 1.0, 2.0]}
    found = [
        {"encoder.hidden": h, "optim.clip_norm": c}
        for h in grid["encoder.hidden"]
        for c in grid["optim.clip_norm"]
    ]
    groups = members.groups(sweep(NOISY, found))
    assert [g.rows for g in groups] == [(0,), (1, 2), (3,), (4, 5)]
    assert [list(g.values) for g in groups] == [[], ["optim.clip_norm"]] * 2
    # weight_l2 averages over all weights, so a code cut short would not be a small network.
    sizes = [{"model.code_size": k} for k in (3, 5)]
    assert len(members.groups(sweep(NOISY, sizes))) == 2
    plain = {**NOISY, "penalties": {"l1": {"weight": 0.1}}}
    assert len(members.groups(sweep(plain, sizes))) == 1
    random = merge(NOISY, {"data": {"split": "random"}})
    assert len(members.groups(sweep(random, [{}], (0, 1)))) == 2


def numbers():
    """(section, choice or None, field, two values) of every field that is a real number."""
    listed = [(s, name, c) for s, (choices, *_) in SLOTS.items() for name, c in choices.items()]
    listed += [("optim", name, SLOTS["optim"].common) for name in OPTIMIZERS]
    listed += [(f"penalties.{name}", None, c) for name, c in PENALTIES.items()]
    for section, name, choice in listed:
        for field, (annotation, _) in fields(choice).items():
            if "float" in str(annotation) and not (section == "optim" and field in unused(name)):
                yield section, name, field, (0.25, 0.5)


@pytest.mark.slow
def test_every_open_number_can_be_an_argument(monkeypatch):
    """Nothing that uses one looks at its value, and the config beside it holds plain data."""
    plain, run_steps = [], loop.run_steps

    def seen(trainer, *args):
        leaves = [value for _, value in flat(trainer.config)]
        assert all(isinstance(v, bool | int | float | str | tuple | None) for v in leaves)
        plain.append(hash(trainer.config))
        return run_steps(trainer, *args)

    monkeypatch.setattr(loop, "run_steps", seen)
    needs = {
        "optim": {"schedule": "cosine"},
        "penalties.sparsity_kl": {"encoder": {"code_activation": "sigmoid"}},
        "penalties.gaussian_kl": {"bottleneck": {"name": "gaussian"}},
        "penalties.least_volume": {"decoder": {"spectral_norm": True}},
        "negative_binomial_nll": {"decoder": {"output": "softplus"}, "data": {"scale": "none"}},
        "schedule_free": {"optim": {"schedule": "constant"}},
    }
    found = set()
    for section, name, field, values in numbers():
        raw = merge(
            {"train": {"batch_size": 16}}, nested({section: {"name": name}} if name else {})
        )
        raw = merge(
            raw, {"optim": needs["optim"]} if section == "optim" else needs.get(section, {})
        )
        raw = merge(raw, needs.get(name, {}))
        path = f"{section}.{field}"
        groups = members.groups(sweep(raw, [{path: value} for value in values]))
        if path in NOT_OPEN:
            assert len(groups) == 2, "their digits are more than float32 keeps"
            continue
        found.add(path)
        (group,) = groups
        assert list(group.values) == [path]

        def steps(values, group=group):
            trainer = members.trainer_of(group, values, (6, 6, 1), 70)
            key, mean = jax.random.key(0), jnp.zeros((6, 6, 1))
            state, order = trainer.initial(key, mean), jnp.arange(70)
            carry = loop.Carry(state, trainer.metrics())
            return loop.run_steps(
                trainer, 16, carry, jnp.asarray(DATA.images), None, order, 0, 2, key
            )

        jax.eval_shape(steps, {path: jnp.float32(values[0])})
    assert len(plain) >= len(found) >= 18
    assert found >= {"optim.b1", "corruption.rate", "penalties.contractive_hessian.sigma"}


@pytest.mark.long
def test_a_slot_that_looks_at_its_number_can_be_swept(monkeypatch):
    """What is not declared open is a constant: its values make programs of their own."""

    def blur(key, x, bounds, sigma: NonNegative = 0.3, share: Probability = 0.5):
        if sigma == 0:
            return x
        return x + share * sigma * jax.random.normal(key, x.shape)

    monkeypatch.setitem(CORRUPTIONS, "blur", blur)
    monkeypatch.setitem(corruption.OPEN, "blur", ("share",))
    raw = merge(NOISY, {"corruption": {"name": "blur"}})
    points = [
        {"corruption.sigma": sigma, "corruption.share": share}
        for sigma in (0.0, 0.3)
        for share in (0.2, 0.9)
    ]
    found = sweep(raw, points)
    groups = members.groups(found)
    assert [group.rows for group in groups] == [(0, 1), (2, 3)]
    assert [list(group.values) for group in groups] == [["corruption.share"]] * 2
    for group in groups:
        _, states, *_ = together(group, "loop")
        for row, state in zip(group.rows, states, strict=True):
            close(state.params, single(found[row])[1].params, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@METHODS
def test_a_diverging_member_touches_no_other(method):
    raw = {**NOISY, "penalties": {}, "train": {"batch_size": 35, "epochs": 2}}
    found, programs = {}, {}
    for rate in (1e30, 0.03):
        points = [{"optim.learning_rate": r} for r in (0.01, rate, 0.1)]
        (group,) = members.groups(sweep(raw, points))
        _, found[rate], _, diverged = together(group, method, compiled=programs)
        assert list(diverged) == ([1] if rate > 1 else [])
        assert diverged.get(1) in (None, 1, 2)
    for i in (0, 2):
        close(found[1e30][i].params, found[0.03][i].params, rtol=0, atol=0)
    assert not np.isfinite(found[1e30][1].params["decoder"]["layer_0"]["bias"]).all()


@pytest.mark.long
def test_the_fastest_of_the_measured_methods_is_chosen(monkeypatch):
    (group,) = members.groups(sweep(NOISY, POINTS, (0, 1)))
    e, programs, ms = autotune.choose(group, DATA)
    assert e.method == "loop" and list(ms) == ["loop"], "too short to be worth measuring"
    monkeypatch.setattr(autotune, "WORTH", 0.0)
    e, programs, ms = autotune.choose(group, DATA)
    assert set(ms) == set(ensemble.METHODS) and e.method == min(ms, key=ms.get)
    states = ensemble.start(e)
    compiled = [c.steps for c in ensemble.train(e, states, programs) if c.compile_s]
    assert compiled == [(4, 5)], "the program for full batches is the measured one"


@pytest.mark.slow
@METHODS
def test_members_begin_with_other_weights(method):
    """As the single runs do: those of a smaller code in the wide network, too."""
    raw = {
        "encoder": {"hidden": (7,)},
        "model": {"code_size": 5},
        "optim": {"weight_decay": 0.1, "average": 0.5},
        "train": {"batch_size": 20, "epochs": 2, "init_from": "there", "frozen": ("*/layer_0",)},
    }
    chosen = sweep(raw, [{"model.code_size": k, "optim.learning_rate": r} for k, r in
                         ((3, 0.01), (5, 0.02))], (3,))  # fmt: skip
    (group,) = members.groups(chosen)
    other = setup.prepare(chosen[0].config, (6, 6, 1), 70)
    arrays = named(other.init(jax.random.key(9), jnp.zeros((6, 6, 1))).variables)
    with pytest.raises(ConfigError, match=r"^train\.init_from: give the states"):
        ensemble.prepare(group, DATA, method)
    initial = members.initial_states(group, (6, 6, 1), 70, jnp.zeros((6, 6, 1)), arrays)
    e = ensemble.prepare(group, DATA, method, initial=initial)
    states = ensemble.start(e)
    for chunk in ensemble.train(e, states):
        states = chunk.states
    for i, member in enumerate(chosen):
        trainer = setup.prepare(member.config, (6, 6, 1), 70)
        key = jax.random.key(member.seed)
        state = taking.begun(trainer, trainer.init(key, jnp.zeros((6, 6, 1))), arrays)
        begin = named(state.variables)
        for chunk in loop.train(trainer, state, DATA, key):
            state = chunk.state
        ours, alone = named(ensemble.results(e, states)[i].variables), named(state.variables)
        for name, wanted in alone.items():
            found = ours[name][tuple(slice(n) for n in wanted.shape)]
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6, err_msg=name)
            assert (name in trainer.frozen) == name.split("/")[2].startswith("layer_0")
            if name in trainer.frozen:
                assert found.tobytes() == begin[name].tobytes(), name
