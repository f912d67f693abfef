"""What is kept, what is refused by name, and a run that ended while its figures were drawn."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_jax.data.arrays import from_arrays
from ae_jax.errors import CheckpointError
from ae_jax.files import checksums
from ae_jax.model.weights import params_sha256
from ae_jax.resolve.config import load_config
from ae_jax.train import checkpoint, loop, setup
from ae_jax.train.interrupt import Interrupt
from experiments.running import pictures, session
from experiments.workdirs import lock, workdir

STATE = {"kernel": np.arange(12, dtype=np.float32).reshape(3, 4), "step": np.int32(7)}


def arrays(scale=1):
    return jax.tree.map(lambda v: jnp.asarray(v * scale, v.dtype), STATE)


def like(meta):
    return jax.tree.map(lambda v: jax.ShapeDtypeStruct(v.shape, v.dtype), STATE)


def steps(path):
    return sorted(int(p.name) for p in (path / "checkpoints").iterdir())


def test_the_last_three_and_the_best_are_kept_and_nan_is_never_best(tmp_path):
    losses = [0.9, float("nan"), 0.2, None, 0.5, 0.4, float("nan")]
    for step, loss in enumerate(losses, start=1):
        checkpoint.save(tmp_path, step, arrays(step), {}, loss)
    assert steps(tmp_path) == [3, 5, 6, 7]
    newest, best = (checkpoint.restore(tmp_path, like, best=b) for b in (False, True))
    assert (newest.step, best.step) == (7, 3)
    np.testing.assert_array_equal(best.state["kernel"], 3 * STATE["kernel"])


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda v: v.astype(np.float16), r"kernel: float32\[3,4\] -> float16\[3,4\]"),
        (lambda v: v[:, :2], r"kernel: float32\[3,4\] -> float32\[3,2\]"),
    ],
)
def test_another_type_or_shape_is_refused_by_name(change, said, tmp_path):
    checkpoint.save(tmp_path, 1, arrays(), {})
    other = {**STATE, "kernel": change(STATE["kernel"])}
    with pytest.raises(CheckpointError, match=said):
        checkpoint.restore(tmp_path, lambda meta: other)
    with pytest.raises(CheckpointError, match="bias: absent -> "):
        checkpoint.restore(tmp_path, lambda meta: {**STATE, "bias": STATE["step"]})


def test_a_work_directory_of_another_format_says_what_to_do(tmp_path):
    """Whole and unharmed, but of a time when the file said no format."""
    checkpoint.save(tmp_path, 1, arrays(), {})
    file = tmp_path / "checkpoints/1/step.json"
    facts = json.loads(file.read_text())
    del facts["format"]
    file.write_text(json.dumps(facts))
    checksums.write(file.parent)
    for read in (lambda: checkpoint.restore(tmp_path, like), lambda: checkpoint.meta(tmp_path)):
        with pytest.raises(
            CheckpointError, match=r"format 1, this ae_jax reads 2\ntrain the config"
        ):
            read()


def test_coreutils_agree_with_the_checksums(tmp_path):
    checkpoint.save(tmp_path, 1, arrays(), {})
    command = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    done = subprocess.run(command, cwd=tmp_path / "checkpoints/1", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    files = [p for p in (tmp_path / "checkpoints/1").rglob("*") if p.is_file()]
    assert len(done.stdout.splitlines()) == len(files) - 1


def small(epochs=2, seed=0, images_seed=0):
    images = np.random.default_rng(images_seed).integers(0, 256, (40, 8, 8)).astype(np.uint8)
    raw = {"model": {"code_size": 4}, "train": {"batch_size": 8, "epochs": epochs}}
    config = load_config("linear", seed=seed, **raw)
    return session.prepare(config, from_arrays(images, images[:8]))


def train(s, path):
    workdir.claim(path, s.config)
    return session.train(s, path, time.perf_counter())


@pytest.mark.slow
def test_a_run_that_ended_while_drawing_is_not_complete(tmp_path, monkeypatch):
    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(pictures, "draw", killed)
    with pytest.raises(KeyboardInterrupt):
        train(small(), tmp_path)
    drawn = []
    monkeypatch.setattr(pictures, "draw", lambda *args: drawn.append(1))
    assert train(small(), tmp_path) == 0 and drawn == [1]
    assert train(small(), tmp_path) == 0 and drawn == [1], "now it is complete"
    monkeypatch.setattr(pictures, "draw", killed)
    with pytest.raises(KeyboardInterrupt):
        train(small(epochs=3), tmp_path)
    monkeypatch.setattr(pictures, "draw", lambda *args: drawn.append(1))
    assert train(small(epochs=3), tmp_path) == 0 and drawn == [1, 1], "not by the old summary"
    assert json.loads((tmp_path / "summary.json").read_text())["steps"] == 15


@pytest.mark.slow
def test_other_images_and_lost_checkpoints_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "draw", lambda *args: None)
    assert train(small(), tmp_path) == 0
    with pytest.raises(CheckpointError, match="other images"):
        train(small(images_seed=1, epochs=3), tmp_path)
    (tmp_path / "checkpoints").rename(tmp_path / "elsewhere")
    with pytest.raises(CheckpointError, match=r"summary\.json of a run but no checkpoint"):
        train(small(epochs=3), tmp_path)


def test_the_bits_do_not_depend_on_being_saved(tmp_path, monkeypatch):
    """A restored state trains on exactly as the one that never left memory."""
    monkeypatch.setattr(pictures, "draw", lambda *args: None)
    for epochs in (1, 3):
        assert train(small(epochs), tmp_path) == 0
    s = small(3)
    state = s.trainer.init(s.key, setup.mean_image(s.dataset.train.images, s.trainer.model))
    for chunk in loop.train(s.trainer, state, s.dataset.train, s.key):
        state = chunk.state
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["params_sha256"] == params_sha256(state.params)


def test_a_lock_is_held_by_one_and_free_again(tmp_path):
    with lock.hold(tmp_path / "run"):
        with (
            pytest.raises(CheckpointError, match=f"in use by process {os.getpid()} on "),
            lock.hold(tmp_path / "run"),
        ):
            pass
        assert list((tmp_path / "run").iterdir()) == [tmp_path / "run" / lock.NAME]
    with lock.hold(tmp_path / "run"):
        pass


def test_an_error_leaves_no_directory_with_nothing_but_a_lock(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="no data"), lock.hold(tmp_path / "run"):
        raise ValueError("no data")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ValueError, match="later"), lock.hold(tmp_path / "run"):
        (tmp_path / "run" / "config.json").write_text("{}")
        raise ValueError("later")
    assert sorted(os.listdir(tmp_path / "run")) == [lock.NAME, "config.json"]

    # The directory goes away between opening the file and locking it: the lock held is on disk.
    real, took = fcntl.flock, []

    def late(file, how):
        if not took:
            took.append(True)
            shutil.rmtree(tmp_path / "run")
        real(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with lock.hold(tmp_path / "run"):
        assert f"process {os.getpid()} on " in (tmp_path / "run" / lock.NAME).read_text()


@pytest.fixture
def python_handles_sigint():
    """As in the foreground; a shell starts what it puts in the background with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_waits_once_and_leaves_the_handlers_as_they_were(
    python_handles_sigint, capsys
):
    before = signal.getsignal(signal.SIGINT)
    with Interrupt(signal.SIGINT) as stop:
        assert stop.code == 0
        signal.raise_signal(signal.SIGINT)
        assert stop.code == 130
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    assert "a second signal stops at once" in capsys.readouterr().err
