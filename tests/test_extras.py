"""What is asked for without its package is refused by name, with the line that installs it."""

import importlib.util
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ae_jax
from ae_jax import extras
from ae_jax.errors import DataError
from ae_jax.export import packages
from experiments.running import trackers

ROOT = Path(__file__).parents[1]
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture
def absent(monkeypatch):
    """Packages as if they were not installed."""
    real = importlib.util.find_spec

    def without(*names):
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name: None if name in names else real(name)
        )

    return without


def test_a_table_is_refused_without_its_package(absent, tmp_path):
    absent("pyarrow")
    file = tmp_path / "people.csv"
    file.write_text("age,income\n1,2\n3,4\n")
    frame = pd.DataFrame({"age": [1.0, 2.0], "income": [3.0, 4.0]})
    for name, value in ((str(file), str(file)), ("frame", frame)):
        with pytest.raises(DataError) as refused:
            ae_jax.load_data(value)
        told = f"{name}: a table needs pyarrow: pip install 'ae_jax[tables]'"
        assert str(refused.value) == told
    assert len(ae_jax.load_data("breast_cancer").train.images), "rows that are no table"
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(20, 3)))
    assert len(ae_jax.load_data(tmp_path / "rows.npy").train.images) == 18


def test_data_sets_of_tfds_are_refused_without_it(absent, tmp_path):
    absent("tensorflow_datasets")
    for name in ("mnist", "fashion_mnist"):
        with pytest.raises(DataError) as refused:
            ae_jax.load_data(name, cache_dir=str(tmp_path))
        told = f"data.name: '{name}' needs tensorflow_datasets: pip install 'ae_jax[tfds]'"
        assert str(refused.value) == told
    for name, hint in (("cifar10", ""), ("mnits", "; did you mean 'mnist'?")):
        with pytest.raises(DataError) as refused:
            ae_jax.load_data(name, cache_dir=str(tmp_path))
        first, second = str(refused.value).splitlines()
        assert first == f"data.name: unknown data set '{name}'{hint}"
        assert second.endswith("with pip install 'ae_jax[tfds]' TFDS data sets")
    assert len(ae_jax.load_data("mnist5k").train.images) == 4000


def test_every_extra_that_a_message_names_is_declared_and_installs_what_it_says():
    declared = DECLARED["optional-dependencies"]
    asked = {"tables": extras.TABLES, "tfds": extras.TFDS}
    asked |= {name: (package,) for name, package in trackers.TRACKERS.items()}
    for needs in packages.NEEDS.values():
        asked[needs.extra] = asked.get(needs.extra, ()) + needs.writing
    for extra, names in asked.items():
        installs = " ".join(declared[extra]).replace("-", "_").replace("mlflow_skinny", "mlflow")
        assert all(name in installs for name in names), extra
    of_tests = " ".join(declared["test"])
    assert "ae_jax[tables,tfds]" in of_tests, "the tests need both"


BLOCKED = """
import runpy, sys
for name in ("pyarrow", "tensorflow_datasets", "importlib_resources", "tensorboardX", "mlflow",
             "wandb", "flatbuffers", "submitit"):
    sys.modules[name] = None
sys.argv = ["run", "--config=undercomplete", "--config.train.epochs=1", "--workdir=run"]
runpy.run_module("experiments.run", run_name="__main__", alter_sys=True)
"""


@pytest.mark.slow
def test_a_run_needs_no_extra(tmp_path):
    """Training, figures and the page; an environment without the packages was tried as well."""
    here = {**os.environ, "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-c", BLOCKED]
    done = subprocess.run(line, cwd=tmp_path, env=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.html").stat().st_size > 100_000


def test_what_every_training_needs_is_not_in_an_extra():
    core = {line.split(">")[0] for line in DECLARED["dependencies"]}
    assert not core & {"pyarrow", "tensorflow-datasets", "importlib_resources"}
    assert {"jax", "flax", "optax", "orbax-checkpoint", "matplotlib", "jinja2"} <= core
