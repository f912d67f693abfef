"""The KL term with free bits and cyclical weights, by hand; configs and runs of before."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ae_jax
from ae_jax.errors import ConfigError
from ae_jax.model.bottleneck.gaussian import GaussianBottleneck
from ae_jax.model.pipeline import Batch, build
from ae_jax.objective import objective as objective_lib
from ae_jax.objective.variational import gaussian_kl
from ae_jax.sweep import members

RNG = np.random.default_rng(0)
MEAN, SIGMA = RNG.normal(size=(6, 4)) * [1.5, 0.1, 0.6, 0.0], RNG.uniform(0.5, 1.3, (6, 4))
KL = 0.5 * (MEAN**2 + SIGMA**2 - 1 - np.log(SIGMA**2))  # of every image and number


def penalty(mean, **options):
    """The term per image, of posteriors with these means and the deviations above."""
    h = jnp.concatenate([mean, jnp.asarray(2 * np.log(SIGMA), jnp.float32)], axis=1)
    code = GaussianBottleneck().apply({}, h, None, False)[1]
    return gaussian_kl(type("Forward", (), {"code": code}), None, {}, None, **options)


def small(**changes):
    few = {"encoder.hidden": (5,), "decoder.hidden": (5,), "model.code_size": 2, **changes}
    return ae_jax.load_config("vae", **few)


@pytest.mark.parametrize("free_bits", [0.05, 0.3, 5.0])
def test_the_mean_is_the_sum_of_the_larger_of_both(free_bits):
    """Equation 15 in numpy; and the gradient of a number below lambda is 0."""
    mean = jnp.asarray(MEAN, jnp.float32)
    found = penalty(mean, free_bits=free_bits).mean()
    assert found == pytest.approx(np.maximum(free_bits, KL.mean(0)).sum(), rel=1e-5)
    slope = jax.grad(lambda mean: penalty(mean, free_bits=free_bits).mean())(mean)
    np.testing.assert_allclose(slope, MEAN / 6 * (KL.mean(0) > free_bits), atol=1e-6)


def test_without_them_it_is_the_kl_bit_for_bit():
    mean = jnp.asarray(MEAN, jnp.float32)
    none = penalty(mean)
    np.testing.assert_allclose(none, KL.sum(1), rtol=1e-5)
    assert jnp.array_equal(penalty(mean, free_bits=0.0), none)
    traced = jax.jit(lambda v: penalty(mean, free_bits=v))(0.0)
    np.testing.assert_allclose(traced, none, rtol=1e-5)


def test_the_growth_of_a_weight_begins_anew():
    """Every four epochs, over the first two; nothing from epoch 10 on."""
    cycled = {"weight": 3.0, "warmup_epochs": 2, "cycle_epochs": 4, "until_epoch": 10}
    config = small(**{"penalties.gaussian_kl": cycled})
    kl = objective_lib.build(config, build(config, (2, 3, 1))).penalties["gaussian_kl"]
    by_hand = {0: 0, 1: 1.5, 2: 3, 3.5: 3, 4: 0, 4.5: 0.75, 6: 3, 8: 0, 9: 1.5, 10: 0, 11: 0}
    for epoch, weight in by_hand.items():
        assert kl.weight_at(jnp.float32(epoch)) == pytest.approx(weight)
    assert kl.weight_at(None) == 3.0


def test_configs_of_before_stay_as_they_were(tmp_path):
    """Neither field is listed where it is off, and a run kept without them opens and goes on."""
    kept = {"weight": 1.0, "warmup_epochs": 0, "until_epoch": 0}
    config = small(**{"train": {"epochs": 1, "batch_size": 4}})
    assert config.to_dict()["penalties"] == {"gaussian_kl": kept}
    assert config.penalties.gaussian_kl.free_bits == config.penalties.gaussian_kl.cycle_epochs == 0
    changed = config.replace(**{"penalties.gaussian_kl": {"free_bits": 0.5, "cycle_epochs": 0}})
    assert changed.to_dict()["penalties"] == {"gaussian_kl": {**kept, "free_bits": 0.5}}
    assert ae_jax.resolve.config.resolve(changed.to_dict()) == changed
    x = RNG.uniform(size=(8, 2, 3)).astype(np.float32)
    run = ae_jax.fit(config, ae_jax.from_arrays(x, x), 0, progress=False)
    run.save(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())["penalties"]["gaussian_kl"]
    assert written == kept
    assert ae_jax.restore(tmp_path).config.penalties == config.penalties


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"cycle_epochs": 4}, r"gaussian_kl\.warmup_epochs: must be from 1 to cycle_epochs, 4"),
        ({"cycle_epochs": 4, "warmup_epochs": 5}, "after which the growth begins anew; not 5"),
        ({"free_bits": -1.0}, r"gaussian_kl\.free_bits: must be a number >= 0"),
    ],
)
def test_what_makes_no_sense_is_refused(changes, why):
    with pytest.raises(ConfigError, match=why):
        small(**{"penalties.gaussian_kl": changes})


def test_codes_cut_short_by_a_mask_have_no_free_bits():
    """A unit cut off would be granted lambda, which a smaller network has not."""
    assert members.maskable(small())
    assert not members.maskable(small(**{"penalties.gaussian_kl.free_bits": 0.1}))


def test_the_objective_adds_them():
    config = small(**{"penalties.gaussian_kl.free_bits": 50.0})
    model = build(config, (2, 3, 1))
    x, key = jax.random.uniform(jax.random.key(0), (4, 2, 3, 1)), jax.random.key(1)
    variables = model.init(jax.random.key(2))
    loss, (terms, _) = objective_lib.build(config, model)(variables, Batch(x), key, True)
    assert terms["gaussian_kl"] == pytest.approx(100.0)
    assert loss == pytest.approx(float(terms["reconstruction"]) + 100.0)
