"""First-layer filters, with and without noise in training.

Without noise nothing tells a weight on a pixel that is always black what to be, and it stays as it
was drawn; with noise it is pulled to where it does no harm. So: the variance of the weights on
pixels that no training image lights, against that on the digits' pixels (course notes).
"""

from typing import Any, Literal, NamedTuple, TypedDict

import jax
import numpy as np

from ae_jax.analysis import judge as judging
from ae_jax.analysis.finding import Application, Measured, NotApplicable, Study, mse
from ae_jax.analysis.judge import Estimate
from ae_jax.evaluate import baselines
from ae_jax.figures.panels import filter_pair
from ae_jax.model.weights import first_filters
from ae_jax.resolve import config as config_lib
from ae_jax.run.trained import Run

Noise = Literal["with", "without"]
BOTH: tuple[Noise, Noise] = ("with", "without")
STEPS, DRAWN = 1500, 20
NOISE = {"name": "dropout", "rate": 0.5}


class Variance(TypedDict):
    """Of the weights of first-layer filters."""

    off_digit: float  # variance on the dark pixels, mean over the filters
    on_digit: float  # on the others
    ratio: float  # the first over the second


class Filters(Variance):
    """Of one network."""

    noise: Noise  # 'with' or 'without' noise in training
    below_db: Estimate  # how many dB off_digit lies below on_digit; its error over the filters
    mse: float  # of clean test images, per pixel in [0,1] units


class Numbers(Filters):
    """Of the run."""

    dark_pixels: int  # how many pixels no training image lights


class Control(Filters):
    """Of its twin."""

    mean_image_mse: float  # per pixel in [0,1] units


class Shown(NamedTuple):
    """What the figure shows."""

    config: str  # the run's
    run: np.ndarray  # its first filters [n, H, W, C]
    twin: np.ndarray


def dark_pixels(train: np.ndarray) -> np.ndarray:
    """Which pixels [H, W, C] are black in more than 99.9 % of the images [n, H, W, C]."""
    lit = baselines.unit_rows(train) > 0
    return (lit.mean(0) < 0.001).reshape(np.asarray(train).shape[1:])


def off_digit_variance(filters: np.ndarray, dark: np.ndarray) -> Variance:
    """Variance of filters [n, H, W, C] on the dark pixels and on the others, and their ratio.

    Of each filter about its own mean over those pixels: a filter that is constant out there has
    none.
    """
    rows = filters.reshape(len(filters), -1)
    off, on = (rows[:, chosen].var(1).mean() for chosen in (dark.ravel(), ~dark.ravel()))
    return {"off_digit": float(off), "on_digit": float(on), "ratio": float(off / on)}


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """The run, and a twin trained here."""
    config = study.run.config
    if config.encoder.name != "dense":
        raise NotApplicable("the first layer is convolutional: its filters see no fixed pixels")
    dark = dark_pixels(study.data.train.images)
    if not dark.any() or dark.all():
        raise NotApplicable(
            f"{'every' if dark.all() else 'no'} pixel is dark in the training images"
        )
    mine, other = BOTH[::-1] if config.corruption.name == "none" else BOTH
    raw = config.to_dict()
    raw["corruption"] = NOISE if other == "with" else {"name": "none"}
    beside = twin(study, key, raw)
    numbers: Numbers = {**scored(study, study.run, mine, dark), "dark_pixels": int(dark.sum())}
    control: Control = {
        **scored(study, beside, other, dark),
        "mean_image_mse": baselines.mean_image_mse(study.train.images, study.test.images),
    }
    filters = (filters_of(run)[:DRAWN] for run in (study.run, beside))
    return Measured(numbers, control, Shown(config.name, *filters))


def scored(study: Study, run: Run, noise: Noise, dark: np.ndarray) -> Filters:
    """A network's numbers."""
    filters = filters_of(run)
    rows = filters.reshape(len(filters), -1)
    off, on = (rows[:, chosen].var(1) for chosen in (dark.ravel(), ~dark.ravel()))
    test = study.test
    labels = test.labels if run.model.conditional else None
    return {
        "noise": noise,
        **off_digit_variance(filters, dark),
        "below_db": judging.decibels(off, on),
        "mse": mse(run.reconstruct(test.images, labels), test.images),
    }


def twin(study: Study, key: jax.Array, raw: dict[str, Any]) -> Run:
    """A short training of another config on the study's data."""
    raw = {name: value for name, value in raw.items() if name not in ("data", "eval")}
    data = study.run.config.data
    raw = config_lib.merge(raw, {"data": {"scale": data.scale, "center": data.center}})
    return study.fit(key, STEPS, raw)


def filters_of(run: Run) -> np.ndarray:
    """The run's first-layer filters [n, H, W, C]."""
    return first_filters(run.model, run.variables)


def judge(numbers: Numbers, control: Control) -> str:
    """Which of the two is smoother off the digit.

    A network whose error is not below half of the mean image's learned nothing, and cannot win.
    """
    rows: tuple[Filters, Filters] = (numbers, control)
    both = {row["noise"]: row for row in rows}
    works = {n: row["mse"] < 0.5 * control["mean_image_mse"] for n, row in both.items()}
    gain = judging.difference(*(Estimate(*both[n]["below_db"]) for n in BOTH))
    who = judging.verdict("noise", "no noise", gain, works["with"], theirs_works=works["without"])
    words = [
        f"{both[n]['ratio']:.2f} {n} noise ({'the run' if n == numbers['noise'] else 'its twin'}, "
        f"mse {both[n]['mse']:.4f})"
        for n in BOTH
    ]
    return (
        f"{who}: the weights' variance off the digit, over that on it, is {words[0]}, {words[1]}: "
        f"{gain.text(sign=True)} dB less with noise"
    )


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """The first filters of both, those trained with noise at the left."""
    numbers, control, shown = measured
    sides = {
        numbers["noise"]: ("the run", shown.run),
        control["noise"]: ("its twin", shown.twin),
    }
    groups = {f"{n} noise ({sides[n][0]})": sides[n][1] for n in BOTH}
    return {"": filter_pair(groups, f"First-layer filters of {shown.config}")}


APPLICATION = Application(measure, judge, draw)
"""The run beside a twin of its own config, trained with noise where the run had none.

Where the run had noise its twin has none; else it drops half of the pixels. The twin is trained for
about 1,500 x effort steps, however long the run was. The measure is the course notes'.

Raises:
  NotApplicable: the encoder is not dense; no pixel, or every pixel, is dark.
"""
