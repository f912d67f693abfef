"""Every application on a tiny run, and the command; the truths of each are in test_analysis_*."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from markupsafe import escape

import ae_jax
from ae_jax.analysis import (
    APPLICATIONS,
    OF_IMAGES,
    Finding,
    NotApplicable,
    Study,
    dense_vs_conv,
    manifold,
)
from ae_jax.figures.charts import Figure
from ae_jax.model.bottleneck.ordered import NestedBottleneck
from experiments import applications
from experiments.analyse import plain
from experiments.measuring.expected import RUNS, THRESHOLDS, application_of
from tests.analysis.tiny import CANDIDATES, TINY, two_classes

ROOT = Path(__file__).parents[2]


QUICK = ("pca", "filters")  # the others train models, or draw much
LONG = ("generation", "super_resolution", "copying", "compression", "caption", "dense_vs_conv")


def marks(name):
    """Each is measured, judged and drawn on less in test_steps_*."""
    return () if name in QUICK else pytest.mark.long if name in LONG else pytest.mark.slow


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=marks(n)) for n in OF_IMAGES],
)
def test_every_application_finds_numbers_and_its_controls_numbers(name, study, monkeypatch):
    if name == "anomaly":  # a model for each class: two are enough here
        study = replace(study, data=two_classes(study.data))
    if name == "code_size":
        module = study.run.model.module.clone(bottleneck=NestedBottleneck())
        run = study.run._replace(model=study.run.model._replace(module=module))
        study = replace(study, run=run)
    # Convolutions take long to compile and have tests of their own.
    small = {"encoder": {"hidden": (16,)}, "model": {"code_size": 2}}
    monkeypatch.setattr(dense_vs_conv, "candidates", lambda: dict.fromkeys(CANDIDATES, small))
    finding = APPLICATIONS[name](study, study.key_for(name))
    assert isinstance(finding, Finding)
    assert "\n" not in finding.sentence and finding.sentence
    stored = tuple(json.loads(json.dumps(plain(p))) for p in (finding.numbers, finding.control))
    assert all(stored)
    application = {**APPLICATIONS, "manifold": manifold.APPLICATION}[name]
    # The sentence can be made again of a file's numbers.
    assert application.judge(*stored) == finding.sentence
    for row in [r for r in THRESHOLDS if application_of(r) == name and name != "anomaly"]:
        assert all(isinstance(threshold.value(stored), float) for threshold in THRESHOLDS[row])
    assert "" in finding.figures
    for figure in finding.figures.values():
        assert isinstance(figure, Figure)
        assert figure._repr_png_()


def test_what_a_run_lacks_is_named(digits, study):
    unlabeled = ae_jax.from_arrays(digits.train.images[:60], name="unlabeled")
    bare = Study(study.run, unlabeled, jax.random.key(0), effort=0.01)
    with pytest.raises(NotApplicable, match="labels"):
        APPLICATIONS["classification"](bare, bare.key_for("classification"))
    clean = ae_jax.fit(
        {**TINY, "corruption": {"name": "none"}}, study.data, jax.random.key(0), progress=False
    )
    with pytest.raises(NotApplicable, match="noise"):
        APPLICATIONS["denoising"](study.with_run(clean), jax.random.key(0))


@pytest.mark.parametrize(
    ("train", "test", "reason"),
    [
        (None, None, "the data have no labels"),
        ([0] * 6, [0] * 4, "the data have one class"),
        ([7] * 6, [7, 7, 1, 2], "the data have one class"),
        ([0, 1, 2] * 2, [2] * 4, "training and test images have one class in common"),
        ([0, 1] * 3, [2, 3] * 2, "training and test images have no class in common"),
    ],
)
def test_what_needs_two_classes_says_what_is_lacking(train, test, reason, study):
    images = np.zeros((10, 28, 28, 1), np.uint8)
    data = ae_jax.from_arrays(images[:6], images[6:], train, test)
    lacking = Study(study.run, data, jax.random.key(0), effort=0.01)
    with pytest.raises(NotApplicable, match=f"^{reason}$"):
        lacking.need_classes()
    with pytest.raises(NotApplicable, match=f"^{reason}$"):
        _ = lacking.classifier


def test_classes_are_counted_and_those_of_both_parts_are_named(study):
    images = np.zeros((10, 28, 28, 1), np.uint8)
    data = ae_jax.from_arrays(images[:6], images[6:], [0, 1, 2, 3, 1, 0], [3, 1, 5, 5])
    some = Study(study.run, data, jax.random.key(0), most=(6, 3))
    some.need_classes()
    assert some.classes == 6 and some.shared_classes == [1, 3]


@pytest.mark.slow
def test_pca_is_no_rival_of_a_code_that_can_copy(digits):
    wide = ae_jax.fit(
        {**TINY, "model": {"code_size": 600}, "encoder": {"hidden": ()}, "decoder": {"hidden": ()}},
        ae_jax.data.load.subset(digits, 900, 40),
        jax.random.key(0),
        progress=False,
    )
    over = Study(wide, ae_jax.data.load.subset(digits, 900, 40), jax.random.key(0), effort=0.01)
    with pytest.raises(NotApplicable, match=r"600 numbers can copy \(PCA leaves"):
        APPLICATIONS["pca"](over, jax.random.key(0))


def test_keys_differ_by_name_and_not_by_order(study):
    a, b = (jax.random.key_data(study.key_for(name)) for name in ("pca", "caption"))
    assert not np.array_equal(a, b)
    assert np.array_equal(a, jax.random.key_data(study.key_for("pca")))


def test_seeds_become_means_deviations_and_bars():
    def entry(gain):
        each = {"gain_db": gain, "gain_over_linear_db": 1.0, "note": "text"}
        rows = {name: each for name in ("14 x 14", "7 x 7")}
        control = {"14 x 14": {"psnr_db": [19.0, gain]}}
        return {"numbers": rows, "control": control, "sentence": "a", "seconds": 1.0}

    by_seed = {"0": entry(3.0), "1": entry(4.0)}
    found = applications.summary("super_resolution", by_seed, effort=2.0)
    assert found["numbers"]["7 x 7"]["gain_db"] == 3.5
    assert found["std"]["control"]["14 x 14"]["psnr_db"] == [0.0, 0.707107]
    held = [(bar["mean"], bar["holds"]) for bar in found["bars"]]
    assert held == [(3.5, True), (3.5, False), (1.0, True), (1.0, True)]
    assert set(RUNS) <= set(APPLICATIONS)


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "experiments.analyse", *arguments],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
    )


@pytest.mark.long
def test_the_command_names_what_it_knows_and_writes_one_page(tmp_path):
    unknown = command(f"--workdir={tmp_path}", "--only=pcaa")
    assert unknown.returncode == 2 and len(unknown.stderr.splitlines()) <= 3
    assert "did you mean 'pca'" in unknown.stderr
    assert all(name in unknown.stderr for name in APPLICATIONS)
    small = ["data.n_train=100", "data.n_test=40", "train.epochs=2", "train.batch_size=50"]
    flags = ["--config=undercomplete", *(f"--config.{field}" for field in small)]
    made = subprocess.run(
        [sys.executable, "-m", "experiments.run", *flags, f"--workdir={tmp_path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    done = command(f"--workdir={tmp_path}", "--only=pca,denoising", "--effort=0.01")
    assert done.returncode == 0, done.stderr
    assert "denoising: skipped" in done.stdout and "pca: " in done.stdout
    record = json.loads((tmp_path / "analysis" / "pca.json").read_text())
    assert record["numbers"]["mse"] > 0 and record["control"]["pca_mse"] > 0
    page = (tmp_path / "gallery.html").read_text()
    assert escape(record["sentence"]) in page and "data:image/png;base64," in page
    assert all((tmp_path / file).stat().st_size > 1000 for file in record["figures"])
