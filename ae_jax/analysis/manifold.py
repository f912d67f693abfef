"""The manifold a model has learned: its dimension and tangents, and walks along it.

The Jacobian of r = g(f(x)) shows which small changes of an image a reconstruction follows: its
singular values are near 1 along the manifold and 0 across it (Rifai et al. 2011b). They depend on
no coordinates of the code. A denoising autoencoder's r(x) - x points to where data are denser,
(r(x) - x) / sigma^2 -> d log p / dx (Alain & Bengio 2014), and alternating noise and denoising
samples from what it has learned (Bengio et al. 2013).
"""

from typing import Any, NamedTuple, NotRequired, TypedDict

import jax
import numpy as np

from ae_jax.analysis import curve
from ae_jax.analysis.dimension import (
    linear_dimension,
    neighborhood_spectra,
    participation,
    tangents,
)
from ae_jax.analysis.finding import Application, Finding, Measured, Study
from ae_jax.analysis.interpolation import nearest_distance
from ae_jax.evaluate import baselines
from ae_jax.evaluate.manifold import CURVES
from ae_jax.figures import image_rows
from ae_jax.figures.panels import Panel, line_panels, signed_blocks
from ae_jax.run.trained import Run

POINTS, DRAWN, TANGENTS = 12, 6, 6
WALK, CHAINS = 20, 100


class Numbers(TypedDict):
    """Of the run, means over test images."""

    dimension: float  # `participation` of the singular values
    followed_directions: float  # how many singular values are over 1/2
    largest_singular_value: float
    dimension_off_the_data: float  # `dimension` at uniform noise
    walk_distance: NotRequired[list[float]]  # [21], of a run trained with noise: every step's


class Control(TypedDict):
    """Of the data. Distances are medians, in [0,1] pixel units, to the nearest training image."""

    nearest_neighbors_dimension: float  # `participation` of the 30 nearest training images
    pca_dimension: float  # of all training images
    code_size: int  # how many numbers the run's code has
    start_distance: NotRequired[float]  # of independent pixels
    test_image_distance: NotRequired[float]


class Shown(NamedTuple):
    """What the figures show."""

    config: str  # the run's
    spectrum: np.ndarray  # [k] singular values at test images, mean
    off: np.ndarray  # [k], at uniform noise
    images: np.ndarray  # [6, H, W, C] in [0,1]
    tangents: np.ndarray  # [6, 6, H, W, C], the images' first left singular vectors
    walk: dict[int, np.ndarray]  # step -> images [12, H, W, C]; empty without noise in training


class Walk(NamedTuple):
    """Chains of noise and denoising in turn."""

    distances: list[float]  # [21], medians to the nearest training image
    images: dict[int, np.ndarray]  # step -> [12, H, W, C]


def independent_pixels(images: np.ndarray, n: int, key: jax.Array) -> np.ndarray:
    """n arrays, each pixel that of another random image: the right pixels, and no shape at all."""
    flat = images.reshape(len(images), -1)
    chosen = np.asarray(jax.random.randint(key, (n, flat.shape[1]), 0, len(flat)))
    return flat[chosen, np.arange(flat.shape[1])[None]].reshape(n, *images.shape[1:])


def walk_back(run: Run, start: np.ndarray, key: jax.Array, steps: int = WALK) -> np.ndarray:
    """[steps + 1, n, H, W, C]: x <- r(x~), x~ drawn from the run's own corruption of x.

    A chain whose stationary distribution is the one the denoiser has learned.
    """
    found = [np.asarray(start, np.float32)]
    for k in jax.random.split(key, steps):
        x = np.clip(found[-1], 0, 1)
        found.append(run.reconstruct(run.corrupt(x, k)))
    return np.stack(found)


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """Dimensions at test images and at noise, and, of a run trained with noise, a walk."""
    study.need_images()
    study.need_unconditional()
    run, images, train = study.run, study.test.images[:POINTS], study.train.images
    s, U = tangents(run, images)
    off, _ = tangents(run, np.asarray(jax.random.uniform(key, images.shape)))
    numbers: Numbers = {
        "dimension": float(participation(s).mean()),
        "followed_directions": float((s > 0.5).sum(1).mean()),
        "largest_singular_value": float(s[:, 0].mean()),
        "dimension_off_the_data": float(participation(off).mean()),
    }
    local = neighborhood_spectra(images, train)
    control: Control = {
        "nearest_neighbors_dimension": float(participation(local).mean()),
        "pca_dimension": linear_dimension(baselines.unit_rows(train)),
        "code_size": run.config.model.code_size,
    }
    walk = Walk([], {})
    if run.model.corrupts:
        walk = walked(run, train, jax.random.fold_in(key, 1))
        numbers["walk_distance"] = walk.distances
        control["start_distance"] = walk.distances[0]
        control["test_image_distance"] = _distance(study.test.images[:CHAINS], train)
    means = (s.mean(0), off.mean(0))
    shown = Shown(run.config.name, *means, images[:DRAWN], U[:DRAWN, :TANGENTS], walk.images)
    return Measured(numbers, control, shown)


def walked(run: Run, train: np.ndarray, key: jax.Array) -> Walk:
    """100 chains of `walk_back` from independent pixels of training images."""
    k_start, k_walk = jax.random.split(key)
    found = walk_back(run, independent_pixels(train, CHAINS, k_start), k_walk)
    shown = {i: found[i][:12] for i in (0, 1, 2, 5, 10, WALK)}
    return Walk([_distance(images, train) for images in found], shown)


def _distance(images: np.ndarray, train: np.ndarray) -> float:
    return float(np.median(nearest_distance(np.clip(images, 0, 1), train)))


def judge(numbers: Numbers, control: Control) -> str:
    """The dimensions, and where a walk ends."""
    said = (
        f"locally {numbers['dimension']:.1f} dimensions out of {control['code_size']} numbers "
        f"in the code (nearest neighbors {control['nearest_neighbors_dimension']:.1f}, "
        f"all of the data {control['pca_dimension']:.1f}); "
        f"{numbers['followed_directions']:.1f} directions pass the reconstruction by more than half"
    )
    if "walk_distance" in numbers:
        distance, near = numbers["walk_distance"], control["test_image_distance"]
        said += (
            f"; a walk from noise at {distance[0]:.1f} from the nearest training image ends at "
            f"{distance[-1]:.1f}, test images are at {near:.1f}"
        )
    return said


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """Spectra and distances of a walk; 'tangents' at images; 'walk', images on it."""
    numbers, control, shown = measured
    panels = [_spectra(shown)]
    if "walk_distance" in numbers:
        panels.append(_distances(numbers["walk_distance"], control["test_image_distance"]))
    pairs = list(zip(shown.images, shown.tangents, strict=True))
    title = "Test images and the directions in which the manifold goes on"
    made = {
        "": line_panels(panels, f"The manifold of {shown.config}"),
        "tangents": signed_blocks(pairs, title),
    }
    if shown.walk:
        rows = {f"step {i}": images for i, images in shown.walk.items()}
        title = "Noise and denoising in turn, from independent pixels"
        made["walk"] = image_rows(rows, title)
    return made


def _spectra(shown: Shown) -> Panel:
    first = slice(0, 64)
    index = np.arange(1, len(shown.spectrum) + 1)[first]
    return Panel(
        "Which changes a reconstruction follows",
        "singular value of dr/dx, largest first",
        "mean over images",
        {
            "at test images": (index, shown.spectrum[first]),
            "at uniform noise": (index, shown.off[first]),
        },
    )


def _distances(walk: list[float], near: float) -> Panel:
    real, last = "test images", len(walk) - 1
    return Panel(
        "Walk-back sampling from noise",
        "step",
        "distance to the nearest training image",
        {"median over chains": (np.arange(last + 1), walk), real: ([0, last], [near, near])},
        [real],
    )


APPLICATION = Application(measure, judge, draw)
"""Images: spectra and walks.

Nothing is trained. Spectra are of 12 test images and of uniform noise; 100 chains of 20 steps, only
of a run trained with noise, start from independent pixels.

Raises:
  NotApplicable: the data are not images of 8 x 8 pixels or more; the decoder is told the label.
"""


def of_images_or_curve(study: Study, key: jax.Array) -> Finding:
    """Points of a known curve: as `curve` has it; all else by `APPLICATION`, with its errors."""
    on_curve = study.data.name in CURVES
    return curve.APPLICATION(study, key) if on_curve else APPLICATION(study, key)
