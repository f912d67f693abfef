"""Between two images: a line in pixels, a line in the code, a geodesic of the decoder.

A line in pixels fades one image into the other; a line in the code should pass through images. The
geodesic is the shortest curve in pixels whose points are all decoded codes: it minimises
sum_i ||g(z_{i+1}) - g(z_i)||^2 over the points between the ends, the energy of a curve under the
decoder's pull-back metric (Arvanitidis et al. 2018).
"""

from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.neighbors import NearestNeighbors

from ae_jax import controls, scaling
from ae_jax.analysis.energy import minimise
from ae_jax.analysis.finding import Finding, Study
from ae_jax.api import Run
from ae_jax.figures import image_rows
from ae_jax.model import Model
from ae_jax.panels import Panel, image_blocks, line_panels

STEPS = 11  # t = 0, 0.1, ..., 1
PAIRS = 200
SHOWN = ((0, 8), (5, 1), (9, 6))  # the digits of the dense or conv tutorial


def straight(start: Any, end: Any, t: Any) -> np.ndarray:
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


def _curve_energy(model: Model, inside: jax.Array, ends: Any, variables: Any) -> jax.Array:
    points = jnp.concatenate([ends[0][None], inside, ends[1][None]])
    images = scaling.to_unit(model.decode(variables, points), model.scale)
    return jnp.sum(jnp.square(jnp.diff(images, axis=0)))


def curve_length(images: np.ndarray) -> np.ndarray:
    """Euclidean length in pixel space of polylines [n, steps, H, W, C] -> [n]."""
    steps = np.diff(images, axis=1).reshape(len(images), images.shape[1] - 1, -1)
    return np.linalg.norm(steps, axis=2).sum(1)


def nearest_distance(images: Any, train: Any) -> np.ndarray:
    """Euclidean distance [n], in [0,1] pixel units, of each image to its nearest training image."""
    index = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(controls.unit_rows(train))
    return index.kneighbors(controls.unit_rows(images))[0][:, 0]


def pairs_of_classes(key: jax.Array, labels: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of up to n random pairs of different labels (of any two where there is one label)."""
    a, b = np.asarray(jax.random.randint(key, (2, 20 * n), 0, len(labels)))
    differ = labels[a] != labels[b] if len(set(labels)) > 1 else a != b
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


def analyse(study: Study, key: jax.Array) -> Finding:
    """200 pairs of test images of different classes.

    At t = 0, 0.1, ..., 1, judged by the study's classifier, and by the Euclidean distance in [0,1]
    pixel units to the nearest of the study's training images. No autoencoder is trained.

    Returns:
      numbers: 'code' (the straight line) and 'geodesic', each, as means over the pairs,
        {'confidence' in [0,1] and 'nearest_distance' [11] along the way, both also at t = 1/2 as
        'midpoint_confidence' and 'midpoint_nearest_distance', 'length' in pixel space}.
      control: 'pixels', the same of the line in pixels; 'classifier_accuracy' in [0,1].

    Raises:
      NotApplicable: the data are not images of 8 x 8 pixels or more; they have no labels; the
        decoder is told the label.
    """
    study.need_images()
    study.need_labels()
    study.need_unconditional()
    test = study.test
    assert test.labels is not None
    a, b = pairs_of_classes(key, test.labels, PAIRS)
    shown = _shown(study)
    ends = [np.concatenate([v, test.images[i]]) for v, i in zip(shown, (a, b), strict=True)]
    both = paths(study.run, *ends)
    found = {name: images[len(shown[0]) :] for name, images in both.items()}
    plausible, distance = {}, {}
    for name, images in found.items():
        flat = images.reshape(-1, *images.shape[2:])
        plausible[name] = study.classifier.confidence(flat).reshape(-1, STEPS).mean(0)
        near = nearest_distance(np.clip(flat, 0, 1), study.train.images)
        distance[name] = near.reshape(-1, STEPS).mean(0)
    middle = STEPS // 2
    table: dict[str, dict[str, Any]] = {
        name: {
            "midpoint_confidence": float(plausible[name][middle]),
            "midpoint_nearest_distance": float(distance[name][middle]),
            "confidence": plausible[name],
            "nearest_distance": distance[name],
            "length": float(curve_length(images).mean()),
        }
        for name, images in found.items()
    }
    pixels = table.pop("pixels")
    control = {"pixels": pixels, "classifier_accuracy": study.classifier.accuracy}
    code, pixel = (v["midpoint_confidence"] for v in (table["code"], pixels))
    shorter = 100 * (1 - table["geodesic"]["length"] / table["code"]["length"])
    sentence = (
        f"{'the code' if code > pixel else 'pixels'} wins half-way: confidence {code:.3f}, pixels "
        f"{pixel:.3f}, geodesic {table['geodesic']['midpoint_confidence']:.3f} "
        f"({shorter:.0f} % shorter than the straight line)"
    )
    few = {name: images[: len(shown[0])] for name, images in both.items()}
    made = {
        "": _images(few),
        "ten_frames": _ten_frames(study.run, *shown),
        "measures": _chart(plausible, distance),
    }
    return Finding(table, control, sentence, made)


def _chart(plausible: Any, distance: Any) -> Any:
    t = np.linspace(0, 1, STEPS)
    names = {"code": "line in the code", "geodesic": "geodesic", "pixels": "line in pixels"}
    return line_panels(
        [
            Panel(title, "t", ylabel, {names[n]: (t, values[n]) for n in names})
            for title, ylabel, values in (
                ("Plausibility", "classifier's confidence", plausible),
                ("Distance from the data", "distance to the nearest training image", distance),
            )
        ],
        f"On the way between {PAIRS} pairs of test images",
    )


def _shown(study: Study) -> tuple[np.ndarray, np.ndarray]:
    """Images to go between: of the tutorial's digits where the data have them."""
    images, labels = study.test
    assert labels is not None
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
