"""Members trained together are the single runs, and a masked code is a small network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_jax import controls, ensemble, fastest, members, training
from ae_jax.arrays import Split
from ae_jax.config import FIXED, SLOTS, merge, nested, resolve
from ae_jax.data import load_data
from ae_jax.evaluation import evaluator
from ae_jax.members import Member
from ae_jax.optimiser import OPTIMISERS
from ae_jax.penalties import PENALTIES
from ae_jax.schema import fields

METHODS = pytest.mark.parametrize("method", ensemble.METHODS)
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
POINTS = [p | {f: v[i] for f, v in FIELDS.items()} for i, p in enumerate(POINTS)]


def noise_images(n=70, side=6, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 1)).astype(np.uint8)


DATA = Split(noise_images(), None)


def sweep(raw, points, seeds=(0,)):
    """The members of some points, as the command makes them."""
    configs = [resolve(merge(raw, nested(point))) for point in points]
    return [Member(s, p, c) for p, c in zip(points, configs, strict=True) for s in seeds]


def single(member, data=DATA):
    """What the single run ends with."""
    trainer = training.prepare(member.config, data.images.shape[1:], len(data.images))
    key = jax.random.key(member.seed)
    state = trainer.init(key, training.mean_image(data.images, member.config.data.scale))
    for chunk in training.train(trainer, state, data, key):
        state = chunk.state
    return trainer, state


def together(group, method, data=DATA, compiled=None):
    """(ensemble, every member's last state, last chunk)."""
    e = ensemble.prepare(group, data, method)
    states, chunk = ensemble.start(e), None
    for chunk in ensemble.train(e, states, compiled):
        states = chunk.states
    return e, ensemble.results(e, states), chunk


def close(a, b, **tolerance):
    for (path, x), y in zip(
        jax.tree_util.tree_leaves_with_path(a), jax.tree.leaves(b), strict=True
    ):
        np.testing.assert_allclose(x, y, err_msg=jax.tree_util.keystr(path), **tolerance)


@pytest.fixture(scope="module")
def singles():
    return [single(member) for member in three()]


def three():
    """The members of two points, one of them with two seeds."""
    return sweep(NOISY, POINTS, (3, 4))[:3]


@METHODS
def test_members_are_the_single_runs(method, singles, monkeypatch):
    """Of all seeds and numbers, in chunks of a few steps, from two compilations (batches 16, 6)."""
    traced, run_steps = [], training.run_steps

    def counted(trainer, size, *args):
        traced.append(size)
        return run_steps(trainer, size, *args)

    monkeypatch.setattr(training, "run_steps", counted)
    monkeypatch.setattr(training, "CHUNK_SECONDS", 1e-4)
    (group,) = members.groups(three())
    e, states, _ = together(group, method)
    assert traced == [16, 6]
    evaluate, key = ensemble.evaluator(e), jax.random.key(9)
    for i, (trainer, state) in enumerate(singles):
        close(states[i].params, state.params, rtol=1e-4, atol=1e-6)
        close(states[i].record["loss"], state.record["loss"], rtol=1e-5)
        assert int(states[i].step) == 10
        alone = evaluator(trainer.objective, 500)(state.variables, DATA, key)
        row = evaluate(i, state.variables, DATA, key)
        assert set(row) >= set(alone)
        np.testing.assert_allclose([row[n] for n in alone], list(alone.values()), rtol=1e-5)


def test_loop_over_seeds_is_the_single_run_bit_for_bit():
    found = sweep(NOISY, [{}], (0, 1))
    _, states, _ = together(members.groups(found)[0], "loop")
    for member, state in zip(found, states, strict=True):
        close(state.params, single(member)[1].params, rtol=0, atol=0)


def test_statistics_of_batchnorm_and_the_mean_image_are_the_members_own():
    raw = {
        "data": {"center": True},
        "encoder": {"name": "conv_strided", "channels": (2, 3), "batch_norm": True},
        "model": {"code_size": 2},
        "train": {"batch_size": 35, "epochs": 1},
    }
    found = sweep(raw, [{}], (0, 1))
    _, states, _ = together(members.groups(found)[0], "vmap")
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
    listed += [("optim", name, FIXED["optim"]) for name in OPTIMISERS]
    listed += [(f"penalties.{name}", None, c) for name, c in PENALTIES.items()]
    for section, name, choice in listed:
        for field, (annotation, _) in fields(choice).items():
            if "float" in str(annotation):
                yield section, name, field, (0.25, 0.5)


def test_every_number_can_be_an_argument():
    """Nothing on the way from a config to a step looks at a number's value."""
    needs = {
        "optim": {"schedule": "cosine"},
        "penalties.sparsity_kl": {"encoder": {"code_activation": "sigmoid"}},
    }
    found = set()
    for section, name, field, values in numbers():
        raw = merge(
            {"train": {"batch_size": 16}}, nested({section: {"name": name}} if name else {})
        )
        raw = merge(
            raw, {"optim": needs["optim"]} if section == "optim" else needs.get(section, {})
        )
        path = f"{section}.{field}"
        groups = members.groups(sweep(raw, [{path: value} for value in values]))
        found.add(path)
        if path in members.CONSTANTS:
            assert len(groups) == 2
            continue
        (group,) = groups
        assert list(group.values) == [path]

        def steps(values, group=group):
            trainer = members.trainer_of(group, values, (6, 6, 1), 70)
            key, mean = jax.random.key(0), jnp.zeros((6, 6, 1))
            state, order = trainer.init(key, mean), jnp.arange(70)
            return training.run_steps(
                trainer, 16, state, jnp.asarray(DATA.images), None, order, 0, 2, key
            )

        jax.eval_shape(steps, {path: jnp.float32(values[0])})
    assert found >= {"optim.b1", "corruption.rate", "penalties.contractive_hessian.sigma"}


def cut(params, k):
    """The weights of the first k units of a dense code."""
    encoder, decoder = (dict(params[side]["layer_0"]) for side in ("encoder", "decoder"))
    encoder = {name: v[..., :k] for name, v in encoder.items()}
    return {
        "encoder": {"layer_0": encoder},
        "decoder": {"layer_0": decoder | {"kernel": decoder["kernel"][:k]}},
    }


MASKED = {
    "corruption": {"name": "gaussian", "sigma": 0.2},
    "encoder": {"code_activation": "sigmoid"},
    "model": {"code_size": 5},
    "penalties": {"l1": {"weight": 0.01}},
    "optim": {"weight_decay": 0.01, "clip_norm": 0.5},
    "train": {"batch_size": 35, "epochs": 3},
}
SIZES = (2, 5, 3)


@pytest.fixture(scope="module")
def small():
    """The single runs of small networks."""
    return [single(m)[1] for m in sweep(MASKED, [{"model.code_size": k} for k in SIZES])]


@METHODS
def test_a_masked_code_is_the_single_run_of_a_small_network(method, small):
    """From its initial weights to its last; the metrics also by hand."""
    (group,) = members.groups(sweep(MASKED, [{"model.code_size": k} for k in SIZES]))
    e, states, _ = together(group, method)
    for alone, k, state in zip(small, SIZES, states, strict=True):
        close(cut(state.params, k), alone.params, rtol=1e-4, atol=1e-6)
        close(state.record["loss"], alone.record["loss"], rtol=1e-5)

    p = jax.tree.map(np.float64, cut(states[0].params, 2))
    x = DATA.images.reshape(70, -1) / 255.0
    W, b, V, c = (p[s]["layer_0"][n] for s in ("encoder", "decoder") for n in ("kernel", "bias"))
    mse = np.mean((1 / (1 + np.exp(-x @ W - b)) @ V + c - x) ** 2)
    row = ensemble.evaluator(e)(0, states[0].variables, DATA, jax.random.key(0))
    np.testing.assert_allclose(row["mse"], mse, rtol=1e-5)


WIDENED = {
    "conditional": {
        "bottleneck": {"name": "gaussian"},
        "encoder": {"hidden": (6,)},
        "model": {"classes": 4},
        "penalties": {"gaussian_kl": {"weight": 0.1}},
    },
    "tied": {"decoder": {"name": "tied"}},
    "conv": {
        "encoder": {"name": "conv_strided", "channels": (2,)},
        "decoder": {"name": "conv_strided", "channels": (2,)},
    },
}


@pytest.mark.parametrize("case", WIDENED)
def test_widened_networks_compute_what_small_ones_do(case):
    """The same reconstructions from the same initial weights, in every kind of network."""
    points = [{"model.code_size": k} for k in (2, 5)]
    found = sweep(merge(WIDENED[case], {"train": {"batch_size": 16}}), points)
    (group,) = members.groups(found)
    labels = np.arange(70, dtype=np.int32) % 4
    data, key = Split(DATA.images, labels), jax.random.key(1)
    e = ensemble.prepare(group, data, "loop")
    trainer = training.prepare(found[0].config, (6, 6, 1), 70)
    alone = trainer.init(jax.random.key(0), jnp.zeros((6, 6, 1)))
    row = ensemble.evaluator(e)(0, e.initial[0].variables, data, key)
    wanted = evaluator(trainer.objective, 500)(alone.variables, data, key)
    np.testing.assert_allclose([row[n] for n in wanted], list(wanted.values()), rtol=1e-6)


def test_linear_code_sizes_in_one_program_reach_pca():
    data = load_data("gaussian")
    raw = {
        "data": {"name": "gaussian", "center": True},
        "encoder": {"bias": False},
        "decoder": {"bias": False},
        "optim": {"learning_rate": 1e-2, "schedule": "cosine"},
        "train": {"batch_size": 100, "epochs": 20},
    }
    sizes = (2, 5)
    (group,) = members.groups(sweep(raw, [{"model.code_size": k} for k in sizes]))
    e, states, _ = together(group, "vmap", data.train)
    evaluate = ensemble.evaluator(e)
    for i, k in enumerate(sizes):
        pca = controls.pca_mse(data.train.images, data.test.images, k)
        mse = evaluate(i, states[i].variables, data.test, jax.random.key(0))["mse"]
        assert 0.99 * pca < mse < 1.03 * pca, (k, mse, pca)


@METHODS
def test_a_diverging_member_touches_no_other(method):
    raw = {**NOISY, "penalties": {}, "train": {"batch_size": 35, "epochs": 2}}
    found, programs = {}, {}
    for rate in (1e30, 0.03):
        points = [{"optim.learning_rate": r} for r in (0.01, rate, 0.1)]
        (group,) = members.groups(sweep(raw, points))
        _, found[rate], chunk = together(group, method, compiled=programs)
        assert list(chunk.diverged) == ([1] if rate > 1 else [])
        assert chunk.diverged.get(1) in (None, 1, 2)
    for i in (0, 2):
        close(found[1e30][i].params, found[0.03][i].params, rtol=0, atol=0)
    assert not np.isfinite(found[1e30][1].params["decoder"]["layer_0"]["bias"]).all()


def test_the_fastest_of_the_measured_methods_is_chosen(monkeypatch):
    (group,) = members.groups(sweep(NOISY, POINTS, (0, 1)))
    e, programs, ms = fastest.choose(group, DATA)
    assert e.method == "loop" and list(ms) == ["loop"], "too short to be worth measuring"
    monkeypatch.setattr(fastest, "WORTH", 0.0)
    e, programs, ms = fastest.choose(group, DATA)
    assert set(ms) == set(ensemble.METHODS) and e.method == min(ms, key=ms.get)
    states = ensemble.start(e)
    compiled = [c.steps for c in ensemble.train(e, states, programs) if c.compile_s]
    assert compiled == [(4, 5)], "the program for full batches is the measured one"
