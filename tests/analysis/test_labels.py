"""Labels an application cannot use, and sentences made from stored numbers."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest

import ae_jax
from ae_jax.analysis import (
    APPLICATIONS,
    NotApplicable,
    Study,
    anomaly,
    interpolation,
    one_class,
    super_resolution,
    unseen,
)
from ae_jax.errors import DivergedError
from experiments import analyse

CONFIG = {
    "encoder": {"hidden": (16,)},
    "decoder": {"hidden": (16,), "output": "sigmoid"},
    "model": {"code_size": 4},
    "train": {"batch_size": 50, "epochs": 1},
}


@pytest.fixture(scope="module")
def run(digits):
    data = ae_jax.data.load.subset(digits, 100, 40)
    return ae_jax.fit(CONFIG, data, jax.random.key(0), progress=False), data


def study_of(run, train, test):
    """A study of the same images with other labels: f(labels) of each part."""
    run, data = run
    (x, y), (test_x, test_y) = data.train, data.test
    labels = [None if f is None else f(v) for f, v in ((train, y), (test, test_y))]
    other = ae_jax.from_arrays(x, test_x, *labels)
    return Study(run, other, jax.random.key(0), effort=0.01)


def constant(value):
    return lambda labels: np.full(len(labels), value)


LABELS = {
    "none": (None, None, "the data have no labels"),
    "all 0": (constant(0), constant(0), "the data have one class"),
    "all 7": (constant(7), constant(7), "the data have one class"),
    "all 20000": (constant(20_000), constant(20_000), "the data have one class"),
    "one in test": (
        lambda labels: labels % 3,
        constant(2),
        "training and test images have one class in common",
    ),
    "no 5 in test": (
        lambda labels: labels,
        lambda labels: np.where(labels == 5, 4, labels),
        "no test image is of class 5",
    ),
    "no most frequent in test": (
        lambda labels: np.where(labels < 8, 1, labels % 3),
        lambda labels: 2 * (labels % 2),
        "no test image is of class 1",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", LABELS)
def test_a_class_is_left_out_only_where_it_can_be_asked_for(kind, run):
    train, test, reason = LABELS[kind]
    with pytest.raises(NotApplicable, match=f"^{reason}$"):
        unseen.missing_class(study_of(run, train, test))


@pytest.mark.slow
def test_the_class_left_out_is_5_or_the_most_frequent(run):
    same = lambda labels: labels  # noqa: E731
    assert unseen.missing_class(study_of(run, same, same)) == 5
    few = lambda labels: np.minimum(labels, 3)  # noqa: E731
    assert unseen.missing_class(study_of(run, few, few)) == 3


@pytest.mark.parametrize("kind", [k for k in LABELS if "in test" not in k or k == "one in test"])
def test_one_class_at_a_time_and_between_classes_need_two(kind, run):
    train, test, reason = LABELS[kind]
    study = study_of(run, train, test)
    with pytest.raises(NotApplicable, match=f"^{reason}$"):
        one_class.classes_alone(study)
    with pytest.raises(NotApplicable, match=f"^{reason}$"):
        APPLICATIONS["interpolation"](study, jax.random.key(0))


def test_a_class_without_test_images_gets_no_network(run):
    study = study_of(run, *LABELS["no 5 in test"][:2])
    assert one_class.classes_alone(study) == [0, 1, 2, 3, 4, 6, 7, 8, 9]


def test_of_many_classes_the_largest_ten_get_a_network_each(run):
    count = lambda labels: np.arange(len(labels)) % 15  # noqa: E731
    few = lambda labels: np.minimum(np.arange(len(labels)) % 15, 13)  # noqa: E731
    assert one_class.classes_alone(study_of(run, count, few)) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 13]


@pytest.mark.long
def test_scattered_ids_cost_no_more_than_their_number(run):
    ids = lambda labels: np.where(labels < 5, 3, 2_000_000_000)  # noqa: E731
    study = study_of(run, ids, ids)
    assert study.classes == 2 and study.classifier.network.classes == 2
    named = [study.named(c) for c in one_class.classes_alone(study)]
    assert named == ["3", "2000000000"]
    ours, theirs, gain = one_class.one_class(study, 0, jax.random.key(0))
    assert 0 < ours.value < 1 and gain.value == pytest.approx(ours.value - theirs.value)


def test_parts_that_cannot_be_done_are_said_to_be_skipped():
    row = {"skipped": "the data have one class"}
    said = super_resolution.judge({"without_the_class": row}, {})
    assert said == "without a class: skipped, the data have one class"


@pytest.mark.parametrize(
    ("gain", "error", "reconstructs", "said"),
    [
        (0.065, 0.01, True, "the straight line in the code wins, +6.5 ± 1.0 points"),
        (0.005, 0.012, True, "the straight line in the code and the line in pixels tie, +0.5"),
        (-0.1, 0.01, True, "the line in pixels wins, -10.0"),
        (0.065, 0.01, False, "the straight line in the code does not work"),
        (np.nan, np.nan, True, "cannot be compared"),
    ],
)
def test_half_way_a_tie_is_a_tie(gain, error, reconstructs, said):
    way = {"midpoint_gain": gain, "midpoint_gain_error": error, "midpoint_confidence": 0.8}
    numbers = {"run": "conv", "reconstructs": reconstructs}
    numbers |= {"code": {**way, "length": 10.0}, "geodesic": {**way, "length": 9.0}}
    control = {"pixels": {"midpoint_confidence": 0.75}}
    sentence = interpolation.judge(numbers, control)
    assert sentence.startswith("conv, half-way") and said in sentence
    assert "pixels 75.0 %" in sentence and "10 % shorter" in sentence


def test_a_run_that_draws_one_image_does_not_reconstruct(run):
    study = study_of(run, None, None)
    mean = study.train.images.mean(0, keepdims=True)
    model = run[0].model
    flat = SimpleNamespace(model=model, reconstruct=lambda x, labels=None: mean.repeat(len(x), 0))
    exact = SimpleNamespace(model=model, reconstruct=lambda x, labels=None: x)
    assert not study.with_run(flat).reconstructs and study.with_run(exact).reconstructs


def test_the_score_of_anomalies_is_not_chosen_by_what_is_reported():
    numbers = {
        "another data set": {"reconstruction error": 0.9, "gradient of the error": 0.99},
        "gains": {"another data set": {"gain": 0.001, "gain_error": 0.002}},
        "alarms": {"wanted": 0.05, "test_images": 0.04, "test_images_error": 0.01},
        "one_class": {"skipped": "the data have no labels"},
    }
    said = anomaly.judge(numbers, {"another data set": {"pca_error": 0.899}})
    assert "the run and PCA tie" in said and "AUROC 0.900, PCA 0.899" in said
    assert "4.0 ± 1.0 % false alarms for 5 wanted" in said and "0.99" not in said
    assert said.endswith("one class at a time: skipped, the data have no labels")


def test_the_command_says_how_many_failed_and_which(tmp_path, monkeypatch, capsys):
    def diverged(study, key):
        raise DivergedError("the loss is nan")

    for name in ("pca", "filters"):
        monkeypatch.setitem(APPLICATIONS, name, diverged)
    given = SimpleNamespace(
        workdir=tmp_path,
        best=False,
        seed=0,
        effort=1.0,
        debug=False,
        only=["pca", "filters"],
        data=None,
    )
    monkeypatch.setattr(analyse.flags, "FLAGS", given)
    monkeypatch.setattr(
        "ae_jax.run.keeping.restore",
        lambda workdir, best: SimpleNamespace(
            config=SimpleNamespace(data=SimpleNamespace(scale="unit")),
            code_mean=(),
            inner=None,
            scaler=None,
        ),
    )
    monkeypatch.setattr("ae_jax.data.scales.scaled", lambda data, scale, scaler: data)
    monkeypatch.setattr("experiments.workdirs.place.opened", lambda *a: SimpleNamespace(train=None))
    monkeypatch.setattr("ae_jax.data.arrays.sampled", lambda data: data)
    monkeypatch.setattr(analyse, "outsiders", lambda run: None)
    with pytest.raises(SystemExit) as ended:
        analyse.main([], {})
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert "2 of 2 applications failed: pca, filters" in said.err
    assert "pca: failed, DivergedError: the loss is nan" in said.out
