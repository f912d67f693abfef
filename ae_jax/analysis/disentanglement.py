"""Whether each number of a code is one of the factors that images were made of."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypedDict

import jax
import numpy as np

from ae_jax.analysis import disentanglement_scores as scores
from ae_jax.analysis import judge as judging
from ae_jax.analysis.codec import pca_codec
from ae_jax.analysis.finding import Application, Measured, NotApplicable, Study
from ae_jax.analysis.judge import Estimate
from ae_jax.data import bundled, shapes
from ae_jax.figures.panels import grouped_bars

IMAGES, GROUPS = 10_000, 10  # for the mutual information, and groups of the jackknife
BATCHES, LEARNED = 8, 1000  # parts of the images, for DCI, of which so many are learned from
SIZE, TRAIN_VOTES, TEST_VOTES = 32, 300, 500  # images a vote; votes
MEASURES = {
    "mig": "information gap (MIG)",
    "disentanglement": "DCI disentanglement",
    "completeness": "DCI completeness",
    "informativeness": "DCI informativeness",
    "factor_vae": "FactorVAE score",
}
Encode = Callable[[np.ndarray], np.ndarray]  # factors [n, f] -> codes [n, k] of their images


class Numbers(TypedDict):
    """Of the run's codes, see `disentanglement_scores`; errors are of the images drawn alone."""

    measures: dict[str, Estimate]  # of MEASURES
    gain_over_pca: dict[str, Estimate]  # of the same images
    gap: dict[str, float]  # the mutual information gap of each factor


class Control(TypedDict):
    """Of as many numbers by PCA, and of as many that are drawn at random."""

    pca: dict[str, Estimate]
    noise: dict[str, Estimate]
    pca_gap: dict[str, float]


class Shown(NamedTuple):
    """What the figure's titles say, and what one number says of each factor."""

    run: str  # its config's name
    codes: int
    components: int


class Each(NamedTuple):
    """The measures of one code, on parts of the same images for every code."""

    gaps: np.ndarray  # [factors], of all images
    gaps_without: np.ndarray  # [groups, factors], without a group
    dci: np.ndarray  # [batches, 3]
    hits: np.ndarray  # which votes are right


def gaps(codes: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gap of each factor [factors], and without each of ten groups [groups, factors]."""
    group = np.arange(len(codes)) % GROUPS
    left = [scores.mig(codes[group != g], values[group != g]) for g in range(GROUPS)]
    return scores.mig(codes, values), np.stack(left)


def forests(codes: np.ndarray, values: np.ndarray, seed: int) -> np.ndarray:
    """DCI [batches, 3] of disjoint parts."""
    return np.array(
        [
            scores.dci((z[:LEARNED], v[:LEARNED]), (z[LEARNED:], v[LEARNED:]), seed)
            for z, v in zip(
                np.array_split(codes, BATCHES), np.array_split(values, BATCHES), strict=True
            )
        ]
    )


def each(encode: Encode, values: np.ndarray, seed: int) -> Each:
    """Of the codes of factors; `values` [n, f] are those of the images, votes have others."""
    codes = encode(values)
    rng = np.random.default_rng(seed)

    def votes(n: int) -> scores.Votes:
        fresh = shapes.factors(rng, n * SIZE)
        return scores.votes(encode, fresh, SIZE, codes.std(0), rng)

    train, test = votes(TRAIN_VOTES), votes(TEST_VOTES)
    hits = scores.right(train, test, values.shape[1], codes.shape[1])
    return Each(*gaps(codes, values), forests(codes, values, seed), hits)


def estimates(ours: Each, theirs: Each | None = None) -> dict[str, Estimate]:
    """The MEASURES of a code, or what they are more than another's on the same images."""
    gap, without, dci = ours.gaps.mean(), ours.gaps_without.mean(1), ours.dci
    if theirs is not None:
        gap, without = gap - theirs.gaps.mean(), without - theirs.gaps_without.mean(1)
        dci = dci - theirs.dci
        votes = judging.gain(ours.hits, theirs.hits)
    else:
        votes = judging.share(ours.hits)
    found = [judging.jackknife(gap, without), *(judging.mean(v) for v in dci.T), votes]
    return dict(zip(MEASURES, found, strict=True))


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """The run's codes against PCA's and against noise; see APPLICATION."""
    run, size = study.run, study.run.config.model.code_size
    if study.data.name != bundled.SHAPES:
        raise NotApplicable(f"needs data.name '{bundled.SHAPES}', whose factors are known")
    if size < 2:
        raise NotApplicable("needs a code of two numbers or more")
    seed = int(jax.random.randint(key, (), 0, 2**31 - 1))
    rng = np.random.default_rng(seed)
    values, noise = shapes.factors(rng, IMAGES), np.random.default_rng([seed, 1])
    components = min(size, int(np.prod(run.model.shape)), len(study.train.images))
    encode = pca_codec(study.train.images, components)[0]
    codes: dict[str, Encode] = {
        "run": lambda v: run.encode(shapes.images(v)),
        "pca": lambda v: encode(shapes.images(v)),
        "noise": lambda v: noise.normal(size=(len(v), size)),
    }
    found = {name: each(code, values, seed) for name, code in codes.items()}
    of_factors = {
        name: dict(zip(shapes.FACTORS, e.gaps.tolist(), strict=True)) for name, e in found.items()
    }
    numbers: Numbers = {
        "measures": estimates(found["run"]),
        "gain_over_pca": estimates(found["run"], found["pca"]),
        "gap": of_factors["run"],
    }
    control: Control = {
        "pca": estimates(found["pca"]),
        "noise": estimates(found["noise"]),
        "pca_gap": of_factors["pca"],
    }
    return Measured(numbers, control, Shown(run.config.name, size, components))


def judge(numbers: Numbers, control: Control) -> str:
    """In which measures the run wins over PCA."""
    words = []
    for name, title in MEASURES.items():
        ours, theirs, random, gain = (
            Estimate(*table[name])
            for table in (
                *(numbers["measures"], control["pca"], control["noise"]),
                numbers["gain_over_pca"],
            )
        )
        works = judging.beyond(judging.difference(ours, random)) > 0
        who = judging.verdict("the run", "PCA", gain, works)
        others = f"PCA {theirs.text(digits=3)}, {gain.text(digits=3, sign=True)}"
        words.append(
            f"{title} {ours.text(digits=3)}: {who} ({others}; noise {random.text(digits=3)})"
        )
    return "; ".join(words)


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """The measures; 'factors', the gap of each."""
    numbers, control, shown = measured
    names = (f"the run, {shown.codes}", f"PCA, {shown.components}", "noise")
    tables: list[Mapping[str, Any]] = [numbers["measures"], control["pca"], control["noise"]]
    bars = {
        title: {n: round(Estimate(*t[m]).value, 3) for n, t in zip(names, tables, strict=True)}
        for m, title in MEASURES.items()
    }
    of_factors = {
        factor: {names[0]: numbers["gap"][factor], names[1]: control["pca_gap"][factor]}
        for factor in numbers["gap"]
    }
    return {
        "": grouped_bars(bars, f"{shown.run}: known factors", "score (1: one number a factor)"),
        "factors": grouped_bars(of_factors, f"{shown.run}: each factor", "information gap"),
    }


APPLICATION = Application(measure, judge, draw)
"""The run's codes of the bundled `shapes` against PCA's of as many numbers, and against noise.

10,000 images are drawn for it, and 25,600 for the votes. Its shapes are as likely as each other.
That numbers are the factors themselves cannot be learned from images alone, without assumptions
(Locatello et al. 2019): with another seed of the training the measures differ by more than errors.

Raises:
  NotApplicable: other data; a code of one number.
"""
