"""A user's own choice of which a slot cannot use what it gives is refused by its slot."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

import ae_jax
from ae_jax.errors import ConfigError
from ae_jax.model.bottleneck.base import Bottleneck
from ae_jax.model.networks.base import Network
from ae_jax.train import setup

X = np.random.default_rng(0).uniform(0, 1, (20, 6, 5, 1)).astype(np.float32)
SMALL = {"model": {"code_size": 3}, "train": {"batch_size": 10, "epochs": 1}}


def half(key, x, bounds):
    """The upper half."""
    return x[:, :3]


def summed(p):
    """A cost for each image, in place of one for each number."""
    return jnp.sum(jnp.square(p.x - p.x_hat), axis=(1, 2, 3))


def mean(p, model, variables, key):
    """One number for a batch, in place of one for each image."""
    return jnp.mean(p.z)


def product(p, model, variables, key):
    """Of matrices that do not fit."""
    return p.z @ p.z


class Seven(Network):
    """Seven numbers, whatever is asked for."""

    width: int
    init_name: str
    code_activation: str = "linear"

    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(7)(x.reshape(len(x), -1))


class First(Bottleneck):
    """The first two numbers."""

    def __call__(self, h, key, train):
        return h[:, :2], None


class Flat(Network):
    """Images as rows."""

    shape: tuple[int, int, int]
    init_name: str
    output: str = "linear"

    @nn.compact
    def __call__(self, z, encoder, train):
        return nn.Dense(30)(z)


@pytest.mark.parametrize(
    ("slot", "choice", "said"),
    [
        ("corruption", half, "corruption: gives [2, 3, 5, 1]"),
        ("encoder", Seven, "encoder: gives [2, 7] for 2 examples; must give [2, 3]"),
        ("bottleneck", First, "bottleneck: gives [2, 2] for 2 examples; must give [2, 3]"),
        ("decoder", Flat, "decoder: gives [2, 30] for 2 examples; must give [2, 6, 5, 1]"),
        ("loss", summed, "loss: gives [2] for 2 examples; must give [2, 30] or [2, 6, 5, 1]"),
        ("penalty", mean, "penalty 'mine_mean': gives [] for 2 examples; must give [2]"),
        ("penalty", product, "penalty 'mine_product': fails for 2 examples: TypeError: "),
    ],
)  # fmt: skip
def test_what_a_slot_cannot_use_is_refused_before_training(slot, choice, said):
    name = f"mine_{choice.__name__.lower()}"
    ae_jax.register(slot, name, choice)
    given = {"penalties": {name: {"weight": 1.0}}} if slot == "penalty" else {slot: {"name": name}}
    with pytest.raises(ConfigError) as refused:
        ae_jax.fit(SMALL | given, ae_jax.from_arrays(X, X), jax.random.key(0), progress=False)
    assert str(refused.value).startswith(said)
    assert len(str(refused.value).splitlines()) == 1


def test_the_packages_own_choices_are_not_followed(monkeypatch):
    monkeypatch.setattr(setup.shapes, "check", lambda *_: pytest.fail("it was"))
    ae_jax.fit(SMALL, ae_jax.from_arrays(X, X), jax.random.key(0), progress=False)
