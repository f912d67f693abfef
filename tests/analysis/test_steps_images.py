"""Measured, judged and drawn apart: hand-made numbers are judged, hand-made values drawn."""

import json
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from ae_jax.analysis import (
    APPLICATIONS,
    anomaly,
    classification,
    compression,
    denoising,
    inpainting,
    interpolation,
    one_class,
    pca,
    super_resolution,
    unseen,
)
from ae_jax.analysis.anomaly_scores import Scores
from ae_jax.analysis.finding import Measured
from ae_jax.analysis.judge import Estimate
from tests.analysis.tiny import two_classes

RNG = np.random.default_rng(0)


def images(n=12, side=8):
    return RNG.uniform(size=(n, side, side, 1)).astype(np.float32)


def line(figure, label, panel=0):
    """The y data of a named line."""
    return next(v for v in figure.axes[panel].lines if v.get_label() == label).get_ydata().tolist()


def heights(figure, label):
    """Where the bars of a named series end."""
    drawn = next(b for b in figure.axes[0].containers if b.get_label() == label)
    return [bar.get_y() + bar.get_height() for bar in drawn]


def names(figure):
    """The names of rows of images."""
    return [text.get_text().strip() for text in figure.axes[0].get_yticklabels()]


PCA = Measured(
    {
        "mse": 0.015,
        "gain_db": Estimate(0.5, 0.1),
        "code_size": 3,
        "largest_angle_degrees": 60.0,
        "mean_angle_degrees": 30.0,
    },
    {
        "pca_mse": 0.017,
        "pca_components_of_equal_mse": 4,
        "pca_mse_of_the_most": 0.01,
        "mean_image_mse": 0.06,
    },
    pca.Shown("deep", np.array([0.06, 0.03, 0.02, 0.017, 0.01]), np.array([0.0, 30, 60]), None),
)
COMPRESSION = Measured(
    {
        "mse": {2: [0.05] * 4, 8: [0.02] * 4},
        "psnr_db": {2: [10.0, 11.0, 12.0, 13.0], 8: [14.0, 15.0, 16.0, 17.0]},
        "gain_db": {2: [Estimate(1.0, 0.1)] * 4, 8: [Estimate(-1.0, 0.1)] * 4},
        "bits": [2, 4, 8, 32],
        "run": {"code_size": 5, "mse": [0.01] * 4, "psnr_db": [1.0, 2.0, 3.0, 20.0]},
    },
    {
        "pca_mse": {2: [0.06] * 4, 8: [0.01] * 4},
        "pca_psnr_db": {2: [9.0, 9.1, 9.2, 9.3], 8: [18.0, 18.1, 18.2, 18.3]},
        "mean_image_mse": 0.07,
        "image_bits": 512,
    },
    compression.Shown(images(), {2: images(), 8: images()}, (8, images())),
)
DENOISING = Measured(
    {
        "run": "denoise",
        "field": "rate",
        "levels": [0.25, 0.5],
        "trained_level": 0.5,
        "mse": [0.01, 0.02],
        "gain_db": [2.0, 0.5],
        "gain_error_db": [0.1, 0.1],
        "best_control": ["median", "linear"],
    },
    {"noisy": [0.05, 0.1], "median": [0.02, 0.03], "linear": [0.03, 0.025]},
    denoising.Shown(*(images() for _ in range(4))),
)
SCORED = {way: {"mse": 0.01, "psnr_db": 20.0 + i} for i, way in enumerate(inpainting.LEARNT)}
PLAIN = {way: {"mse": 0.02, "psnr_db": 11.0 + i} for i, way in enumerate(("Telea", "mean image"))}
OVER = {
    "theirs": "linear",
    "gain_db": 3.0,
    "gain_error_db": 0.1,
    "classical": "Telea",
    "gain_over_classical_db": 9.0,
    "gain_over_classical_error_db": 0.1,
}
LINEAR = {"mse": 0.015, "psnr_db": 18.0}
FILLED = inpainting.Filled(
    np.ones((12, 8, 8, 1), np.float32),
    {way: images() for way in (*inpainting.LEARNT, "linear", "Telea", "mean image")},
    np.array([30.0, 20.0, 10.0]),
)
INPAINTING = Measured(
    {
        "images": 12,
        "gains": {kind: {"ours": way, **OVER} for kind, way in inpainting.OURS.items()},
        **dict.fromkeys(inpainting.OURS, SCORED),
    },
    {"linear": dict.fromkeys(inpainting.OURS, LINEAR), **dict.fromkeys(inpainting.OURS, PLAIN)},
    inpainting.Shown(images(), dict.fromkeys(inpainting.OURS, FILLED)),
)
TAKEN = {"class": 1, "class_name": "one", "recognized_as_it": 0.75, "shares": [0.25, 0.75]}
SUPER_RESOLUTION = Measured(
    {
        "4 x 4": {"network_psnr_db": 21.0, "gain_db": 3.0, "gain_error_db": 0.1},
        "without_the_class": {
            **TAKEN,
            "recognized_as_it": 0.5,
            "shares": [0.5, 0.5],
            "change": -0.25,
            "change_error": 0.05,
        },
    },
    {"4 x 4": {"psnr_db": 18.0}, "with_the_class": TAKEN},
    super_resolution.Shown(
        {2: super_resolution.Enlarged(images(side=4), {"bicubic": images(), "network": images()})},
        images(),
        unseen.Bias(images(side=2), images(), images(), images(), ["zero", "one"]),
    ),
)
AREAS = {
    "reconstruction error": 0.9,
    "Mahalanobis of the code": 0.8,
    "gradient of the error": 0.7,
}
ONE = {
    str(c): one_class.Areas(Estimate(0.9 + c / 100, 0.01), Estimate(0.8, 0.01), Estimate(0.1, 0.01))
    for c in (0, 1)
}
ANOMALY = Measured(
    {
        "run": "deep",
        "gains": {"shuffled blocks": {"gain": 0.1, "gain_error": 0.01}},
        "shuffled blocks": AREAS,
        "alarms": {
            "wanted": 0.05,
            "test_images": 0.04,
            "test_images_error": 0.01,
            "shuffled blocks": 0.6,
        },
        "one_class": one_class.table(ONE)[0],
    },
    {"shuffled blocks": {"pca_error": 0.8}, "one_class_pca": one_class.table(ONE)[1]},
    anomaly.Shown(
        Scores(*RNG.uniform(size=(3, 50))),
        {"shuffled blocks": Scores(*RNG.uniform(1, 2, (3, 50)))},
        12.5,
        anomaly.Rebuilt(images(), images()),
        {"shuffled blocks": anomaly.Rebuilt(images(), images())},
        ONE,
    ),
)
RIGHT = {"linear_probe": 0.5, "nearest_neighbors": 0.75}
CLASSIFICATION = Measured(
    {
        "linear_probe": 0.875,
        "nearest_neighbors": 0.9375,
        "gain_over_pca": dict.fromkeys(RIGHT, Estimate(0.2, 0.01)),
        "gain_over_pixels": dict.fromkeys(RIGHT, Estimate(0.0, 0.01)),
    },
    {"pca": RIGHT, "pixels": RIGHT, "commonest_class": 0.1},
    classification.Shown(6, 6, 64, 200),
)
ALONG = {
    "midpoint_confidence": 0.8,
    "midpoint_nearest_distance": 4.0,
    "confidence": np.linspace(1, 0.8, 11).tolist(),
    "nearest_distance": np.linspace(0, 4, 11).tolist(),
    "length": 10.0,
}
WON = {**ALONG, "midpoint_gain": 0.065, "midpoint_gain_error": 0.01}
WAY = RNG.uniform(size=(1, 11, 8, 8, 1)).astype(np.float32)
INTERPOLATION = Measured(
    {"run": "conv", "reconstructs": True, "code": WON, "geodesic": {**WON, "length": 9.0}},
    {"pixels": {**ALONG, "confidence": [0.5] * 11}, "classifier_accuracy": 0.9},
    interpolation.Shown(
        200,
        dict.fromkeys(interpolation.NAMES, WAY),
        interpolation.Frames(images(1), images(1), [images(10)]),
    ),
)

MEASURED = {  # application -> (a value, how its sentence begins)
    "pca": (PCA, "the run wins: mse 0.01500 with 3 numbers, PCA 0.01700 (+0.50 ± 0.10 dB)"),
    "compression": (
        COMPRESSION,
        "of 2 sizes the nonlinear code wins over PCA not quantized 1 (PCA 1), 8 bits 1 (PCA 1)",
    ),
    "denoising": (DENOISING, "denoise at rate 0.5: the run wins, +0.5 ± 0.1 dB (mse 0.02000"),
    "inpainting": (
        INPAINTING,
        "scattered pixels: denoiser, one pass wins, +3.0 ± 0.1 dB (denoiser, one pass 20.0, linear",
    ),
    "super_resolution": (
        SUPER_RESOLUTION,
        "4 x 4: the network wins, +3.0 ± 0.1 dB (the network 21.0, bicubic 18.0); of class one,",
    ),
    "anomaly": (
        ANOMALY,
        "shuffled blocks, by reconstruction error: the run wins, +10.0 ± 1.0 points (AUROC 0.900",
    ),
    "classification": (
        CLASSIFICATION,
        "linear probe, 87.5 %: the run wins (50.0 %, +20.00 ± 1.00 points), the run and the image",
    ),
    "interpolation": (
        INTERPOLATION,
        "conv, half-way between two images: the straight line in the code wins, +6.5 ± 1.0 points",
    ),
}


@pytest.mark.parametrize("name", MEASURED)
def test_hand_made_numbers_are_judged_and_so_are_those_of_a_file(name):
    (numbers, control, _), begins = MEASURED[name]
    said = APPLICATIONS[name].judge(numbers, control)
    assert said.startswith(begins)
    assert APPLICATIONS[name].judge(*json.loads(json.dumps([numbers, control]))) == said


@pytest.mark.parametrize("name", MEASURED)
def test_a_hand_made_value_is_drawn_without_a_run(name):
    made = APPLICATIONS[name].draw(MEASURED[name][0])
    assert "" in made and all(isinstance(figure, Figure) for figure in made.values())


def test_what_is_drawn_is_what_was_measured_of_codes():
    made = pca.draw(PCA)
    assert list(made) == [""]
    assert line(made[""], "the run") == [0.015]
    assert line(made[""], "PCA") == [0.03, 0.02, 0.017, 0.01]
    assert line(made[""], "reconstructions and PCA", panel=1) == [0, 30, 60]
    maps = (np.eye(64), 2 * np.eye(3))
    linear = pca.draw(PCA._replace(shown=PCA.shown._replace(maps=maps)))["maps"]
    np.testing.assert_array_equal(linear.axes[1].images[0].get_array(), maps[1])
    made = compression.draw(COMPRESSION)
    assert line(made[""], "autoencoders") == [13.0, 17.0]
    assert line(made[""], "the run") == [20.0]
    assert line(made[""], "PCA, 4 bits", panel=1) == [9.1, 18.1]
    assert names(made["images"]) == [
        "original",
        "2 numbers, 8 bits",
        "8 numbers, 8 bits",
        "PCA, 8",
    ]
    made = classification.draw(CLASSIFICATION)[""]
    assert heights(made, "the run, 6") == pytest.approx([87.5, 93.75])
    assert heights(made, "pixels, 64") == pytest.approx([50, 75])


def test_what_is_drawn_is_what_was_measured_of_restored_images():
    made = denoising.draw(DENOISING)
    assert line(made[""], "the run") == [0.01, 0.02]
    assert line(made[""], denoising.NAMES["linear"]) == [0.03, 0.025]
    made = inpainting.draw(INPAINTING)
    assert line(made["energy"], "mean over images", panel=1) == [30, 20, 10]
    rows = [
        "given",
        *(f"{way}, {20 + i}.0 dB" for i, way in enumerate(inpainting.LEARNT)),
        "linear, 18.0 dB",
        "Telea, 11.0 dB",
        "truth",
    ]
    assert names(made[""]) == 2 * rows
    made = super_resolution.draw(SUPER_RESOLUTION)
    assert names(made[""]) == ["input 4 x 4", "bicubic, 18.0 dB", "network, 21.0 dB", "truth"]
    assert heights(made["classes"], "trained without") == [50, 50]
    assert heights(made["classes"], "trained with") == [25, 75]
    shown = SUPER_RESOLUTION.shown._replace(bias=None)
    assert list(super_resolution.draw(SUPER_RESOLUTION._replace(shown=shown))) == [""]


def test_what_is_drawn_is_what_was_measured_of_anomalies_and_ways():
    made = anomaly.draw(ANOMALY)
    assert heights(made["one_class"], "autoencoder") == pytest.approx([0.9, 0.91])
    assert heights(made["one_class"], "PCA, 32") == pytest.approx([0.8, 0.8])
    assert [axes.get_title(loc="left") for axes in made[""].axes] == list(AREAS)
    assert "alarms above 12.5" in made["maps"].get_suptitle()
    axes = made[""].axes[1]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "test images",
        "shuffled blocks",
    ]
    for bars, low, high in zip(axes.containers, (0, 1), (1.05, 2), strict=True):
        assert all(low <= b.get_x() + b.get_width() <= high for b in bars if b.get_height())
    made = interpolation.draw(INTERPOLATION)
    assert line(made["measures"], "line in pixels") == [0.5] * 11
    assert line(made["measures"], "geodesic", panel=1) == ALONG["nearest_distance"]
    assert names(made["ten_frames"]) == ["decoded", "originals"]


QUICK = ("pca", "classification")  # the others train models


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.long) for n in MEASURED]
)
def test_measuring_draws_nothing(name, study, monkeypatch):
    def drawn(*arguments, **options):
        raise AssertionError("a figure was made")

    monkeypatch.setattr(Figure, "__init__", drawn)
    if name == "anomaly":  # a model for each class: two are enough here
        study = replace(study, data=two_classes(study.data))
    numbers, control, shown = APPLICATIONS[name].measure(study, study.key_for(name))
    assert numbers and control and shown
    with pytest.raises(AssertionError, match="a figure was made"):
        APPLICATIONS[name].draw(Measured(numbers, control, shown))


def test_a_denoiser_that_leaves_more_than_it_takes_does_not_work():
    numbers, control, _ = DENOISING
    said = denoising.judge(numbers, control)
    assert "at rate 0.5: the run wins, +0.5 ± 0.1 dB" in said
    assert "clearly best at 2 of 2 levels" in said
    assert "does not work" in denoising.judge(numbers, {**control, "noisy": [0.05, 0.01]})
