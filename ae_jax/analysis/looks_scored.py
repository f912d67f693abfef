"""Does 'thick' come out thick? Each word of `looks` scored by measuring what is drawn for it.

The control is the same decoder with the same random codes, told the class alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NotRequired, TypedDict

import jax
import numpy as np

from ae_jax.analysis import judge as judging
from ae_jax.analysis import looks
from ae_jax.analysis.finding import Measured, NotApplicable, Study
from ae_jax.analysis.judge import Estimate
from ae_jax.figures.panels import grouped_bars, image_blocks
from ae_jax.run.trained import Run

EACH = 4  # drawings of a caption
OURS, CONTROL = "the caption with words", "the class alone"  # as they are called


class Numbers(TypedDict):
    """Of captions with words. Where a class has too few images, `words_skipped` alone."""

    words_skipped: NotRequired[str]  # the reason
    words: NotRequired[dict[str, float]]  # word -> share in [0,1] of drawings in the third it names
    words_error: NotRequired[dict[str, float]]  # its standard error over the classes
    words_gain: NotRequired[Estimate]  # share of drawings in all asked thirds, over the control's
    both_words: NotRequired[float]  # of captions with two, the share in which both come out
    both_words_error: NotRequired[float]
    words_agreement: NotRequired[float]  # share that the classifier takes for the caption's class
    words_reader: NotRequired[float]  # share of captions read without a fault


class Control(TypedDict):
    """Of the same codes, told the class alone."""

    words: NotRequired[dict[str, float]]
    both_words: NotRequired[float]
    both_words_error: NotRequired[float]


class Shown(NamedTuple):
    """What one random code for each class draws, images [classes, H, W, C] in [0,1]."""

    alone: np.ndarray
    words: dict[str, np.ndarray]  # under every word


class Sides(NamedTuple):
    """The same of the drawings for captions with words, and for the class alone."""

    ours: Any
    control: Any


def score(
    study: Study, run: Run, templates: Sequence[Any], named: Sequence[Any], key: jax.Array
) -> Measured[Numbers, Control, Shown | None]:
    """What the conditional `run` draws for every word, and for every two, of every class.

    `templates` are those the reader learns and those it is asked; `named` are the classes' names.
    """
    try:
        styles = looks.learn(run, study.train.images, np.asarray(study.train.labels))
    except NotApplicable as reason:
        return Measured({"words_skipped": str(reason)}, {}, None)
    k_start, k_choose, k_shown = jax.random.split(key, 3)
    learned, asked = (looks.captions(t, named) for t in templates)
    read = looks.reader(learned).predict(asked.texts)
    right = np.column_stack([asked.labels, asked.thirds])
    classes, meant, wanted = (
        np.repeat(a, EACH, axis=0) for a in (read[:, 0], asked.labels, asked.thirds)
    )
    start = np.asarray(jax.random.normal(k_start, (len(meant), run.config.model.code_size)))
    moved = looks.codes(styles, classes, np.repeat(read[:, 1:], EACH, axis=0), start, k_choose)
    drawn = Sides(run.decode(moved, classes), run.decode(start, classes))
    hits = Sides(*(looks.come_out(styles, meant, wanted, images) for images in drawn))
    numbers, control = scored(hits, meant, wanted)
    agreed = study.classifier.probabilities(drawn.ours).argmax(1) == meant
    numbers["words_agreement"] = float(agreed.mean())
    numbers["words_reader"] = float((read == right).all(1).mean())
    return Measured(numbers, control, _shown(run, styles, len(named), k_shown))


def scored(hits: Sides, meant: np.ndarray, wanted: np.ndarray) -> tuple[Numbers, Control]:
    """How often what is asked of each measure is drawn.

    Args:
      hits: whether each drawing is in the third asked [n, measures], of both sides.
      meant: the classes [n].
      wanted: the thirds asked [n, measures].
    """
    words = {word: Sides(*(_word(word, h, meant, wanted) for h in hits)) for word in looks.LOOKS}
    two = (wanted != looks.UNSAID).sum(1) == 2
    both = Sides(*(looks.over_classes(h[two].all(1), meant[two]) for h in hits))
    gain = looks.over_classes(hits.ours.all(1) * 1.0 - hits.control.all(1), meant)
    numbers: Numbers = {
        "words": {word: row.ours.value for word, row in words.items()},
        "words_error": {word: row.ours.error for word, row in words.items()},
        "words_gain": gain,
        "both_words": both.ours.value,
        "both_words_error": both.ours.error,
    }
    control: Control = {
        "words": {word: row.control.value for word, row in words.items()},
        "both_words": both.control.value,
        "both_words_error": both.control.error,
    }
    return numbers, control


def _word(word: str, hits: np.ndarray, meant: np.ndarray, wanted: np.ndarray) -> Estimate:
    """How often what the captions with the word ask of its measure is drawn."""
    measure, third = looks.LOOKS[word]
    said = wanted[:, measure] == third
    return looks.over_classes(hits[said, measure], meant[said])


def _shown(run: Run, styles: Mapping[int, looks.Style], named: int, key: jax.Array) -> Shown:
    """One random code for each of the first ten classes."""
    classes = np.arange(min(10, named))
    k_start, k_choose = jax.random.split(key)
    start = np.asarray(jax.random.normal(k_start, (len(classes), run.config.model.code_size)))
    shown = Shown(run.decode(start, classes), {})
    for word in looks.LOOKS:
        thirds = np.repeat(looks.thirds_of(word)[None], len(classes), axis=0)
        moved = looks.codes(styles, classes, thirds, start, k_choose)
        shown.words[word] = run.decode(moved, classes)
    return shown


def judge(numbers: Numbers, control: Control) -> str:
    """Whether words come out more often than by chance."""
    if "words_skipped" in numbers:
        return f"no words for looks: {numbers['words_skipped']}"
    shares = ", ".join(f"{word} {100 * share:.0f}" for word, share in numbers["words"].items())
    alone = [100 * share for share in control["words"].values()]
    ours, theirs = (
        Estimate(row["both_words"], row["both_words_error"]) for row in (numbers, control)
    )
    return (
        f"{judging.verdict(OURS, CONTROL, Estimate(*numbers['words_gain']))}: of the drawings for "
        f"a word so many per cent are in its third: {shares} "
        f"({CONTROL} {min(alone):.0f} to {max(alone):.0f}); both of two words "
        f"{ours.text(100)} % ({theirs.text(100)} %)"
    )


def draw(measured: Measured[Numbers, Control, Shown | None]) -> dict[str, Any]:
    """Bars for each word, and one random code for each class under every word."""
    numbers, control, shown = measured
    if shown is None:
        return {}
    bars = {
        word: {OURS: 100 * share, CONTROL: 100 * control["words"][word]}
        for word, share in numbers["words"].items()
    }
    return {
        "words": grouped_bars(
            bars, "Words for looks, measured in the drawings", "in the third named, per cent"
        ),
        "looks": image_blocks(
            {CONTROL: shown.alone, **shown.words},
            "One random code for each class, under every word",
            side=56,
        ),
    }
