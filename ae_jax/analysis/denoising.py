"""Denoising at the trained level of noise and at others; median filter and linear map beside."""

import inspect
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.ndimage import median_filter

from ae_jax import controls, scaling
from ae_jax.analysis.finding import Finding, NotApplicable, Study, mse
from ae_jax.corruption import CORRUPTIONS
from ae_jax.figures import image_rows
from ae_jax.model import Model
from ae_jax.panels import Panel, line_panels

LEVELS = {  # the field that says how strong a corruption is, and levels worth a look
    "mask": ("rate", (0.1, 0.25, 0.5, 0.75, 0.9)),
    "dropout": ("rate", (0.1, 0.25, 0.5, 0.75, 0.9)),
    "gaussian": ("sigma", (0.1, 0.25, 0.5, 0.75, 1.0)),
    "salt_and_pepper": ("rate", (0.05, 0.1, 0.25, 0.5, 0.75)),
    "box": ("size", (2, 4, 8, 12, 16)),
}
FILTERS = (3, 5)


def at_level(model: Model, config: Any, level: float) -> Model:
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


def corrupted(model: Model, images: Any, key: jax.Array) -> np.ndarray:
    """Images [n, H, W, C] with the model's noise, in [0,1] units, not clipped."""
    x = scaling.to_network(jnp.asarray(images), model.scale)
    return np.asarray(scaling.to_unit(model.corrupt(key, x), model.scale))


def median(noisy: np.ndarray, clean: np.ndarray, sizes: Sequence[int] = FILTERS) -> float:
    """The mse per pixel of the best of some median filters: a choice in its favour.

    Images are [n, H, W, C], the noisy ones clipped to [0,1] first; `sizes` are sides in pixels.
    """
    shown = np.clip(noisy, 0, 1)
    return min(mse(median_filter(shown, (1, s, s, 1)), clean) for s in sizes)


def analyse(study: Study, key: jax.Array) -> Finding:
    """The run on its own noise at five levels, and at its own where that is another.

    The study's test images, with the same key at every level. The linear map is fitted to the
    trained noise on the training images; the median filter is the better of 3 x 3 and 5 x 5.

    Returns:
      numbers: 'field' of the noise that varies, its 'levels', the 'trained_level', and 'mse' per
        pixel in [0,1] units, one a level.
      control: mse of 'noisy' (clipped, not denoised), 'median' and 'linear', one a level; without
        'linear' where there are more than 4,096 pixels.

    Raises:
      NotApplicable: the run was trained without noise, or with noise that has no level (warp,
        downscale); the data are not images of 8 x 8 pixels or more.
    """
    run, test = study.run, study.test
    if not run.model.corrupts:
        raise NotApplicable("the run was trained without noise (corruption.name)")
    if run.config.corruption.name not in LEVELS:
        raise NotApplicable(f"the noise '{run.config.corruption.name}' has no level to vary")
    study.need_images()
    field, usual = LEVELS[run.config.corruption.name]
    trained = float(run.config.corruption[field])
    levels = sorted({*usual, trained})
    k_fit, k_test = jax.random.split(key)
    W = controls.linear_denoiser(run.model, study.data.train.images, k_fit)
    rows: dict[str, list[float]] = {"noisy": [], "run": [], "median": [], "linear": []}
    for level in levels:
        noisy = corrupted(at_level(run.model, run.config, level), test.images, k_test)
        rows["noisy"].append(mse(np.clip(noisy, 0, 1), test.images))
        rows["run"].append(mse(study.reconstruct(noisy, test.labels), test.images))
        rows["median"].append(median(noisy, test.images))
        if W is not None:
            rows["linear"].append(mse(linear(W, noisy, run.model.scale), test.images))
    rows = {name: values for name, values in rows.items() if values}
    at = levels.index(trained)
    here = {name: values[at] for name, values in rows.items()}
    won = sum(v == min(vs) for v, *vs in zip(rows["run"], *rows.values(), strict=True))
    best = min((v, name) for name, v in here.items() if name != "run")
    numbers = {"field": field, "levels": levels, "trained_level": trained, "mse": rows.pop("run")}
    sentence = (
        f"{'the run' if here['run'] < best[0] else best[1]} wins at {field} {trained:g}: mse "
        f"{here['run']:.5f} from {here['noisy']:.5f}; {best[1]} {best[0]:.5f}; "
        f"the run is best at {won} of {len(levels)} levels"
    )
    made = {
        "": _chart(levels, numbers["mse"], rows, field, trained),
        "images": _rows(study, k_test),
    }
    return Finding(numbers, rows, sentence, made)


def linear(W: np.ndarray, noisy: np.ndarray, scale: str) -> np.ndarray:
    """The best affine map of `controls.linear_denoiser` on images [n, H, W, C] in [0,1] units.

    `W` [pixels + 1, pixels] is for rows in the network's `scale`; the result is not clipped.
    """
    low, high = scaling.BOUNDS[scale]
    x = noisy.reshape(len(noisy), -1) * (high - low) + low
    out = np.c_[x, np.ones(len(x))] @ W
    return ((out - low) / (high - low)).reshape(noisy.shape)


def _chart(levels: Any, found: Any, rows: Any, field: str, trained: float) -> Any:
    names = {
        "noisy": "not denoised",
        "median": "best median filter",
        "linear": "best linear map for the trained noise",
    }
    lines = {"the run": (levels, found)} | {names[n]: (levels, v) for n, v in rows.items()}
    panel = Panel(
        f"Trained at {trained:g}",
        f"{field} of the noise",
        "test mse per pixel, [0,1] units",
        lines,
        ["not denoised"],
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
