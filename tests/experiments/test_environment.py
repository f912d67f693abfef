"""What a shell or a notebook hands a command: MPLBACKEND, ~, flag files, a pipe nobody reads."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ae_jax.errors import ConfigError
from ae_jax.resolve.config import load_config
from experiments import cli
from tests.experiments.pages import made

ROOT = Path(__file__).parents[2]
COMMANDS = (
    *("run", "analyse", "report", "reproduce", "literature", "applications", "tables", "bench"),
    "export",
    *("anomalies", "sweeping.grid", "reliability"),  # sweep itself defines flags that run has, too
)
CLOSED = 128 + signal.SIGPIPE


def environment(**changes):
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, **changes}


def command(module, *arguments, cwd=ROOT, **changes):
    line = [sys.executable, "-m", f"experiments.{module}", *map(str, arguments)]
    return subprocess.run(
        line, cwd=cwd, env=environment(**changes), capture_output=True, text=True, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "backend", ["no_such", "module://no_such_backend", "module://ipympl.backend_nbagg", "TkAgg"]
)
def test_figures_are_drawn_whatever_the_backend_of_the_surroundings(tmp_path, backend):
    """matplotlib alone stops at a backend whose package is not there."""
    runs = [made(tmp_path / name) for name in "ab"]
    done = command("report", f"--workdir={runs[0]}", runs[1], MPLBACKEND=backend)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "test error against the epoch" in (runs[0] / "comparison.html").read_text(), "a chart"


@pytest.mark.slow
def test_no_command_imports_matplotlib_before_it_starts():
    lines = [f"import experiments.{name}" for name in COMMANDS]
    begun = "from jax._src import xla_bridge; assert not xla_bridge.backends_are_initialized()"
    program = "\n".join(["import sys", *lines, "assert 'matplotlib' not in sys.modules", begun])
    done = subprocess.run([sys.executable, "-c", program], env=environment(), check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("given", "taken"),
    [(None, False), ("true", True), ("false", False), ("0", False), ("1", True), ("", True)],
)
def test_the_memory_of_a_gpu_is_taken_at_the_start_only_where_the_user_asks(given, taken):
    """As jaxlib itself reads the variable inside a command."""
    program = """
import os, sys
from absl import app
from experiments import cli
app.run = lambda main, flags_parser: sys.exit(main(["command"]))
def main(argv, overrides):
    from jaxlib.xla_client import generate_pjrt_gpu_plugin_options as options
    print(options().get("preallocate", True), cli.gpu_memory("gpu", os.environ), sep="|")
cli.keep_compiled_programs = lambda: "jax" not in sys.modules or sys.exit("too late")
cli.run(main)
"""
    surroundings = environment()
    surroundings.pop(cli.PREALLOCATE, None)
    if given is not None:
        surroundings[cli.PREALLOCATE] = given
    line = [sys.executable, "-c", program]
    done = subprocess.run(line, env=surroundings, capture_output=True, text=True, check=True)
    read, said = done.stdout.strip().split("|")
    assert read == str(taken)
    other = "false" if taken else "true"
    assert ("mostly taken at the start" in said) == taken and f"{cli.PREALLOCATE}={other}" in said
    assert "\n" not in said and cli.gpu_memory("cpu", surroundings) == ""


def test_the_package_alone_leaves_the_environment_as_it_is():
    program = (
        "import os; before = dict(os.environ); import ae_jax, ae_jax.run.fitting, experiments.cli; "
        "assert dict(os.environ).get('XLA_PYTHON_CLIENT_PREALLOCATE') is None"
    )
    surroundings = environment()
    surroundings.pop(cli.PREALLOCATE, None)
    assert subprocess.run([sys.executable, "-c", program], env=surroundings).returncode == 0


def test_the_first_step_does_not_wait_for_what_the_end_needs():
    late = {"matplotlib", "scipy", "sklearn", "pandas", "pyarrow", "jinja2", "tensorflow_datasets"}
    program = "import sys, experiments.running.session; print(*sys.modules)"
    line = [sys.executable, "-c", program]
    done = subprocess.run(line, env=environment(), capture_output=True, text=True, check=True)
    assert late & set(done.stdout.split()) == set()


@pytest.mark.long
def test_the_home_directory_is_found_in_every_path(tmp_path):
    for name in "ab":
        made(tmp_path / name)
    arguments = ("--workdir=~/a", "~/b", "--out=~/out.html")
    done = command("report", *arguments, HOME=str(tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.html").is_file() and not (tmp_path / "~").exists()
    (tmp_path / "mine.py").write_text("CONFIG = {'seed': 7}\n")
    done = command("run", "--config=~/mine.py", "--dry_run", "--config.data.n_train=300",
                   "--config.train.batch_size=100", HOME=str(tmp_path))  # fmt: skip
    assert done.returncode == 0 and done.stdout.startswith("mine: "), done.stderr


@pytest.mark.slow
def test_a_home_directory_of_nobody_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cli.expanded("~/x") == str(tmp_path / "x") and cli.expanded("a/~b") == "a/~b"
    with pytest.raises(ConfigError, match="~nobody-at-all"):
        cli.expanded("~nobody-at-all/x")
    for arguments in (["--workdir=~nobody-at-all/x"], [f"--workdir={tmp_path}", "~nobody-at-all"]):
        done = command("report", *arguments)
        assert done.returncode == 2 and "~nobody-at-all" in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.long
def test_a_flag_file_holds_flags_and_fields_and_other_flag_files(tmp_path):
    (tmp_path / "data.txt").write_text("--config.data.n_train=120\n--config.data.n_test=20\n")
    flag_file = tmp_path / "all.txt"
    flag_file.write_text(
        f"# a comment\n--config=undercomplete\n\n--flagfile={tmp_path / 'data.txt'}\n"
        "--config.train.batch_size=40\n--config.train.epochs=9\n--workdir=~/r\n--figures=no\n"
    )
    done = command(
        "run", f"--flagfile={flag_file}", "--config.train.epochs=1", HOME=str(tmp_path), cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    config = json.loads((tmp_path / "r" / "config.json").read_text())
    assert config["data"]["n_train"] == 120 and config["train"]["batch_size"] == 40
    assert config["train"]["epochs"] == 1, "what comes later holds"
    assert not list((tmp_path / "r" / "figures").iterdir()), "--figures=no"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"\x89PNG\xff\xfe", "not text"),
        (b"--config.train.epoch=3\n--config=vae\n", "train.epoch: unknown field"),
        (b"--workdirr=x\n--config=vae\n", "workdirr"),
    ],
)
def test_a_flag_file_that_cannot_be_used_is_named(tmp_path, content, said):
    file = tmp_path / "flags.txt"
    if content is not None:
        file.write_bytes(content)
    done = command("run", f"--flagfile={file}")
    assert done.returncode == 2 and said in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) <= 3 and "Traceback" not in done.stderr


@pytest.mark.parametrize("value", ["yes", "no", "true", "false", "1", "0"])
def test_yes_and_no_are_true_and_false(value):
    assert cli._YesOrNo().parse(value) == (value in ("yes", "true", "1"))
    with pytest.raises(ValueError):
        cli._YesOrNo().parse("perhaps")


def unread(module, *arguments):
    """The command with an output that nobody reads: (its exit code, what it says on stderr)."""
    reader, writer = os.pipe()
    os.close(reader)
    line = [sys.executable, "-m", f"experiments.{module}", *map(str, arguments)]
    try:
        done = subprocess.run(
            line, cwd=ROOT, env=environment(), stdout=writer, stderr=subprocess.PIPE, text=True,
            check=False,
        )  # fmt: skip
    finally:
        os.close(writer)
    return done.returncode, done.stderr


@pytest.mark.long
def test_output_that_nobody_reads_ends_a_command_without_a_word(tmp_path):
    path = made(tmp_path / "run")
    assert unread("run", "--help") == (CLOSED, "")
    assert unread("report", f"--workdir={path}") == (CLOSED, "")
    code, said = unread("report", f"--workdir={tmp_path / 'none'}")
    assert code == 2 and "holds no run" in said, "an error is still one"
    small = ["--config=linear", "--config.data.n_train=40", "--config.data.n_test=20",
             "--config.train.batch_size=20", "--config.train.epochs=1"]  # fmt: skip
    assert unread("run", *small, f"--workdir={tmp_path / 'w'}") == (CLOSED, "")
    assert unread("sweep", *small, "--seeds=1", f"--workdir={tmp_path / 's'}") == (CLOSED, "")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("configs/denoise.py", "--config=denoise"),
        ("configs/denois.py:published", "--config=denoise"),
        ("~/denoise.py", "--config=denoise"),
        ("elsewhere/xyzzy.py", "there is no file 'elsewhere/xyzzy.py'"),
        ("denois", "unknown config 'denois'; did you mean 'denoise'?"),
    ],
)
def test_a_config_that_is_not_there_is_answered_with_what_is_true(
    tmp_path, monkeypatch, given, said
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ConfigError) as refused:
        load_config(given)
    text = str(refused.value)
    assert said in text and "did you mean 'denoise'?" not in text.replace(said, "")
    assert ("there is no file" in text) == ("/" in given) and len(text.splitlines()) <= 3
    load_config("denoise")  # as the message says
