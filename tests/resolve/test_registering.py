"""Functions of a user's own: found by their names, kept by them, refused where that cannot be."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

import ae_jax
from ae_jax.config import schema
from ae_jax.config.schema import NonNegative, Positive
from ae_jax.errors import ConfigError
from ae_jax.model.bottleneck.base import Bottleneck
from ae_jax.model.layers import Affine
from ae_jax.model.networks.base import Network, OutputName, Shape
from ae_jax.resolve import registering
from ae_jax.resolve.config import resolve
from experiments.sweeping import launching

X = np.random.default_rng(0).integers(0, 256, (20, 6, 4), dtype=np.uint8)


@pytest.fixture(autouse=True)
def slots_as_they_were():
    kept = [(kind.table, dict(kind.table)) for kind in registering._KINDS.values()]
    yield
    registering._own.clear()
    for table, entries in kept:
        table.clear()
        table.update(entries)


def dim(key, x, bounds, factor: Positive = 0.5):
    return factor * x


def cube(p, power: NonNegative = 3.0):
    return jnp.abs(p.x - p.x_hat) ** power


def size(p, model, variables, key):
    return jnp.sum(jnp.square(p.z), axis=1)


class Center(nn.Module):
    start: float = 0.0

    @nn.compact
    def __call__(self, p, model, variables, key):
        c = self.param("center", nn.initializers.constant(self.start), p.h.shape[1:])
        return jnp.sum(jnp.square(p.h - c[None]), axis=1)


class Flat(Network):
    width: int
    init_name: str
    code_activation: str = "linear"

    @nn.compact
    def __call__(self, x, train):
        return Affine(self.width, self.init_name, name="layer_0")(x.reshape(len(x), -1))


class Up(Network):
    shape: Shape
    init_name: str
    output: OutputName = "linear"

    @nn.compact
    def __call__(self, z, encoder, train):
        n = int(np.prod(self.shape))
        return Affine(n, self.init_name, name="layer_0")(z).reshape(len(z), *self.shape)


class Half(Bottleneck):
    def __call__(self, h, key, train):
        return h / 2, None


OWN = {
    "corruption": ("dim", dim), "loss": ("cube", cube), "penalty": ("size", size),
    "encoder": ("flat", Flat), "decoder": ("up", Up), "bottleneck": ("half", Half),
}  # fmt: skip
CONFIG = {
    "corruption": {"name": "dim", "factor": 0.25},
    "encoder": {"name": "flat"},
    "bottleneck": {"name": "half"},
    "decoder": {"name": "up"},
    "loss": {"name": "cube", "power": 4.0, "per": "image"},
    "penalties": {"size": {"weight": 0.5}, "center": {"weight": 0.0}},
    "model": {"code_size": 3},
    "train": {"batch_size": 20, "epochs": 1},
}
OPEN = (
    "import sys, ae_jax\ntry:\n    ae_jax.restore(sys.argv[1])\nexcept ae_jax.ConfigError as e:\n"
)


def test_every_kind_of_slot_takes_one_and_a_saved_run_says_which_are_missing(tmp_path):
    for slot, (name, choice) in OWN.items():
        ae_jax.register(slot, name, choice)
    ae_jax.register("penalty", "center", Center)
    run = ae_jax.fit(CONFIG, ae_jax.from_arrays(X, X), jax.random.key(0), progress=False)
    unit = X[..., None] / np.float32(255)
    np.testing.assert_allclose(run.corrupt(X, 0), 0.25 * unit, rtol=1e-6)
    layer = jax.tree.map(np.asarray, run.variables["params"]["encoder"]["layer_0"])
    z = (unit.reshape(20, -1) @ layer["kernel"] + layer["bias"]) / 2
    np.testing.assert_allclose(run.encode(X), z, rtol=1e-4, atol=1e-6)
    assert {"loss", "size"} <= set(run.history)
    run.save(str(tmp_path / "run"))
    names = json.loads((tmp_path / "run" / "config.json").read_text())
    assert names["corruption"] == {"name": "dim", "factor": 0.25} and "size" in names["penalties"]
    again = ae_jax.restore(str(tmp_path / "run"))
    np.testing.assert_array_equal(again.encode(X), run.encode(X))
    line = [sys.executable, "-c", OPEN + "    print(e)", str(tmp_path / "run")]
    done = subprocess.run(
        line, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert "corruption.name: unknown choice 'dim'" in done.stdout
    assert "ae_jax.register('corruption', 'dim', ...)" in done.stdout
    assert len(done.stdout.splitlines()) <= 3 and done.stderr == ""


@pytest.mark.parametrize("slot", OWN)
def test_a_name_that_is_not_known_says_how_it_would_be(slot):
    name = OWN[slot][0]
    given = {"penalties": {name: {}}} if slot == "penalty" else {slot: {"name": name}}
    with pytest.raises(ConfigError) as refused:
        resolve(given)
    assert f"ae_jax.register('{slot}', '{name}', ...)" in str(refused.value)
    ae_jax.register(slot, *OWN[slot])
    assert name in str(resolve(given).to_dict())


@pytest.mark.parametrize("given", [{"loss": {"name": cube}}, {"penalties": {size: {}}}])
def test_a_function_without_a_name_is_refused_for_a_saved_run_would_not_find_it(given):
    with pytest.raises(ConfigError, match="a saved run could not find again") as refused:
        resolve(given)
    section = next(iter(given))
    slot, name = {"loss": ("loss", "cube"), "penalties": ("penalty", "size")}[section]
    assert f"ae_jax.register('{slot}', '{name}', ...)" in str(refused.value)
    assert str(refused.value).startswith(("loss.name: is", "penalties: is"))


def test_a_cell_may_run_again_and_the_last_one_counts():
    ae_jax.register("loss", "mine", cube)

    def other(p, width: Positive = 2.0):
        return p.x * width

    ae_jax.register("loss", "mine", other)
    assert resolve({"loss": {"name": "mine"}}).to_dict()["loss"]["width"] == 2.0
    with pytest.raises(ConfigError, match=r"loss\.power: unknown field"):
        resolve({"loss": {"name": "mine", "power": 1.0}})
    with pytest.raises(ConfigError, match=r"loss\.width: must be a number > 0"):
        resolve({"loss": {"name": "mine", "width": -1.0}})


def no_annotation(p, power=2.0):
    return p.x


def anything(p, power: Any = 2.0):
    return p.x


def wrong_default(p, power: Positive = -2.0):
    return p.x


def of_the_slot(p, per: float = 1.0):
    return p.x


def needs_more(p, power):
    return p.x


def with_default(p=None):
    return p


class NoCode(Network):
    width: int
    init_name: str

    def __call__(self, x, train):
        return x


class NoCall(nn.Module):
    start: float = 0.0


@pytest.mark.parametrize(
    ("slot", "name", "choice", "said"),
    [
        ("los", "mine", cube, "unknown slot 'los'; did you mean 'loss'"),
        ("loss", "squared_error", cube, "the package's own"),
        ("loss", "two words", cube, "must be a word"),
        ("loss", "lambda", cube, "must be a word"),
        ("loss", "mine", 3, "must be a function, not 3"),
        ("loss", "mine", Center, "must be a function, not"),
        ("loss", "mine", size, "is given (p) and its options; missing a required"),
        ("loss", "mine", no_annotation, "'power' needs an annotation"),
        ("loss", "mine", anything, "'power' needs an annotation"),
        ("loss", "mine", max, "its parameters cannot be found"),
        (["loss"], "mine", cube, "unknown slot"),
        ("loss", "mine", wrong_default, "power: must be a number > 0, not -2.0"),
        ("loss", "mine", of_the_slot, "'per' is a field of the slot itself"),
        ("loss", "mine", needs_more, "missing a required argument: 'power'"),
        ("loss", "mine", with_default, "'p' is always given"),
        ("penalty", "mine", cube, "is given (p, model, variables, key)"),
        ("penalty", "mine", NoCall, "needs __call__(self, p, model, variables, key)"),
        ("corruption", "mine", lambda key, x: x, "bounds"),
        ("encoder", "mine", dim, "must be a subclass of ae_jax.model.networks.base.Network"),
        ("encoder", "mine", Up, "is given (width=..., init_name=...)"),
        ("encoder", "mine", NoCode, "needs the option 'code_activation'"),
        ("bottleneck", "mine", Flat, "must be a subclass of"),
    ],
)  # fmt: skip
def test_what_a_config_could_not_call_check_or_keep_is_refused(slot, name, choice, said):
    before = {slot: dict(kind.table) for slot, kind in registering._KINDS.items()}
    with pytest.raises(ConfigError) as refused:
        ae_jax.register(slot, name, choice)
    assert said in str(refused.value) and len(str(refused.value).splitlines()) <= 3
    assert before == {slot: dict(kind.table) for slot, kind in registering._KINDS.items()}


def test_annotations_may_be_texts():
    """So are all where a file begins with `from __future__ import annotations`."""

    def as_text(p, power: "float" = 2.0):
        return p.x

    assert schema.fields(as_text)["power"].annotation is float


def test_a_sweep_on_a_cluster_is_refused_what_its_jobs_would_not_find(tmp_path):
    ae_jax.register("penalty", "size", size)
    ae_jax.register("loss", "cube", cube)
    config = resolve({"penalties": {"size": {}, "l1": {}}})
    assert registering.registered(config) == ["penalty 'size'"]
    assert registering.registered(resolve({"loss": {"name": "cube"}})) == ["loss 'cube'"]
    assert registering.registered(resolve({"penalties": {"l1": {}}})) == []
    cluster = launching.Cluster("local", tmp_path / "jobs", at_once=1, options={})
    job = SimpleNamespace(group=SimpleNamespace(config=config))
    with pytest.raises(ConfigError, match="--launcher: penalty 'size': registered here"):
        next(launching.each(cluster, "loop", [job], None))
    assert not (tmp_path / "jobs").exists()


def test_the_packages_own_choices_would_be_taken():
    for slot, kind in registering._KINDS.items():
        for i, choice in enumerate(list(kind.table.values())):
            ae_jax.register(slot, f"again_{i}", choice)
