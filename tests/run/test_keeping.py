"""What a work directory gives back: the run that was trained, all of it, and nothing of another."""

import signal
import time

import jax
import numpy as np
import pytest

import ae_jax
from ae_jax.errors import CheckpointError, DataError
from ae_jax.train import checkpoint
from ae_jax.train.record import Moments, Record
from experiments.running import pictures, session, stepping
from experiments.workdirs import workdir
from tests.run.doors import same

X = np.random.default_rng(0).integers(0, 256, (40, 8, 8)).astype(np.uint8)
DATA = ae_jax.from_arrays(X, X[:8])
CONFIG = {"model": {"code_size": 3}, "corruption": {"name": "gaussian"}}


@pytest.fixture(autouse=True)
def nothing_drawn(monkeypatch):
    monkeypatch.setattr(pictures, "draw", lambda *args: None)


def config(epochs, data=None, **train):
    train = {"batch_size": 16, "epochs": epochs, **train}
    return ae_jax.load_config("undercomplete", **CONFIG, train=train, data=data or {})


def train(path, c, data=DATA):
    """As experiments.run does it."""
    s = session.prepare(c, data)
    workdir.claim(path, c, s.meta)
    return session.train(s, path, time.perf_counter())


def fit(c, data=DATA, **options):
    return ae_jax.fit(c, data, jax.random.key(0), progress=False, **options)


def at_epoch(monkeypatch, epoch, act):
    """Acts at the end of an epoch, once."""
    log_epoch = stepping.log_epoch

    def acting(s, path, log, chunk, *rest):
        if chunk.epoch == epoch:
            act()
        return log_epoch(s, path, log, chunk, *rest)

    monkeypatch.setattr(stepping, "log_epoch", acting)
    return lambda: monkeypatch.setattr(stepping, "log_epoch", log_epoch)


def killed():
    raise MemoryError("killed")


# moments belong to their weights


@pytest.mark.slow
def test_a_run_that_was_interrupted_does_not_sample_from_nothing(tmp_path, monkeypatch):
    again = at_epoch(monkeypatch, 2, lambda: signal.raise_signal(signal.SIGTERM))
    assert train(tmp_path, config(4)) == 143
    again()
    run = ae_jax.restore(str(tmp_path))
    assert run.code_mean is None and run.code_cov is None
    with pytest.raises(DataError, match=r"^sample: .*run = run\.with_codes\(images\)") as error:
        run.sample(0, 3)
    assert "\n" not in str(error.value)
    run = run.with_codes(X)
    codes = run.encode(X)
    np.testing.assert_allclose(run.code_mean, codes.mean(0), atol=1e-6)
    np.testing.assert_allclose(run.code_cov, np.cov(codes, rowvar=False), atol=1e-6)
    assert run.sample(0, 3).shape == (3, 8, 8, 1)
    with pytest.raises(DataError, match="images: none"):
        run.with_codes(X[:0])
    # To its end, and beyond it: the moments are those of the last weights, or of none.
    assert train(tmp_path, config(4)) == 0
    run = ae_jax.restore(str(tmp_path))
    np.testing.assert_allclose(run.code_mean, run.encode(X).mean(0), atol=1e-6)
    at_epoch(monkeypatch, 5, lambda: signal.raise_signal(signal.SIGTERM))
    assert train(tmp_path, config(9)) == 143
    assert ae_jax.restore(str(tmp_path)).code_mean is None


@pytest.mark.slow
def test_a_prior_needs_no_codes(tmp_path, monkeypatch):
    at_epoch(monkeypatch, 1, lambda: signal.raise_signal(signal.SIGTERM))
    c = ae_jax.load_config("vae", model={"code_size": 3}, train={"batch_size": 16, "epochs": 2})
    assert train(tmp_path, c) == 143
    assert ae_jax.restore(str(tmp_path)).sample(0, 2).shape == (2, 8, 8, 1)


@pytest.mark.slow
def test_labels_keep_their_names(tmp_path, monkeypatch):
    y = np.array(["ant", "bee"])[np.arange(40) % 2]
    at_epoch(monkeypatch, 1, lambda: signal.raise_signal(signal.SIGTERM))
    assert train(tmp_path, config(2), ae_jax.from_arrays(X, X[:8], y, y[:8])) == 143
    assert ae_jax.restore(str(tmp_path)).label_names == ("ant", "bee")


# the history is that of the whole training


@pytest.mark.slow
@pytest.mark.parametrize("every", [0, 2])
def test_the_history_is_whole_after_a_kill_and_a_restore(tmp_path, monkeypatch, every):
    """Three steps an epoch; killed in the fourth epoch, what had been saved in its middle too."""
    c, whole = config(6, checkpoint_every=every), fit(config(6))
    monkeypatch.setattr(stepping, "SAVE_SHARE", 0)  # save after every epoch
    again = at_epoch(monkeypatch, 4, killed)
    with pytest.raises(MemoryError):
        train(tmp_path, c)
    again()
    run = ae_jax.restore(str(tmp_path))
    step = int(run.state.step)
    assert step == (10 if every else 9)
    for name, values in run.history.items():
        np.testing.assert_array_equal(values, whole.history[name][:step])
    assert train(tmp_path, c) == 0
    run = ae_jax.restore(str(tmp_path))
    same(run.state, whole.state)
    same(run.history, whole.history)
    assert len(run.history["loss"]) == 18 and run.history.keys() == whole.history.keys()
    line = run.plot_loss().axes[0].lines[0]
    np.testing.assert_allclose(line.get_ydata(), whole.history["loss"], rtol=1e-6)
    # The lines of the log are means over those steps, of the epoch that was cut in two as well.
    rows = [row for row in workdir.read_metrics(tmp_path) if row["split"] == "train"]
    means = whole.history["loss"].astype(np.float64).reshape(6, 3).mean(1)
    np.testing.assert_array_equal([row["loss"] for row in rows], means)


@pytest.mark.slow
def test_a_fit_goes_on_from_a_restored_run_with_its_history(tmp_path):
    assert train(tmp_path, config(2)) == 0
    more, whole = fit(config(5), start=ae_jax.restore(str(tmp_path))), fit(config(5))
    same(more.state, whole.state)
    same(more.history, whole.history)


# a record is checked like everything in a checkpoint

STATE = {"kernel": np.arange(6, dtype=np.float32)}


def save(path, step, record):
    checkpoint.save(path, step, STATE, {}, record=record)


def restored(path):
    found = checkpoint.restore(path, lambda meta: STATE)
    return found.step, found.record


def test_a_record_comes_back_with_its_step(tmp_path):
    names, moments = ("ä", "b", ""), Moments(np.arange(2.0), np.eye(2))
    record = Record({"loss": np.arange(4, dtype=np.float32)}, moments, names)
    save(tmp_path, 4, record)
    step, found = restored(tmp_path)
    assert step == 4 and found.label_names == names
    same(found.history, record.history)
    same(found.moments, moments)
    save(tmp_path, 5, Record())
    assert restored(tmp_path) == (5, Record({}, None, None))


def test_a_damaged_record_is_passed_over(tmp_path):
    for step in (3, 4):
        save(tmp_path, step, Record({"loss": np.ones(step, np.float32)}))
    file = tmp_path / "checkpoints/4/record.npz"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert restored(tmp_path)[0] == 3
    file.unlink()
    assert restored(tmp_path)[0] == 3


def test_a_record_of_other_steps_is_refused(tmp_path):
    save(tmp_path, 4, Record({"loss": np.ones(3, np.float32)}))
    with pytest.raises(CheckpointError, match="history of loss: is not of 4 steps"):
        restored(tmp_path)
