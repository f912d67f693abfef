"""One class at a time against the others: a part of anomaly detection."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypedDict, cast, final

import jax
import numpy as np

from ae_jax.analysis import judge as judging
from ae_jax.analysis.anomaly_scores import PCA_SIZE, pca_error
from ae_jax.analysis.finding import DEEP, Study
from ae_jax.analysis.judge import Estimate
from ae_jax.figures.panels import grouped_bars

ONE_CLASS: dict[str, Any] = {**DEEP, "model": {"code_size": 12, "init": "he"}}
STEPS = 700
MOST_CLASSES = 10  # that one network each is trained for: those with most test images


@final
class Ours(TypedDict):
    """Of the autoencoders; beside what is named here, the AUROC of each class, such as of '3'."""

    mean: float  # AUROC over the classes
    mean_gain: float  # over PCA
    mean_gain_error: float  # its standard error, of the classes
    gains: dict[str, list[float]]  # class -> [gain, its standard error]


class Theirs(TypedDict):
    """Of PCA of the class; beside what is named here, the AUROC of each class."""

    mean: float


class Areas(NamedTuple):
    """Area under ROC of one class, the others being strange."""

    ours: Estimate
    pca: Estimate
    gain: Estimate


def classes_alone(study: Study) -> list[int]:
    """The classes to be told from the others: at most ten, those with most test images.

    Raises:
      NotApplicable: there are no labels, one class, or no two with a test image.
    """
    _, seen = study.need_classes()
    counts = {c: int((seen == c).sum()) for c in study.shared_classes}
    return sorted(sorted(counts, key=lambda c: -counts[c])[:MOST_CLASSES])


def one_class(study: Study, digit: int, key: jax.Array) -> Areas:
    """Of an autoencoder trained on one class, and of PCA of that class."""
    labels, seen = study.need_classes()
    data, test = study.data.train.images, study.test.images
    mine = np.flatnonzero(labels == digit)
    # All classes as large as the largest, some images twice: one compiled program serves all.
    most = int(np.unique(labels, return_counts=True)[1].max())
    run = study.fit(key, STEPS, ONE_CLASS, images=data[np.resize(mine, most)])
    inside = seen == digit
    ours, theirs = (
        (score[inside], score[~inside]) for score in (run.score(test), pca_error(data[mine], test))
    )
    gain = judging.auroc_gain(ours, theirs)
    return Areas(judging.auroc(*ours), judging.auroc(*theirs), gain)


def measure(study: Study, key: jax.Array) -> dict[str, Areas]:
    """Class -> its areas, of `classes_alone`, each with a model of its own.

    Raises:
      NotApplicable: as `classes_alone`.
    """
    return {str(c): one_class(study, c, jax.random.fold_in(key, c)) for c in classes_alone(study)}


def table(found: Mapping[str, Areas]) -> tuple[Ours, Theirs]:
    """What is stored of the classes' areas."""
    ours = {c: areas.ours.value for c, areas in found.items()}
    theirs = {c: areas.pca.value for c, areas in found.items()}
    gain = judging.gain(list(ours.values()), list(theirs.values()))
    named: Ours = {
        "mean": float(np.mean(list(ours.values()))),
        "mean_gain": gain.value,
        "mean_gain_error": gain.error,
        "gains": {c: list(areas.gain) for c, areas in found.items()},
    }
    pca: Theirs = {"mean": float(np.mean(list(theirs.values())))}
    return cast(Ours, {**ours, **named}), cast(Theirs, {**theirs, **pca})


def judge(row: Ours, theirs: Theirs) -> str:
    """Who wins."""
    gain = Estimate(row["mean_gain"], row["mean_gain_error"])
    who = judging.verdict("the autoencoders", "PCA", gain, row["mean"] > 0.5)
    return (
        f"one class at a time: {who}, {gain.text(100, sign=True)} points (mean AUROC "
        f"{row['mean']:.3f}, PCA {theirs['mean']:.3f})"
    )


def draw(found: Mapping[str, Areas]) -> Any:
    """The areas as bars."""
    bars = {
        c: {"autoencoder": areas.ours.value, f"PCA, {PCA_SIZE}": areas.pca.value}
        for c, areas in found.items()
    }
    title = "Trained on one class alone: the others are anomalies"
    return grouped_bars(bars, title, "AUROC", 0.5, "class")
