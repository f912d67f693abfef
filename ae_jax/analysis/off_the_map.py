"""Falling off the map: random codes between and beyond the codes of the data.

The more numbers a code has, the emptier the space around the data: a random code decodes to
something that is no image. Against the size of the code, and against how far codes are scaled out.
"""

from typing import Any

import jax
import numpy as np

from ae_jax.analysis.finding import Finding, Study
from ae_jax.analysis.generation import gaussian
from ae_jax.analysis.interpolation import nearest_distance
from ae_jax.panels import Panel, image_blocks, line_panels
from ae_jax.run import Run

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


def analyse(study: Study, key: jax.Array) -> Finding:
    """Autoencoders of five sizes for the size, the run itself for the scale.

    The five are trained for about 1,000 x effort steps. 500 random codes, of the Gaussian of 5,000
    training codes, beside 500 test images. Shares in [0,1] are of images the classifier is sure of
    (over 0.9); distances are medians to the nearest of 5,000 training images, in [0,1] pixel units.

    Returns:
      numbers: 'by_size': {code size: share} and 'by_scale': {factor: share} of random codes;
        'test_codes_by_scale', of test codes scaled; 'random_distance_by_scale' and
        'distance_by_scale', the distances of these two.
      control: 'reconstructions_by_size': {code size: share}; 'test_images', their share;
        'distance_of_test_images'; 'classifier_accuracy' in [0,1].

    Raises:
      NotApplicable: the data are not images of 8 x 8 pixels or more; they have no labels; the
        decoder is told the label.
    """
    study.need_images()
    study.need_labels()
    study.need_unconditional()
    judge, train, test = study.classifier, study.train.images[:5000], study.test.images[:SAMPLES]
    by_size = {
        k: {
            "random": judge.recognisable(run.decode(random_codes(run, train, key))),
            "reconstructions": judge.recognisable(run.reconstruct(test)),
        }
        for k, run in study.family.items()
    }
    run, z = study.run, study.run.encode(test)
    images = {s: run.decode(random_codes(run, train, key, s)) for s in SCALES}
    by_scale = {
        s: {
            "random": judge.recognisable(images[s]),
            "reconstructions": judge.recognisable(run.decode(scaled(z, s))),
            "random_distance": _distance(images[s], train),
            "distance": _distance(run.decode(scaled(z, s)), train),
        }
        for s in SCALES
    }
    first, last = min(by_size), max(by_size)
    near, far = (by_scale[s]["distance"] for s in (SCALES[0], SCALES[-1]))
    real = by_size[last]["reconstructions"] > by_size[last]["random"]
    sentence = (
        f"{'real' if real else 'random'} codes win: "
        f"of random codes {100 * by_size[first]['random']:.0f} % are recognisable "
        f"with {first} numbers, {100 * by_size[last]['random']:.0f} % with {last} "
        f"(reconstructions {100 * by_size[last]['reconstructions']:.0f} %); "
        f"test codes scaled by {SCALES[-1]:g} decode {far / near:.1f} times as far from the data"
    )
    numbers = {
        "by_size": {k: v["random"] for k, v in by_size.items()},
        "by_scale": {s: v["random"] for s, v in by_scale.items()},
        "test_codes_by_scale": {s: v["reconstructions"] for s, v in by_scale.items()},
        "distance_by_scale": {s: v["distance"] for s, v in by_scale.items()},
        "random_distance_by_scale": {s: v["random_distance"] for s, v in by_scale.items()},
    }
    control = {
        "reconstructions_by_size": {k: v["reconstructions"] for k, v in by_size.items()},
        "test_images": judge.recognisable(test),
        "distance_of_test_images": _distance(test, train),
        "classifier_accuracy": judge.accuracy,
    }
    made = {"": _chart(by_size, by_scale), "images": _blocks(study, images, key)}
    return Finding(numbers, control, sentence, made)


def _distance(images: np.ndarray, train: np.ndarray) -> float:
    """Median distance to the nearest training image."""
    return float(np.median(nearest_distance(np.clip(images, 0, 1), train)))


def _chart(by_size: Any, by_scale: Any) -> Any:
    def lines(table: Any, names: dict[str, str], unit: float = 100.0) -> Any:
        return {
            label: (list(table), [unit * row[n] for row in table.values()])
            for n, label in names.items()
        }

    return line_panels(
        [
            Panel(
                "Size of the code",
                "numbers in the code",
                "recognisable (%)",
                lines(
                    by_size, {"random": "random codes", "reconstructions": "codes of test images"}
                ),
                ["codes of test images"],
                log_x=True,
                ticks=list(by_size),
            ),
            Panel(
                "Scale of the run's codes",
                "times their distance from the mean",
                "recognisable (%)",
                lines(
                    by_scale,
                    {"random": "random codes", "reconstructions": "codes of test images, scaled"},
                ),
            ),
            Panel(
                "Distance from the data",
                "times their distance from the mean",
                "distance to the nearest training image",
                lines(
                    by_scale,
                    {"random_distance": "random codes", "distance": "codes of test images, scaled"},
                    1.0,
                ),
            ),
        ],
        "Off the map: the share of decoded codes that a classifier is sure of",
    )


def _blocks(study: Study, images: dict[float, np.ndarray], key: jax.Array) -> Any:
    train = study.train.images[:5000]
    blocks = {
        f"{k} numbers": run.decode(random_codes(run, train, key)[:12])
        for k, run in study.family.items()
    }
    blocks |= {f"the run, scale {s:g}": v[:12] for s, v in images.items()}
    return image_blocks(blocks, "Random codes, decoded")
