"""New images from random codes: which distribution of codes, and are they images?

A plain autoencoder says nothing about where its codes lie; a variational one is trained so that
they lie where N(0, I) does. Judged by a classifier: the share of samples it is sure of, which
classes they are, and how near they are to training images (a copy would be at distance 0). The
sampler is chosen by other samples than those that are judged.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict, cast

import jax
import numpy as np

from ae_jax.analysis import frechet
from ae_jax.analysis import judge as judging
from ae_jax.analysis.finding import DEEP, Application, Measured, Study
from ae_jax.analysis.judge import Estimate
from ae_jax.analysis.keras_samples import (
    SIGMA,
    TUTORIAL,
    Model,
    Tutorial,
    of_the_tutorial,
    said_of_the_tutorial,
)
from ae_jax.analysis.sampling import SAMPLES, Judged, judged, samplers
from ae_jax.figures.panels import grouped_bars, image_blocks
from ae_jax.model.bottleneck.base import Prior
from ae_jax.model.bottleneck.gaussian import STANDARD_NORMAL
from ae_jax.objective.penalties import TO_PRIOR
from ae_jax.run.trained import Run

DRAWN = 36
VAE = {
    **DEEP,
    "bottleneck": {"name": "gaussian"},
    "model": {"code_size": 16, "init": "he"},
    "loss": {"name": "bernoulli_nll", "per": "image"},
    "penalties": {"gaussian_kl": {"weight": 1.0}},
}


class Reconstruct(TypedDict):
    """Whether the error is below half of the mean image's."""

    run: bool
    other: bool


Rows = TypedDict(
    "Rows",
    {
        "VAE: standard normal": Judged,  # for the VAE alone, whose codes are trained to lie so
        "VAE: Gaussian": Judged,
        "VAE: mixture": Judged,
        "VAE: box": Judged,
        "AE: Gaussian": Judged,
        "AE: mixture": Judged,
        "AE: box": Judged,
        "AE: standard normal": NotRequired[Judged],  # where a penalty draws its codes there
    },
)


class Numbers(Rows):
    """A row for each kind of autoencoder and each sampler, and what is compared."""

    run: Literal["AE", "VAE"]  # its kind
    sampler: str  # the one chosen for it
    prior: NotRequired[str]  # sampler of the VAE that is its own prior; absent: standard normal
    other: str  # row of the other kind, by the same sampler; where it has none, by its own best
    tutorial: Tutorial
    reconstructs: Reconstruct


class Control(TypedDict):
    """Of the study's test images."""

    test_images: Judged  # without `frechet`, which of the same images is 0
    training_images_frechet: NotRequired[Estimate]  # of as many as there are samples
    classifier_accuracy: float  # in [0,1]


class Shown(NamedTuple):
    """Samples [36, H, W, C] that the figures show."""

    rows: dict[str, np.ndarray]  # by row of the numbers
    tutorial: dict[Model, np.ndarray]


def row_of(numbers: Numbers, name: str) -> Judged:
    """The row of a kind and a sampler, such as 'VAE: mixture'."""
    return cast(Mapping[str, Judged], numbers)[name]


def chosen(study: Study, images: Mapping[str, np.ndarray]) -> str:
    """The sampler whose images the classifier is sure of most often."""
    return judging.best({name: study.classifier.recognizable(v) for name, v in images.items()})


def aimed_at(run: Run) -> Prior | None:
    """The prior that the codes are trained to lie like, by bottleneck or penalty; None: none."""
    penalties = run.config.penalties
    drawn = any(name in penalties and penalties[name].weight for name in TO_PRIOR)
    return run.model.prior or (STANDARD_NORMAL if drawn else None)


def generated(run: Run, train: np.ndarray, key: jax.Array) -> dict[str, np.ndarray]:
    """Sampler -> images [1200, H, W, C] of random codes, from those of 5,000 images of `train`."""
    prior = aimed_at(run)
    codes = samplers(run.encode(train[:5000]), key, 2 * SAMPLES, prior or STANDARD_NORMAL)
    if prior is None:
        del codes[STANDARD_NORMAL.name]
    return {name: run.decode(z) for name, z in codes.items()}


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """Samples of the run, of one of the other kind, and of the tutorial's two."""
    study.need_images()
    study.need_classes()
    study.need_unconditional()
    k_other, k_codes, k_tutorial = jax.random.split(key, 3)
    variational = study.run.model.prior is not None
    mine, theirs = ("VAE", "AE") if variational else ("AE", "VAE")
    other = study.fit(k_other, 1500, DEEP if variational else VAE, {"model.code_size": 16})
    made = {
        kind: generated(run, study.train.images, k_codes)
        for kind, run in ((mine, study.run), (theirs, other))
    }
    best = {
        kind: chosen(study, {n: v[:SAMPLES] for n, v in images.items()})
        for kind, images in made.items()
    }
    sampler = best[mine]
    beside = sampler if sampler in made[theirs] else best[theirs]
    held = {f"{kind}: {n}": v[SAMPLES:] for kind, row in made.items() for n, v in row.items()}
    narrow, tutorial = of_the_tutorial(study, k_tutorial)
    numbers = {
        "run": mine,
        "sampler": sampler,
        "prior": (study.run.model.prior or STANDARD_NORMAL).name,
        "other": f"{theirs}: {beside}",
        **{name: judged(study, v) for name, v in held.items()},
        "tutorial": tutorial,
        "reconstructs": {
            "run": study.reconstructs,
            "other": study.with_run(other).reconstructs,
        },
    }
    real = judged(study, study.test.images)
    real.pop("frechet", None)
    control: Control = {
        "test_images": real,
        "training_images_frechet": of_training_images(study, jax.random.fold_in(key, 3)),
        "classifier_accuracy": study.classifier.accuracy,
    }
    shown = Shown(
        {name: v[:DRAWN] for name, v in held.items()},
        {name: v[:DRAWN] for name, v in narrow.items()},
    )
    return Measured(cast(Numbers, numbers), control, shown)


def of_training_images(study: Study, key: jax.Array) -> Estimate:
    """The Frechet distance of 600 training images, of which the classifier has seen the labels."""
    images = study.train.images
    some = np.asarray(jax.random.permutation(key, len(images)))[:SAMPLES]
    return frechet.estimate(study.classifier.codes(images[some]), study.test_codes)


def judge(numbers: Numbers, control: Control) -> str:
    """The run against the other kind, dense against convolutional."""
    kind, sampler, other = numbers["run"], numbers["sampler"], numbers["other"]
    mine, theirs = row_of(numbers, f"{kind}: {sampler}"), row_of(numbers, other)
    real, works = control["test_images"], numbers["reconstructs"]
    ours, beside = Estimate(*mine["recognizable"]), Estimate(*theirs["recognizable"])
    gain = judging.difference(ours, beside)
    who = judging.verdict(
        f"the {kind}",
        f"the {other.partition(':')[0]}",
        gain,
        works["run"],
        theirs_works=works["other"],
    )
    prior = numbers.get("prior", STANDARD_NORMAL.name)
    drawn = Estimate(*row_of(numbers, f"VAE: {prior}")["recognizable"])
    name = "N(0, I)" if prior == STANDARD_NORMAL.name else f"its prior, {prior},"
    said = (
        f"{who}: {kind} {ours.text(100)} % recognizable by {sampler} (chosen on other draws), "
        f"{other} {beside.text(100)} %, VAE by {name} {drawn.text(100)} %, {_by_penalty(numbers)}"
        f"test images {Estimate(*real['recognizable']).text(100)} %; nearest training image at "
        f"{mine['nearest_training_distance']:.1f}, of a test image "
        f"{real['nearest_training_distance']:.1f}"
    )
    return f"{said}{_apart(numbers, control)}; {said_of_the_tutorial(numbers['tutorial'], real)}"


def _by_penalty(numbers: Numbers) -> str:
    """Of N(0, I), where a penalty draws the codes of a plain autoencoder there; else nothing."""
    if (row := numbers.get(f"AE: {STANDARD_NORMAL.name}")) is None:
        return ""
    share = Estimate(*cast(Judged, row)["recognizable"])
    return f"AE by N(0, I), to which its penalty draws the codes, {share.text(100)} %, "


def _apart(numbers: Numbers, control: Control) -> str:
    """The Frechet distances, where the numbers have them: those of earlier files do not."""
    compared = (f"{numbers['run']}: {numbers['sampler']}", numbers["other"])
    normal = [f"{kind}: {STANDARD_NORMAL.name}" for kind in ("VAE", "AE")]
    words = [
        f"{name} {Estimate(*row_of(numbers, name)['frechet']).text()}"
        for name in dict.fromkeys((*compared, *normal))
        if "frechet" in cast(Mapping[str, Any], numbers).get(name, ())
    ]
    if not words or "training_images_frechet" not in control:
        return ""
    train = Estimate(*control["training_images_frechet"])
    return f"; {frechet.NAME} to the test images {', '.join(words)}, training images {train.text()}"


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """Samples of every row; those of the 'tutorial'; 'classes', which they are."""
    numbers, control, shown = measured
    blocks = {
        f"{name}\n{_share(row_of(numbers, name))}": images for name, images in shown.rows.items()
    }
    tutorial = {}
    for name, images in shown.tutorial.items():
        row = numbers["tutorial"][name]
        tutorial[f"{name}\n{_share(row)}, ones {100 * row['ones'].value:.1f} %"] = images
    title = "Random codes, decoded; the share with a confidence over 0.9"
    return {
        "": image_blocks(blocks, title, side=56),
        "tutorial": image_blocks(tutorial, f"As in the tutorial: codes of N(0, {SIGMA}²)"),
        "classes": _classes(numbers, control),
    }


def _share(row: Judged) -> str:
    return f"{100 * row['recognizable'].value:.0f} %"


def _classes(numbers: Numbers, control: Control) -> Any:
    """Shares of every class, in per cent, in what was compared."""
    compared = (f"{numbers['run']}: {numbers['sampler']}", numbers["other"])
    narrow = numbers["tutorial"]
    shares = {
        **{name: row_of(numbers, name)["class_shares"] for name in compared},
        **{f"N(0, {SIGMA}²), {name}": narrow[name]["class_shares"] for name in TUTORIAL},
        "test images": control["test_images"]["class_shares"],
    }
    classes = {
        f"{c}": {name: 100 * values[c] for name, values in shares.items()}
        for c in range(len(control["test_images"]["class_shares"]))
    }
    return grouped_bars(classes, "Which classes the samples are", "share (%)", xlabel="class")


APPLICATION = Application(measure, judge, draw)
"""The run, beside it an autoencoder of the other kind, plain or variational; the tutorial's.

The other has 16 codes and is trained for about 1,500 x effort steps. Samplers are fitted to the
codes of 5,000 training images. A sampler is chosen by 600 samples, and 600 others are judged. The
Keras tutorial decodes codes of N(0, 0.33^2), of its dense and its convolutional autoencoder with
tanh codes; where the run is none of the two, they are trained for about 1,000 and 600 x effort
steps.

Raises:
  NotApplicable: the data are not images of 8 x 8 pixels or more; they have no labels or one class;
    the decoder is told the label.
"""
