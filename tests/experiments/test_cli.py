"""The command as a user types it: exit codes, messages of at most three lines, resuming."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import ae_jax
from experiments import cli

ROOT = Path(__file__).parents[2]
SMALL = [
    "--config.data.n_train=200",
    "--config.data.n_test=50",
    "--config.train.batch_size=40",
    "--config.model.code_size=20",
]


def command(*arguments):
    return [sys.executable, "-m", "experiments.run", *arguments]


def run(*arguments, **env):
    return subprocess.run(
        command(*arguments), cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True
    )


BAD = {
    "misspelled field": (["--config.train.epoch=3"], "train.epoch: unknown field", "'epochs'"),
    "wrong type": (["--config.train.epochs=abc"], "train.epochs: must be a whole number", "'abc'"),
    "unknown choice": (["--config.corruption.name=msk"], "corruption.name", "salt_and_pepper"),
    "code of size 0": (["--config.model.code_size=0"], "model.code_size", ">= 1"),
    "batch too large": (
        ["--config.train.batch_size=5000"],
        "train.batch_size: 5000",
        "at most 4000",
    ),
    "unknown flag": (["--workdr=x"], "workdr", "workdir"),
    "unwritable": (["--workdir=/proc/nowhere"], "--workdir: cannot write /proc/nowhere", ""),
    "unknown data": (["--config.data.name=mnsit"], "mnsit", "mnist"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_in_three_lines_and_ends_with_2(case, tmp_path):
    arguments, names, allowed = BAD[case]
    done = run("--config=configs/denoise.py", f"--workdir={tmp_path / 'w'}", *arguments)
    assert done.returncode == 2, done.stderr
    assert names in done.stderr and allowed in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 3
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "w").exists(), "nothing is written for a run that cannot start"


def test_a_command_without_its_config_says_so():
    done = run()
    assert done.returncode == 2 and done.stderr == "error: --config: is required\nsee --help\n"


class Terminal(io.StringIO):
    """What says that it is a terminal."""

    def isatty(self):
        return True


def test_a_terminal_gets_lines_broken_between_words_and_a_file_whole_ones(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    text = "advice: a bound where no gradient passes\n/a/path/that/is/longer/than/it"
    assert cli.wrapped(text, io.StringIO()) == text
    lines = cli.wrapped(text, Terminal()).splitlines()
    assert lines == ["advice: a bound", "  where no gradient", "  passes", text.splitlines()[1]]


@pytest.mark.slow
def test_not_images_and_missing_files(tmp_path):
    np.savez(tmp_path / "words.npz", train=np.zeros(10), test=np.zeros((2, 3, 3)))
    done = run(
        "--config=denoise",
        f"--config.data.name={tmp_path / 'words.npz'}",
        f"--workdir={tmp_path / 'w'}",
    )
    assert done.returncode == 2 and "words.npz" in done.stderr and "train" in done.stderr
    begun = time.perf_counter()
    done = run(
        "--config=denoise",
        "--config.data.name=mnist",
        f"--config.data.manual_dir={tmp_path}",
        f"--workdir={tmp_path / 'w'}",
    )
    assert done.returncode == 2 and "train-images-idx3-ubyte.gz" in done.stderr
    assert time.perf_counter() - begun < 30


@pytest.mark.slow
def test_divergence_ends_with_3(tmp_path):
    done = run(
        "--config=linear", f"--workdir={tmp_path}", *SMALL, "--config.optim.learning_rate=1e30"
    )
    assert done.returncode == 3
    assert "diverged at step 1" in done.stderr and "kernel" in done.stderr


@pytest.mark.slow
def test_run_again_resume_further_and_refuse_another_config(tmp_path):
    base = ["--config=dropout", f"--workdir={tmp_path}", *SMALL]
    first = run(*base, "--config.train.epochs=2")
    assert first.returncode == 0, first.stderr
    assert "PCA of equal size" in first.stdout
    again = run(*base, "--config.train.epochs=2")
    assert again.returncode == 0 and "already complete" in again.stdout
    further = run(*base, "--config.train.epochs=4")
    assert further.returncode == 0 and "resuming at step 10" in further.stdout
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [r["epoch"] for r in rows if r["split"] == "test"] == [1, 2, 3, 4]
    other = run(*base, "--config.train.epochs=4", "--config.optim.learning_rate=0.5")
    assert other.returncode == 2
    assert "optim.learning_rate: 0.001 -> 0.5" in other.stderr

    whole = tmp_path / "whole"
    run("--config=dropout", f"--workdir={whole}", *SMALL, "--config.train.epochs=4")
    digests = [
        json.loads((w / "summary.json").read_text())["params_sha256"] for w in (tmp_path, whole)
    ]
    assert digests[0] == digests[1], "2 epochs, resume, 2 epochs are the bits of 4 epochs"


@pytest.mark.long  # trial R2 of tests/reliability sends both, to smaller runs
@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_and_the_same_command_goes_on(number, code, tmp_path):
    base = ["--config=undercomplete", f"--workdir={tmp_path}", "--config.train.epochs=40"]
    process = subprocess.Popen(
        command(*base), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    metrics = tmp_path / "metrics.jsonl"
    while not (metrics.exists() and metrics.read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == code
    assert "saved step" in output and "same command" in output
    assert run(*base).returncode == 0
    straight = tmp_path / "straight"
    run("--config=undercomplete", f"--workdir={straight}", "--config.train.epochs=40")
    digests = [
        json.loads((w / "summary.json").read_text())["params_sha256"] for w in (tmp_path, straight)
    ]
    assert digests[0] == digests[1]


def test_help_helps():
    done = run("--help")
    assert done.returncode == 0
    for word in ("--config", "--workdir", "Exit codes", "resume"):
        assert word in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("argument", ["--config.train.epochs=3", "denoise"])
def test_what_a_command_would_not_look_at_is_refused(argument):
    done = subprocess.run(
        [sys.executable, "-m", "experiments.tables", "--check", argument],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and done.stdout == ""
    assert argument.partition("=")[0] in done.stderr and "--help" in done.stderr


@pytest.mark.parametrize("command", ["analyse", "report", "run", "sweep"])
def test_a_misspelled_flag_is_answered_without_jax(command):
    """JAX alone takes a second to import; an empty JAX that raises takes its place."""
    blocked = (
        "import sys, runpy; sys.modules['jax'] = None; "
        f"sys.argv = ['{command}', '--confg=x']; "
        f"runpy.run_module('experiments.{command}', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", blocked], capture_output=True, text=True)
    assert done.returncode == 2 and "Unknown command line flag 'confg'" in done.stderr


def test_the_package_imports_its_names_when_they_are_asked_for():
    names = "import sys, ae_jax; early = 'jax' in sys.modules; ae_jax.fit; print(early)"
    done = subprocess.run([sys.executable, "-c", names], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
    assert set(ae_jax.__all__) <= set(dir(ae_jax))
    assert all(getattr(ae_jax, name).__module__.startswith("ae_jax.") for name in ae_jax.__all__)
    assert ae_jax.streams.STREAMS
    with pytest.raises(AttributeError, match="has no attribute 'fitt'"):
        ae_jax.fitt  # noqa: B018
