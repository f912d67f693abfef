"""What a network for super-resolution makes of a class that it never saw: part of that application.

Most of the digits come out as their class all the same.
"""

from typing import Any, NamedTuple, TypedDict, final

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.analysis import judge as judging
from ae_jax.analysis.enlarging import network, upscale
from ae_jax.analysis.finding import NotApplicable, Study
from ae_jax.figures import image_rows
from ae_jax.figures.panels import grouped_bars
from ae_jax.model.corruption import shrink
from ae_jax.run.trained import Run

FEW = 12  # images in the figure
MISSING = 5  # the class that one network never sees: at 7 x 7 it looks like 3, 6 and 8

# What a network for factor 4 makes of images of one class, by the classifier.
Taken = TypedDict(
    "Taken",
    {
        "class": int,
        "class_name": str,
        "recognized_as_it": float,  # the share in [0,1] taken for the class
        "shares": list[float],  # [classes], of what they are taken for
    },
)


@final
class Unseen(Taken):
    """Of the network that did not see the class."""

    change: float  # of 'recognized_as_it', against the network that did
    change_error: float


class Bias(NamedTuple):
    """Images of the missing class [FEW, H, W, C]."""

    small: np.ndarray
    without: np.ndarray  # by the network that did not see the class
    by_all: np.ndarray  # by the one that did
    truth: np.ndarray
    names: list[str]  # of all classes


def missing_class(study: Study) -> int:
    """The class to leave out: 5, or the most frequent one where no training image is a 5.

    Raises:
      NotApplicable: there are no labels, or one class; no test image is of the class.
    """
    labels, seen = study.need_classes()
    kinds, counts = np.unique(labels, return_counts=True)
    missing = MISSING if MISSING in kinds else int(kinds[counts.argmax()])
    if missing not in seen:
        raise NotApplicable(f"no test image is of class {study.named(missing)}")
    return missing


def measure(study: Study, key: jax.Array, unbiased: Run) -> tuple[Unseen, Taken, Bias]:
    """What a missing class turns into: by a network without it, by one with it, and the images.

    Raises:
      NotApplicable: as `missing_class`.
    """
    missing = missing_class(study)
    labels, seen = study.need_classes()
    train, others = study.data.train.images, np.flatnonzero(labels != missing)
    # As many images as before, some of them twice: the compiled program is then the same.
    images = train[np.resize(others, len(train))]
    blind = network(study, jax.random.fold_in(key, missing), 4, images)
    truth = study.test.images[seen == missing]
    small = np.asarray(shrink(jnp.asarray(truth), 4))
    made = [upscale(run, small, 4) for run in (blind, unbiased)]
    taken = [study.classifier.probabilities(v).argmax(1) for v in made]
    change = judging.gain(*(v == missing for v in taken))
    without, by_all = (_taken(study, v, missing) for v in taken)
    names = [study.named(c) for c in range(len(without["shares"]))]
    return (
        {**without, "change": change.value, "change_error": change.error},
        by_all,
        Bias(small[:FEW], made[0][:FEW], made[1][:FEW], truth[:FEW], names),
    )


def _taken(study: Study, classes: np.ndarray, missing: int) -> Taken:
    """Of what the classifier takes each image for [n]."""
    shares = np.bincount(classes, minlength=study.classifier.network.classes) / len(classes)
    return {
        "class": missing,
        "class_name": study.named(missing),
        "recognized_as_it": float(shares[missing]),
        "shares": shares.tolist(),
    }


def judge(row: Unseen, by_all: Taken) -> str:
    """What a missing class does."""
    change = judging.Estimate(row["change"], row["change_error"])
    seen = 100 * by_all["recognized_as_it"]
    return (
        f"of class {row['class_name']}, which it never saw, a network makes that class in "
        f"{100 * row['recognized_as_it']:.0f} % of cases, one that saw it in {seen:.0f} % "
        f"({change.text(100, sign=True)} points)"
    )


def draw(images: Bias, without: Unseen, by_all: Taken) -> dict[str, Any]:
    """'bias', the images; 'classes', what they are taken for."""
    name = without["class_name"]
    rows = {
        "input": images.small,
        "trained without": images.without,
        "trained with": images.by_all,
        "truth": images.truth,
    }
    each = zip(images.names, without["shares"], by_all["shares"], strict=True)
    bars = {n: {"trained without": 100 * a, "trained with": 100 * b} for n, a, b in each}
    title = f"Super-resolution by a network that never saw class {name}"
    taken = f"What class {name} is taken for"
    return {
        "bias": image_rows(rows, title),
        "classes": grouped_bars(bars, taken, "share (%)", xlabel="class"),
    }
