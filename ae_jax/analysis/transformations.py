"""Zoom, shift, brightness and rotation as moves in code space.

Every image is transformed a little both ways; the difference of the two codes is regressed on the
code, which gives a field of directions w(z) = A z + b. Decoding z + alpha w(z) should transform the
image: the property that the transformation changes is measured in the pixels.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from scipy.ndimage import affine_transform
from scipy.stats import spearmanr

from ae_jax.analysis.finding import Finding, Study
from ae_jax.panels import Panel, image_blocks, line_panels

ALPHAS = np.linspace(-1, 1, 9)
EXTENT = {"brightness": 0.3, "shift": 3.0, "zoom": 0.2, "rotation": 25.0}  # at alpha = 1
UNITS = {
    "brightness": "mean pixel",
    "shift": "centroid (pixels)",
    "zoom": "radius (pixels)",
    "rotation": "angle (degrees)",
}
IMAGES, FIT_IMAGES = 200, 2000


def transform(images: np.ndarray, kind: str, alpha: float) -> np.ndarray:
    """Images [n, H, W, C] brightened by 30 %, shifted right by 3 pixels, zoomed by 20 % or turned
    by 25 degrees (counter-clockwise), each times alpha; what comes in at the border is 0."""
    amount = alpha * EXTENT[kind]
    if kind == "brightness":
        return np.clip(images * (1 + amount), 0, 1)
    centre = (np.array(images.shape[1:3]) - 1) / 2
    matrix, offset = np.eye(2), np.zeros(2)
    if kind == "zoom":
        matrix = np.eye(2) / (1 + amount)
    if kind == "rotation":
        c, s = np.cos(np.radians(amount)), np.sin(np.radians(amount))
        matrix = np.array([[c, s], [-s, c]])  # rows point down, so this turns counter-clockwise
    if kind == "shift":
        offset = np.array([0.0, -amount])
    offset = offset + centre - matrix @ centre
    moved = [
        np.stack([affine_transform(p, matrix, offset, order=1) for p in np.moveaxis(x, -1, 0)], -1)
        for x in images
    ]
    return np.asarray(moved, np.float32)


def measure(images: np.ndarray, kind: str) -> np.ndarray:
    """The property [n] that the transformation changes.

    Mean pixel; column of the centroid; root mean square distance of the ink from it; direction of
    the longest axis in degrees, counter-clockwise, known up to 180.
    """
    ink = np.clip(images, 0, 1).mean(-1).astype(np.float64)
    if kind == "brightness":
        return ink.mean((1, 2))
    rows, columns = np.indices(ink.shape[1:])
    total = np.maximum(ink.sum((1, 2)), 1e-9)

    def mean(values: np.ndarray) -> np.ndarray:
        return (ink * values).sum((1, 2)) / total

    x, y = mean(columns[None]), mean(-rows[None])
    dx, dy = columns[None] - x[:, None, None], -rows[None] - y[:, None, None]
    if kind == "shift":
        return x
    if kind == "zoom":
        return np.sqrt(mean(dx**2 + dy**2))
    return np.degrees(np.arctan2(2 * mean(dx * dy), mean(dx**2) - mean(dy**2)) / 2)


def changes(values: np.ndarray, kind: str) -> np.ndarray:
    """Measured values [n, alphas] minus those in the middle; angles by the shorter way round."""
    moved = values - values[:, [values.shape[1] // 2]]
    return (moved + 90) % 180 - 90 if kind == "rotation" else moved


def directions(
    encode: Callable[[np.ndarray], np.ndarray], images: np.ndarray, kind: str, ridge: float = 1e-2
) -> tuple[np.ndarray, np.ndarray]:
    """(A [k, k], b [k]) such that A z + b is how the code moves a unit of alpha, by ridge.

    Regressed on z = f(x), of images x [n, H, W, C], is f(x at alpha 1/2) - f(x at alpha -1/2).
    """
    step = 0.5
    moved = (encode(transform(images, kind, step)) - encode(transform(images, kind, -step))) / (
        2 * step
    )
    z = encode(images)
    mean = z.mean(0)
    gram = (z - mean).T @ (z - mean)
    gram += ridge * np.trace(gram) / len(gram) * np.eye(len(gram)) + 1e-9 * np.eye(len(gram))
    A = np.linalg.solve(gram, (z - mean).T @ (moved - moved.mean(0))).T
    return A, moved.mean(0) - A @ mean


def sweep(decode: Any, z: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Images [n, alphas, H, W, C] of z + alpha w, for codes z and directions w [n, k]."""
    codes = z[:, None] + ALPHAS[None, :, None] * w[:, None]
    images = decode(codes.reshape(-1, z.shape[1]).astype(np.float32))
    return images.reshape(len(z), len(ALPHAS), *images.shape[1:])


def monotony(moved: np.ndarray) -> float:
    """Mean Spearman correlation of changes [n, alphas] with alpha, in [-1,1]; 0 for a constant."""
    found = [spearmanr(ALPHAS, row).statistic if np.ptp(row) > 0 else 0.0 for row in moved]
    return float(np.mean(found))


def analyse(study: Study, key: jax.Array) -> Finding:
    """Learnt fields of directions against random directions of the same length.

    The fields are regressed on 2,000 training images and followed from 200 test images, in nine
    steps of alpha from -1 to 1. No autoencoder is trained.

    Returns:
      numbers: for 'brightness', 'shift', 'zoom' and 'rotation', {'monotony', the rank correlation
        of the property with alpha in [-1,1]; 'share_of_true_change', the slope of the median change
        over that of truly transformed images, 1 for all of it}.
      control: {'random_monotony', 'random_share_of_true_change'}, the same of random directions.

    Raises:
      NotApplicable: the data are not images of 8 x 8 pixels or more; the decoder is told the label.
    """
    study.need_images()
    study.need_unconditional()
    run, images = study.run, study.test.images[:IMAGES]
    z = run.encode(images)
    numbers: dict[str, Any] = {}
    control: dict[str, Any] = {}
    curves: dict[str, dict[str, np.ndarray]] = {}
    strips: dict[str, np.ndarray] = {}
    for kind in EXTENT:
        A, b = directions(run.encode, study.train.images[:FIT_IMAGES], kind)
        w = z @ A.T + b
        e = np.asarray(jax.random.normal(jax.random.fold_in(key, len(curves)), w.shape))
        random = (
            e * np.linalg.norm(w, axis=1, keepdims=True) / np.linalg.norm(e, axis=1, keepdims=True)
        )
        truth = np.stack([transform(images, kind, a) for a in ALPHAS], 1)
        made = {
            "learnt": sweep(run.decode, z, w),
            "random": sweep(run.decode, z, random),
            "pixels": truth,
        }
        found = {n: changes(_measured(v, kind), kind) for n, v in made.items()}
        # By the slope through the middle: how much of the change in pixels the code achieves.
        rise = {n: float(np.median(v, 0) @ ALPHAS / (ALPHAS @ ALPHAS)) for n, v in found.items()}
        numbers[kind] = {
            "monotony": monotony(found["learnt"]),
            "share_of_true_change": rise["learnt"] / rise["pixels"],
        }
        control[kind] = {
            "random_monotony": monotony(found["random"]),
            "random_share_of_true_change": rise["random"] / rise["pixels"],
        }
        curves[kind] = {n: np.median(v, 0) for n, v in found.items()}
        strips[kind] = made["learnt"]
    won = [k for k in EXTENT if numbers[k]["monotony"] > max(control[k]["random_monotony"], 0.8)]
    sentence = (
        f"learnt directions win for {len(won)} of {len(EXTENT)} transformations: rank correlation "
        + ", ".join(f"{k} {numbers[k]['monotony']:.2f}" for k in EXTENT)
        + f"; random directions at most {max(c['random_monotony'] for c in control.values()):.2f}"
    )
    figures = {"": _strips(strips), "measures": _chart(curves)}
    return Finding(numbers, control, sentence, figures)


def _measured(images: np.ndarray, kind: str) -> np.ndarray:
    n, m = images.shape[:2]
    return measure(images.reshape(n * m, *images.shape[2:]), kind).reshape(n, m)


def _strips(strips: dict[str, np.ndarray]) -> Any:
    blocks = {
        f"{kind}{' ' * i}": images[j]
        for kind, images in strips.items()
        for i, j in enumerate((2, 3))
    }
    return image_blocks(blocks, "Decoded z + alpha w(z), alpha from -1 to 1", len(ALPHAS))


def _chart(curves: dict[str, dict[str, np.ndarray]]) -> Any:
    names = {
        "learnt": "learnt directions",
        "random": "random directions",
        "pixels": "true transformation",
    }
    panels = [
        Panel(
            kind,
            "alpha",
            f"change of {UNITS[kind]}",
            {names[n]: (ALPHAS, v) for n, v in rows.items()},
            [names["pixels"]],
        )
        for kind, rows in curves.items()
    ]
    return line_panels(panels, f"What the images do, median of {IMAGES} test images")
