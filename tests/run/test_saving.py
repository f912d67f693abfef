"""A run kept by `run.save`: the same bits, gone on with from Python and by every command."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import ae_jax
from ae_jax.errors import CheckpointError, ConfigError
from ae_jax.model.weights import params_sha256
from ae_jax.train import checkpoint
from experiments.workdirs import workdir
from tests.run.doors import same

ROOT = Path(__file__).parents[2]
X = np.random.default_rng(0).integers(0, 256, (40, 8, 8)).astype(np.uint8)
DATA = ae_jax.from_arrays(X, X[:8], np.arange(40) % 2, np.arange(8) % 2)


def config(epochs=2, name="undercomplete", **fields):
    train = {"batch_size": 16, "epochs": epochs}
    return ae_jax.load_config(name, model={"code_size": 3}, train=train, **fields)


def fit(c, data=DATA, key=5, **options):
    return ae_jax.fit(c, data, key, progress=False, **options)


@pytest.fixture(scope="module")
def run():
    return fit(config())


@pytest.mark.slow
def test_what_comes_back_is_the_run_and_goes_on_as_it_would(run, tmp_path):
    run.save(tmp_path / "kept")
    back = ae_jax.restore(str(tmp_path / "kept"))
    same(back.state, run.state)
    same(back.history, run.history)
    same((back.code_mean, back.code_cov), (run.code_mean, run.code_cov))
    assert back.config == run.config and back.origin == run.origin
    assert back.label_names == run.label_names
    np.testing.assert_array_equal(back.sample(1, 4), run.sample(1, 4))
    more, whole = (fit(config(5), start=r) for r in (back, run))
    same(more.state, whole.state)
    same(more.state, fit(config(5)).state)
    # Further steps join the first ones; what is there already is left as it is.
    more.save(tmp_path / "kept")
    more.save(tmp_path / "kept")
    same(ae_jax.restore(str(tmp_path / "kept")).history, whole.history)
    rows = workdir.read_metrics(tmp_path / "kept")
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5]
    means = whole.history["loss"].astype(np.float64).reshape(5, 3).mean(1)
    np.testing.assert_array_equal([row["loss"] for row in rows], means)


@pytest.mark.slow
def test_another_run_is_never_overwritten(run, tmp_path):
    run.save(tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    others = {
        "optim.learning_rate": fit(config(optim={"learning_rate": 0.1})),
        "seed: 5 -> None": fit(config(), key=jax.random.split(jax.random.key(5))[0]),
        "seed: 5 -> 6": fit(config(), key=6),
        "images_sha256": fit(config(), ae_jax.from_arrays(255 - X, X[:8])),
        "init_sha256": fit(config(), init_from=run),
        "later than 0": fit(config(0)),
    }
    for said, other in others.items():
        with pytest.raises(CheckpointError) as error:
            other.save(tmp_path)
        assert said in str(error.value) and "another directory" in str(error.value)
        assert len(str(error.value).splitlines()) <= 3
    changed = jax.tree.map(lambda v: v + 1, run.state.params)
    with pytest.raises(CheckpointError, match="another run at step 6"):
        run._replace(state=run.state._replace(params=changed)).save(tmp_path)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    with pytest.raises(ConfigError, match="save: this run has no state"):
        run._replace(state=None).save(tmp_path / "x")
    with pytest.raises(CheckpointError, match="cannot be written"):
        run.save("/proc/nowhere")
    shutil.rmtree(tmp_path / "checkpoints")
    run.save(tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(CheckpointError, match="checkpoints without a config"):
        run.save(tmp_path)


def test_a_save_that_is_cut_short_leaves_nothing_half(run, tmp_path, monkeypatch):
    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "_publish", killed)
    with pytest.raises(KeyboardInterrupt):
        run.save(tmp_path)
    with pytest.raises(CheckpointError, match="no checkpoint yet"):
        ae_jax.restore(str(tmp_path))
    monkeypatch.undo()
    run.save(tmp_path)
    same(ae_jax.restore(str(tmp_path)).state, run.state)


def test_a_run_says_which_data_and_which_key_made_it(tmp_path):
    """Whatever the config asked for: it is not what was seen."""
    asked = config(1, data={"name": "mnist", "n_train": 7, "split": "random"}, seed=3)
    other = jax.random.split(jax.random.key(1))[0]
    for key, seed in ((5, 5), (jax.random.key(0), 0), (other, None)):
        run = fit(asked, key=key)
        assert run.config.seed == seed and run.config.data.name == "arrays"
        assert (run.config.data.n_train, run.config.data.n_test) == (40, 8)
        assert run.config.data.split == "canonical"
        assert (run.origin.name, run.origin.shape, run.origin.n_train) == ("arrays", (8, 8, 1), 40)
        assert run.origin.images_sha256 == hashlib.sha256(X.tobytes()).hexdigest()
        data = key if not isinstance(key, int) else jax.random.key(key)
        assert run.origin.key == tuple(np.asarray(jax.random.key_data(data)).tolist())
    run.save(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["seed"] is None and written["data"]["name"] == "arrays"
    back = ae_jax.restore(str(tmp_path))
    assert back.origin == run.origin


def command(name, *arguments):
    return subprocess.run(
        [sys.executable, "-m", f"experiments.{name}", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
    )


@pytest.mark.long
def test_the_commands_open_what_was_saved(tmp_path):
    """Of arrays that the commands have to be given, with a key that no seed gives."""
    run = fit(config(), key=jax.random.split(jax.random.key(5))[0])
    path, npz = tmp_path / "kept", tmp_path / "x.npz"
    run.save(path)
    done = command("report", f"--workdir={path}")
    assert done.returncode == 2 and "--data=PATH" in done.stderr
    assert len(done.stderr.splitlines()) <= 3
    np.savez(npz, train=X, test=X[:8], train_labels=DATA.train.labels, test_labels=np.arange(8) % 2)
    np.savez(tmp_path / "y.npz", train=255 - X, test=X[:8])
    done = command("report", f"--workdir={path}", f"--data={tmp_path / 'y.npz'}")
    assert done.returncode == 2 and "other images" in done.stderr
    done = command("report", f"--workdir={path}", f"--data={npz}")
    assert done.returncode == 0, done.stderr
    summary = json.loads((path / "summary.json").read_text())
    assert summary["params_sha256"] == params_sha256(run.state.params)
    assert summary["seed"] is None and "train_images_per_s" not in summary["timing"]
    assert summary["test"]["mse"] == pytest.approx(run.score(X[:8]).mean() / 64, rel=1e-4)
    assert "filters" in (path / "report.html").read_text()
    analyse = ("analyse", f"--workdir={path}", f"--data={npz}", "--only=pca")
    done = command(*analyse)
    assert done.returncode == 0, done.stderr
    done = command(*analyse, "--best")
    assert done.returncode == 2 and "data.n_valid" in done.stderr, "no images were held out"


@pytest.mark.long
def test_the_run_command_goes_on_with_what_was_saved(run, tmp_path):
    npz = tmp_path / "x.npz"
    np.savez(npz, train=X, test=X[:8], train_labels=DATA.train.labels, test_labels=np.arange(8) % 2)
    run.save(tmp_path / "kept")
    base = [f"--config={tmp_path / 'kept/config.json'}", f"--workdir={tmp_path / 'kept'}"]
    base += [f"--data={npz}", "--figures=no"]
    done = command("run", *base, "--config.train.epochs=3")
    assert done.returncode == 0 and "resuming at step 6" in done.stdout, done.stderr
    same(ae_jax.restore(str(tmp_path / "kept")).state, fit(config(3)).state)
    done = command("run", *base, "--config.train.epochs=3")
    assert done.returncode == 0 and "already complete" in done.stdout
    more = fit(config(4), start=ae_jax.restore(str(tmp_path / "kept")))
    same(more.state, fit(config(4)).state)
