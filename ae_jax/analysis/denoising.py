"""Denoising at the trained level of noise and at others; median filter and linear map beside."""

import inspect
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict

import jax
import jax.numpy as jnp
import numpy as np
from scipy.ndimage import median_filter

from ae_jax.analysis import judge as judging
from ae_jax.analysis.finding import Application, Measured, NotApplicable, Study, image_errors
from ae_jax.config.sections import Config
from ae_jax.evaluate import baselines
from ae_jax.figures import image_rows
from ae_jax.figures.panels import Panel, line_panels
from ae_jax.model import scaling
from ae_jax.model.corruption import CORRUPTIONS
from ae_jax.model.pipeline import Model

LEVELS = {  # the field that says how strong a corruption is, and levels worth a look
    "mask": ("rate", (0.1, 0.25, 0.5, 0.75, 0.9)),
    "dropout": ("rate", (0.1, 0.25, 0.5, 0.75, 0.9)),
    "gaussian": ("sigma", (0.1, 0.25, 0.5, 0.75, 1.0)),
    "salt_and_pepper": ("rate", (0.05, 0.1, 0.25, 0.5, 0.75)),
    "box": ("size", (2, 4, 8, 12, 16)),
}
FILTERS = (3, 5)
Way = Literal["noisy", "median", "linear"]
NAMES: dict[Way, str] = {
    "noisy": "not denoised",
    "median": "the best median filter",
    "linear": "the best linear map for the trained noise",
}


class Numbers(TypedDict):
    """Of the run at several levels of its noise; lists have a value for each."""

    run: str  # its config's name
    field: str  # of the corruption, the one that varies
    levels: list[float]  # of the field, ascending
    trained_level: float
    mse: list[float]  # per pixel, [0,1] units
    gain_db: list[float]  # over the best control of the level, image by image
    gain_error_db: list[float]  # its standard error
    best_control: list[Way]


class Control(TypedDict):
    """The mse per pixel, [0,1] units, at each level."""

    noisy: list[float]  # clipped, not denoised
    median: list[float]  # the better of 3 x 3 and 5 x 5
    linear: NotRequired[list[float]]  # where there are at most EXACT_PIXELS pixels


class Shown(NamedTuple):
    """The first test images [12, H, W, C] at the trained noise."""

    noisy: np.ndarray
    filtered: np.ndarray  # by the smaller median filter
    denoised: np.ndarray  # by the run
    clean: np.ndarray


class Errors(NamedTuple):
    """The mse per pixel of each test image [n] at one level."""

    run: np.ndarray
    controls: dict[Way, np.ndarray]


def at_level(model: Model, config: Config, level: float) -> Model:
    """The model with another level of its own noise, the same for every image.

    Args:
      model: of the config.
      config: a resolved one, whose `corruption` is one of `LEVELS` (else KeyError).
      level: of the field named there: a share of the pixels, a deviation in the network's scale, or
        the side of the box in pixels.
    """
    options = config.corruption.to_dict()
    name = options.pop("name")
    options[LEVELS[name][0]] = level
    if "lowest" in inspect.signature(CORRUPTIONS[name]).parameters:
        options["lowest"] = None
    corrupt = partial(CORRUPTIONS[name], bounds=scaling.BOUNDS[model.scale], **options)
    return model._replace(corrupt=corrupt)


def corrupted(model: Model, images: np.ndarray, key: jax.Array) -> np.ndarray:
    """Images [n, H, W, C] with the model's noise, in [0,1] units, not clipped."""
    x = scaling.to_network(jnp.asarray(images), model.scale)
    return np.asarray(scaling.to_unit(model.corrupt(key, x), model.scale))


def median(noisy: np.ndarray, clean: np.ndarray, sizes: Sequence[int] = FILTERS) -> np.ndarray:
    """The mse per pixel of each image [n] by the best of some median filters: chosen in its favor.

    Images are [n, H, W, C], the noisy ones clipped to [0,1] first; `sizes` are sides in pixels.
    """
    shown = np.clip(noisy, 0, 1)
    found = [image_errors(median_filter(shown, (1, s, s, 1)), clean) for s in sizes]
    return min(found, key=np.mean)


def errors(study: Study, noisy: np.ndarray, W: np.ndarray | None) -> Errors:
    """Of the study's test images with noise; `W` is the linear map, None where there is none."""
    test = study.test
    # More noise than the trained leaves the range that the run takes images in.
    study = study.with_run(study.run._replace(limits=(-np.inf, np.inf)))
    controls: dict[Way, np.ndarray] = {
        "noisy": image_errors(np.clip(noisy, 0, 1), test.images),
        "median": median(noisy, test.images),
    }
    if W is not None:
        controls["linear"] = image_errors(linear(W, noisy, study.run.model.scale), test.images)
    return Errors(image_errors(study.reconstruct(noisy, test.labels), test.images), controls)


def linear(W: np.ndarray, noisy: np.ndarray, scale: str) -> np.ndarray:
    """The best affine map of `baselines.linear_denoiser` on images [n, H, W, C] in [0,1] units.

    `W` [pixels + 1, pixels] is for rows in the network's `scale`; the result is not clipped.
    """
    low, high = scaling.BOUNDS[scale]
    x = noisy.reshape(len(noisy), -1) * (high - low) + low
    out = np.c_[x, np.ones(len(x))] @ W
    return ((out - low) / (high - low)).reshape(noisy.shape)


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """The run on its own noise at several levels; see APPLICATION."""
    run = study.run
    if not run.model.corrupts:
        raise NotApplicable("the run was trained without noise (corruption.name)")
    if run.config.corruption.name not in LEVELS:
        raise NotApplicable(f"the noise '{run.config.corruption.name}' has no level to vary")
    study.need_images()
    field, usual = LEVELS[run.config.corruption.name]
    trained = float(run.config.corruption.get(field))
    levels = sorted({*usual, trained})
    found = _at_levels(study, levels, key)
    best = [_best(level.controls) for level in found]
    gains = [judging.decibels(e.run, e.controls[b]) for e, b in zip(found, best, strict=True)]
    numbers: Numbers = {
        "run": run.config.name,
        "field": field,
        "levels": levels,
        "trained_level": trained,
        "mse": [float(level.run.mean()) for level in found],
        "gain_db": [g.value for g in gains],
        "gain_error_db": [g.error for g in gains],
        "best_control": best,
    }
    means = {w: [float(e.controls[w].mean()) for e in found] for w in found[0].controls}
    control: Control = {"noisy": means["noisy"], "median": means["median"]}
    if "linear" in means:
        control["linear"] = means["linear"]
    return Measured(numbers, control, _shown(study, jax.random.split(key)[1]))


def _at_levels(study: Study, levels: Sequence[float], key: jax.Array) -> list[Errors]:
    """Errors at each level, of the same random numbers at all."""
    run = study.run
    k_fit, k_test = jax.random.split(key)
    gray = run.model._replace(binarize=False)
    W = baselines.linear_denoiser(gray, study.data.train.images, k_fit)
    models = (at_level(run.model, run.config, level) for level in levels)
    return [errors(study, corrupted(m, study.test.images, k_test), W) for m in models]


def _best(controls: dict[Way, np.ndarray]) -> Way:
    return judging.best({way: -float(v.mean()) for way, v in controls.items()})


def _shown(study: Study, key: jax.Array) -> Shown:
    test = study.test
    clean = test.images[:12]
    noisy = corrupted(study.run.model, clean, key)
    labels = None if test.labels is None else test.labels[:12]
    filtered = median_filter(np.clip(noisy, 0, 1), (1, FILTERS[0], FILTERS[0], 1))
    return Shown(noisy, filtered, study.reconstruct(noisy, labels), clean)


def judge(numbers: Numbers, control: Control) -> str:
    """Who wins at the trained level, and at how many."""
    field, trained = numbers["field"], numbers["trained_level"]
    at = int(np.argmin(np.abs(np.asarray(numbers["levels"]) - trained)))
    pairs = zip(numbers["gain_db"], numbers["gain_error_db"], strict=True)
    gains = [judging.Estimate(*pair) for pair in pairs]
    ours, noisy, best = numbers["mse"][at], control["noisy"][at], numbers["best_control"][at]
    who = judging.verdict("the run", NAMES[best], gains[at], ours < noisy)
    clear = sum(g.value > judging.ERRORS * g.error for g in gains)
    return (
        f"{numbers['run']} at {field} {trained:g}: {who}, {gains[at].text(sign=True)} dB (mse "
        f"{ours:.5f}, {NAMES[best]} {control[best][at]:.5f}, not denoised {noisy:.5f}); the run is "
        f"clearly best at {clear} of {len(gains)} levels"
    )


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """Errors by level; 'images', noisy ones over outputs at the trained noise."""
    numbers, control, shown = measured
    levels = numbers["levels"]
    lines = {"the run": (levels, numbers["mse"])}
    lines |= {title: (levels, control[w]) for w, title in NAMES.items() if w in control}
    panel = Panel(
        f"Trained at {numbers['trained_level']:g}",
        f"{numbers['field']} of the noise",
        "test mse per pixel, [0,1] units",
        lines,
        [NAMES["noisy"]],
        log_y=True,
    )
    rows = {
        "corrupted": shown.noisy,
        f"median {FILTERS[0]} x {FILTERS[0]}": shown.filtered,
        "the run": shown.denoised,
        "clean": shown.clean,
    }
    return {
        "": line_panels([panel], "Denoising at other levels than the trained one"),
        "images": image_rows(rows, "Denoising test images"),
    }


APPLICATION = Application(measure, judge, draw)
"""The run on its own noise at five levels, and at its own where that is another.

The study's test images, with the same key at every level. The linear map is fitted to the trained
noise on the training images.

Raises:
  NotApplicable: the run was trained without noise, or with noise that has no level (warp,
    downscale); the data are not images of 8 x 8 pixels or more.
"""
