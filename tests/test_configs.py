"""Every config file, end to end in a work directory: two epochs on a few digits."""

import json
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
    if variant != "published"
]


def small(path):
    c = config.load_config(
        path, **{"train": {"epochs": 2, "batch_size": 16}, "data.n_train": 112, "data.n_test": 50}
    )
    if not c.encoder.name.startswith("conv"):  # compiling those once is long enough
        c = config.resolve({**c.to_dict(), "data": {**c.data.to_dict(), "n_train": 120}})
    d = data.subset(data.load_data(c.data.name), c.data.n_train, c.data.n_test)
    return c, d


@pytest.mark.parametrize("path", [*CONFIGS, *VARIANTS])
def test_config_trains_end_to_end(path, tmp_path, capsys, monkeypatch):
    c, d = small(path)
    compiled = []
    compile_ = training.compile_steps

    def counted(trainer, size, args):
        compiled.append(size)
        return compile_(trainer, size, args)

    monkeypatch.setattr(training, "compile_steps", counted)
    monkeypatch.setattr(controls, "NOISE_PAIRS", 2000)  # its value has a test of its own
    variant = ":" in path
    if variant:  # its figures are those of the config itself
        monkeypatch.setattr(pictures, "draw", lambda *args: None)
    s = session.prepare(c, d)
    workdir.claim(tmp_path, c)
    assert session.train(s, tmp_path, 0.0) == 0
    rest = [8] if c.data.n_train == 120 else []
    assert compiled == [16, *rest], "one compilation for each batch size, over all epochs"

    rows = workdir.read_metrics(tmp_path)
    train_rows = [r for r in rows if r["split"] == "train"]
    test_rows = [r for r in rows if r["split"] == "test"]
    assert [r["epoch"] for r in train_rows] == [r["epoch"] for r in test_rows] == [1, 2]
    for r in rows:
        total = r["reconstruction"]
        for name in s.trainer.objective.penalties:  # one of weight 0 is not there
            options = c.penalties[name]
            total += options.weight * r[name]
        if not any(options.warmup_epochs for options in c.penalties.values()):
            assert r["loss"] == pytest.approx(total, rel=1e-4)
    assert test_rows[-1]["loss"] < first_loss(s)

    summary = json.loads((tmp_path / "summary.json").read_text())
    assert {
        "config_name",
        "dataset",
        "n_train",
        "n_test",
        "params",
        "epochs",
        "steps",
        "params_sha256",
        "test",
        "controls",
        "timing",
        "device",
        "versions",
        "seed",
    } <= set(summary)
    assert {"mse", "sse", "psnr"} <= set(summary["test"])
    assert {"pca", "pca_uncentred", "mean_image", "untrained"} <= set(summary["controls"])
    assert ("bce" in summary["test"]) == (c.decoder.output == "sigmoid")
    assert ("denoise" in summary) == (c.corruption.name != "none")
    assert (summary["epochs"], summary["steps"]) == (2, 14 if not rest else 16)
    assert (tmp_path / "config.json").is_file()
    if not variant:
        assert (tmp_path / "figures" / "curves.png").is_file()
        of_images = c.data.name != "spiral"
        assert (tmp_path / "figures" / "reconstructions.png").is_file() == of_images
        assert (tmp_path / "figures" / "progress.gif").is_file() == of_images
    assert "test mse" in capsys.readouterr().out

    run = api.restore(str(tmp_path))
    assert workdir.params_sha256(run.variables["params"]) == summary["params_sha256"]


def first_loss(s):
    """Of the untrained network on the test set."""
    mean = training.mean_image(s.dataset.train.images, s.config.data.scale)
    state = s.trainer.init(s.key, mean)
    return s.evaluate(state.variables, s.dataset.test, jax.random.key(0))["loss"]
