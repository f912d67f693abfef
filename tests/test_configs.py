"""Every config file, end to end in a work directory: two epochs on a few digits."""

import json
import math
from pathlib import Path

import jax
import pytest

from ae_jax import api, config, controls, data, training
from experiments import pictures, session, workdir

CONFIGS = sorted(p.stem for p in (Path(__file__).parents[1] / "configs").glob("*.py"))
VARIANTS = [
    f"{name}:{variant}"
    for name in CONFIGS
    for variant in config.variants(name)
    if variant not in ("published", "makhzani")
]
SUMMARY = {
    *("config_name", "dataset", "n_train", "n_test", "params", "epochs", "steps", "params_sha256"),
    *("test", "controls", "timing", "device", "versions", "seed"),
}


def small(path):
    c = config.load_config(
        path, **{"train": {"epochs": 2, "batch_size": 16}, "data.n_train": 112, "data.n_test": 50}
    )
    if not c.encoder.name.startswith("conv"):  # compiling those once is long enough
        c = config.resolve({**c.to_dict(), "data": {**c.data.to_dict(), "n_train": 120}})
    d = data.subset(data.load_data(c.data.name), c.data.n_train, c.data.n_test)
    return c, d


@pytest.fixture
def compiled(monkeypatch):
    """The batch sizes that steps have been compiled for."""
    sizes, compile_steps = [], training.compile_steps

    def counted(trainer, size, args):
        sizes.append(size)
        return compile_steps(trainer, size, args)

    monkeypatch.setattr(training, "compile_steps", counted)
    return sizes


@pytest.mark.parametrize("path", [*CONFIGS, *VARIANTS])
def test_config_trains_end_to_end(path, tmp_path, capsys, monkeypatch, compiled):
    monkeypatch.setattr(controls, "NOISE_PAIRS", 2000)  # its value has a test of its own
    variant = ":" in path
    if variant:  # its figures are those of the config itself
        monkeypatch.setattr(pictures, "draw", lambda *args: None)
    c, d = small(path)
    s = session.prepare(c, d)
    workdir.claim(tmp_path, c)
    assert session.train(s, tmp_path, 0.0) == 0
    sizes = [16] if c.data.n_train % 16 == 0 else [16, 8]
    assert compiled == sizes, "one compilation for each batch size, over all epochs"
    assert "test mse" in capsys.readouterr().out

    check_metrics(s, workdir.read_metrics(tmp_path))
    summary = json.loads((tmp_path / "summary.json").read_text())
    check_summary(c, summary)
    assert (tmp_path / "config.json").is_file()
    if not variant:
        check_figures(tmp_path / "figures", of_images=c.data.name != "spiral")
    run = api.restore(str(tmp_path))
    assert workdir.params_sha256(run.variables["params"]) == summary["params_sha256"]


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
    mean = training.mean_image(s.dataset.train.images, s.config.data.scale)
    state = s.trainer.init(s.key, mean)
    return s.evaluate(state.variables, s.dataset.test, jax.random.key(0))["loss"]
