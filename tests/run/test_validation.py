"""What is best and when to stop is decided on images held out of the training set, never by the
test set."""

import json
import signal
import time

import numpy as np
import pytest

import ae_jax
from ae_jax.data import on_disk
from ae_jax.data.arrays import Dataset, Split, hold_out
from ae_jax.errors import CheckpointError, ConfigError
from ae_jax.run import keeping
from ae_jax.train import checkpoint
from ae_jax.train.record import Curve
from experiments.running import pictures, session, stepping
from experiments.workdirs import workdir
from tests.run.doors import same

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (60, 6, 6)).astype(np.uint8)  # noise: all there is to learn is by heart
Y = np.arange(60) % 3
DATA = ae_jax.from_arrays(X, X[:9], Y, Y[:9])
PATIENCE = 4


@pytest.fixture(autouse=True)
def nothing_drawn(monkeypatch):
    monkeypatch.setattr(pictures, "draw", lambda *args: None)


def config(epochs=60, n_valid=0.25, patience=PATIENCE, **fields):
    train = {"batch_size": 15, "epochs": epochs, "patience": patience}
    model, optim = {"code_size": 20}, {"learning_rate": 0.02}
    data = {"n_valid": n_valid}
    return ae_jax.load_config("undercomplete", train=train, model=model, optim=optim, data=data)


def fit(c, data=DATA, **options):
    return ae_jax.fit(c, data, 0, progress=False, **options)


def prepared(c, data=DATA):
    return session.prepare(c, hold_out(data, c.data.n_valid, 0))


def train(path, c, data=DATA):
    """As experiments.run does it."""
    s = prepared(c, data)
    workdir.claim(path, c, s.meta)
    return session.train(s, path, time.perf_counter())


@pytest.fixture(scope="module")
def run():
    return fit(config())


# the images


@pytest.mark.parametrize("n_valid, m", [(14, 14), (14.0, 14), (0.25, 15), (0.001, 1)])
def test_every_image_is_in_one_part_and_every_class_in_both(n_valid, m):
    y = np.repeat([0, 1, 2], [40, 16, 4])
    data = hold_out(ae_jax.from_arrays(X, X[:9], y, y[:9]), n_valid, 3)
    assert (len(data.train.images), len(data.valid.images)) == (60 - m, m)
    places = {image.tobytes(): i for i, image in enumerate(X)}
    kept, held = (
        [places[image.tobytes()] for image in part.images] for part in (data.train, data.valid)
    )
    assert sorted(kept + held) == list(range(60))
    assert kept == sorted(kept) and held == sorted(held), "in the order they had"
    for part, where in ((data.train, kept), (data.valid, held)):
        np.testing.assert_array_equal(part.labels, y[where])
    if m > 2:
        shares = np.bincount(data.valid.labels, minlength=3) - m * np.array([40, 16, 4]) / 60
        assert (np.abs(shares) <= 1).all()
    again, other = (hold_out(ae_jax.from_arrays(X, X[:9], y, y[:9]), n_valid, s) for s in (3, 4))
    same(again.valid, data.valid)
    assert not np.array_equal(other.valid.images, data.valid.images)
    same(again.test, ae_jax.from_arrays(X, X[:9], y, y[:9]).test)


def test_what_cannot_be_held_out_is_refused():
    assert hold_out(DATA, 0, 0) is DATA
    for n in (60, 61):
        with pytest.raises(ConfigError, match=r"data\.n_valid: .* none of the training set's 60"):
            hold_out(DATA, n, 0)
    for wrong in (-1, 1.5, "many"):
        with pytest.raises(ConfigError, match=r"data\.n_valid: must be a"):
            config(n_valid=wrong)


@pytest.mark.slow
def test_on_disk_the_same_images_are_held_out(tmp_path):
    on_disk.write(tmp_path / "x", [DATA.train], 60, DATA.test)
    data = hold_out(on_disk.read(tmp_path / "x", "arrays"), 0.25, 0)
    memory = hold_out(DATA, 0.25, 0)
    assert not isinstance(data.train.images, np.ndarray)
    assert isinstance(data.valid.images, np.ndarray)
    for chosen in (slice(None), slice(3, 9), np.array([7, 0]), np.arange(45) > 40):
        same(data.train.images[chosen], memory.train.images[chosen])
    same((data.valid, data.train.labels), (memory.valid, memory.train.labels))
    runs = fit(config(3), data), fit(config(3))
    same(runs[0].state, runs[1].state)
    assert runs[0].origin == runs[1].origin


# the choice


@pytest.mark.long
def test_training_ends_where_patience_does_and_keeps_the_best(run):
    """Beside the losses of fits of so many epochs, computed from what they make of the images."""
    held = hold_out(DATA, 0.25, 0).valid.images / 255.0
    losses = []
    for epochs in range(1, len(run.valid.losses) + 1):
        short = fit(config(epochs, patience=0))
        losses.append(np.square(2 * (short.reconstruct(held) - held)).mean())
        if epochs == np.argmin(run.valid.losses) + 1:
            same(short.state, run.best.state)
            same(short.history, run.best.history)
            np.testing.assert_allclose(run.best.code_mean, short.code_mean, atol=1e-6)
    np.testing.assert_allclose(run.valid.losses, losses, rtol=1e-5)
    best = int(np.argmin(losses)) + 1
    assert best > 1 and len(losses) == best + PATIENCE < 60
    assert run.valid.best == 3 * best and int(run.state.step) == 3 * (best + PATIENCE)
    assert run.history["loss"][-1] < 0.8 * run.history["loss"][3 * best - 1], "by heart"
    curve = run.plot_loss().axes[0].lines[1]
    np.testing.assert_allclose(curve.get_xydata()[:, 1], losses, rtol=1e-5)
    same(fit(config(), start=run).state, run.state)


def test_a_curve_by_hand():
    curve = Curve()
    assert curve.best is None and not curve.beaten and not curve.ends(1)
    seen = []
    for step, loss in enumerate([3.0, 2.0, np.nan, 2.0, 2.5, 1.0], start=1):
        curve = curve.after(10 * step, loss)
        seen.append((curve.best, curve.beaten, curve.ends(2), curve.ends(0)))
    assert seen == [
        (10, True, False, False),
        (20, True, False, False),
        (20, False, False, False),
        (20, False, True, False),
        (20, False, True, False),
        (60, True, False, False),
    ]
    assert curve.at(20) == 2.0 and curve.at(25) is None
    assert Curve().after(1, np.nan).best is None


@pytest.mark.slow
def test_the_test_set_changes_nothing(tmp_path, run):
    """Other test images, fewer of them, other labels: the same choice and the same bits."""
    others = (255 - X[20:25]).copy()
    data = ae_jax.from_arrays(X, others, Y, 2 - Y[:5])
    assert train(tmp_path / "a", config()) == train(tmp_path / "b", config(), data) == 0
    runs = [fit(config(), data), *(ae_jax.restore(str(tmp_path / n)) for n in "ab")]
    for other in runs:
        same((other.valid, other.state), (run.valid, run.state))
        same(other.best.state, run.best.state)
    summaries = [json.loads((tmp_path / n / "summary.json").read_text()) for n in "ab"]
    assert summaries[0]["best"]["epoch"] == summaries[1]["best"]["epoch"]
    assert summaries[0]["valid"] == summaries[1]["valid"]
    assert summaries[0]["test"] != summaries[1]["test"]


@pytest.mark.slow
def test_the_command_keeps_the_best_whatever_the_clock_says(tmp_path, monkeypatch, run):
    monkeypatch.setattr(stepping, "SAVE_SHARE", 1e9)  # the clock would never save
    assert train(tmp_path, config()) == 0
    kept = keeping.restore(str(tmp_path), best=True)
    same((kept.state, kept.history, kept.valid), (run.best.state, run.best.history, run.best.valid))
    same(keeping.restore(str(tmp_path)).best.state, run.best.state)
    best = run.valid.best // 3
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["n_train"], summary["n_valid"], summary["epochs"]) == (45, 15, best + PATIENCE)
    assert summary["best"]["epoch"] == best
    assert summary["best"]["valid"]["loss"] == run.valid.losses.min()
    assert summary["valid"]["loss"] == run.valid.losses[-1]
    mse = run.best.score(X[:9]).mean() / 36
    assert summary["best"]["test"]["mse"] == pytest.approx(mse, rel=1e-4)
    rows = [r for r in workdir.read_metrics(tmp_path) if r["split"] == "valid"]
    assert [r["loss"] for r in rows] == run.valid.losses.tolist()
    page = (tmp_path / "report.html").read_text()
    assert f"with the best weights, of epoch {best}" in page


@pytest.mark.slow
def test_stopping_is_the_same_after_a_kill(tmp_path, monkeypatch, run, capsys):
    best, log_epoch = run.valid.best // 3, stepping.log_epoch

    def acting(s, path, log, chunk, *rest):
        if chunk.epoch == best + 2:
            signal.raise_signal(signal.SIGTERM)
        log_epoch(s, path, log, chunk, *rest)

    monkeypatch.setattr(stepping, "log_epoch", acting)
    assert train(tmp_path, config()) == 143
    monkeypatch.setattr(stepping, "log_epoch", log_epoch)
    part = keeping.restore(str(tmp_path))
    assert len(part.valid.losses) == best + 2
    same(part.best.state, run.best.state)
    more = fit(config(), start=part)
    assert train(tmp_path, config()) == 0
    for other in (more, keeping.restore(str(tmp_path))):
        same((other.state, other.history, other.valid), (run.state, run.history, run.valid))
        same(other.best.state, run.best.state)
    assert train(tmp_path, config()) == 0 and "already complete" in capsys.readouterr().out
    # More patience goes on from there, as if there had been as much from the start.
    assert train(tmp_path, config(patience=PATIENCE + 1)) == 0
    longer = fit(config(patience=PATIENCE + 1))
    same(keeping.restore(str(tmp_path)).state, longer.state)
    same(fit(config(patience=PATIENCE + 1), start=more).state, longer.state)
    assert int(longer.state.step) > int(run.state.step)


@pytest.mark.slow
def test_a_saved_run_brings_its_best(tmp_path, run):
    run.save(tmp_path)
    for back in (keeping.restore(str(tmp_path)).best, keeping.restore(str(tmp_path), best=True)):
        same((back.state, back.valid), (run.best.state, run.best.valid))
        same(back.sample(1, 2), run.best.sample(1, 2))
    rows = [r for r in workdir.read_metrics(tmp_path) if r["split"] == "valid"]
    assert [r["loss"] for r in rows] == run.valid.losses.tolist()
    assert train(tmp_path, config()) == 0
    same(keeping.restore(str(tmp_path)).state, run.state)


@pytest.mark.slow
def test_without_images_held_out_nothing_is_the_best(tmp_path):
    assert train(tmp_path, config(2, 0.0, 0)) == 0
    plain = fit(config(2, 0.0, 0))
    for ask in (
        lambda: keeping.restore(str(tmp_path), best=True),
        lambda: keeping.restore(str(tmp_path)).best,
        lambda: plain.best,
        lambda: config(patience=1, n_valid=0),
    ):
        with pytest.raises(ConfigError, match=r"data\.n_valid, a\s+number or a") as error:
            ask()
        assert len(str(error.value).splitlines()) == 1
    assert "valid" not in json.loads((tmp_path / "summary.json").read_text())
    with pytest.raises(ConfigError, match="no epoch has finished"):
        _ = fit(config(0)).best


def test_an_older_format_is_refused(tmp_path):
    fit(config(1, 0.0, 0)).save(tmp_path)
    step = tmp_path / "checkpoints/4"
    facts = json.loads((step / "step.json").read_text())
    assert facts.pop("format") == checkpoint.FORMAT
    (step / "step.json").write_text(json.dumps(facts))
    (step / "SHA256SUMS").unlink()
    checkpoint.checksums.write(step)
    for ask in (
        lambda: keeping.restore(str(tmp_path)),
        lambda: train(tmp_path, config(2, 0.0, 0)),
    ):
        with pytest.raises(
            CheckpointError, match=r"of format 1, .* reads 2\ntrain the config again"
        ):
            ask()


def test_a_validation_part_may_be_ones_own():
    own = Dataset("mine", Split(X[:45, ..., None], None), DATA.test, None, Split(X[45:], None))
    run = fit(config(2), own)
    assert (run.origin.n_valid, run.config.data.n_valid, run.config.data.n_train) == (15, 15, 60)
    assert len(run.valid.losses) == 2
    name, first, test = own  # which it is not among
    assert (name, len(first.images), len(test.images)) == ("mine", 45, 9)
