"""Zoom, shift, brightness and rotation as moves in code space.

Training images are transformed by every amount alpha; how their codes move is regressed on the
code, which gives a field of directions for each amount, w_alpha(z) = A_alpha z + b_alpha. Decoding
z + w_alpha(z) should transform the image: the property that the transformation changes is measured
in the pixels, against that of the truly transformed image. What is reached is bounded by what the
code can hold: beside it stand the reconstructions of the truly transformed images.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypedDict

import jax
import numpy as np
from scipy.stats import mstats, spearmanr

from ae_jax.analysis import judge as judging
from ae_jax.analysis.deform import EXTENT, UNITS, Kind, changes, properties, transform
from ae_jax.analysis.finding import Application, Measured, Study
from ae_jax.figures.panels import Panel, image_blocks, line_panels

ALPHAS = np.linspace(-1, 1, 9)
IMAGES, FIT_IMAGES = 200, 2000
STRIPS = [2, 3]  # of the images, those whose moves are drawn
HALF = 0.5  # of the true change, from which on a move transforms at all


class Reached(TypedDict):
    """What the learned moves of one kind reach."""

    share_of_true_change: float  # slope against it, 1 for all of it; median over the images
    share_error: float  # its standard error
    monotony: float  # mean rank correlation of the property with alpha, in [-1,1]


class Beside(TypedDict):
    """What the controls reach, as `Reached`."""

    random_share_of_true_change: float  # of random moves of the same length
    random_share_error: float
    random_monotony: float
    reencoded_share_of_true_change: float  # of the run's reconstructions of what is transformed
    reencoded_share_error: float


class Numbers(TypedDict):
    """Of learned moves."""

    run: str  # the name of its config
    brightness: Reached
    shift: Reached
    zoom: Reached
    rotation: Reached


class Control(TypedDict):
    """Of random moves, and of what the code can hold."""

    brightness: Beside
    shift: Beside
    zoom: Beside
    rotation: Beside


class Ways(NamedTuple):
    """An array for each way in which images change with alpha."""

    learned: np.ndarray  # moves of the code
    random: np.ndarray  # moves of the same length, each along one line
    reencoded: np.ndarray  # reconstructions of the truly transformed images
    pixels: np.ndarray  # the truly transformed images


class Shown(NamedTuple):
    """What the figures show."""

    images: int  # how many were moved
    curves: dict[Kind, Ways]  # medians over the images of the change [alphas], in `UNITS`
    strips: dict[Kind, np.ndarray]  # [2, alphas, H, W, C] in [0,1], two images moved


def directions(
    encode: Callable[[np.ndarray], np.ndarray], images: np.ndarray, kind: Kind, ridge: float = 1e-2
) -> tuple[np.ndarray, np.ndarray]:
    """(A [alphas, k, k], b [alphas, k]): A z + b is how the code moves by each of `ALPHAS`.

    Regressed on z = f(x), of images x [n, H, W, C], is f(x at alpha) - z, by ridge.
    """
    z = encode(images)
    mean = z.mean(0)
    gram = (z - mean).T @ (z - mean)
    gram += ridge * np.trace(gram) / len(gram) * np.eye(len(gram)) + 1e-9 * np.eye(len(gram))
    moved = np.stack([encode(transform(images, kind, a)) - z if a else 0 * z for a in ALPHAS])
    center = moved.mean(1)
    A = np.linalg.solve(gram, (z - mean).T @ (moved - center[:, None])).swapaxes(1, 2)
    return A, center - A @ mean


def sweep(decode: Callable[[np.ndarray], np.ndarray], codes: np.ndarray) -> np.ndarray:
    """Images [n, alphas, H, W, C] of codes [n, alphas, k]."""
    images = decode(codes.reshape(-1, codes.shape[2]).astype(np.float32))
    return images.reshape(*codes.shape[:2], *images.shape[1:])


def reached(moved: np.ndarray, true: np.ndarray) -> judging.Estimate:
    """Share of the true change that images reach, of changes [n, alphas] of both.

    The median over images of the slope of `moved` against `true` through the origin, with its
    standard error (Maritz and Jarrett 1978). An image that does not truly change has no slope.
    """
    change = np.square(true).sum(1)
    slopes = (moved * true).sum(1)[change > 0] / change[change > 0]
    if len(slopes) < 2:
        return judging.Estimate(float("nan"), float("nan"))
    middle = np.median(slopes)
    error = mstats.mjci(slopes - middle, prob=[0.5])[0]  # centered: its squares round less
    return judging.Estimate(float(middle), float(error))


def monotony(moved: np.ndarray) -> float:
    """Mean Spearman correlation of changes [n, alphas] with alpha, in [-1,1]; 0 for a constant."""
    found = [spearmanr(ALPHAS, row).statistic if np.ptp(row) > 0 else 0.0 for row in moved]
    return float(np.mean(found))


def moves(study: Study, kind: Kind, key: jax.Array) -> Ways:
    """Images [n, alphas, H, W, C] of each way, of the study's first test images."""
    run, images = study.run, study.test.images[:IMAGES]
    A, b = directions(run.encode, study.train.images[:FIT_IMAGES], kind)
    z = run.encode(images)
    w = np.einsum("akj,nj->nak", A, z) + b
    e = np.asarray(jax.random.normal(key, z.shape))
    e = (e / np.linalg.norm(e, axis=1, keepdims=True))[:, None]
    random = np.sign(ALPHAS)[:, None] * np.linalg.norm(w, axis=2, keepdims=True) * e
    truth = np.stack([transform(images, kind, a) for a in ALPHAS], 1)
    again = run.encode(truth.reshape(-1, *truth.shape[2:])).reshape(*truth.shape[:2], -1)
    return Ways(
        sweep(run.decode, z[:, None] + w),
        sweep(run.decode, z[:, None] + random),
        sweep(run.decode, again),
        truth,
    )


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """Moves of every kind, and what they and their controls reach."""
    study.need_images()
    study.need_unconditional()
    ours: dict[Kind, Reached] = {}
    theirs: dict[Kind, Beside] = {}
    shown = Shown(min(IMAGES, len(study.test.images)), {}, {})
    for i, kind in enumerate(EXTENT):
        made = moves(study, kind, jax.random.fold_in(key, i))
        found = Ways(*(changes(_measured(images, kind), kind) for images in made))
        ours[kind], theirs[kind] = _scored(found)
        shown.curves[kind] = Ways(*(np.median(v, 0) for v in found))
        shown.strips[kind] = made.learned[STRIPS]
    numbers: Numbers = {
        "run": study.run.config.name,
        "brightness": ours["brightness"],
        "shift": ours["shift"],
        "zoom": ours["zoom"],
        "rotation": ours["rotation"],
    }
    control: Control = {
        "brightness": theirs["brightness"],
        "shift": theirs["shift"],
        "zoom": theirs["zoom"],
        "rotation": theirs["rotation"],
    }
    return Measured(numbers, control, shown)


def _measured(images: np.ndarray, kind: Kind) -> np.ndarray:
    n, m = images.shape[:2]
    return properties(images.reshape(n * m, *images.shape[2:]), kind).reshape(n, m)


def _scored(found: Ways) -> tuple[Reached, Beside]:
    """Of changes [n, alphas] of each way."""
    learned, random, again = (reached(v, found.pixels) for v in found[:3])
    ours: Reached = {
        "share_of_true_change": learned.value,
        "share_error": learned.error,
        "monotony": monotony(found.learned),
    }
    theirs: Beside = {
        "random_share_of_true_change": random.value,
        "random_share_error": random.error,
        "random_monotony": monotony(found.random),
        "reencoded_share_of_true_change": again.value,
        "reencoded_share_error": again.error,
    }
    return ours, theirs


def judge(numbers: Numbers, control: Control) -> str:
    """What moves in the code reach."""
    nouns = {
        "brightness": "a brightening",
        "shift": "a shift",
        "zoom": "a zoom",
        "rotation": "a rotation",
    }
    ours = {
        k: judging.Estimate(numbers[k]["share_of_true_change"], numbers[k]["share_error"])
        for k in EXTENT
    }
    again = [control[k]["reencoded_share_of_true_change"] for k in EXTENT]
    random = max(control[k]["random_share_of_true_change"] for k in EXTENT)
    holds = [
        share
        for share in ours.values()
        if share.value - judging.ERRORS * share.error > max(HALF, random)
    ]
    return (
        f"{numbers['run']}: moves in the code reach "
        + ", ".join(f"{share.text(100, 0)} % of {nouns[k]}" for k, share in ours.items())
        + f", over half of it for {len(holds)} of {len(ours)}; the run's reconstructions of truly "
        f"transformed images {', '.join(f'{100 * share:.0f}' for share in again)} %; random "
        f"moves of equal length at most {100 * random:.0f} %"
    )


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """Two images moved, and 'measures', the property against alpha."""
    shown = measured.shown
    blocks = {
        f"{kind}{' ' * i}": images
        for kind, moved in shown.strips.items()
        for i, images in enumerate(moved)
    }
    title = "Decoded z + w(z), alpha from -1 to 1"
    return {"": image_blocks(blocks, title, len(ALPHAS)), "measures": _chart(shown)}


def _chart(shown: Shown) -> Any:
    truth = "true transformation"
    panels = [
        Panel(
            kind,
            "alpha",
            f"change of {UNITS[kind]}",
            {
                "learned moves": (ALPHAS, curves.learned),
                "random moves": (ALPHAS, curves.random),
                "reconstructions of the transformed": (ALPHAS, curves.reencoded),
                truth: (ALPHAS, curves.pixels),
            },
            [truth],
        )
        for kind, curves in shown.curves.items()
    ]
    return line_panels(panels, f"What the images do, median of {shown.images} test images")


APPLICATION = Application(measure, judge, draw)
"""Learned moves against random moves of the same length, and against what the code can hold.

The moves are regressed on 2,000 training images and followed from 200 test images, in nine steps of
alpha from -1 to 1. No autoencoder is trained.

Raises:
  NotApplicable: the data are not images of 8 x 8 pixels or more; the decoder is told the label.
"""
