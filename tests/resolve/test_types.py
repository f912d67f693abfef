"""Configs as values: what can be done with one, and what types say before anything runs."""

import ast
import copy
import dataclasses
import json
import pickle
from pathlib import Path

import pytest
from mypy import api

from ae_jax.config.sections import Config
from ae_jax.errors import ConfigError
from ae_jax.resolve.config import load_config, resolve

CONFIGS = sorted(p.stem for p in (Path(__file__).parents[2] / "configs").glob("*.py"))


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_survives_json_pickle_and_a_copy(name):
    config = load_config(name)
    assert resolve(json.loads(json.dumps(config.to_dict()))) == config
    for other in (pickle.loads(pickle.dumps(config)), copy.deepcopy(config)):
        assert other == config and hash(other) == hash(config)


def test_equal_means_equal_in_every_field():
    config = load_config("denoise_contractive_tied")
    for field, value in (
        ("seed", 1),
        ("corruption.rate", 0.25),
        ("encoder.code_activation", "linear"),
        ("penalties.contractive.weight", 0.5),
        ("penalties.contractive", None),
        ("train.epochs", 1),
    ):
        other = config.replace(**{field: value})
        assert other != config and len({config, other}) == 2
    assert config.replace() == config


@pytest.mark.parametrize(
    "part, field",
    [
        (lambda c: c, "seed"),
        (lambda c: c.train, "epochs"),
        (lambda c: c.corruption, "rate"),
        (lambda c: c.corruption, "unheard_of"),
        (lambda c: c.penalties, "l1"),
        (lambda c: c.penalties.contractive, "weight"),
    ],
)
def test_a_config_is_not_changed_in_place(part, field):
    config = load_config("denoise_contractive_tied")
    for change in (lambda p: setattr(p, field, 3), lambda p: delattr(p, field)):
        with pytest.raises(dataclasses.FrozenInstanceError, match=r"config\.replace\(\*\*\{") as e:
            change(part(config))
        assert f".{field}: " in str(e.value) and "\n" not in str(e.value)
    config.to_dict()["train"]["epochs"] = -1
    assert config == load_config("denoise_contractive_tied")


def test_another_config_is_checked_as_the_first_was():
    config = load_config("denoise")
    other = config.replace(**{"train.epochs": 3}, corruption={"name": "gaussian"})
    assert (other.train.epochs, config.train.epochs) == (3, 100)
    assert other.corruption.to_dict() == {"name": "gaussian", "sigma": 0.3, "lowest": None}
    with pytest.raises(ConfigError, match="did you mean 'epochs'"):
        config.replace(**{"train.epoch": 3})
    with pytest.raises(ConfigError, match=r"bernoulli_nll needs decoder\.output"):
        config.replace(**{"loss.name": "bernoulli_nll"})


def test_a_field_that_a_choice_does_not_have_is_answered_with_those_it_has():
    config = load_config("denoise_contractive_tied")
    with pytest.raises(AttributeError, match=r"corruption 'dropout' has no field 'sigma'.*: rate"):
        config.corruption.sigma  # noqa: B018
    with pytest.raises(AttributeError, match=r"no penalty 'l1'; there are: contractive"):
        config.penalties.l1  # noqa: B018
    assert config.encoder.get("batch_norm") is None and not hasattr(config.decoder, "hidden")


def test_a_config_prints_a_line_a_section():
    lines = repr(load_config("denoise")).splitlines()
    assert len(lines) == len(dataclasses.fields(Config)) - 1
    assert "  corruption=Corruption(name='dropout', rate=0.5)," in lines


SELF = ("self", "cls")
# One run of mypy; each line is an error or is none, as it says.
SNIPPET = """
from ae_jax.config.sections import Config
from ae_jax.resolve.config import load_config

def read(config: Config) -> None:
    config.optim.learning_rat  # wrong
    config.optim.learning_rate
    config.trian  # wrong
    config.train.epochs + "3"  # wrong
    config.train.epochs = 3  # wrong
    config.loss.per + 1  # wrong
    config.decoder.output + 1  # wrong
    config.penalties["l1"].warmup_epochs + "3"  # wrong
    config.encoder.hidden  # of the choice, known when it is made

load_config("denoise").model.code_sise  # wrong
load_config("denoise").replace(seed=1).model.code_size
"""


@pytest.mark.long
def test_a_misspelled_field_is_a_type_error(tmp_path):
    file = tmp_path / "snippet.py"
    file.write_text(SNIPPET)
    own = Path(__file__).parents[2]
    cache = f"--cache-dir={tmp_path}"
    settings = f"--config-file={own / 'pyproject.toml'}"
    said, problem, _ = api.run(["--follow-imports=silent", cache, settings, str(file)])
    found = {int(line.split(":")[1]) for line in said.splitlines() if ": error: " in line}
    wrong = {i for i, line in enumerate(SNIPPET.splitlines(), 1) if line.endswith("# wrong")}
    assert found == wrong, said + problem


def test_few_parameters_are_of_any_type():
    own, annotations = Path(__file__).parents[2], []
    for room in ("ae_jax", "experiments"):
        for file in (own / room).rglob("*.py"):
            if "notebooks" in file.parts:
                continue
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.FunctionDef):
                    a = node.args
                    every = [*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg]
                    annotations += [p.annotation for p in every if p and p.arg not in SELF]
    assert None not in annotations, "every parameter has a type"
    bare = sum(ast.unparse(annotation) == "Any" for annotation in annotations)
    assert bare < 0.05 * len(annotations)
