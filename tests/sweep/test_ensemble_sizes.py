"""Code sizes trained together: a masked code is a small network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_jax.data.arrays import Split
from ae_jax.data.load import load_data
from ae_jax.evaluate import baselines
from ae_jax.evaluate.metrics import evaluator
from ae_jax.resolve.config import merge
from ae_jax.sweep import ensemble, members
from ae_jax.train import setup
from tests.sweep.ensembles import DATA, METHODS, close, single, sweep, together


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
    return [single(m)[1:] for m in sweep(MASKED, [{"model.code_size": k} for k in SIZES])]


@pytest.mark.slow
@METHODS
def test_a_masked_code_is_the_single_run_of_a_small_network(method, small):
    """From its initial weights to its last; the metrics also by hand."""
    (group,) = members.groups(sweep(MASKED, [{"model.code_size": k} for k in SIZES]))
    e, states, losses, _ = together(group, method)
    for (alone, wanted), k, state, found in zip(small, SIZES, states, losses, strict=True):
        close(cut(state.params, k), alone.params, rtol=1e-4, atol=1e-6)
        close(found, wanted, rtol=1e-5)

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
    "linear layers": {"encoder": {"linear_layers": 2}},
    "spectral norm": {"decoder": {"spectral_norm": True}},
    "layer norm and skips": {
        "encoder": {"hidden": (6, 6), "layer_norm": True, "skip": True},
        "decoder": {"hidden": (6, 6), "layer_norm": True},
    },
    "conv": {
        "encoder": {"name": "conv_strided", "channels": (2,)},
        "decoder": {"name": "conv_strided", "channels": (2,)},
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("case", WIDENED)
def test_widened_networks_compute_what_small_ones_do(case):
    """The same reconstructions from the same initial weights, in every kind of network."""
    points = [{"model.code_size": k} for k in (2, 5)]
    found = sweep(merge(WIDENED[case], {"train": {"batch_size": 16}}), points)
    (group,) = members.groups(found)
    labels = np.arange(70, dtype=np.int32) % 4
    data, key = Split(DATA.images, labels), jax.random.key(1)
    e = ensemble.prepare(group, data, "loop")
    trainer = setup.prepare(found[0].config, (6, 6, 1), 70)
    alone = trainer.init(jax.random.key(0), jnp.zeros((6, 6, 1)))
    row = ensemble.evaluator(e)(0, e.initial[0].variables, data, key)
    wanted = evaluator(trainer.objective, 500)(alone.variables, data, key)
    np.testing.assert_allclose([row[n] for n in wanted], list(wanted.values()), rtol=1e-6)


@pytest.mark.slow
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
    e, states, *_ = together(group, "vmap", data.train)
    evaluate = ensemble.evaluator(e)
    for i, k in enumerate(sizes):
        pca = baselines.pca_mse(data.train.images, data.test.images, k)
        mse = evaluate(i, states[i].variables, data.test, jax.random.key(0))["mse"]
        assert 0.99 * pca < mse < 1.03 * pca, (k, mse, pca)
