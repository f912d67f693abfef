"""Every rule against a case made to trigger it, and against the same case put right."""

import jax
import numpy as np
import pytest
from scipy import stats

import ae_jax
from ae_jax.evaluate import advice, baselines, code_statistics
from ae_jax.resolve.config import load_config
from experiments.running.summary import of_the_code

PCA, MEAN = 0.010, 0.070


def summary(mse=0.005, **more):
    controls_ = {"pca": PCA, "pca_uncentred": PCA, "mean_image": MEAN, "untrained": 0.3}
    return {"test": {"mse": mse, **more.pop("test", {})}, "controls": controls_, **more}


def rows(test, train=None):
    """One line per epoch, as in metrics.jsonl."""
    train = test if train is None else train
    both = [("train", v) for v in train], [("test", v) for v in test]
    return [
        {"step": 10 * (i + 1), "epoch": i + 1, "split": split, "loss": float(v)}
        for lines in both
        for i, (split, v) in enumerate(lines)
    ]


def noisy(denoised):
    d = {"noisy_mse": 0.23, "denoised_mse": denoised, "linear_denoiser_mse": 0.019}
    return summary(denoise=d)


FLAT = rows(np.full(20, 0.05))
FALLING = rows(0.05 * 0.97 ** np.arange(20))
U_SHAPE = np.r_[np.linspace(0.10, 0.05, 10), np.linspace(0.05, 0.06, 10)]
SATURATED = {"code_activation": "tanh"}
# rule -> (config, its changes, (summary, rows) that trigger it, (summary, rows) that do not, words)
CASES = {
    "learned nothing": ("undercomplete", {}, (summary(MEAN), FLAT), (summary(0.06), FLAT), "0.07"),
    "worse than PCA": (
        "undercomplete",
        {},
        (summary(1.1 * PCA), FLAT),
        (summary(0.99 * PCA), FLAT),
        "0.01 against 0.011",
    ),
    "worse than the best linear denoiser": (
        "denoise",
        {},
        (noisy(0.020), FLAT),
        (noisy(0.013), FLAT),
        "0.019 against 0.02",
    ),
    "cross-entropy at its floor": (
        "vae",
        {},
        (summary(test={"bce": 51.0, "bce_floor": 50.0}), FLAT),
        (summary(test={"bce": 80.0, "bce_floor": 50.0}), FLAT),
        "51.0 nats",
    ),
    "dead units": (
        "undercomplete",
        {},
        (summary(code={"dead_units": 3}), FLAT),
        (summary(code={"dead_units": 2}), FLAT),
        "3 of 30",
    ),
    "saturated units": (
        "undercomplete",
        {"encoder": SATURATED},
        (summary(code={"saturated_units": 20}), FLAT),
        (summary(code={"saturated_units": 0}), FLAT),
        "20 of 30",
    ),
    "posterior collapse": (
        "vae",
        {},
        (summary(code={"collapsed_units": 12}), FLAT),
        (summary(code={"collapsed_units": 1}), FLAT),
        "12 of 20",
    ),
    "still falling at the last epoch": (
        "undercomplete",
        {},
        (summary(), FALLING),
        (summary(), FLAT),
        "--config.train.epochs=",
    ),
    "overfitting": (
        "undercomplete",
        {},
        (summary(), rows(U_SHAPE, train=np.linspace(0.1, 0.01, 20))),
        (summary(), FLAT),
        "at epoch 10",
    ),
}


def test_every_rule_has_its_case():
    assert list(CASES) == list(advice.RULES)


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_speaks_in_its_case_and_in_no_other(rule):
    name, changes, bad, good, words = CASES[rule]
    config = load_config(name, **changes)
    sentence = advice.RULES[rule](config, *bad)
    assert sentence and words in sentence and "\n" not in sentence
    assert advice.advise(config, *bad) == [sentence], "no other rule joins in"
    assert advice.RULES[rule](config, *good) is None
    assert sentence.count("`") % 2 == 0


def test_a_rule_without_its_numbers_is_silent():
    bare = {"test": {"mse": 0.005}, "controls": {"pca": PCA, "mean_image": MEAN}}
    for name in ("undercomplete", "denoise", "vae"):
        assert advice.advise(load_config(name), bare, []) == []
        assert advice.advise(load_config(name), bare, rows([0.1, float("nan")])) == []


@pytest.mark.parametrize(
    "name, changes, s",
    [
        ("denoise", {}, noisy(0.013) | {"test": {"mse": 0.02}}),  # is not meant to copy
        ("sparse_top_k", {}, summary(0.02)),  # k numbers of many are fewer numbers than PCA's
        ("sparse_kl", {}, summary(code={"saturated_units": 100})),  # near 0 is what is asked for
    ],
)
def test_what_the_config_asks_for_is_no_fault(name, changes, s):
    assert advice.advise(load_config(name, **changes), s, FLAT) == []


def test_units_are_called_saturated_or_dead_not_both():
    config = load_config("undercomplete")
    both = summary(code={"dead_units": 10, "saturated_units": 12})
    (sentence,) = advice.advise(config, both, FLAT)
    assert "saturated" in sentence


def test_the_price_of_penalties_is_named():
    config = load_config("vae")
    sentence = advice.worse_than_pca(config, summary(0.02), FLAT)
    assert "`penalties.gaussian_kl`" in sentence and "gaussian code" in sentence


def test_a_schedule_that_has_ended_is_not_gone_on_with():
    longer = advice.still_falling(load_config("undercomplete"), summary(), FALLING)
    assert "same work directory" in longer
    cosine = load_config("undercomplete", **{"optim.schedule": "cosine"})
    assert "new run" in advice.still_falling(cosine, summary(), FALLING)


def test_the_entropy_floor_is_the_entropy_and_the_least_cross_entropy():
    rng = np.random.default_rng(0)
    images = rng.random((7, 5, 4, 1)).astype(np.float32)
    images[0] = 0.0
    truth = stats.bernoulli(images.astype(np.float64)).entropy().sum() / len(images)
    assert baselines.entropy_floor(images) == pytest.approx(truth, rel=1e-5)
    x, best = images.astype(np.float64), np.inf
    for moved in (0.0, 0.01, -0.01):
        x_hat = np.clip(x + moved, 1e-9, 1 - 1e-9)
        nll = -(x * np.log(x_hat) + (1 - x) * np.log(1 - x_hat)).sum() / len(x)
        best = min(best, nll)
    assert best == pytest.approx(truth, rel=1e-6)
    bits = (images > 0.5).astype(np.uint8) * 255
    assert baselines.entropy_floor(bits) == 0


def test_saturated_and_dead_units_are_counted():
    z = np.zeros((100, 4))
    z[:, 0] = np.tanh(8 * np.sign(np.arange(100) - 50.5))  # always at one of the two bounds
    z[:, 1] = np.linspace(-0.9, 0.9, 100)
    z[:, 2] = 1.0  # at a bound, and the same for all
    assert code_statistics.saturated_units(z, -1.0, 1.0) == 2
    config = load_config("undercomplete", **{"encoder.code_activation": "tanh"})
    found = of_the_code(config, z)
    assert (found["saturated_units"], found["dead_units"]) == (2, 2)


@pytest.mark.long
def test_a_heavy_kl_collapses_the_posterior(digits):
    """At beta = 1000 the optimum is q(z | x) = p(z); at beta = 0.001 every unit is used."""
    data = ae_jax.data.load.subset(digits, 500, 100)
    small = {"encoder.hidden": (32,), "decoder.hidden": (32,), "train.batch_size": 100}
    for beta, collapsed in ((1000.0, True), (0.001, False)):
        changes = {"penalties.gaussian_kl.weight": beta, "model.code_size": 4, "train.epochs": 20}
        config = load_config("vae", **small, **changes)
        run = ae_jax.fit(config, data, jax.random.key(0), progress=False)
        found = of_the_code(run.config, run.encode(data.test.images))
        said = advice.posterior_collapse(run.config, {"code": found}, [])
        assert found["collapsed_units"] == (4 if collapsed else 0)
        assert bool(said) == collapsed
