"""Between two images: a line in pixels, a line in the code, a geodesic of the decoder.

A line in pixels fades one image into the other; a line in the code should pass through images; for
the geodesic see `geodesic`.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypedDict

import jax
import numpy as np
from sklearn.neighbors import NearestNeighbors

from ae_jax.analysis import geodesic
from ae_jax.analysis import judge as judging
from ae_jax.analysis.finding import Application, Measured, NotApplicable, Study
from ae_jax.evaluate import baselines
from ae_jax.figures import image_rows
from ae_jax.figures.panels import Panel, image_blocks, line_panels
from ae_jax.run.trained import Run

STEPS = 11  # t = 0, 0.1, ..., 1
PAIRS = 200
SHOWN = ((0, 8), (5, 1), (9, 6))  # the digits of the dense or conv tutorial
Way = Literal["code", "geodesic", "pixels"]
NAMES: dict[Way, str] = {
    "code": "line in the code",
    "geodesic": "geodesic",
    "pixels": "line in pixels",
}


class Along(TypedDict):
    """Of one way, means over the pairs; 'midpoint' is at t = 1/2."""

    midpoint_confidence: float  # of the classifier, in [0,1]
    midpoint_nearest_distance: float  # Euclidean, [0,1] pixel units, to the nearest training image
    confidence: list[float]  # [STEPS] along the way
    nearest_distance: list[float]
    length: float  # in pixel space


class Gain(TypedDict):
    """Over the line in pixels."""

    midpoint_gain: float  # in confidence, pair by pair
    midpoint_gain_error: float  # its standard error


class AlongCodes(Along, Gain):
    """Of a way in the code."""


class Numbers(TypedDict):
    """Of the run."""

    run: str  # its config's name
    reconstructs: bool
    code: AlongCodes  # the straight line
    geodesic: AlongCodes


class Control(TypedDict):
    """Of the line in pixels, and of the judge."""

    pixels: Along
    classifier_accuracy: float  # in [0,1]


class Frames(NamedTuple):
    """A way from each image to another, as in the tutorial."""

    first: np.ndarray  # [pairs, H, W, C]
    last: np.ndarray
    decoded: list[np.ndarray]  # of each pair t = 0, 0.1, ..., 0.9 [10, H, W, C]


class Shown(NamedTuple):
    """What the figures show."""

    pairs: int  # that the numbers are means of
    ways: dict[Way, np.ndarray]  # [pairs, STEPS, H, W, C] of the pairs in Frames
    frames: Frames


def straight(start: np.ndarray, end: np.ndarray, t: np.ndarray) -> np.ndarray:
    """(1 - t) start + t end: [n, ...] and [n, ...] -> [n, len(t), ...]."""
    start, end = np.asarray(start)[:, None], np.asarray(end)[:, None]
    t = np.asarray(t, np.float32).reshape(1, -1, *(1,) * (start.ndim - 2))
    return (1 - t) * start + t * end


def nearest_distance(images: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Euclidean distance [n], in [0,1] pixel units, of each image to its nearest training image."""
    index = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(baselines.unit_rows(train))
    return index.kneighbors(baselines.unit_rows(images))[0][:, 0]


def pairs_of_classes(key: jax.Array, labels: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of up to n random pairs of different labels."""
    a, b = np.asarray(jax.random.randint(key, (2, 20 * n), 0, len(labels)))
    differ = labels[a] != labels[b]
    return a[differ][:n], b[differ][:n]


def paths(run: Run, a: np.ndarray, b: np.ndarray) -> dict[Way, np.ndarray]:
    """Images [n, 11, H, W, C] of the three ways from a to b; the ends in code are decoded."""
    t = np.linspace(0, 1, STEPS)
    line = straight(run.encode(a), run.encode(b), t)

    def decoded(z: np.ndarray) -> np.ndarray:
        images = run.decode(z.reshape(-1, z.shape[2]))
        return images.reshape(len(a), STEPS, *images.shape[1:])

    return {
        "code": decoded(line),
        "geodesic": decoded(geodesic.shortest(run, line)),
        "pixels": straight(a, b, t),
    }


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """Pairs of test images of different classes; see APPLICATION."""
    study.need_images()
    _, labels = study.need_classes()
    study.need_unconditional()
    test = study.test.images
    pairs = pairs_of_classes(key, labels, PAIRS)
    if len(pairs[0]) < 2:
        raise NotApplicable("there are too few test images of different classes")
    first, last = _shown(test, labels)
    ends = [np.concatenate([v, test[i]]) for v, i in zip((first, last), pairs, strict=True)]
    both, few = paths(study.run, *ends), len(first)
    every = {way: images[few:] for way, images in both.items()}
    sure = {way: _confidence(study, images) for way, images in every.items()}
    rows = {way: along(study, images, sure[way]) for way, images in every.items()}
    numbers: Numbers = {
        "run": study.run.config.name,
        "reconstructs": study.reconstructs,
        "code": {**rows["code"], **_over_pixels(sure["code"], sure["pixels"])},
        "geodesic": {**rows["geodesic"], **_over_pixels(sure["geodesic"], sure["pixels"])},
    }
    control: Control = {
        "pixels": rows["pixels"],
        "classifier_accuracy": study.classifier.accuracy,
    }
    ways = {way: images[:few] for way, images in both.items()}
    return Measured(numbers, control, Shown(len(pairs[0]), ways, frames(study.run, first, last)))


def along(study: Study, images: np.ndarray, sure: np.ndarray) -> Along:
    """Of images [n, STEPS, H, W, C] and the classifier's confidence in them [n, STEPS]."""
    flat, middle = images.reshape(-1, *images.shape[2:]), STEPS // 2
    near = nearest_distance(np.clip(flat, 0, 1), study.train.images).reshape(-1, STEPS)
    return {
        "midpoint_confidence": float(sure[:, middle].mean()),
        "midpoint_nearest_distance": float(near[:, middle].mean()),
        "confidence": sure.mean(0).tolist(),
        "nearest_distance": near.mean(0).tolist(),
        "length": float(geodesic.length(images).mean()),
    }


def _confidence(study: Study, images: np.ndarray) -> np.ndarray:
    flat = images.reshape(-1, *images.shape[2:])
    return study.classifier.confidence(flat).reshape(-1, STEPS)


def _over_pixels(ours: np.ndarray, pixels: np.ndarray) -> Gain:
    gain = judging.gain(ours[:, STEPS // 2], pixels[:, STEPS // 2])
    return {"midpoint_gain": gain.value, "midpoint_gain_error": gain.error}


def frames(run: Run, first: np.ndarray, last: np.ndarray) -> Frames:
    """As in the tutorial: t = 0, 0.1, ..., 0.9; t = 1 is not decoded."""
    codes = straight(run.encode(first), run.encode(last), np.arange(10) / 10)
    return Frames(first, last, [run.decode(z) for z in codes])


def _shown(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images to go between: of the tutorial's digits where the data have them."""
    kinds = np.unique(labels)
    pairs = [p for p in SHOWN if np.isin(p, kinds).all()] or [(kinds[0], kinds[-1])]
    first = np.stack([images[labels == p][0] for p, _ in pairs])
    return first, np.stack([images[labels == q][-1] for _, q in pairs])


def judge(numbers: Numbers, control: Control) -> str:
    """Who wins half-way."""
    code, curve = numbers["code"], numbers["geodesic"]
    words = []
    for way, row in (("the straight line in the code", code), ("the geodesic", curve)):
        gain = judging.Estimate(row["midpoint_gain"], row["midpoint_gain_error"])
        who = judging.verdict(way, "the line in pixels", gain, numbers["reconstructs"])
        sure = 100 * row["midpoint_confidence"]
        words.append(f"{who}, {gain.text(100, sign=True)} points ({way} {sure:.1f} % confident)")
    pixels = 100 * control["pixels"]["midpoint_confidence"]
    shorter = 100 * (1 - curve["length"] / code["length"])
    return (
        f"{numbers['run']}, half-way between two images: {'; '.join(words)}; pixels "
        f"{pixels:.1f} %; the geodesic is {shorter:.0f} % shorter than the straight line"
    )


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """The ways; 'ten_frames', as in the tutorial; 'measures' along the ways."""
    numbers, control, shown = measured
    t = np.linspace(0, 1, STEPS)
    rows: dict[Way, Along] = {
        "code": numbers["code"],
        "geodesic": numbers["geodesic"],
        "pixels": control["pixels"],
    }
    sure = {NAMES[way]: (t, row["confidence"]) for way, row in rows.items()}
    near = {NAMES[way]: (t, row["nearest_distance"]) for way, row in rows.items()}
    distance = ("Distance from the data", "t", "distance to the nearest training image")
    panels = [Panel("Plausibility", "t", "classifier's confidence", sure), Panel(*distance, near)]
    title = f"On the way between {shown.pairs} pairs of test images"
    return {
        "": _images(shown.ways),
        "ten_frames": _ten_frames(shown.frames),
        "measures": line_panels(panels, title),
    }


def _images(ways: Mapping[Way, np.ndarray]) -> Any:
    blocks = {
        f"{way}{' ' * i}": ways[way][i]  # no two blocks of one name
        for i in range(len(ways["code"]))
        for way in NAMES
    }
    return image_blocks(blocks, "Half-way between two images: in the code, in pixels", STEPS)


def _ten_frames(shown: Frames) -> Any:
    """The decoded frames over the two originals."""
    rows = {}
    for i, (first, last, decoded) in enumerate(zip(*shown, strict=True)):
        originals = np.ones((10, *first.shape), np.float32)
        originals[0], originals[-1] = first, last
        rows["decoded" + " " * i] = decoded
        rows["originals" + " " * i] = originals
    return image_rows(rows, "Ten frames, t = 0 to 0.9")


APPLICATION = Application(measure, judge, draw)
"""200 pairs of test images of different classes.

At t = 0, 0.1, ..., 1, judged by the study's classifier, and by the Euclidean distance in [0,1]
pixel units to the nearest of the study's training images. No autoencoder is trained.

Raises:
  NotApplicable: the data are not images of 8 x 8 pixels or more; they have no labels, or no two
    classes; the decoder is told the label.
"""
