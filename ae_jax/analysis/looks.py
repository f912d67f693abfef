"""Captions with words for what a drawing looks like: 'a thick, left-slanted seven'.

A word names the lowest, middle or highest third of a measure (`strokes.measure`) among the training
images of the same label, so that a 'wide one' is wide for a one. What the decoder draws for a
label is close to linear in the code, measure = b + A z. A code z ~ N(0, I) is moved the
shortest way to where that gives the measures of a training image which the words fit:
z + A^+ (m - b - A z). No drawing is measured before it is scored.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from ae_jax.analysis import judge, strokes
from ae_jax.analysis.finding import NotApplicable
from ae_jax.run.trained import Run

LOOKS = {  # word -> (measure, third)
    "thin": (0, 0),
    "thick": (0, 2),
    "left-slanted": (1, 0),
    "upright": (1, 1),
    "right-slanted": (1, 2),
    "narrow": (2, 0),
    "wide": (2, 2),
    "small": (3, 0),
    "large": (3, 2),
}
UNSAID = -1
MOST, FEWEST = 3000, 5  # images that are measured, and of a label for each number of its code


class Captions(NamedTuple):
    """Texts [n], the label of each, and the third [n, measures] asked for, -1 where unsaid."""

    texts: list[str]
    labels: np.ndarray
    thirds: np.ndarray


def thirds_of(*words: str) -> np.ndarray:
    """The third of each measure that the words ask for [measures], -1 where unsaid."""
    thirds = np.full(len(strokes.MEASURES), UNSAID)
    for word in words:
        measure, which = LOOKS[word]
        thirds[measure] = which
    return thirds


def captions(templates: Sequence[str], nouns: Sequence[Sequence[str]]) -> Captions:
    """Every word, and every two of different measures, with every noun, the templates in turn."""
    single = [(word,) for word in LOOKS]
    pairs = [p for p in itertools.permutations(LOOKS, 2) if LOOKS[p[0]][0] != LOOKS[p[1]][0]]
    found: list[tuple[str, int, np.ndarray]] = []
    for label, forms in enumerate(nouns):
        for i, words in enumerate([*single, *pairs]):
            thirds = thirds_of(*words)
            phrase = f"{', '.join(words)} {forms[i % len(forms)]}"
            found.append((templates[(label + i) % len(templates)].format(phrase), label, thirds))
    texts, labels, thirds = zip(*found, strict=True)
    return Captions(list(texts), np.array(labels), np.array(thirds))


def reader(learned: Captions) -> Pipeline:
    """Text -> [label, third of each measure]: groups of letters, logistic regressions."""
    features = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True)
    each = MultiOutputClassifier(LogisticRegression(C=100.0, max_iter=1000))
    wanted = np.column_stack([learned.labels, learned.thirds])
    return make_pipeline(features, each).fit(learned.texts, wanted)


class Style(NamedTuple):
    """Of one label: what training images measure, and how a decoder's drawings follow the code."""

    measured: np.ndarray  # [n, measures] of training images
    thirds: np.ndarray  # [n, measures]
    limits: np.ndarray  # [2, measures], where the middle third begins and ends
    A: np.ndarray  # [measures, code]
    b: np.ndarray  # [measures]


def learn(run: Run, images: np.ndarray, labels: np.ndarray) -> Mapping[int, Style]:
    """label -> `Style`, of the first training images [n, H, W, C] in [0,1].

    Raises:
      NotApplicable: a label has too few images, or its images have no ink.
    """
    images, labels = images[:MOST], np.asarray(labels)[:MOST]
    codes = run.encode(images)
    measured = strokes.measure(images)
    drawn = strokes.measure(run.decode(codes, labels))
    good = np.isfinite(measured).all(1) & np.isfinite(drawn).all(1)
    least = FEWEST * codes.shape[1]
    found = {}
    for label in range(int(labels.max()) + 1):
        mine = good & (labels == label)
        if mine.sum() < least:
            raise NotApplicable(
                f"words for looks need {least} images of each label; {label} has {mine.sum()}"
            )
        line = LinearRegression().fit(codes[mine], drawn[mine])
        limits = np.quantile(measured[mine], [1 / 3, 2 / 3], axis=0)
        found[label] = Style(
            measured[mine], third(measured[mine], limits), limits, line.coef_, line.intercept_
        )
    return found


def third(measured: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """0, 1 or 2 for measures [n, m] between limits [2, m] or [2, n, m]; NaN is in none."""
    inside = (measured > limits[0]).astype(int) + (measured > limits[1])
    return np.where(np.isfinite(measured), inside, UNSAID)


def codes(
    styles: Mapping[int, Style],
    labels: np.ndarray,
    thirds: np.ndarray,
    start: np.ndarray,
    key: jax.Array,
) -> np.ndarray:
    """Codes [n, k] `start` moved so that each draws the thirds [n, measures] asked of its label."""
    chosen = np.asarray(jax.random.uniform(key, (len(labels),)))
    moved = np.array(start, np.float64)
    for i, (label, asked) in enumerate(zip(labels, thirds, strict=True)):
        style, said = styles[int(label)], asked != UNSAID
        fits = (style.thirds[:, said] == asked[said]).sum(1)
        pool = style.measured[fits == fits.max()]  # where no image has all, those that have most
        wanted = pool[int(chosen[i] * len(pool))][said]
        A = style.A[said]
        moved[i] += np.linalg.pinv(A) @ (wanted - style.b[said] - A @ moved[i])
    return moved.astype(np.float32)


def come_out(
    styles: Mapping[int, Style], labels: np.ndarray, thirds: np.ndarray, images: np.ndarray
) -> np.ndarray:
    """Whether each image [n, H, W, C] is in the third asked [n, measures]; True where unsaid."""
    limits = np.stack([styles[int(label)].limits for label in labels], 1)
    return np.asarray((third(strokes.measure(images), limits) == thirds) | (thirds == UNSAID))


def over_classes(hits: np.ndarray, labels: np.ndarray) -> judge.Estimate:
    """Mean of hits [n] and its standard error over the classes, whose drawings are alike."""
    return judge.mean([hits[labels == label].mean() for label in np.unique(labels)])
