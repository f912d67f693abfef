"""Every config file, end to end in a work directory: two epochs on a few digits."""

import json
import math
from pathlib import Path

import jax
import pytest

from ae_jax.data import load
from ae_jax.evaluate import baselines
from ae_jax.files import json_file
from ae_jax.model.weights import params_sha256
from ae_jax.resolve import config
from ae_jax.run import fitting, keeping
from ae_jax.train import loop, setup
from experiments import defaults, reproduce
from experiments.measuring import measured
from experiments.measuring.measured import Task
from experiments.running import pictures, session
from experiments.workdirs import workdir
from tests.resolve.small import CONFIGS, VARIANTS, small

QUICK = ("linear",)  # some seconds; all are minutes
SUMMARY = {
    *("config_name", "dataset", "n_train", "n_test", "params", "epochs", "steps", "params_sha256"),
    *("test", "controls", "timing", "device", "versions", "seed"),
}


def marks(path):
    long = path in VARIANTS or path in ("patches", "resnet")  # a minute each
    return () if path in QUICK else pytest.mark.long if long else pytest.mark.slow


@pytest.fixture
def compiled(monkeypatch):
    """The batch sizes that steps have been compiled for."""
    sizes, compile_steps = [], loop.compile_steps

    def counted(trainer, new, args):
        sizes.extend(new)
        return compile_steps(trainer, new, args)

    monkeypatch.setattr(loop, "compile_steps", counted)
    return sizes


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=marks(path)) for path in (*CONFIGS, *VARIANTS)],
)
def test_config_trains_end_to_end(path, tmp_path, capsys, monkeypatch, compiled):
    monkeypatch.setattr(baselines, "NOISE_PAIRS", 2000)  # its value has a test of its own
    variant = ":" in path
    if variant:  # its figures are those of the config itself
        monkeypatch.setattr(pictures, "draw", lambda *args: None)
    c, d = small(path)
    s = session.prepare(c, d)
    workdir.claim(tmp_path, s.config)  # what depends on the data is settled
    assert session.train(s, tmp_path, 0.0) == 0
    sizes = [16] if c.data.n_train % 16 == 0 else [16, 8]
    assert compiled == sizes, "one compilation for each batch size, over all epochs"
    assert "test mse" in capsys.readouterr().out

    check_metrics(s, workdir.read_metrics(tmp_path))
    summary = json.loads((tmp_path / "summary.json").read_text())
    check_summary(c, summary)
    assert (tmp_path / "config.json").is_file()
    if not variant:
        of_images = d.examples.kind == "image" and c.data.name != "spiral"
        check_figures(tmp_path / "figures", of_images)
    run = keeping.restore(str(tmp_path))
    assert params_sha256(run.variables["params"]) == summary["params_sha256"]


def check_metrics(s, rows):
    """Both epochs are there, a loss is the sum of its terms, and it has come down."""
    train, test = ([r for r in rows if r["split"] == split] for split in ("train", "test"))
    assert [r["epoch"] for r in train] == [r["epoch"] for r in test] == [1, 2]
    penalties = s.config.penalties
    warmed_up = any(options.warmup_epochs for options in penalties.values())
    for r in rows:  # a penalty of weight 0 is not there
        terms = [penalties[name].weight * r[name] for name in s.trainer.objective.penalties]
        total = r["reconstruction"] + sum(terms)
        assert warmed_up or r["loss"] == pytest.approx(total, rel=1e-4)
    assert test[-1]["loss"] < first_loss(s)


def check_summary(c, summary):
    """Everything is there that should be, and nothing that does not apply."""
    assert set(summary) >= SUMMARY
    assert {"mse", "sse", "psnr"} <= set(summary["test"])
    assert {"pca", "pca_uncentred", "mean_image", "untrained"} <= set(summary["controls"])
    assert ("bce" in summary["test"]) == (c.decoder.output == "sigmoid")
    assert ("denoise" in summary) == (c.corruption.name != "none")
    assert (summary["epochs"], summary["steps"]) == (2, 2 * math.ceil(c.data.n_train / 16))


def check_figures(folder, of_images):
    """Points have curves only."""
    assert (folder / "curves.png").is_file()
    assert (folder / "reconstructions.png").is_file() == of_images
    assert (folder / "progress.gif").is_file() == of_images


def first_loss(s):
    """Of the untrained network on the test set."""
    mean = setup.mean_image(s.dataset.train.images, s.trainer.model)
    state = s.trainer.init(s.key, mean)
    return s.evaluate(state.variables, s.dataset.test, jax.random.key(0))["loss"]


@pytest.mark.parametrize("kind", reproduce.KINDS)
def test_protocols_are_those_that_the_published_table_was_measured_with(kind):
    file = Path(__file__).parents[2] / "experiments/results/reproduce.json"
    for row in json_file.read(file)["rows"]:
        protocol = reproduce.protocol(Task(row["name"], kind, 0), "mnist")
        assert kind in row["measured"] and measured.changes(row, kind, protocol) == []


def test_the_published_denoiser_is_the_sources():
    """785,284 parameters, Adam at 1e-3 without a schedule, batches of 256, 20 epochs."""
    published, default = config.load_config("denoise:published"), config.load_config("denoise")
    fields = dict(config.flat(published.to_dict()))
    kept = config.load_config(
        "undercomplete:published",
        **{"model.code_size": 500, "corruption": {"name": "dropout", "rate": 0.5}},
    )
    assert config.changes(published, kept, free=("name",)) == []
    assert fields["optim.schedule"] == "constant" and fields["train.epochs"] == 20
    assert default.optim.schedule == "cosine"


@pytest.mark.long
def test_the_worst_default_learns_in_200_steps(digits):
    """With Keras's initial weights and ReLU it ended above the mean image's error, or black."""
    few = load.subset(digits, 1000, 500)
    c = config.load_config("conv_pool", **{"train.epochs": 10})
    run = fitting.fit(c, few, jax.random.key(0), progress=False)
    mse = run.score(few.test.images).mean() / few.test.images[0].size
    assert mse < 0.8 * baselines.mean_image_mse(few.train.images, few.test.images)


def test_thresholds_are_missed_by_the_mean_image_and_held_by_half_of_it():
    stuck = {"mse": 0.07, "pca": 0.03, "mean_image": 0.07}
    assert len(defaults.missed(config.load_config("conv_pool"), stuck)) == 2
    assert defaults.missed(config.load_config("conv_pool"), {**stuck, "mse": 0.02}) == []
    assert defaults.missed(config.load_config("linear"), {**stuck, "mse": 0.034}) == []
    noisy = {**stuck, "mse": 0.01, "denoised_mse": 0.018, "linear_denoiser_mse": 0.019}
    (said,) = defaults.missed(config.load_config("denoise"), noisy)
    assert said == "denoised_mse 0.0180 is not 0.9 of linear_denoiser_mse 0.0190"
    assert defaults.missed(config.load_config("denoise"), {**noisy, "denoised_mse": 0.011}) == []
    assert defaults.missed(config.load_config("dense"), {**stuck, "mse": float("nan")})
    full = {**stuck, "mse": 0.002, "pca": 1e-5}  # of as many numbers as pixels
    assert defaults.missed(config.load_config("rifai2011"), full) == []


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", [n for n in defaults.names() if n in CONFIGS and n != "spiral"])
def test_every_default_learns(name, seed):
    assert defaults.missed(config.load_config(name), defaults.outcome(name, seed)) == []
