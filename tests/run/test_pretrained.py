"""The runs that come with the package are what their descriptions say."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import ae_jax
from ae_jax import ConfigError
from ae_jax.data.load import load_data
from ae_jax.evaluate.metrics import evaluator
from ae_jax.export import artefact
from ae_jax.model.weights import params_sha256
from ae_jax.objective import objective
from ae_jax.resolve.config import load_config
from ae_jax.run import pretrained
from ae_jax.run.origin import key_of
from ae_jax.run.sources import _of_network
from ae_jax.streams import stream
from experiments.measuring.recommended import WEIGHTS, config_of

TOP = Path(__file__).parents[2]
NAMES = pretrained.names()
MOST_BYTES = 6_000_000


def said(name):
    return artefact.read(pretrained.folder(name))[1]


def test_the_names_are_listed_wherever_one_looks():
    assert sorted(WEIGHTS) == NAMES
    found = re.search(r"name: (.*?):", ae_jax.pretrained.__doc__, re.DOTALL)
    assert [name.strip() for name in found[1].split(",")] == NAMES
    for wrong in ("conv_strdied", "", None, 3, "../weights/vae", ["vae"]):
        with pytest.raises(ConfigError) as error:
            ae_jax.pretrained(*([] if wrong == "" else [wrong]))
        first, second = str(error.value).splitlines()
        assert first.startswith(f"pretrained: unknown run '{wrong}'")
        assert second == f"allowed here: {', '.join(NAMES)}"


def test_together_they_are_small():
    sizes = [f.stat().st_size for f in pretrained.FOLDER.rglob("*") if f.is_file()]
    assert 0 < sum(sizes) <= MOST_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_each_is_of_its_config_and_of_the_digest_it_says(name):
    run, told = ae_jax.pretrained(name), said(name)
    assert type(run) is ae_jax.Run and run.config.name == name
    assert params_sha256(run.variables["params"]) == told["run"]["params_sha256"]
    assert run.config == config_of(name, "mnist")
    default = load_config(name)
    network = [_of_network(config) for config in (default, run.config)]
    assert {k: v for k, v in network[0].items() if k != "model"} == {
        k: v for k, v in network[1].items() if k != "model"
    }
    assert default.model.code_size == run.config.model.code_size
    assert run.origin.name == "mnist" and run.origin.n_train == 60_000
    assert run.config.data.manual_dir is None, "no path of the machine that made it"
    assert told["measured"]["n_test"] == 10_000 and re.fullmatch(r"\d{4}-\d\d-\d\d", told["date"])


def test_the_page_has_the_numbers_of_the_descriptions():
    listed = json.loads((TOP / "experiments/results/weights.json").read_text())["rows"]
    assert [row["name"] for row in listed] == list(WEIGHTS)
    for row in listed:
        told = said(row["name"])
        assert {k: row[k] for k in told["measured"]} == told["measured"]
        assert row["params_sha256"] == told["run"]["params_sha256"]
        folder = pretrained.folder(row["name"])
        assert row["bytes"] == sum(f.stat().st_size for f in folder.iterdir())


def test_a_wheel_has_them():
    """By what setuptools is told; `.ci/run` installs one and opens them there."""
    import tomllib

    told = tomllib.loads((TOP / "pyproject.toml").read_text())
    assert told["tool"]["setuptools"]["package-data"]["ae_jax"] == ["weights/*/*"]
    assert any(d.startswith("safetensors") for d in told["project"]["dependencies"])
    files = {file for file in pretrained.FOLDER.rglob("*") if file.is_file()}
    assert files == set((TOP / "ae_jax").glob("weights/*/*"))


def test_one_reconstructs_digits_and_draws_new_ones(digits):
    run = ae_jax.pretrained("undercomplete")
    x = digits.test.images[:200]
    mse = float(run.score(x).mean()) / x[0].size
    assert mse == pytest.approx(said("undercomplete")["measured"]["test"]["mse"], rel=0.15)
    assert run.sample(0, 4).shape == (4, 28, 28, 1)
    assert "undercomplete" in repr(run)
    with pytest.raises(ConfigError, match="init_from=run"):
        ae_jax.fit(run.config, digits, 0, progress=False, start=run)


def _full():
    try:
        return load_data("mnist")
    except ae_jax.DataError:
        pytest.skip("full MNIST is not on this machine")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_are_those_of_these_weights_on_all_of_mnist(name):
    """Of summary.json: the same images, noise included, from the artefact as it was installed."""
    data, run, told = _full(), ae_jax.pretrained(name), said(name)["measured"]
    assert data.sha256("test") == run.origin.test_images_sha256
    evaluate = evaluator(objective.build(run.config, run.model), run.config.eval.batch_size)
    found = evaluate(run.variables, data.test, stream(key_of(run.origin), "summary"))
    for metric, value in told["test"].items():
        if metric != "bce_floor":
            assert found[metric] == pytest.approx(value, rel=1e-4), metric
    assert ("denoise" in told) == run.model.corrupts
    if run.model.corrupts:
        assert found["denoised_mse"] == pytest.approx(told["denoise"]["denoised_mse"], rel=1e-4)
    # Independently of all that: in NumPy, from what the run gives back.
    x = data.test.images[:1000] / 255.0
    mse = np.square(x - run.reconstruct(data.test.images[:1000])).mean()
    assert mse == pytest.approx(told["test"]["mse"], rel=0.1)
