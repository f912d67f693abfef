"""Off the manifold: random codes between and beyond the codes of the data.

The more numbers a code has, the emptier the space around the data: a random code decodes to
something that is no image. Against the size of the code, and against how far codes are scaled out.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypedDict

import jax
import numpy as np

from ae_jax.analysis import judge as judging
from ae_jax.analysis.classifier import CONFIDENT
from ae_jax.analysis.finding import Application, Measured, Study
from ae_jax.analysis.interpolation import nearest_distance
from ae_jax.analysis.judge import Estimate
from ae_jax.analysis.sampling import gaussian
from ae_jax.figures.panels import Panel, image_blocks, line_panels
from ae_jax.run.trained import Run

SCALES = (1.0, 1.5, 2.0, 3.0)
SAMPLES, TRAIN, DRAWN = 500, 5000, 12


class Numbers(TypedDict):
    """Shares in [0,1] are of images the classifier is sure of (over 0.9), with standard errors.

    Distances are medians to the nearest of 5,000 training images, in [0,1] pixel units. Keys that
    are numbers are words in a file.
    """

    by_size: dict[int, Estimate]  # code size -> share of random codes
    by_scale: dict[float, Estimate]  # factor -> share of random codes
    test_codes_by_scale: dict[float, Estimate]  # factor -> share of test codes scaled
    test_codes_gain: dict[float, Estimate]  # what that is more than unscaled, image by image
    distance_by_scale: dict[float, float]  # factor -> distance of test codes scaled
    random_distance_by_scale: dict[float, float]  # of random codes
    codes_outside: dict[float, float]  # factor -> share of the code numbers outside of [-1,1]


class Control(TypedDict):
    """Of real images and their reconstructions."""

    reconstructions_by_size: dict[int, Estimate]  # code size -> share
    test_images: Estimate  # their share
    distance_of_test_images: float  # as in `Numbers`
    classifier_accuracy: float  # in [0,1]


class Shown(NamedTuple):
    """Images [12, H, W, C] in [0,1] that the figures show."""

    by_size: dict[int, np.ndarray]  # of random codes
    by_scale: dict[float, np.ndarray]
    test_codes_by_scale: dict[float, np.ndarray]


class Judged(NamedTuple):
    """What the classifier and the training set say of images."""

    sure: np.ndarray  # [n], whether the classifier is
    distance: np.ndarray  # [n] to the nearest training image, in [0,1] pixel units

    @property
    def share(self) -> Estimate:
        """Of images the classifier is sure of, in [0,1]."""
        return judging.share(self.sure)

    @property
    def median(self) -> float:
        """Of the distances."""
        return float(np.median(self.distance))


def scaled(codes: np.ndarray, factor: float) -> np.ndarray:
    """Codes [n, k] moved `factor` times as far from their mean."""
    mean = codes.mean(0)
    return mean + factor * (codes - mean)


def random_codes(run: Run, images: np.ndarray, key: jax.Array, factor: float = 1.0) -> np.ndarray:
    """[500, k] from the Gaussian of a run's codes of images, its deviation times `factor`."""
    codes = run.encode(images)
    return codes.mean(0) + factor * (gaussian(codes, key, SAMPLES) - codes.mean(0))


def judged(study: Study, images: np.ndarray) -> Judged:
    """What the study's classifier and training images say of images [n, H, W, C]."""
    return Judged(
        study.classifier.confidence(images) > CONFIDENT,
        nearest_distance(np.clip(images, 0, 1), study.train.images[:TRAIN]),
    )


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """Random codes of autoencoders of every size; random and test codes of the run, scaled out."""
    study.need_images()
    study.need_classes()
    study.need_unconditional()
    train, test = study.train.images[:TRAIN], study.test.images[:SAMPLES]
    run, z = study.run, study.run.encode(test)
    by_size = {k: random_codes(run, train, key) for k, run in study.family.items()}
    drawn = {s: random_codes(run, train, key, s) for s in SCALES}
    tests = {s: scaled(z, s) for s in SCALES}
    of_size = {k: judged(study, run.decode(by_size[k])) for k, run in study.family.items()}
    back = {k: judged(study, run.decode(run.encode(test))) for k, run in study.family.items()}
    random = {s: judged(study, run.decode(codes)) for s, codes in drawn.items()}
    moved = {s: judged(study, run.decode(codes)) for s, codes in tests.items()}
    real = judged(study, test)
    numbers: Numbers = {
        "by_size": {k: found.share for k, found in of_size.items()},
        "by_scale": {s: found.share for s, found in random.items()},
        "test_codes_by_scale": {s: found.share for s, found in moved.items()},
        "test_codes_gain": {
            s: judging.gain(found.sure, moved[SCALES[0]].sure) for s, found in moved.items()
        },
        "distance_by_scale": {s: found.median for s, found in moved.items()},
        "random_distance_by_scale": {s: found.median for s, found in random.items()},
        "codes_outside": {s: float((np.abs(codes) > 1).mean()) for s, codes in tests.items()},
    }
    control: Control = {
        "reconstructions_by_size": {k: found.share for k, found in back.items()},
        "test_images": real.share,
        "distance_of_test_images": real.median,
        "classifier_accuracy": study.classifier.accuracy,
    }
    shown = Shown(
        {k: run.decode(by_size[k][:DRAWN]) for k, run in study.family.items()},
        {s: run.decode(codes[:DRAWN]) for s, codes in drawn.items()},
        {s: run.decode(codes[:DRAWN]) for s, codes in tests.items()},
    )
    return Measured(numbers, control, shown)


def judge(numbers: Numbers, control: Control) -> str:
    """What size and scale do to the codes."""
    sizes, scales = list(numbers["by_size"]), list(numbers["by_scale"])
    first, last = (Estimate(*numbers["by_size"][k]) for k in (sizes[0], sizes[-1]))
    real = Estimate(*control["reconstructions_by_size"][sizes[-1]])
    more = judging.beyond(judging.difference(last, first))
    lost = Estimate(*numbers["test_codes_gain"][scales[-1]])
    kept = Estimate(*numbers["test_codes_by_scale"][scales[-1]])
    drawn = Estimate(*numbers["by_scale"][scales[-1]])
    near, far = (numbers["distance_by_scale"][s] for s in (scales[0], scales[-1]))
    claim = {
        -1: "less recognizable, as the tutorial expects",
        0: "no less recognizable, though the tutorial expects distorted images",
        1: "more recognizable, though the tutorial expects distorted images",
    }[judging.beyond(lost)]
    how = {-1: "less often", 0: "no more or less often", 1: "more often"}[more]
    outside = numbers["codes_outside"][scales[-1]]
    return (
        f"random codes are recognizable {how} with {sizes[-1]} numbers, {last.text(100)} %, than "
        f"with {sizes[0]}, {first.text(100)} % (reconstructions {real.text(100)} %); "
        f"codes scaled out are {claim}: of test codes scaled by {float(scales[-1]):g} "
        f"({100 * outside:.0f} % of their numbers outside of [-1,1]) {kept.text(100)} % are "
        f"recognizable, {lost.text(100, sign=True)} "
        f"points, {far / near:.1f} times as far from the data; of random codes {drawn.text(100)} %"
    )


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """Shares and distances by size and by scale, and 'images', codes decoded."""
    shown = measured.shown
    blocks = {
        **{f"{k} numbers": images for k, images in shown.by_size.items()},
        **{f"random, scale {s:g}": images for s, images in shown.by_scale.items()},
        **{f"test codes, scale {s:g}": images for s, images in shown.test_codes_by_scale.items()},
    }
    title = "Codes, decoded: random ones, and those of test images scaled out"
    return {
        "": _chart(measured.numbers, measured.control),
        "images": image_blocks(blocks, title),
    }


def _chart(numbers: Numbers, control: Control) -> Any:
    size, scale = "numbers in the code", "times their distance from the mean"
    real = "codes of test images"
    random, moved = "random codes", f"{real}, scaled"
    by_size = {
        random: _shares(numbers["by_size"]),
        real: _shares(control["reconstructions_by_size"]),
    }
    by_scale = {
        random: _shares(numbers["by_scale"]),
        moved: _shares(numbers["test_codes_by_scale"]),
    }
    distance = {
        name: (list(table), list(table.values()))
        for name, table in (
            (random, numbers["random_distance_by_scale"]),
            (moved, numbers["distance_by_scale"]),
        )
    }
    sizes, share = list(numbers["by_size"]), "recognizable (%)"
    panels = [
        Panel("Size of the code", size, share, by_size, [real], log_x=True, ticks=sizes),
        Panel("Scale of the run's codes", scale, share, by_scale),
        Panel("Distance from the data", scale, "distance to the nearest training image", distance),
    ]
    title = "Off the map: the share of decoded codes that a classifier is sure of"
    return line_panels(panels, title)


def _shares(table: Mapping[Any, Estimate]) -> tuple[list[float], list[float]]:
    return list(table), [100 * value for value, _ in table.values()]


APPLICATION = Application(measure, judge, draw)
"""Autoencoders of five sizes for the size, the run itself for the scale.

The five are trained for about 1,000 x effort steps. 500 random codes, of the Gaussian of 5,000
training codes, beside 500 test images. The Keras tutorial says that codes outside of [-1,1] decode
to distorted images.

Raises:
  NotApplicable: the data are not images of 8 x 8 pixels or more; they have no labels or one class;
    the decoder is told the label.
"""
