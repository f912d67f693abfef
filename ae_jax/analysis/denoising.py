"""Denoising at the trained level of noise and at others; median filter and linear map beside."""

import inspect
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.ndimage import median_filter

from ae_jax.analysis import judge
from ae_jax.analysis.finding import Finding, NotApplicable, Study, image_errors
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
NAMES = {
    "noisy": "not denoised",
    "median": "the best median filter",
    "linear": "the best linear map for the trained noise",
}


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


def errors(study: Study, noisy: np.ndarray, W: np.ndarray | None) -> dict[str, np.ndarray]:
    """Way -> mse per pixel of each of the study's test images [n]; 'run' and its controls."""
    test = study.test
    # More noise than the trained leaves the range that the run takes images in.
    study = study.with_run(study.run._replace(limits=(-np.inf, np.inf)))
    found = {
        "run": image_errors(study.reconstruct(noisy, test.labels), test.images),
        "noisy": image_errors(np.clip(noisy, 0, 1), test.images),
        "median": median(noisy, test.images),
    }
    if W is not None:
        denoised = linear(W, noisy, study.run.model.scale)
        found["linear"] = image_errors(denoised, test.images)
    return found


def measure(study: Study, key: jax.Array) -> tuple[dict[str, Any], dict[str, Any]]:
    """(numbers, the control's), as `analyse` returns them."""
    run = study.run
    field, usual = LEVELS[run.config.corruption.name]
    trained = float(run.config.corruption.get(field))
    levels = sorted({*usual, trained})
    k_fit, k_test = jax.random.split(key)
    W = baselines.linear_denoiser(run.model, study.data.train.images, k_fit)
    rows: dict[str, list[float]] = {}
    gains, names = [], []
    for level in levels:
        noisy = corrupted(at_level(run.model, run.config, level), study.test.images, k_test)
        found = errors(study, noisy, W)
        for way, values in found.items():
            rows.setdefault(way, []).append(float(values.mean()))
        best = judge.best({w: -float(v.mean()) for w, v in found.items() if w != "run"})
        gains.append(judge.decibels(found["run"], found[best]))
        names.append(best)
    numbers = {
        "run": run.config.name,
        "field": field,
        "levels": levels,
        "trained_level": trained,
        "mse": rows.pop("run"),
        "gain_db": [g.value for g in gains],
        "gain_error_db": [g.error for g in gains],
        "best_control": names,
    }
    return numbers, rows


def sentence(numbers: Mapping[str, Any], control: Mapping[str, Any]) -> str:
    """Who wins at the trained level, and at how many, from what `analyse` returns."""
    field, trained = numbers["field"], numbers["trained_level"]
    at = int(np.argmin(np.abs(np.asarray(numbers["levels"]) - trained)))
    pairs = zip(numbers["gain_db"], numbers["gain_error_db"], strict=True)
    gains = [judge.Estimate(*pair) for pair in pairs]
    ours, noisy, best = numbers["mse"][at], control["noisy"][at], numbers["best_control"][at]
    who = judge.verdict("the run", NAMES[best], gains[at], ours < noisy)
    clear = sum(g.value > judge.ERRORS * g.error for g in gains)
    return (
        f"{numbers['run']} at {field} {trained:g}: {who}, {gains[at].text(sign=True)} dB (mse "
        f"{ours:.5f}, {NAMES[best]} {control[best][at]:.5f}, not denoised {noisy:.5f}); the run is "
        f"clearly best at {clear} of {len(gains)} levels"
    )


def analyse(study: Study, key: jax.Array) -> Finding:
    """The run on its own noise at five levels, and at its own where that is another.

    The study's test images, with the same key at every level. The linear map is fitted to the
    trained noise on the training images; the median filter is the better of 3 x 3 and 5 x 5.

    Returns:
      numbers: 'run', its config's name; 'field' of the noise that varies, its 'levels', the
        'trained_level', and, one a level, 'mse' per pixel in [0,1] units, 'gain_db' over the
        'best_control' of the level, image by image, and its standard error 'gain_error_db'.
      control: mse of 'noisy' (clipped, not denoised), 'median' and 'linear', one a level; without
        'linear' where there are more than 4,096 pixels.

    Raises:
      NotApplicable: the run was trained without noise, or with noise that has no level (warp,
        downscale); the data are not images of 8 x 8 pixels or more.
    """
    run = study.run
    if not run.model.corrupts:
        raise NotApplicable("the run was trained without noise (corruption.name)")
    if run.config.corruption.name not in LEVELS:
        raise NotApplicable(f"the noise '{run.config.corruption.name}' has no level to vary")
    study.need_images()
    numbers, control = measure(study, key)
    made = {"": _chart(numbers, control), "images": _rows(study, jax.random.split(key)[1])}
    return Finding(numbers, control, sentence(numbers, control), made)


def linear(W: np.ndarray, noisy: np.ndarray, scale: str) -> np.ndarray:
    """The best affine map of `controls.linear_denoiser` on images [n, H, W, C] in [0,1] units.

    `W` [pixels + 1, pixels] is for rows in the network's `scale`; the result is not clipped.
    """
    low, high = scaling.BOUNDS[scale]
    x = noisy.reshape(len(noisy), -1) * (high - low) + low
    out = np.c_[x, np.ones(len(x))] @ W
    return ((out - low) / (high - low)).reshape(noisy.shape)


def _chart(numbers: dict[str, Any], control: dict[str, Any]) -> Any:
    levels, trained = numbers["levels"], numbers["trained_level"]
    lines = {"the run": (levels, numbers["mse"])}
    lines |= {NAMES[name]: (levels, values) for name, values in control.items()}
    panel = Panel(
        f"Trained at {trained:g}",
        f"{numbers['field']} of the noise",
        "test mse per pixel, [0,1] units",
        lines,
        [NAMES["noisy"]],
        log_y=True,
    )
    return line_panels([panel], "Denoising at other levels than the trained one")


def _rows(study: Study, key: jax.Array) -> Any:
    """Noisy images over outputs at the trained noise."""
    test = study.test
    noisy = corrupted(study.run.model, test.images[:12], key)
    labels = None if test.labels is None else test.labels[:12]
    rows = {
        "corrupted": noisy,
        "median 3 x 3": median_filter(np.clip(noisy, 0, 1), (1, 3, 3, 1)),
        "the run": study.reconstruct(noisy, labels),
        "clean": test.images[:12],
    }
    return image_rows(rows, "Denoising test images")
