"""What an over-complete or a too powerful autoencoder learns: to copy, or to memorize.

With more code numbers than the data need, nothing stops a plain autoencoder from passing anything
through, noise and images of another world included; noise in training, or a contractive penalty,
does. At the other end, one number is enough for a powerful network to store its training set.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypedDict

import jax
import numpy as np

from ae_jax.analysis import judge as judging
from ae_jax.analysis.finding import Application, Measured, Study, image_errors, mse
from ae_jax.analysis.judge import Estimate
from ae_jax.analysis.memorizing import (
    MEMORIZED,
    MeanOfTheFew,
    Memorizer,
    Memory,
    memorized,
    memory_rows,
)
from ae_jax.analysis.worlds import STRANGE, TEST, worlds
from ae_jax.figures import image_rows
from ae_jax.figures.panels import grouped_bars

STEPS = 1200
WIDE = {  # the course notes' over-complete model
    "data": {"scale": "sym"},
    "encoder": {"code_activation": "tanh"},
    "decoder": {"output": "tanh"},
    "model": {"code_size": 500},
    "optim": {"learning_rate": 1e-3, "schedule": "cosine"},
    "train": {"batch_size": 128},
}
Tame = Literal["denoising", "contractive"]
Model = Literal["plain"] | Tame
KINDS: dict[Model, dict[str, Any]] = {
    "plain": {},
    "denoising": {"corruption": {"name": "dropout", "rate": 0.5}},
    "contractive": {"penalties": {"contractive": {"weight": 1e-2}}},
}
TAMED: tuple[Tame, Tame] = ("denoising", "contractive")
Errors = Mapping[str, Mapping[Model, np.ndarray]]


class Tamed(TypedDict):
    """Of a world, which share of its variance comes back, see `copied`."""

    denoising: float
    contractive: float


class Refusing(TypedDict):
    """Share of shuffled blocks let through less than by the plain model, minus that of images."""

    denoising: Estimate
    contractive: Estimate


class Copying(TypedDict):
    """Of models of 500 units."""

    copied: dict[str, Tamed]  # by world
    refuses: Refusing  # shares of the variance


class Numbers(Copying):
    """Of all models but the plain one."""

    memorizer: Memorizer


class Plain(TypedDict):
    """Of the plain model."""

    copied_by_the_plain_model: dict[str, float]  # world -> share, see `copied`


class Control(Plain, MeanOfTheFew):
    """Of the plain model and of mean images."""

    copied_by_the_mean_image: float  # of test images, see `copied`


class World(NamedTuple):
    """What comes back of the images [n, H, W, C] of a world, in [0,1]."""

    images: np.ndarray
    outputs: dict[Model, np.ndarray]


class Shown(NamedTuple):
    """What the figures show."""

    worlds: dict[str, World]
    memory: Memory


def copied(outputs: np.ndarray, images: np.ndarray) -> float:
    """Share of the images' variance (over all of them and their pixels) that comes back.

    1 - mse / variance: 1 for a copy, below 0 where a plain gray would be nearer.
    """
    return 1 - mse(outputs, images) / float(np.var(np.asarray(images, np.float64)))


def scored(errors: Errors, images: Mapping[str, np.ndarray]) -> tuple[Copying, Plain]:
    """What comes back of each world.

    Args:
      errors: world -> model -> squared error per pixel of each image [n].
      images: by world.
    """
    shares = {  # of a world's variance, by which errors of its images are divided
        world: {name: v / float(np.var(images[world], dtype=np.float64)) for name, v in row.items()}
        for world, row in errors.items()
    }
    table = {w: {name: float(1 - v.mean()) for name, v in row.items()} for w, row in shares.items()}

    def refused(name: Tame) -> Estimate:
        strange, familiar = (shares[w][name] - shares[w]["plain"] for w in (STRANGE, TEST))
        return judging.gain(strange, familiar)

    numbers: Copying = {
        "copied": {
            world: {"denoising": row["denoising"], "contractive": row["contractive"]}
            for world, row in table.items()
        },
        "refuses": {"denoising": refused("denoising"), "contractive": refused("contractive")},
    }
    return numbers, {"copied_by_the_plain_model": {w: row["plain"] for w, row in table.items()}}


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """Three models of 500 units in every world, and one of one number."""
    study.need_images()
    k_worlds, k_fit, k_memory = jax.random.split(key, 3)
    images = worlds(study, k_worlds)
    runs = {
        name: study.fit(jax.random.fold_in(k_fit, i), STEPS, WIDE, change)
        for i, (name, change) in enumerate(KINDS.items())
    }
    shown = {
        world: World(x, {name: run.reconstruct(x) for name, run in runs.items()})
        for world, x in images.items()
    }
    errors = {
        world: {name: image_errors(made, row.images) for name, made in row.outputs.items()}
        for world, row in shown.items()
    }
    ours, plain = scored(errors, images)
    memory, mean, remembered = memorized(study, k_memory)
    blank = np.broadcast_to(study.train.images.mean(0), images[TEST].shape)
    numbers: Numbers = {**ours, "memorizer": memory}
    control: Control = {
        **plain,
        "copied_by_the_mean_image": copied(blank, images[TEST]),
        **mean,
    }
    return Measured(numbers, control, Shown(shown, remembered))


def judge(numbers: Numbers, control: Control) -> str:
    """Who tells shuffled blocks from images."""
    plain, mean = control["copied_by_the_plain_model"], control["copied_by_the_mean_image"]
    needed = 1 - 0.5 * (1 - mean)  # half of the mean image's error
    words = [
        f"of {STRANGE} {100 * plain[STRANGE]:.0f} % come back from the plain model "
        f"(of test images {100 * plain[TEST]:.0f} %)"
    ]
    for name in TAMED:
        test, strange = (numbers["copied"][w][name] for w in (TEST, STRANGE))
        gain = Estimate(*numbers["refuses"][name])
        who = f"{name} does not work"
        if test > needed:
            who = judging.verdict(name, "plain", gain, theirs_works=plain[TEST] > needed)
        words.append(
            f"{who}: {name} {100 * strange:.0f} % ({100 * test:.0f} %), "
            f"losing {gain.text(100, sign=True)} points more of them than of test images"
        )
    memory, others = numbers["memorizer"], control["mean_image_of_the_few"]
    kept = (
        "are kept" if memory["train_mse"] < 0.5 * control["mean_image_of_them"] else "are not kept"
    )
    return (
        f"{'; '.join(words)}; {MEMORIZED} images {kept} in one number: train mse "
        f"{memory['train_mse']:.4f}, test {memory['test_mse']:.4f}, their mean image {others:.4f}"
    )


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """Shares that come back, 'images' that do, and the 'memorizer'."""
    by_world, memory = measured.shown
    rows = {}
    for i, (world, row) in enumerate(by_world.items()):
        rows[world] = row.images[:10]
        rows |= {f"{name}{' ' * i}": made[:10] for name, made in row.outputs.items()}
    return {
        "": _bars(measured.numbers, measured.control),
        "images": image_rows(rows, "Inputs and what comes back"),
        "memorizer": memory_rows(memory),
    }


def _bars(numbers: Numbers, control: Control) -> Any:
    """In per cent; what is worse than a gray by far is cut off."""
    plain = control["copied_by_the_plain_model"]
    bars = {
        world: {
            name: 100 * max(share, -0.5)
            for name, share in (
                ("plain", plain[world]),
                *((name, row[name]) for name in TAMED),
            )
        }
        for world, row in numbers["copied"].items()
    }
    return grouped_bars(bars, "What 500 units let through", "variance that comes back (%)")


APPLICATION = Application(measure, judge, draw)
"""500 tanh units without noise, with noise, with a contractive penalty; one number.

Three models (the plain one is the course notes'), trained for about 1,200 x effort steps on all
training images, copy 500 test images, their 4 x 4 blocks shuffled, uniform noise and, where the
study has them, outsiders. A fourth, of one number, is trained for about 3,000 x effort steps on 16
images. The run itself is not looked at.

A model that copies nothing refuses strange images, too. So a tamed one wins by how much more of the
shuffled blocks than of the test images it loses against the plain one, and only if its error on the
test images is below half of the mean image's.

Raises:
  NotApplicable: the data are not images of 8 x 8 pixels or more.
"""
