"""Whether codes keep who is near to whom: neighborhoods and distances, beside PCA's of as many."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypedDict

import jax
import numpy as np

from ae_jax.analysis import judge as judging
from ae_jax.analysis import neighbor_scores as scores
from ae_jax.analysis.codec import pca_codec
from ae_jax.analysis.finding import Application, Measured, NotApplicable, Study
from ae_jax.analysis.judge import Estimate
from ae_jax.analysis.neighbor_scores import Drawn, Space
from ae_jax.evaluate import baselines
from ae_jax.figures.panels import Panel, grouped_bars, line_panels

MOST, LEAST = 1000, 40  # test examples
NEAREST = 10
CURVE = (1, 2, 5, 10, 20, 50, 100, 200)
GROUPS = 10  # of the jackknife
MEASURES = {
    "trustworthiness": "trustworthiness",
    "continuity": "continuity",
    "recall": "recall of neighbors",
    "triplets": "triplet accuracy",
    "distances": "correlation of distances",
}


class Numbers(TypedDict):
    """Of the run's codes; see `neighbor_scores` for the measures."""

    measures: dict[str, Estimate]  # of MEASURES; error by the jackknife over groups of examples
    gain_over_pca: dict[str, Estimate]  # of the same examples
    recall_by_neighbors: dict[int, float]
    neighbors: int  # k of the first three measures


class Control(TypedDict):
    """Of as many numbers by PCA, and of codes that know nothing."""

    pca: dict[str, Estimate]
    pca_recall_by_neighbors: dict[int, float]
    chance: dict[str, float]


class Shown(NamedTuple):
    """What the figure's titles say."""

    run: str  # its config's name
    codes: int
    components: int
    examples: int


def measures(x: Space, z: Space, chosen: Drawn, k: int) -> dict[str, float]:
    """The five measures of codes z of examples x."""
    return {
        "trustworthiness": scores.trustworthiness(x, z, k),
        "continuity": scores.trustworthiness(z, x, k),
        "recall": scores.recall(x, z, k),
        "triplets": scores.triplet_accuracy(x, z, chosen.triplets),
        "distances": scores.distance_correlation(x, z, chosen.pairs),
    }


def chance(n: int, k: int) -> dict[str, float]:
    """The expected measures of codes that are independent of their n examples."""
    trust = 1 - (n - k) * (n - k - 1) / ((n - 1) * (2 * n - 3 * k - 1))
    zero = {"recall": k / (n - 1), "triplets": 0.5, "distances": 0.0}
    return {"trustworthiness": trust, "continuity": trust, **zero}


def compared(
    x: np.ndarray, codes: Mapping[str, np.ndarray], rng: np.random.Generator, k: int = NEAREST
) -> tuple[dict[str, dict[str, Estimate]], dict[str, Estimate]]:
    """(name -> measures, measures of the first less the second), of two sets of codes [n, d].

    Examples are each other's neighbors, so that theirs are no independent numbers: the errors are
    those of a jackknife, which leaves out a tenth of the examples everywhere. They are rather too
    large than too small, by up to twice for what is compared (Efron & Stein 1981). The examples
    must be in random order.
    """
    spaces = [scores.space(v) for v in (x, *codes.values())]
    chosen, group = scores.drawn(rng, len(x)), np.arange(len(x)) % GROUPS

    def values(spaces: list[Space], chosen: Drawn) -> np.ndarray:
        """[codes, measures]."""
        return np.array([list(measures(spaces[0], z, chosen, k).values()) for z in spaces[1:]])

    whole = values(spaces, chosen)
    left = np.stack(
        [
            values([scores.without(s, group == g) for s in spaces], scores.kept(chosen, group == g))
            for g in range(GROUPS)
        ]
    )

    def estimates(whole: np.ndarray, left: np.ndarray) -> dict[str, Estimate]:
        found = zip(MEASURES, whole, left.T, strict=True)
        return {name: judging.jackknife(value, without) for name, value, without in found}

    found = {name: estimates(whole[i], left[:, i]) for i, name in enumerate(codes)}
    return found, estimates(whole[0] - whole[1], left[:, 0] - left[:, 1])


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """The run's codes against PCA's; see APPLICATION."""
    images = study.test.images
    if len(images) < LEAST:
        raise NotApplicable(f"needs {LEAST} test examples, and these are {len(images)}")
    k_order, k_drawn = jax.random.split(key)
    images = images[np.asarray(jax.random.permutation(k_order, len(images)))[:MOST]]
    rows = baselines.unit_rows(images)
    size = study.run.config.model.code_size
    components = min(size, rows.shape[1], len(study.train.images))
    codes = {
        "run": study.run.encode(images),
        "pca": pca_codec(study.train.images, components)[0](images),
    }
    rng = np.random.default_rng(np.asarray(jax.random.key_data(k_drawn)))
    found, gain = compared(rows, codes, rng)
    by = [k for k in CURVE if k <= len(rows) // 3]
    x, *spaces = (scores.space(v) for v in (rows, *codes.values()))
    curves = [{k: scores.recall(x, z, k) for k in by} for z in spaces]
    numbers: Numbers = {
        "measures": found["run"],
        "gain_over_pca": gain,
        "recall_by_neighbors": curves[0],
        "neighbors": NEAREST,
    }
    control: Control = {
        "pca": found["pca"],
        "pca_recall_by_neighbors": curves[1],
        "chance": chance(len(rows), NEAREST),
    }
    shown = Shown(study.run.config.name, size, components, len(rows))
    return Measured(numbers, control, shown)


def judge(numbers: Numbers, control: Control) -> str:
    """In which measures the run wins over PCA."""
    grouped: dict[str, list[str]] = {}
    for name, title in MEASURES.items():
        ours, theirs, gain = (
            Estimate(*table[name])
            for table in (numbers["measures"], control["pca"], numbers["gain_over_pca"])
        )
        above = Estimate(ours.value - control["chance"][name], ours.error)
        works = judging.beyond(above) > 0
        who = judging.verdict("the run", "PCA", gain, works)
        said = f"{title} {ours.text(digits=3)} (PCA {theirs.text(digits=3)}"
        said += f", {gain.text(digits=3, sign=True)})"
        grouped.setdefault(who, []).append(said)
    verdicts = "; ".join(f"{who}: {', '.join(found)}" for who, found in grouped.items())
    return f"of neighbors (the {numbers['neighbors']:.0f} nearest) and distances, {verdicts}"


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """The measures; 'recall', by the number of neighbors."""
    numbers, control, shown = measured
    names = (f"the run, {shown.codes}", f"PCA, {shown.components}", "chance")
    tables: list[Mapping[str, Any]] = [numbers["measures"], control["pca"], control["chance"]]
    bars = {
        title: {n: float(np.ravel(t[m])[0]) for n, t in zip(names, tables, strict=True)}
        for m, title in MEASURES.items()
    }
    title = f"{shown.run}: what codes keep of {shown.examples:,} test examples"
    curves = [numbers["recall_by_neighbors"], control["pca_recall_by_neighbors"]]
    curves.append({k: k / (shown.examples - 1) for k in curves[0]})
    lines = {n: (list(c), list(c.values())) for n, c in zip(names, curves, strict=True)}
    axes = ("neighbors k", "share of the k nearest that are k nearest by codes")
    ticks = list(curves[0])
    panel = Panel("Recall of neighbors", *axes, lines, ["chance"], log_x=True, ticks=ticks)
    return {
        "": grouped_bars(bars, title, "score (1: all is kept)"),
        "recall": line_panels([panel], shown.run),
    }


APPLICATION = Application(measure, judge, draw, kinds=("image", "rows", "signal"))
"""The run's codes against PCA's of as many numbers, on 1,000 test examples at most.

Neighbors are the ten nearest. Distances of examples are Euclidean in what the network sees, which
suits PCA: what keeps distances in pixels best need not be the best code.

Raises:
  NotApplicable: fewer than 40 test examples.
"""
