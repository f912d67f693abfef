"""First-layer filters, with and without noise in training.

Without noise nothing tells a weight on a pixel that is always black what to be, and it stays as it
was drawn; with noise it is pulled to where it does no harm. So: the variance of the weights on
pixels that no training image lights, against that on the digits' pixels (course notes).
"""

from typing import Any

import jax
import numpy as np

from ae_jax.analysis import judge
from ae_jax.analysis.finding import Finding, NotApplicable, Study, mse
from ae_jax.analysis.judge import Estimate
from ae_jax.evaluate import baselines
from ae_jax.figures.panels import filter_pair
from ae_jax.model.weights import first_filters
from ae_jax.resolve import config as config_lib
from ae_jax.run.trained import Run

STEPS = 1500
NOISE = {"name": "dropout", "rate": 0.5}


def dark_pixels(train: Any) -> np.ndarray:
    """Which pixels [H, W, C] are black in more than 99.9 % of the images [n, H, W, C]."""
    lit = baselines.unit_rows(train) > 0
    return (lit.mean(0) < 0.001).reshape(np.asarray(train).shape[1:])


def off_digit_variance(filters: np.ndarray, dark: np.ndarray) -> dict[str, float]:
    """Variance of filters [n, H, W, C] on the dark pixels and on the others, and their ratio.

    Of each filter about its own mean over those pixels: a filter that is constant out there has
    none.
    """
    rows = filters.reshape(len(filters), -1)
    off, on = (rows[:, chosen].var(1).mean() for chosen in (dark.ravel(), ~dark.ravel()))
    return {"off_digit": float(off), "on_digit": float(on), "ratio": float(off / on)}


def measure(study: Study, run: Run, dark: np.ndarray) -> dict[str, Any]:
    """A run's numbers as `analyse` returns them."""
    filters = filters_of(run)
    rows = filters.reshape(len(filters), -1)
    off, on = (rows[:, chosen].var(1) for chosen in (dark.ravel(), ~dark.ravel()))
    test = study.test
    labels = test.labels if run.model.conditional else None
    return {
        **off_digit_variance(filters, dark),
        "below_db": judge.decibels(off, on),
        "mse": mse(run.reconstruct(test.images, labels), test.images),
    }


def sentence(numbers: Any, control: Any) -> str:
    """Which of the two is smoother off the digit, from what `analyse` returns.

    A network whose error is not below half of the mean image's learnt nothing, and cannot win.
    """
    both = {row["noise"]: row for row in (numbers, control)}
    works = {n: row["mse"] < 0.5 * control["mean_image_mse"] for n, row in both.items()}
    gain = judge.difference(*(Estimate(*both[n]["below_db"]) for n in ("with", "without")))
    who = judge.verdict("noise", "no noise", gain, works["with"], theirs_works=works["without"])
    words = [
        f"{both[n]['ratio']:.2f} {n} noise ({'the run' if n == numbers['noise'] else 'its twin'}, "
        f"mse {both[n]['mse']:.4f})"
        for n in ("with", "without")
    ]
    return (
        f"{who}: the weights' variance off the digit, over that on it, is {words[0]}, {words[1]}: "
        f"{gain.text(sign=True)} dB less with noise"
    )


def analyse(study: Study, key: jax.Array) -> Finding:
    """The run beside a twin of its own config, trained with noise where the run had none.

    Where the run had noise its twin has none; else it drops half of the pixels. The twin is trained
    for about 1,500 x effort steps, however long the run was. The measure is the course notes'.

    Returns:
      numbers: 'noise', 'with' or 'without'; 'off_digit' and 'on_digit', variances of the run's
        first-layer weights, and their 'ratio'; 'below_db', [how many dB the first lies below the
        second, its standard error over the filters]; 'mse' of clean test images, per pixel in [0,1]
        units; 'dark_pixels', how many.
      control: the same of the twin, without 'dark_pixels'; 'mean_image_mse'.

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
    mine, other = ("without", "with") if config.corruption.name == "none" else ("with", "without")
    raw = config.to_dict()
    raw["corruption"] = NOISE if other == "with" else {"name": "none"}
    runs = {mine: study.run, other: twin(study, key, raw)}
    found = {n: measure(study, run, dark) for n, run in runs.items()}
    numbers = {"noise": mine, **found[mine], "dark_pixels": int(dark.sum())}
    control = {
        "noise": other,
        **found[other],
        "mean_image_mse": baselines.mean_image_mse(study.train.images, study.test.images),
    }
    figure = filter_pair(
        {
            f"{n} noise ({'the run' if n == mine else 'its twin'})": filters_of(runs[n])[:20]
            for n in ("with", "without")
        },
        f"First-layer filters of {config.name}",
    )
    return Finding(numbers, control, sentence(numbers, control), {"": figure})


def twin(study: Study, key: jax.Array, raw: dict[str, Any]) -> Run:
    """A short training of another config on the study's data."""
    raw = {name: value for name, value in raw.items() if name not in ("data", "eval")}
    data = study.run.config.data
    raw = config_lib.merge(raw, {"data": {"scale": data.scale, "center": data.center}})
    return study.fit(key, STEPS, raw)


def filters_of(run: Run) -> np.ndarray:
    """The run's first-layer filters [n, H, W, C]."""
    return first_filters(run.model, run.variables)
