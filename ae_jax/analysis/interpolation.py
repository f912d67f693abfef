"""Between two images: a line in pixels, a line in the code, a geodesic of the decoder.

A line in pixels fades one image into the other; a line in the code should pass through images. The
geodesic is the shortest curve in pixels whose points are all decoded codes: it minimises
sum_i ||g(z_{i+1}) - g(z_i)||^2 over the points between the ends, the energy of a curve under the
decoder's pull-back metric (Arvanitidis et al. 2018).
"""

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.neighbors import NearestNeighbors

from ae_jax.analysis import judge
from ae_jax.analysis.energy import minimise
from ae_jax.analysis.finding import Finding, NotApplicable, Study
from ae_jax.evaluate import baselines
from ae_jax.figures import image_rows
from ae_jax.figures.panels import Panel, image_blocks, line_panels
from ae_jax.model import scaling
from ae_jax.model.pipeline import Model, Variables
from ae_jax.run.trained import Run

STEPS = 11  # t = 0, 0.1, ..., 1
PAIRS = 200
SHOWN = ((0, 8), (5, 1), (9, 6))  # the digits of the dense or conv tutorial


def straight(start: np.ndarray, end: np.ndarray, t: np.ndarray) -> np.ndarray:
    """(1 - t) start + t end: [n, ...] and [n, ...] -> [n, len(t), ...]."""
    start, end = np.asarray(start)[:, None], np.asarray(end)[:, None]
    t = np.asarray(t, np.float32).reshape(1, -1, *(1,) * (start.ndim - 2))
    return (1 - t) * start + t * end


def geodesics(run: Run, start: np.ndarray, end: np.ndarray, steps: int = STEPS) -> np.ndarray:
    """Codes [n, steps, k] of shortest curves between codes [n, k], found from the straight line.

    The ends stay; Adam minimises the `curve_energy` of what is between (Arvanitidis et al. 2018).
    """
    line = jnp.asarray(straight(start, end, np.linspace(0, 1, steps)))
    ends = (line[:, 0], line[:, -1])
    # A step is a hundredth of the way between the ends, whatever the code's units are.
    rate = 0.01 * float(jnp.mean(jnp.abs(line[:, -1] - line[:, 0]))) + 1e-6
    found = minimise(
        curve_energy(run.model), line[:, 1:-1], data=ends, shared=run.variables, learning_rate=rate
    )
    return np.concatenate([line[:, :1], found.x, line[:, -1:]], axis=1)


@lru_cache(maxsize=8)  # the same function for the same model compiles once
def curve_energy(model: Model) -> Any:
    """f(interior points [m, k], (first, last), variables) -> sum of squared steps in pixels."""
    return partial(_curve_energy, model)


def _curve_energy(
    model: Model, inside: jax.Array, ends: jax.Array, variables: Variables
) -> jax.Array:
    points = jnp.concatenate([ends[0][None], inside, ends[1][None]])
    images = scaling.to_unit(model.decode(variables, points), model.scale)
    return jnp.sum(jnp.square(jnp.diff(images, axis=0)))


def curve_length(images: np.ndarray) -> np.ndarray:
    """Euclidean length in pixel space of polylines [n, steps, H, W, C] -> [n]."""
    steps = np.diff(images, axis=1).reshape(len(images), images.shape[1] - 1, -1)
    return np.linalg.norm(steps, axis=2).sum(1)


def nearest_distance(images: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Euclidean distance [n], in [0,1] pixel units, of each image to its nearest training image."""
    index = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(baselines.unit_rows(train))
    return index.kneighbors(baselines.unit_rows(images))[0][:, 0]


def pairs_of_classes(key: jax.Array, labels: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of up to n random pairs of different labels."""
    a, b = np.asarray(jax.random.randint(key, (2, 20 * n), 0, len(labels)))
    differ = labels[a] != labels[b]
    return a[differ][:n], b[differ][:n]


def paths(run: Run, a: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
    """Images [n, 11, H, W, C] of the three ways from a to b; the ends in code are decoded."""
    t = np.linspace(0, 1, STEPS)
    start, end = run.encode(a), run.encode(b)
    codes = {"code": straight(start, end, t), "geodesic": geodesics(run, start, end)}
    found = {"pixels": straight(a, b, t)}
    for name, z in codes.items():
        images = run.decode(z.reshape(-1, z.shape[2]))
        found[name] = images.reshape(len(a), STEPS, *images.shape[1:])
    return found


def measure(study: Study, found: dict[str, np.ndarray]) -> dict[str, Any]:
    """Way -> its numbers as `analyse` returns them, of the images [n, 11, H, W, C] `found`."""
    middle = STEPS // 2
    sure: dict[str, np.ndarray] = {}
    table: dict[str, dict[str, Any]] = {}
    for name, images in found.items():
        flat = images.reshape(-1, *images.shape[2:])
        sure[name] = study.classifier.confidence(flat).reshape(-1, STEPS)
        near = nearest_distance(np.clip(flat, 0, 1), study.train.images).reshape(-1, STEPS)
        table[name] = {
            "midpoint_confidence": float(sure[name][:, middle].mean()),
            "midpoint_nearest_distance": float(near[:, middle].mean()),
            "confidence": sure[name].mean(0),
            "nearest_distance": near.mean(0),
            "length": float(curve_length(images).mean()),
        }
    for name in ("code", "geodesic"):
        gain = judge.gain(sure[name][:, middle], sure["pixels"][:, middle])
        table[name] |= {"midpoint_gain": gain.value, "midpoint_gain_error": gain.error}
    return table


def sentence(numbers: Mapping[str, Any], control: Mapping[str, Any]) -> str:
    """Who wins half-way, from what `analyse` returns."""
    pixels = control["pixels"]["midpoint_confidence"]
    ways = {"code": "the straight line in the code", "geodesic": "the geodesic"}
    words = []
    for name, way in ways.items():
        gain = judge.Estimate(numbers[name]["midpoint_gain"], numbers[name]["midpoint_gain_error"])
        who = judge.verdict(way, "the line in pixels", gain, numbers["reconstructs"])
        sure = 100 * numbers[name]["midpoint_confidence"]
        words.append(f"{who}, {gain.text(100, sign=True)} points ({way} {sure:.1f} % confident)")
    shorter = 100 * (1 - numbers["geodesic"]["length"] / numbers["code"]["length"])
    return (
        f"{numbers['run']}, half-way between two images: {'; '.join(words)}; pixels "
        f"{100 * pixels:.1f} %; the geodesic is {shorter:.0f} % shorter than the straight line"
    )


def analyse(study: Study, key: jax.Array) -> Finding:
    """200 pairs of test images of different classes.

    At t = 0, 0.1, ..., 1, judged by the study's classifier, and by the Euclidean distance in [0,1]
    pixel units to the nearest of the study's training images. No autoencoder is trained.

    Returns:
      numbers: 'run', its config's name; whether it 'reconstructs'; 'code' (the straight line) and
        'geodesic', each, as means over the pairs, {'confidence' in [0,1] and 'nearest_distance'
        [11] along the way, both also at t = 1/2 as 'midpoint_confidence' and
        'midpoint_nearest_distance', 'length' in pixel space, 'midpoint_gain' in confidence over
        pixels, pair by pair, and its standard error 'midpoint_gain_error'}.
      control: 'pixels', the same of the line in pixels; 'classifier_accuracy' in [0,1].

    Raises:
      NotApplicable: the data are not images of 8 x 8 pixels or more; they have no labels, or no two
        classes; the decoder is told the label.
    """
    study.need_images()
    _, labels = study.need_classes()
    study.need_unconditional()
    test = study.test.images
    pairs = pairs_of_classes(key, labels, PAIRS)
    if len(pairs[0]) < 2:
        raise NotApplicable("there are too few test images of different classes")
    shown = _shown(test, labels)
    ends = [np.concatenate([v, test[i]]) for v, i in zip(shown, pairs, strict=True)]
    both = paths(study.run, *ends)
    table = measure(study, {n: images[len(shown[0]) :] for n, images in both.items()})
    pixels = table.pop("pixels")
    numbers = {"run": study.run.config.name, "reconstructs": study.reconstructs, **table}
    control = {"pixels": pixels, "classifier_accuracy": study.classifier.accuracy}
    few = {name: images[: len(shown[0])] for name, images in both.items()}
    made = {
        "": _images(few),
        "ten_frames": _ten_frames(study.run, *shown),
        "measures": _chart({**table, "pixels": pixels}, len(pairs[0])),
    }
    return Finding(numbers, control, sentence(numbers, control), made)


def _chart(table: dict[str, dict[str, Any]], pairs: int) -> Any:
    t = np.linspace(0, 1, STEPS)
    names = {"code": "line in the code", "geodesic": "geodesic", "pixels": "line in pixels"}
    return line_panels(
        [
            Panel(title, "t", ylabel, {names[n]: (t, table[n][field]) for n in names})
            for title, ylabel, field in (
                ("Plausibility", "classifier's confidence", "confidence"),
                (
                    "Distance from the data",
                    "distance to the nearest training image",
                    "nearest_distance",
                ),
            )
        ],
        f"On the way between {pairs} pairs of test images",
    )


def _shown(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images to go between: of the tutorial's digits where the data have them."""
    kinds = np.unique(labels)
    pairs = [p for p in SHOWN if np.isin(p, kinds).all()] or [(kinds[0], kinds[-1])]
    first = np.stack([images[labels == p][0] for p, _ in pairs])
    return first, np.stack([images[labels == q][-1] for _, q in pairs])


def _images(few: dict[str, np.ndarray]) -> Any:
    blocks = {
        f"{name}{' ' * i}": few[name][i]
        for i in range(len(few["code"]))
        for name in ("code", "geodesic", "pixels")
    }
    return image_blocks(blocks, "Half-way between two images: in the code, in pixels", STEPS)


def _ten_frames(run: Run, first: np.ndarray, last: np.ndarray) -> Any:
    """As in the tutorial: t = 0, 0.1, ..., 0.9 over the two originals; t = 1 is not decoded."""
    rows = {}
    codes = straight(run.encode(first), run.encode(last), np.arange(10) / 10)
    for i, z in enumerate(codes):
        originals = np.ones((10, *first[i].shape), np.float32)
        originals[0], originals[-1] = first[i], last[i]
        rows["decoded" + " " * i] = run.decode(z)
        rows["originals" + " " * i] = originals
    return image_rows(rows, "Ten frames, t = 0 to 0.9")
