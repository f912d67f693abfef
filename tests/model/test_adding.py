"""What a newcomer adds: a corruption, a likelihood, a penalty that learns, a bottleneck.

Each is one piece of code and one entry of a dict; nothing else in the package is changed, and what
asks for a capability finds it. `LINES` are what the README says of them.
"""

import inspect
import itertools
import math
import re
from pathlib import Path
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from scipy import integrate, stats

import ae_jax
from ae_jax.analysis import energy
from ae_jax.config.schema import NonNegative
from ae_jax.data.arrays import Dataset, Split
from ae_jax.model.bottleneck import BOTTLENECKS
from ae_jax.model.bottleneck.base import Bottleneck, Prior
from ae_jax.model.corruption import CORRUPTIONS
from ae_jax.model.pipeline import Batch
from ae_jax.objective.losses import LOSSES, total
from ae_jax.objective.penalties import PENALTIES
from ae_jax.objective.variational import log_likelihood_bounds

# --- what the newcomer writes --------------------------------------------------------------------


def speckle(key, x, bounds, sigma: NonNegative = 0.2):
    """x~ = x (1 + sigma e), e ~ N(0, I)."""
    return x * (1 + sigma * jax.random.normal(key, x.shape, x.dtype))


def logistic_nll(p):
    """-log p(x_i | z) of a Logistic(x^_i, 1) pixel, in nats."""
    return p.x - p.x_hat + 2 * jax.nn.softplus(p.x_hat - p.x)


class CenterPenalty(nn.Module):
    """||h - c||^2 per image with a learned center c [width] (Ruff et al. 2018, Deep SVDD)."""

    start: float = 0.0

    @nn.compact
    def __call__(self, p, model, variables, key):
        c = self.param("center", nn.initializers.constant(self.start), p.h.shape[1:])
        seen = self.variable("batch_stats", "images", jnp.zeros, ())
        if self.is_mutable_collection("batch_stats") and not self.is_initializing():
            seen.value += len(p.h)
        return jnp.sum(jnp.square(p.h - c[None]), axis=1)


class Laplace(NamedTuple):
    """q(z | x) = Laplace(mean, b), each [batch, code_size]; the prior is Laplace(0, 1)."""

    mean: jax.Array
    b: jax.Array

    def draw(self, key):
        """(z, log q(z | x)) of one sample an image."""
        e = jax.random.laplace(key, self.mean.shape)
        return self.mean + self.b * e, -jnp.sum(jnp.abs(e) + jnp.log(2 * self.b), axis=-1)

    def kl(self):
        """sum_j |mean_j| + b_j exp(-|mean_j| / b_j) - log b_j - 1."""
        m, b = jnp.abs(self.mean), self.b
        return jnp.sum(m + b * jnp.exp(-m / b) - jnp.log(b) - 1, axis=-1)


class LaplaceBottleneck(Bottleneck):
    """z = mean + b e, e ~ Laplace(0, 1); the mean at evaluation."""

    numbers: ClassVar[int] = 2
    prior: ClassVar[Prior | None] = Prior(
        "Laplace", jax.random.laplace, lambda z: -jnp.sum(jnp.abs(z) + math.log(2), axis=-1), 2.0
    )

    def __call__(self, h, key, train):
        mean, s = jnp.split(h, 2, axis=-1)
        code = Laplace(mean, jnp.exp(s))
        return (mean if key is None or not train else code.draw(key)[0]), code


class ScaledBottleneck(Bottleneck):
    """z = h / (running mean of |h|) * g: a bottleneck with a parameter and a statistic."""

    @nn.compact
    def __call__(self, h, key, train):
        size = self.variable("batch_stats", "size", jnp.ones, ())
        if train:
            size.value = 0.9 * size.value + 0.1 * jnp.mean(jnp.abs(h))
        gain = self.param("gain", nn.initializers.ones, h.shape[1:])
        return h / size.value * gain[None], None


# --- and the tests -------------------------------------------------------------------------------

ADDED = {
    "corruption": (speckle,),
    "likelihood": (logistic_nll,),
    "penalty with parameters": (CenterPenalty,),
    "variational bottleneck": (Laplace, LaplaceBottleneck),
}
README = Path(__file__).parents[2] / "README.md"


def lines(pieces):
    """Lines of code and docstrings, blank ones left out, and the dict's one."""
    text = "".join(inspect.getsource(piece) for piece in pieces)
    return sum(bool(line.strip()) for line in text.splitlines()) + 1


@pytest.fixture(autouse=True)
def _added(monkeypatch):
    monkeypatch.setitem(CORRUPTIONS, "speckle", speckle)
    monkeypatch.setitem(LOSSES, "logistic_nll", logistic_nll)
    monkeypatch.setitem(PENALTIES, "center", CenterPenalty)
    monkeypatch.setitem(BOTTLENECKS, "laplace", LaplaceBottleneck)
    monkeypatch.setitem(BOTTLENECKS, "scaled", ScaledBottleneck)


def digits(n=64):
    rng = np.random.default_rng(0)
    images = rng.uniform(size=(n, 6, 6, 1)).astype(np.float32)
    return Dataset("own", Split(images, None), Split(images[:16], None))


def fitted(directory=None, **changes):
    """A small run of the changed config, and its data."""
    config = {
        "model": {"code_size": 3},
        "encoder": {"hidden": (8,)},
        "decoder": {"hidden": (8,)},
        "optim": {"learning_rate": 1e-2},
        "train": {"batch_size": 16, "epochs": 3},
    }
    data = digits()
    raw = ae_jax.resolve.config.merge(config, ae_jax.resolve.config.nested(changes))
    return ae_jax.fit(raw, data, jax.random.key(0), progress=False), data


def test_the_readme_counts_their_lines():
    said = dict(re.findall(r"^\| (?:a )?([a-z ]+) \| (\d+) \|$", README.read_text(), re.M))
    assert {name: int(said[name]) for name in ADDED} == {n: lines(p) for n, p in ADDED.items()}


def test_a_new_corruption_has_its_moments():
    model = ae_jax.model.pipeline.build(
        ae_jax.load_config("denoise", corruption={"name": "speckle", "sigma": 0.5}), (50, 50, 1)
    )
    x = jnp.full((4, 50, 50, 1), 0.8)
    noise = np.asarray(model.corrupt(jax.random.key(1), x)) - 0.8
    assert abs(noise.mean()) < 4 * 0.4 / 100
    assert noise.std() == pytest.approx(0.4, rel=0.03)


@pytest.mark.slow
def test_a_new_likelihood_is_scipys():
    run, data = fitted(**{"loss.name": "logistic_nll", "loss.per": "image"})
    shown = run.reconstruct(data.test.images)
    theirs = -stats.logistic.logpdf(data.test.images, loc=shown).sum((1, 2, 3)).mean()
    model = run.model
    p = model.run(run.variables, Batch(jnp.asarray(data.test.images)), None)
    np.testing.assert_allclose(jnp.mean(total(p, logistic_nll(p))), theirs, rtol=1e-5)
    assert run.history["loss"][-1] < run.history["loss"][0]


@pytest.mark.slow
def test_a_penalty_learns_its_parameters(tmp_path):
    """With nothing but the penalty to please, the learned center is the mean of the codes."""
    frozen = {"center": {"weight": 1.0, "start": 3.0}}
    run, data = fitted(
        penalties=frozen, **{"train.epochs": 800, "optim.name": "sgd", "optim.learning_rate": 0.05}
    )
    center = run.variables["params"]["penalties"]["center"]["center"]
    np.testing.assert_allclose(center, run.encode(data.train.images).mean(0), atol=0.05)
    assert run.variables["batch_stats"]["penalties"]["center"]["images"] == 800 * 64
    run.save(tmp_path / "run")
    again = ae_jax.restore(tmp_path / "run")
    for kept, made in zip(
        jax.tree.leaves(again.variables), jax.tree.leaves(run.variables), strict=True
    ):
        np.testing.assert_array_equal(kept, made)


@pytest.mark.slow
def test_the_gradient_of_a_penalty_that_learns_by_finite_differences():
    run, data = fitted(penalties={"center": {"weight": 0.5}}, **{"train.epochs": 1})
    config = run.config
    objective = ae_jax.objective.objective.build(config, run.model)
    batch, key = Batch(jnp.asarray(data.train.images[:16])), jax.random.key(2)
    params = run.variables["params"]

    def loss(center):
        own = {"penalties": {"center": {"center": center}}}
        return objective({**run.variables, "params": {**params, **own}}, batch, key, False)[0]

    center = jnp.array([0.3, -0.2, 0.5])
    slope = jax.grad(loss)(center)
    for j, step in enumerate(1e-2 * np.eye(3, dtype=np.float32)):
        found = (loss(center + step) - loss(center - step)) / 2e-2
        np.testing.assert_allclose(slope[j], found, rtol=1e-2, atol=1e-4)


@pytest.mark.slow
def test_weight_decay_spares_what_penalties_own():
    config = {"penalties": {"center": {"weight": 1.0, "start": 3.0}, "weight_l2": {"weight": 1.0}}}
    run, data = fitted(**config, **{"train.epochs": 1})
    objective = ae_jax.objective.objective.build(run.config, run.model)
    batch = Batch(jnp.asarray(data.train.images[:4]))
    _, (terms, _) = objective(run.variables, batch, jax.random.key(0), False)
    leaves = jax.tree_util.tree_leaves_with_path(run.variables["params"])
    kernels = [W for path, W in leaves if path[-1].key == "kernel"]
    np.testing.assert_allclose(
        terms["weight_l2"], sum(np.mean(np.square(W)) for W in kernels), rtol=1e-5
    )


@pytest.mark.slow
def test_a_second_variational_bottleneck_is_one_to_all_who_ask(tmp_path):
    run, data = fitted(**{"bottleneck.name": "laplace", "penalties.gaussian_kl.weight": 0.01})
    assert run.model.prior is LaplaceBottleneck.prior
    codes = run.encode(data.train.images)
    drawn = run.sample(jax.random.key(1), 2000)
    z = LaplaceBottleneck.prior.sample(jax.random.key(1), (2048, 3))[:2000]
    np.testing.assert_allclose(drawn, run.decode(np.asarray(z)), atol=1e-6)  # not of the moments
    assert energy.prior_of(run, data.train.images).precision[0, 0] == 0.5
    h = run.model.apply(run.variables, jnp.asarray(data.train.images), method="encode")
    assert h.shape == (64, 6)
    np.testing.assert_array_equal(codes, h[:, :3])
    run.save(tmp_path / "run")
    again = ae_jax.restore(tmp_path / "run")
    np.testing.assert_array_equal(again.sample(jax.random.key(1), 2000), drawn)


@pytest.mark.slow
@pytest.mark.parametrize("mean, b", [(0.0, 1.0), (0.7, 0.4), (-1.5, 2.0)])
def test_its_kl_by_quadrature(mean, b):
    q, p = stats.laplace(mean, b), stats.laplace(0, 1)
    ends = [-40.0, *sorted({0.0, mean}), 40.0]
    truth = sum(
        integrate.quad(lambda z: q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), low, high)[0]
        for low, high in itertools.pairwise(ends)
    )
    found = Laplace(jnp.array([[mean]]), jnp.array([[b]])).kl()
    np.testing.assert_allclose(found, [truth], atol=1e-5)


@pytest.mark.slow
def test_its_bounds_on_the_likelihood_are_the_exact_one():
    """One code number: log p(x) by quadrature lies above the ELBO, and many samples reach it."""
    run, data = fitted(
        **{
            "bottleneck.name": "laplace",
            "model.code_size": 1,
            "penalties.gaussian_kl.weight": 1.0,
            "loss.per": "image",
        }
    )
    x = data.test.images[:4]
    elbo, bound = log_likelihood_bounds(
        run.model, run.variables, Batch(jnp.asarray(x)), jax.random.key(1), 4000, "squared_error"
    )
    z = np.linspace(-30, 30, 60_001)
    images = run.decode(z[:, None].astype(np.float32))
    log_p = -np.square(images[None] - x[:, None]).sum((2, 3, 4)) - 18 * math.log(math.pi)
    densities = np.exp(log_p - log_p.max(1, keepdims=True)) * stats.laplace.pdf(z)
    exact = np.log(integrate.trapezoid(densities, z, axis=1)) + log_p.max(1)
    assert (np.asarray(elbo) < exact).all()
    np.testing.assert_allclose(bound, exact, atol=0.05)


@pytest.mark.slow
def test_a_bottleneck_keeps_its_parameters_and_statistics(tmp_path):
    run, data = fitted(**{"bottleneck.name": "scaled"})
    h = run.model.apply(run.variables, jnp.asarray(data.test.images), method="encode")
    gain = run.variables["params"]["bottleneck"]["gain"]
    size = run.variables["batch_stats"]["bottleneck"]["size"]
    assert size != 1.0 and not np.array_equal(gain, np.ones(3)), "both have moved"
    np.testing.assert_allclose(run.encode(data.test.images), h / size * gain[None], rtol=1e-5)
    run.save(tmp_path / "run")
    again = ae_jax.restore(tmp_path / "run")
    np.testing.assert_array_equal(again.encode(data.test.images), run.encode(data.test.images))
