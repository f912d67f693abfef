"""The command `ae-jax`, and the wheel that brings it; `.ci/run` builds one and uses it."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import ae_jax
from ae_jax.resolve import files
from ae_jax.resolve.config import flat
from ae_jax.resolve.explained import explained
from experiments.console import dispatch, info

TOP = Path(__file__).parents[2]


def console(capsys, monkeypatch, *words):
    """(exit code, stdout, stderr) of `ae-jax words`."""
    monkeypatch.setattr(sys, "argv", ["ae-jax", *words])
    code = 0
    try:
        dispatch.main()
    except SystemExit as ended:
        code = ended.code or 0
    return code, *capsys.readouterr()


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",)])
def test_it_lists_its_commands(capsys, monkeypatch, words):
    code, out, err = console(capsys, monkeypatch, *words)
    assert (code, err) == (0, "")
    for name, module in dispatch.COMMANDS.items():
        text = Path(importlib.util.find_spec(f"experiments.{module}").origin).read_text()
        first = text.removeprefix('"""').splitlines()[0]
        assert re.search(rf"^  {name} +{re.escape(first)}$", out, re.M)


@pytest.mark.slow
def test_help_lists_every_flag_of_a_command():
    defines = re.compile(r'(?:DEFINE_\w+|define_path|define_yes_or_no)\(\s*"(\w+)"')
    known = {}
    for file in sorted((TOP / "experiments").glob("*.py")):
        names = defines.findall(file.read_text())
        if "cli.run(" in file.read_text() and file.stem != "cli":
            known[file.stem] = {*names, *(["data"] if "define_data()" in file.read_text() else [])}
    assert {"workdir", "data", "config"} <= known["run"] and len(known) >= 15
    asked = {
        name: subprocess.Popen(
            [sys.executable, "-m", f"experiments.{name}", "--help"],
            cwd=TOP,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in known
    }
    for name, process in asked.items():
        out = process.communicate()[0]
        assert process.returncode == 0
        shown = set(re.findall(r"^  --(?:\[no\])?(\w+):", out, re.M))
        assert known[name] <= shown, name


def test_it_says_its_version(capsys, monkeypatch):
    assert console(capsys, monkeypatch, "--version") == (0, f"ae_jax {ae_jax.__version__}\n", "")


def test_a_wrong_word_is_answered_with_the_right_one(capsys, monkeypatch):
    code, out, err = console(capsys, monkeypatch, "analyze")
    assert (code, out) == (2, "")
    assert "did you mean 'analyse'?" in err
    assert len(err.splitlines()) <= 3


def test_every_value_has_its_source():
    found = {f: (v, source) for f, v, source in explained("nested:averaged", {"seed": 3})}
    assert found["train.epochs"] == (60, "nested.py")
    assert found["bottleneck.name"] == ("identity", ":averaged")  # the file says 'nested'
    assert found["optim.b1"] == (0.9, "default")
    assert found["seed"] == (3, "command line")
    assert found["penalties.prefixes.weight"][1] == ":averaged"
    config = ae_jax.load_config("nested:averaged", seed=3)
    values = {f: v for f, (v, _) in found.items()}
    assert dict(flat(config)).items() <= values.items()
    assert found["encoder.layer_norm"] == (False, "default")  # a config leaves it out


def test_what_another_choice_of_a_slot_takes_away_is_a_default():
    given = {"encoder.name": "conv_strided", "decoder.name": "conv_strided"}
    found = {e.field: e.source for e in explained("nested", given)}  # whose `hidden` is gone
    assert found["encoder.name"] == "command line"
    assert found["encoder.channels"] == "default"
    assert "encoder.hidden" not in found


@pytest.mark.slow
def test_the_words_of_config():
    def said(*words):
        line = [sys.executable, "-m", "experiments.console", "config", *words]
        return subprocess.run(line, capture_output=True, text=True, cwd=TOP)

    done = said("show", "linear", "--config.train.epochs=2")
    assert re.search(r"^train.epochs +2 +command line$", done.stdout, re.M), done.stderr
    assert [line.split()[0] for line in said("list").stdout.splitlines()] == [*files.summaries()]
    for words in ((), ("show",), ("shw", "linear"), ("show", "linaer"), ("list", "all")):
        done = said(*words)
        assert done.returncode == 2, words
        assert 0 < len(done.stderr.splitlines()) <= 3


def test_info_knows_versions_devices_and_data(tmp_path, monkeypatch):
    monkeypatch.setenv("AE_JAX_CACHE", str(tmp_path))
    monkeypatch.setenv("AE_JAX_MANUAL_DIR", str(tmp_path / "manual"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "users"))
    (tmp_path / "manual" / "mnist").mkdir(parents=True)
    made = tmp_path / "users" / "digits" / "3.0.1"
    made.mkdir(parents=True)
    (made / "dataset_info.json").write_text("{}")
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "x").write_bytes(bytes(3 * 2**20))
    data = dict(info.data())
    assert data["data: mnist"] == str(tmp_path / "manual" / "mnist")
    assert data["data: digits"] == str(made)
    assert data["data: fashion_mnist"].startswith("not here")
    assert "programs 3 MiB" in dict(info.cache())["cache"]
    assert dict(info.versions())["jax"]
    assert "cpu" in dict(info.devices())["devices"]


def test_the_wheel_has_every_package():
    """The build takes what is listed; `find` knows no other name for a folder."""
    settings = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {
        file.parent.relative_to(TOP)
        for top in ("ae_jax", "experiments")
        for file in (TOP / top).rglob("__init__.py")
    }
    names = {".".join(f.parts) for f in folders}
    inside = {n if n.startswith("ae_jax") else f"ae_jax.{n}" for n in names} | {"ae_jax.configs"}
    assert sorted(settings["packages"]) == sorted(inside)
    assert files.folder() == TOP / "configs"
