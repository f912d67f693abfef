"""Anomaly detection: what a model reconstructs badly it has not seen.

Scores are those of `anomaly_scores`, the threshold that of `ae_jax.evaluate.conformal`; `one_class`
is a part of this application.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict

import jax
import numpy as np

from ae_jax.analysis import judge as judging
from ae_jax.analysis import one_class
from ae_jax.analysis.anomaly_scores import PCA_SIZE, Scores, pca_error, scores
from ae_jax.analysis.finding import Application, Measured, NotApplicable, Skipped, Study
from ae_jax.analysis.worlds import shuffled_blocks
from ae_jax.evaluate.conformal import FALSE_ALARMS, threshold
from ae_jax.figures import image_rows
from ae_jax.figures.panels import heat, histograms
from ae_jax.run.trained import Run

FEW = 12  # images in the figure
World = Literal["shuffled blocks", "another data set"]
Areas = TypedDict(  # under ROC, of each of the Scores
    "Areas",
    {
        "reconstruction error": float,
        "Mahalanobis of the code": float,
        "gradient of the error": float,
    },
)
TITLES = ("reconstruction error", "Mahalanobis of the code", "gradient of the error")
SCORE: Literal["reconstruction error"] = "reconstruction error"  # judged and alarmed by


class Gain(TypedDict):
    """Of the run over PCA in the area under ROC."""

    gain: float
    gain_error: float  # DeLong's standard error


Alarms = TypedDict(  # shares in [0,1] of images that alarm
    "Alarms",
    {
        "wanted": float,
        "test_images": float,  # of the second half
        "test_images_error": float,  # its standard error
        "shuffled blocks": float,
        "another data set": NotRequired[float],
    },
)


Numbers = TypedDict(
    "Numbers",
    {
        "run": str,  # its config's name
        "gains": dict[World, Gain],
        "shuffled blocks": Areas,
        "another data set": NotRequired[Areas],
        "alarms": Alarms,
        "one_class": one_class.Ours | Skipped,
    },
)


class PCA(TypedDict):
    """Of PCA of the study's training images, as wide as the code, at most PCA_SIZE."""

    pca_error: float  # area under ROC


Control = TypedDict(
    "Control",
    {
        "shuffled blocks": PCA,
        "another data set": NotRequired[PCA],
        "one_class_pca": NotRequired[one_class.Theirs],
    },
)


class Rebuilt(NamedTuple):
    """The first FEW of some images [n, H, W, C], and what the run makes of them."""

    images: np.ndarray
    outputs: np.ndarray


class Shown(NamedTuple):
    """What the figures show."""

    normal: Scores  # of the test images
    strange: dict[World, Scores]
    threshold: float  # of the reconstruction error
    worst: Rebuilt  # of the test images
    worlds: dict[World, Rebuilt]
    classes: dict[str, one_class.Areas]  # none where that part was skipped


def areas(normal: Scores, strange: Scores) -> Areas:
    """Under ROC, of each score."""
    error, mahalanobis, gradient = (
        judging.auroc(*pair).value for pair in zip(normal, strange, strict=True)
    )
    return {
        "reconstruction error": error,
        "Mahalanobis of the code": mahalanobis,
        "gradient of the error": gradient,
    }


def alarms(normal: np.ndarray, strange: Mapping[World, np.ndarray], cut: float) -> Alarms:
    """Shares of scores [n] above the threshold `cut`; the normal ones did not set it."""
    false = judging.share(normal > cut)
    shares = {world: float((score > cut).mean()) for world, score in strange.items()}
    found: Alarms = {
        "wanted": FALSE_ALARMS,
        "test_images": false.value,
        "test_images_error": false.error,
        "shuffled blocks": shares["shuffled blocks"],
    }
    if "another data set" in shares:
        found["another data set"] = shares["another data set"]
    return found


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """The run against other worlds; and one class at a time; see APPLICATION."""
    study.need_images()
    study.need_unconditional()
    test = study.test.images
    k_blocks, k_one = jax.random.split(key)
    worlds: dict[World, np.ndarray] = {"shuffled blocks": shuffled_blocks(test, k_blocks)}
    if study.strange is not None:
        worlds["another data set"] = study.strange[: len(test)]
    normal = scores(study.run, test)
    strange = {world: scores(study.run, images) for world, images in worlds.items()}
    half = len(test) // 2
    cut = threshold(normal.error[:half])
    classes, one, one_pca = _one_classes(study, k_one)
    errors = {world: found.error for world, found in strange.items()}
    gains, pca = _beside_pca(study, normal.error, errors, worlds)
    numbers: Numbers = {
        "run": study.run.config.name,
        "gains": gains,
        "shuffled blocks": areas(normal, strange["shuffled blocks"]),
        "alarms": alarms(normal.error[half:], errors, cut),
        "one_class": one,
    }
    control: Control = {"shuffled blocks": pca["shuffled blocks"]}
    if "another data set" in worlds:
        numbers["another data set"] = areas(normal, strange["another data set"])
        control["another data set"] = pca["another data set"]
    if one_pca is not None:
        control["one_class_pca"] = one_pca
    worst = _rebuilt(study.run, test[np.argsort(-normal.error)[:FEW]])
    few = {world: _rebuilt(study.run, images[:FEW]) for world, images in worlds.items()}
    return Measured(numbers, control, Shown(normal, strange, cut, worst, few, classes))


def _one_classes(
    study: Study, key: jax.Array
) -> tuple[dict[str, one_class.Areas], one_class.Ours | Skipped, one_class.Theirs | None]:
    """(areas, the numbers, the control's); where it cannot be done, why."""
    try:
        classes = one_class.measure(study, key)
    except NotApplicable as reason:
        return {}, {"skipped": str(reason)}, None
    return classes, *one_class.table(classes)


def _beside_pca(
    study: Study,
    normal: np.ndarray,
    strange: Mapping[World, np.ndarray],
    worlds: Mapping[World, np.ndarray],
) -> tuple[dict[World, Gain], dict[World, PCA]]:
    """Gains of the reconstruction error, of test images and strange ones, and PCA's own areas."""
    train, k = study.train.images, min(study.run.config.model.code_size, PCA_SIZE)
    held = pca_error(train, study.test.images, k)
    gains: dict[World, Gain] = {}
    control: dict[World, PCA] = {}
    for world, images in worlds.items():
        theirs = (held, pca_error(train, images, k))
        gain = judging.auroc_gain((normal, strange[world]), theirs)
        gains[world] = {"gain": gain.value, "gain_error": gain.error}
        control[world] = {"pca_error": judging.auroc(*theirs).value}
    return gains, control


def _rebuilt(run: Run, images: np.ndarray) -> Rebuilt:
    return Rebuilt(images, run.reconstruct(images))


def judge(numbers: Numbers, control: Control) -> str:
    """Who wins."""
    world = list(numbers["gains"])[-1]
    row, theirs = numbers["gains"][world], control[world]["pca_error"]
    gain = judging.Estimate(row["gain"], row["gain_error"])
    auroc, alarms = numbers[world][SCORE], numbers["alarms"]
    false = judging.Estimate(alarms["test_images"], alarms["test_images_error"])
    one = numbers["one_class"]
    if "skipped" in one:
        words = f"one class at a time: skipped, {one['skipped']}"
    else:
        words = one_class.judge(one, control["one_class_pca"])
    return (
        f"{world}, by {SCORE}: {judging.verdict('the run', 'PCA', gain, auroc > 0.5)}, "
        f"{gain.text(100, sign=True)} points (AUROC {auroc:.3f}, PCA {theirs:.3f}); "
        f"{false.text(100)} % false alarms for {100 * alarms['wanted']:.0f} wanted; {words}"
    )


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """Scores; 'maps' of the error; 'one_class', areas under ROC."""
    shown = measured.shown
    panels = {
        title: {"test images": normal, **{world: v[i] for world, v in shown.strange.items()}}
        for i, (title, normal) in enumerate(zip(TITLES, shown.normal, strict=True))
    }
    made = {"": histograms(panels, "score", "Scores of the run"), "maps": _maps(shown)}
    if shown.classes:
        made["one_class"] = one_class.draw(shown.classes)
    return made


def _maps(shown: Shown) -> Any:
    """The worst reconstructed test images and strange ones, with the error of every pixel."""
    rows = {}
    chosen = [("worst test images", shown.worst), *shown.worlds.items()]
    for i, (name, (images, outputs)) in enumerate(chosen):
        pad = " " * i  # no two rows of one name
        rows[name] = images
        rows["reconstruction" + pad] = outputs
        rows["error" + pad] = heat(np.square(images - outputs), 1.0)
    title = f"Where the error is; an image alarms above {shown.threshold:.1f} in all"
    return image_rows(rows, title)


APPLICATION = Application(measure, judge, draw)
"""The run against another world; and one class at a time against the others.

Test images are normal; strange are their 4 x 4 blocks shuffled and, where the study has them,
outsiders. For each class (ten at most) an autoencoder of 12 codes is trained for about 700 x effort
steps on that class alone, beside PCA of 32 components of the class. The threshold is of the first
half of the test images. Judged is the reconstruction error.

Raises:
  NotApplicable: the data are not images of 8 x 8 pixels or more; the decoder is told the label.
"""
