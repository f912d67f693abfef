"""First-layer filters, with and without noise in training.

Without noise nothing tells a weight on a pixel that is always black what to be, and it stays as it
was drawn; with noise it is pulled to where it does no harm. So: the variance of the weights on
pixels that no training image lights, against that on the digits' pixels (course notes).
"""

from typing import Any

import jax
import numpy as np

from ae_jax import config as config_lib
from ae_jax import controls
from ae_jax.analysis.finding import Finding, NotApplicable, Study
from ae_jax.panels import filter_pair
from ae_jax.run import Run
from ae_jax.weights import first_filters

STEPS = 1500
NOISE = {"name": "dropout", "rate": 0.5}


def dark_pixels(train: Any) -> np.ndarray:
    """Which pixels [H, W, C] are black in more than 99.9 % of the images [n, H, W, C]."""
    lit = controls.unit_rows(train) > 0
    return (lit.mean(0) < 0.001).reshape(np.asarray(train).shape[1:])


def off_digit_variance(filters: np.ndarray, dark: np.ndarray) -> dict[str, float]:
    """Variance of filters [n, H, W, C] on the dark pixels and on the others, and their ratio.

    Of each filter about its own mean over those pixels: a filter that is constant out there has
    none.
    """
    rows = filters.reshape(len(filters), -1)
    off, on = (rows[:, chosen].var(1).mean() for chosen in (dark.ravel(), ~dark.ravel()))
    return {"off_digit": float(off), "on_digit": float(on), "ratio": float(off / on)}


def analyse(study: Study, key: jax.Array) -> Finding:
    """The run beside a twin of its own config, trained with noise where the run had none.

    Where the run had noise its twin has none; else it drops half of the pixels. The twin is trained
    for about 1,500 x effort steps, however long the run was. The measure is the course notes'.

    Returns:
      numbers: 'noise', 'with' or 'without'; 'off_digit' and 'on_digit', variances of the run's
        first-layer weights, and their 'ratio'; 'dark_pixels', how many.
      control: the same of the twin, without 'dark_pixels'.

    Raises:
      NotApplicable: the encoder is not dense; no pixel, or every pixel, is dark.
    """
    config = study.run.config
    if config.encoder.name != "dense":
        raise NotApplicable("the first layer is convolutional: its filters see no fixed pixels")
    dark = dark_pixels(study.data.train.images)
    if not dark.any() or dark.all():
        raise NotApplicable(
            f"{'every' if dark.all() else 'no'} pixel is dark in the training images"
        )
    noisy = config.corruption.name != "none"
    raw = config.to_dict()
    raw["corruption"] = {"name": "none"} if noisy else NOISE
    runs = {"with": study.run, "without": twin(study, key, raw)}
    if not noisy:
        runs = {"with": runs["without"], "without": study.run}
    found = {n: off_digit_variance(filters_of(run), dark) for n, run in runs.items()}
    smooth = found["with"]["ratio"] < found["without"]["ratio"]
    sentence = (
        f"{'noise' if smooth else 'no noise'} wins: the weights' variance off the digit is "
        f"{found['with']['ratio']:.2f} of that on it with noise, "
        f"{found['without']['ratio']:.2f} without"
    )
    mine = "with" if noisy else "without"
    figure = filter_pair(
        {
            f"{n} noise ({'the run' if n == mine else 'its twin'})": filters_of(run)[:20]
            for n, run in runs.items()
        },
        f"First-layer filters of {config.name}",
    )
    other = "without" if noisy else "with"
    numbers = {"noise": mine, **found[mine], "dark_pixels": int(dark.sum())}
    return Finding(numbers, {"noise": other, **found[other]}, sentence, {"": figure})


def twin(study: Study, key: jax.Array, raw: dict[str, Any]) -> Run:
    """A short training of another config on the study's data."""
    raw = {name: value for name, value in raw.items() if name not in ("data", "eval")}
    data = study.run.config.data
    raw = config_lib.merge(raw, {"data": {"scale": data.scale, "center": data.center}})
    return study.fit(key, STEPS, raw)


def filters_of(run: Run) -> np.ndarray:
    """The run's first-layer filters [n, H, W, C]."""
    return first_filters(run.model, run.variables)
