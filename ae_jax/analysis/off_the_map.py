"""Falling off the map: random codes between and beyond the codes of the data.

The more numbers a code has, the emptier the space around the data: a random code decodes to
something that is no image. Against the size of the code, and against how far codes are scaled out.
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from ae_jax.analysis import judge
from ae_jax.analysis.classifier import CONFIDENT
from ae_jax.analysis.finding import Finding, Study
from ae_jax.analysis.generation import gaussian
from ae_jax.analysis.interpolation import nearest_distance
from ae_jax.analysis.judge import Estimate
from ae_jax.figures.panels import Panel, image_blocks, line_panels
from ae_jax.run.trained import Run

SCALES = (1.0, 1.5, 2.0, 3.0)
SAMPLES = 500


def scaled(codes: np.ndarray, factor: float) -> np.ndarray:
    """Codes [n, k] moved `factor` times as far from their mean."""
    mean = codes.mean(0)
    return mean + factor * (codes - mean)


def random_codes(run: Run, images: np.ndarray, key: jax.Array, factor: float = 1.0) -> np.ndarray:
    """[500, k] from the Gaussian of a run's codes of images, its deviation times `factor`."""
    codes = run.encode(images)
    return codes.mean(0) + factor * (gaussian(codes, key, SAMPLES) - codes.mean(0))


def measure(study: Study, run: Run, codes: Mapping[Any, np.ndarray]) -> dict[Any, Any]:
    """Name of codes [n, k] -> what `judged` says of their images."""
    return {name: judged(study, run.decode(z)) for name, z in codes.items()}


def judged(study: Study, images: np.ndarray) -> dict[str, Any]:
    """{'sure': which images [n] the classifier is sure of; 'distance' [n] to the training set}."""
    return {
        "sure": study.classifier.confidence(images) > CONFIDENT,
        "distance": nearest_distance(np.clip(images, 0, 1), study.train.images[:5000]),
    }


def sentence(numbers: Mapping[str, Any], control: Mapping[str, Any]) -> str:
    """What size and scale do to the codes, from what `analyse` returns."""
    sizes, scales = list(numbers["by_size"]), list(numbers["by_scale"])
    first, last = (Estimate(*numbers["by_size"][k]) for k in (sizes[0], sizes[-1]))
    real = Estimate(*control["reconstructions_by_size"][sizes[-1]])
    more = judge.beyond(judge.difference(last, first))
    lost = Estimate(*numbers["test_codes_gain"][scales[-1]])
    kept = Estimate(*numbers["test_codes_by_scale"][scales[-1]])
    drawn = Estimate(*numbers["by_scale"][scales[-1]])
    near, far = (numbers["distance_by_scale"][s] for s in (scales[0], scales[-1]))
    claim = {
        -1: "less recognizable, as the tutorial expects",
        0: "no less recognizable, though the tutorial expects distorted images",
        1: "more recognizable, though the tutorial expects distorted images",
    }[judge.beyond(lost)]
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


def analyse(study: Study, key: jax.Array) -> Finding:
    """Autoencoders of five sizes for the size, the run itself for the scale.

    The five are trained for about 1,000 x effort steps. 500 random codes, of the Gaussian of 5,000
    training codes, beside 500 test images. Shares in [0,1] are of images the classifier is sure of
    (over 0.9), [share, its standard error]; distances are medians to the nearest of 5,000 training
    images, in [0,1] pixel units. The Keras tutorial says that codes outside of [-1,1] decode to
    distorted images.

    Returns:
      numbers: 'by_size': {code size: share} and 'by_scale': {factor: share} of random codes;
        'test_codes_by_scale', of test codes scaled, and 'test_codes_gain', [what that is more than
        unscaled, its standard error], image by image; 'random_distance_by_scale' and
        'distance_by_scale', the distances of these two; 'codes_outside', the share of the run's
        code numbers outside of [-1,1], by scale.
      control: 'reconstructions_by_size': {code size: share}; 'test_images', their share;
        'distance_of_test_images'; 'classifier_accuracy' in [0,1].

    Raises:
      NotApplicable: the data are not images of 8 x 8 pixels or more; they have no labels or one
        class; the decoder is told the label.
    """
    study.need_images()
    study.need_classes()
    study.need_unconditional()
    train, test = study.train.images[:5000], study.test.images[:SAMPLES]
    by_size = {
        k: measure(study, run, {"random": random_codes(run, train, key), "real": run.encode(test)})
        for k, run in study.family.items()
    }
    run, z = study.run, study.run.encode(test)
    drawn = {s: random_codes(run, train, key, s) for s in SCALES}
    random = measure(study, run, drawn)
    moved = measure(study, run, {s: scaled(z, s) for s in SCALES})
    real = judged(study, test)
    numbers = {
        "by_size": {k: judge.share(v["random"]["sure"]) for k, v in by_size.items()},
        "by_scale": {s: judge.share(v["sure"]) for s, v in random.items()},
        "test_codes_by_scale": {s: judge.share(v["sure"]) for s, v in moved.items()},
        "test_codes_gain": {
            s: judge.gain(v["sure"], moved[SCALES[0]]["sure"]) for s, v in moved.items()
        },
        "distance_by_scale": {s: float(np.median(v["distance"])) for s, v in moved.items()},
        "random_distance_by_scale": {s: float(np.median(v["distance"])) for s, v in random.items()},
        "codes_outside": {s: float((np.abs(scaled(z, s)) > 1).mean()) for s in SCALES},
    }
    control = {
        "reconstructions_by_size": {k: judge.share(v["real"]["sure"]) for k, v in by_size.items()},
        "test_images": judge.share(real["sure"]),
        "distance_of_test_images": float(np.median(real["distance"])),
        "classifier_accuracy": study.classifier.accuracy,
    }
    made = {"": _chart(numbers, control), "images": _blocks(study, drawn, z, key)}
    return Finding(numbers, control, sentence(numbers, control), made)


def _chart(numbers: dict[str, Any], control: dict[str, Any]) -> Any:
    def shares(table: Mapping[float, Any]) -> tuple[list[float], list[float]]:
        return list(table), [100 * share.value for share in table.values()]

    def distances(table: Mapping[float, Any]) -> tuple[list[float], list[float]]:
        return list(table), list(table.values())

    sizes = list(numbers["by_size"])
    size, scale = "numbers in the code", "times their distance from the mean"
    real = "codes of test images"
    random, moved = "random codes", f"{real}, scaled"
    return line_panels(
        [
            Panel(
                "Size of the code",
                size,
                "recognizable (%)",
                {
                    random: shares(numbers["by_size"]),
                    real: shares(control["reconstructions_by_size"]),
                },
                [real],
                log_x=True,
                ticks=sizes,
            ),
            Panel(
                "Scale of the run's codes",
                scale,
                "recognizable (%)",
                {
                    random: shares(numbers["by_scale"]),
                    moved: shares(numbers["test_codes_by_scale"]),
                },
            ),
            Panel(
                "Distance from the data",
                scale,
                "distance to the nearest training image",
                {
                    random: distances(numbers["random_distance_by_scale"]),
                    moved: distances(numbers["distance_by_scale"]),
                },
            ),
        ],
        "Off the map: the share of decoded codes that a classifier is sure of",
    )


def _blocks(study: Study, drawn: Mapping[float, np.ndarray], z: np.ndarray, key: jax.Array) -> Any:
    train = study.train.images[:5000]
    blocks = {
        f"{k} numbers": run.decode(random_codes(run, train, key)[:12])
        for k, run in study.family.items()
    }
    run = study.run
    blocks |= {f"random, scale {s:g}": run.decode(v[:12]) for s, v in drawn.items()}
    blocks |= {f"test codes, scale {s:g}": run.decode(scaled(z, s)[:12]) for s in SCALES}
    return image_blocks(blocks, "Codes, decoded: random ones, and those of test images scaled out")
