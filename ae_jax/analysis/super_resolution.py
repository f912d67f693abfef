"""Super-resolution: 7 x 7 and 14 x 14 pixels to 28 x 28, against bicubic interpolation.

The network is a denoising autoencoder whose noise is the loss of resolution. What it gives can be
made to agree with what is known: the closest image whose means are the given ones. How much of it
is drawn from what it has seen is measured: one network is trained without a class and given images
of that class. Most of the digits come out as that class all the same.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict, cast

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.analysis import enlarging, unseen
from ae_jax.analysis import judge as judging
from ae_jax.analysis.finding import (
    Application,
    Measured,
    NotApplicable,
    Skipped,
    Study,
    image_errors,
)
from ae_jax.analysis.unseen import Bias, Taken, Unseen
from ae_jax.evaluate.metrics import psnr
from ae_jax.figures import image_rows
from ae_jax.model.corruption import shrink
from ae_jax.run.trained import Run

FACTORS = (2, 4)
ENERGY_IMAGES = 100
FEW = 12  # images in a figure
Way = Literal["bicubic", "linear", "network", "energy"]


class Gains(TypedDict):
    """Of the network for one factor, all in dB."""

    network_psnr_db: float
    energy_psnr_db: NotRequired[float]  # of the first images; not of a conditional run
    gain_db: float  # over bicubic
    gain_error_db: float  # its standard error
    gain_over_linear_db: NotRequired[float]
    gain_over_linear_error_db: NotRequired[float]


class Theirs(TypedDict):
    """Of the controls at one factor."""

    psnr_db: float  # of bicubic
    linear_psnr_db: NotRequired[float]  # of the best affine map, where it can be solved for


class Numbers(TypedDict):
    """Beside what is named here, Gains for each factor, of a key such as '14 x 14': see `sizes`."""

    without_the_class: Unseen | Skipped


class Control(TypedDict):
    """Beside what is named here, Theirs for the same keys."""

    with_the_class: NotRequired[Taken]


class Enlarged(NamedTuple):
    """Images made small and enlarged again."""

    small: np.ndarray  # [n, h, w, C]
    ways: dict[Way, np.ndarray]  # [n, H, W, C]; of the energy at most ENERGY_IMAGES


class Shown(NamedTuple):
    """The first FEW test images, enlarged."""

    enlarged: dict[int, Enlarged]  # by factor
    truth: np.ndarray
    bias: Bias | None


def enlarged(study: Study, run: Run, factor: int, key: jax.Array) -> Enlarged:
    """The study's test images made small and enlarged again in every way; `run` is the network."""
    small = np.asarray(shrink(jnp.asarray(study.test.images), factor))
    ways: dict[Way, np.ndarray] = {"bicubic": enlarging.bicubic(small, factor)}
    if (mapped := enlarging.linear(study, run, small, factor, key)) is not None:
        ways["linear"] = mapped
    ways["network"] = enlarging.upscale(run, small, factor)
    if not study.run.model.conditional:
        few = small[:ENERGY_IMAGES]
        ways["energy"] = enlarging.by_energy(study.run, few, factor, study.train.images)
    return Enlarged(small, ways)


def gains(ways: Mapping[Way, np.ndarray], truth: np.ndarray) -> tuple[Gains, Theirs]:
    """What the images [n, H, W, C] of each way are worth."""
    errors = {way: image_errors(v, truth[: len(v)]) for way, v in ways.items()}
    db = {way: psnr(float(v.mean())) for way, v in errors.items()}
    over = judging.decibels(errors["network"], errors["bicubic"])
    ours: Gains = {
        "network_psnr_db": db["network"],
        "gain_db": over.value,
        "gain_error_db": over.error,
    }
    theirs: Theirs = {"psnr_db": db["bicubic"]}
    if "energy" in db:
        ours["energy_psnr_db"] = db["energy"]
    if "linear" in db:
        more = judging.decibels(errors["network"], errors["linear"])
        ours["gain_over_linear_db"], ours["gain_over_linear_error_db"] = more
        theirs["linear_psnr_db"] = db["linear"]
    return ours, theirs


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """Networks for both factors, and one that misses a class; see APPLICATION."""
    study.need_images()
    H, W, _ = study.run.model.shape
    if H % 4 or W % 4:
        raise NotApplicable(f"images of {H} x {W} do not divide into 4 x 4 pixels")
    truth = study.test.images
    ours: dict[str, Gains | Unseen | Skipped] = {}
    theirs: dict[str, Theirs | Taken] = {}
    networks, few = {}, {}
    for factor in FACTORS:
        k_fit, k_linear = jax.random.fold_in(key, factor), jax.random.fold_in(key, 100 + factor)
        networks[factor] = enlarging.network(study, k_fit, factor)
        small, ways = enlarged(study, networks[factor], factor, k_linear)
        ours[size_of(small)], theirs[size_of(small)] = gains(ways, truth)
        few[factor] = Enlarged(small[:FEW], {way: v[:FEW] for way, v in ways.items()})
    bias = None
    try:
        without, by_all, bias = unseen.measure(study, key, networks[4])
        ours["without_the_class"], theirs["with_the_class"] = without, by_all
    except NotApplicable as reason:
        ours["without_the_class"] = {"skipped": str(reason)}
    shown = Shown(few, truth[:FEW], bias)
    return Measured(cast(Numbers, ours), cast(Control, theirs), shown)


def size_of(small: np.ndarray) -> str:
    """'14 x 14' of images [n, 14, 14, C]."""
    return f"{small.shape[1]} x {small.shape[2]}"


def sizes(numbers: Numbers, control: Control) -> dict[str, tuple[Gains, Theirs]]:
    """What is measured at each size, of a name like '14 x 14'."""
    ours, theirs = cast(Mapping[str, Any], numbers), cast(Mapping[str, Any], control)
    return {size: (ours[size], theirs[size]) for size in ours if " x " in size}


def judge(numbers: Numbers, control: Control) -> str:
    """Who wins at each size, and what a missing class does."""
    words = []
    for size, (ours, theirs) in sizes(numbers, control).items():
        name, gain, db = "bicubic", (ours["gain_db"], ours["gain_error_db"]), theirs["psnr_db"]
        if theirs.get("linear_psnr_db", db) > db:  # of the controls the better one
            name = "the best linear map"
            gain = ours["gain_over_linear_db"], ours["gain_over_linear_error_db"]
        linear = f", linear {theirs['linear_psnr_db']:.1f}" if "linear_psnr_db" in theirs else ""
        over = judging.Estimate(*gain)
        words.append(
            f"{size}: {judging.verdict('the network', name, over)}, {over.text(sign=True)} dB "
            f"(the network {ours['network_psnr_db']:.1f}{linear}, bicubic {db:.1f})"
        )
    row = numbers["without_the_class"]
    if "skipped" in row:
        return "; ".join([*words, f"without a class: skipped, {row['skipped']}"])
    return "; ".join([*words, unseen.judge(row, control["with_the_class"])])


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """Test images enlarged; 'bias' and 'classes', what a missing class turns into."""
    numbers, control, shown = measured
    found = sizes(numbers, control)
    rows = {}
    for factor, (small, ways) in shown.enlarged.items():
        db, pad = _psnr(*found[size_of(small)]), " " * factor  # no two rows of one name
        rows[f"input {size_of(small)}{pad}"] = small
        rows |= {f"{way}, {db[way]:.1f} dB{pad}": images for way, images in ways.items()}
    made = {"": image_rows({**rows, "truth": shown.truth}, "Test images, enlarged")}
    row = numbers["without_the_class"]
    if shown.bias is not None and "skipped" not in row:
        made |= unseen.draw(shown.bias, row, control["with_the_class"])
    return made


def _psnr(ours: Gains, theirs: Theirs) -> dict[Way, float]:
    """In dB; nan of what was not measured."""
    return {
        "bicubic": theirs["psnr_db"],
        "linear": theirs.get("linear_psnr_db", math.nan),
        "network": ours["network_psnr_db"],
        "energy": ours.get("energy_psnr_db", math.nan),
    }


APPLICATION = Application(measure, judge, draw)
"""Networks for both factors, the run's own manifold, and one network that misses a class.

Networks of 600 units, each trained for about 1,200 x effort steps on all training images; a third
without class 5 (the most frequent where there is no 5). PSNR is of the study's test images, that of
the energy of the first 100.

Raises:
  NotApplicable: the data are not images of 8 x 8 pixels or more, or their sides no multiples of 4.
"""
