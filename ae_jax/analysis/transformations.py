"""Zoom, shift, brightness and rotation as moves in code space.

Training images are transformed by every amount alpha; how their codes move is regressed on the
code, which gives a field of directions for each amount, w_alpha(z) = A_alpha z + b_alpha. Decoding
z + w_alpha(z) should transform the image: the property that the transformation changes is measured
in the pixels, against that of the truly transformed image. What is reached is bounded by what the
code can hold: beside it stand the reconstructions of the truly transformed images.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from scipy.ndimage import affine_transform
from scipy.stats import mstats, spearmanr

from ae_jax.analysis import judge
from ae_jax.analysis.finding import Finding, Study
from ae_jax.figures.panels import Panel, image_blocks, line_panels

ALPHAS = np.linspace(-1, 1, 9)
EXTENT = {"brightness": 0.3, "shift": 3.0, "zoom": 0.2, "rotation": 25.0}  # at alpha = 1
UNITS = {
    "brightness": "mean pixel",
    "shift": "centroid (pixels)",
    "zoom": "radius (pixels)",
    "rotation": "angle (degrees)",
}
NOUNS = {
    "brightness": "a brightening",
    "shift": "a shift",
    "zoom": "a zoom",
    "rotation": "a rotation",
}
IMAGES, FIT_IMAGES = 200, 2000
HALF = 0.5  # of the true change, from which on a move transforms at all


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
    """(A [alphas, k, k], b [alphas, k]): A z + b is how the code moves by each of `ALPHAS`.

    Regressed on z = f(x), of images x [n, H, W, C], is f(x at alpha) - z, by ridge.
    """
    z = encode(images)
    mean = z.mean(0)
    gram = (z - mean).T @ (z - mean)
    gram += ridge * np.trace(gram) / len(gram) * np.eye(len(gram)) + 1e-9 * np.eye(len(gram))
    moved = np.stack([encode(transform(images, kind, a)) - z if a else 0 * z for a in ALPHAS])
    centre = moved.mean(1)
    A = np.linalg.solve(gram, (z - mean).T @ (moved - centre[:, None])).swapaxes(1, 2)
    return A, centre - A @ mean


def sweep(decode: Callable[[np.ndarray], np.ndarray], codes: np.ndarray) -> np.ndarray:
    """Images [n, alphas, H, W, C] of codes [n, alphas, k]."""
    images = decode(codes.reshape(-1, codes.shape[2]).astype(np.float32))
    return images.reshape(*codes.shape[:2], *images.shape[1:])


def reached(moved: np.ndarray, true: np.ndarray) -> judge.Estimate:
    """Share of the true change that images reach, of changes [n, alphas] of both.

    The median over images of the slope of `moved` against `true` through the origin, with its
    standard error (Maritz and Jarrett 1978). An image that does not truly change has no slope.
    """
    change = np.square(true).sum(1)
    slopes = (moved * true).sum(1)[change > 0] / change[change > 0]
    if len(slopes) < 2:
        return judge.Estimate(float("nan"), float("nan"))
    middle = np.median(slopes)
    error = mstats.mjci(slopes - middle, prob=[0.5])[0]  # centered: its squares round less
    return judge.Estimate(float(middle), float(error))


def monotony(moved: np.ndarray) -> float:
    """Mean Spearman correlation of changes [n, alphas] with alpha, in [-1,1]; 0 for a constant."""
    found = [spearmanr(ALPHAS, row).statistic if np.ptp(row) > 0 else 0.0 for row in moved]
    return float(np.mean(found))


def moves(study: Study, kind: str, key: jax.Array) -> dict[str, np.ndarray]:
    """Way -> images [n, alphas, H, W, C] of the study's first test images.

    'learnt' moves; 'random' ones of the same length, each along one line; the 're-encoded' and the
    truly transformed images, 'pixels'.
    """
    run, images = study.run, study.test.images[:IMAGES]
    A, b = directions(run.encode, study.train.images[:FIT_IMAGES], kind)
    z = run.encode(images)
    w = np.einsum("akj,nj->nak", A, z) + b
    e = np.asarray(jax.random.normal(key, z.shape))
    e = (e / np.linalg.norm(e, axis=1, keepdims=True))[:, None]
    random = np.sign(ALPHAS)[:, None] * np.linalg.norm(w, axis=2, keepdims=True) * e
    truth = np.stack([transform(images, kind, a) for a in ALPHAS], 1)
    again = run.encode(truth.reshape(-1, *truth.shape[2:])).reshape(*truth.shape[:2], -1)
    codes = {"learnt": z[:, None] + w, "random": z[:, None] + random, "re-encoded": again}
    return {**{n: sweep(run.decode, c) for n, c in codes.items()}, "pixels": truth}


def sentence(numbers: Mapping[str, Any], control: Mapping[str, Any]) -> str:
    """What moves in the code reach, from what `analyse` returns."""

    def shares(table: Mapping[str, Any], way: str) -> dict[str, judge.Estimate]:
        named = (f"{way}share_of_true_change", f"{way}share_error")
        return {k: judge.Estimate(*(table[k][field] for field in named)) for k in EXTENT}

    ours, again = shares(numbers, ""), shares(control, "reencoded_")
    random = max(control[k]["random_share_of_true_change"] for k in EXTENT)
    holds = [
        k
        for k, share in ours.items()
        if share.value - judge.ERRORS * share.error > max(HALF, random)
    ]
    return (
        f"{numbers['run']}: moves in the code reach "
        + ", ".join(f"{share.text(100, 0)} % of {NOUNS[k]}" for k, share in ours.items())
        + f", over half of it for {len(holds)} of {len(ours)}; the run's reconstructions of truly "
        f"transformed images {', '.join(f'{100 * s.value:.0f}' for s in again.values())} %; random "
        f"moves of equal length at most {100 * random:.0f} %"
    )


def analyse(study: Study, key: jax.Array) -> Finding:
    """Learnt moves against random moves of the same length, and against what the code can hold.

    The moves are regressed on 2,000 training images and followed from 200 test images, in nine
    steps of alpha from -1 to 1. No autoencoder is trained.

    Returns:
      numbers: 'run', its config's name; for 'brightness', 'shift', 'zoom' and 'rotation',
        {'share_of_true_change', the slope of the change against that of truly transformed images,
        1 for all of it, median over the images, and its standard error 'share_error'; 'monotony',
        the mean rank correlation of the property with alpha in [-1,1]}.
      control: for each {'random_...', the same of random moves; 'reencoded_share_of_true_change'
        and 'reencoded_share_error', of the run's reconstructions of truly transformed images}.

    Raises:
      NotApplicable: the data are not images of 8 x 8 pixels or more; the decoder is told the label.
    """
    study.need_images()
    study.need_unconditional()
    numbers: dict[str, Any] = {"run": study.run.config.name}
    control: dict[str, Any] = {}
    curves: dict[str, dict[str, np.ndarray]] = {}
    strips: dict[str, np.ndarray] = {}
    for i, kind in enumerate(EXTENT):
        made = moves(study, kind, jax.random.fold_in(key, i))
        found = {n: changes(_measured(v, kind), kind) for n, v in made.items()}
        share = {n: reached(v, found["pixels"]) for n, v in found.items()}
        rank = {n: monotony(found[n]) for n in ("learnt", "random")}
        numbers[kind] = {**_named("", share["learnt"]), "monotony": rank["learnt"]}
        control[kind] = {
            **_named("random_", share["random"]),
            "random_monotony": rank["random"],
            **_named("reencoded_", share["re-encoded"]),
        }
        curves[kind] = {n: np.median(v, 0) for n, v in found.items()}
        strips[kind] = made["learnt"]
    figures = {"": _strips(strips), "measures": _chart(curves, len(made["learnt"]))}
    return Finding(numbers, control, sentence(numbers, control), figures)


def _named(way: str, share: judge.Estimate) -> dict[str, float]:
    return {f"{way}share_of_true_change": share.value, f"{way}share_error": share.error}


def _measured(images: np.ndarray, kind: str) -> np.ndarray:
    n, m = images.shape[:2]
    return measure(images.reshape(n * m, *images.shape[2:]), kind).reshape(n, m)


def _strips(strips: dict[str, np.ndarray]) -> Any:
    blocks = {
        f"{kind}{' ' * i}": images[j]
        for kind, images in strips.items()
        for i, j in enumerate((2, 3))
    }
    return image_blocks(blocks, "Decoded z + w(z), alpha from -1 to 1", len(ALPHAS))


def _chart(curves: dict[str, dict[str, np.ndarray]], images: int) -> Any:
    names = {
        "learnt": "learnt moves",
        "random": "random moves",
        "re-encoded": "reconstructions of the transformed",
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
    return line_panels(panels, f"What the images do, median of {images} test images")
