"""Does 'thick' come out thick? Each word of `looks` scored by measuring what is drawn for it.

The control is the same decoder with the same random codes, told the class alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from ae_jax.analysis import judge, looks
from ae_jax.analysis.finding import Finding, NotApplicable, Study
from ae_jax.figures.panels import grouped_bars, image_blocks
from ae_jax.run.trained import Run

EACH = 4  # drawings of a caption
OURS, CONTROL = "the caption with words", "the class alone"


def score(
    study: Study, run: Run, templates: Sequence[Any], named: Sequence[Any], key: jax.Array
) -> Finding:
    """What the conditional `run` draws for every word, and for every two, of every class.

    `templates` are those the reader learns and those it is asked; `named` are the classes' names.

    Returns:
      numbers: 'words', word -> share in [0,1] of the drawings that are in the third it names, and
        'words_error', its standard error over the classes; 'both_words' and 'both_words_error', of
        captions with two the share in which both come out; 'words_agreement', the classifier's
        with the class; 'words_reader', the share of captions read without a fault. Where a class
        has too few images, 'words_skipped' alone: the reason.
      control: 'words' and 'both_words', of the same codes told the class alone.
    """
    try:
        styles = looks.learn(run, study.train.images, np.asarray(study.train.labels))
    except NotApplicable as reason:
        return Finding({"words_skipped": str(reason)}, {}, f"no words for looks: {reason}", {})
    k_start, k_choose, k_shown = jax.random.split(key, 3)
    learnt, asked = (looks.captions(t, named) for t in templates)
    read = looks.reader(learnt).predict(asked.texts)
    right = np.column_stack([asked.labels, asked.thirds])
    classes, meant, wanted = (
        np.repeat(a, EACH, axis=0) for a in (read[:, 0], asked.labels, asked.thirds)
    )
    start = np.asarray(jax.random.normal(k_start, (len(meant), run.config.model.code_size)))
    moved = looks.codes(styles, classes, np.repeat(read[:, 1:], EACH, axis=0), start, k_choose)
    drawn = {OURS: run.decode(moved, classes), CONTROL: run.decode(start, classes)}
    hits = {name: looks.come_out(styles, meant, wanted, d) for name, d in drawn.items()}
    words = {word: _word(word, hits, meant, wanted) for word in looks.LOOKS}
    two = (wanted != looks.UNSAID).sum(1) == 2
    both = {name: looks.over_classes(h[two].all(1), meant[two]) for name, h in hits.items()}
    agreed = study.classifier.probabilities(drawn[OURS]).argmax(1) == meant
    numbers = {
        "words": {word: row[OURS].value for word, row in words.items()},
        "words_error": {word: row[OURS].error for word, row in words.items()},
        "both_words": both[OURS].value,
        "both_words_error": both[OURS].error,
        "words_agreement": float(agreed.mean()),
        "words_reader": float((read == right).all(1).mean()),
    }
    control = {
        "words": {word: row[CONTROL].value for word, row in words.items()},
        "both_words": both[CONTROL].value,
    }
    return Finding(
        numbers,
        control,
        _sentence(words, both, hits, meant),
        _figures(run, styles, named, words, k_shown),
    )


def _word(
    word: str, hits: Mapping[str, Any], meant: np.ndarray, wanted: np.ndarray
) -> dict[str, judge.Estimate]:
    """How often what the captions with the word ask of its measure is drawn."""
    measure, third = looks.LOOKS[word]
    said = wanted[:, measure] == third
    return {n: looks.over_classes(h[said, measure], meant[said]) for n, h in hits.items()}


def _sentence(
    words: Mapping[str, Mapping[str, judge.Estimate]],
    both: Mapping[str, judge.Estimate],
    hits: Mapping[str, Any],
    meant: np.ndarray,
) -> str:
    gain = looks.over_classes(hits[OURS].all(1) * 1.0 - hits[CONTROL].all(1), meant)
    shares = ", ".join(f"{word} {100 * row[OURS].value:.0f}" for word, row in words.items())
    alone = [100 * row[CONTROL].value for row in words.values()]
    return (
        f"{judge.verdict(OURS, CONTROL, gain)}: of the drawings for a word so many per cent are in "
        f"its third: {shares} ({CONTROL} {min(alone):.0f} to {max(alone):.0f}); both of two words "
        f"{both[OURS].text(100)} % ({both[CONTROL].text(100)} %)"
    )


def _figures(
    run: Run,
    styles: Mapping[int, looks.Style],
    named: Sequence[str],
    words: Mapping[str, Mapping[str, judge.Estimate]],
    key: jax.Array,
) -> dict[str, Any]:
    """Bars for each word, and one random code for each class under every word."""
    bars = {w: {n: 100 * e.value for n, e in row.items()} for w, row in words.items()}
    classes = np.arange(min(10, len(named)))
    k_start, k_choose = jax.random.split(key)
    start = np.asarray(jax.random.normal(k_start, (len(classes), run.config.model.code_size)))
    rows = {"the class alone": run.decode(start, classes)}
    for word in looks.LOOKS:
        thirds = np.repeat(looks.thirds_of(word)[None], len(classes), axis=0)
        rows[word] = run.decode(looks.codes(styles, classes, thirds, start, k_choose), classes)
    return {
        "words": grouped_bars(
            bars, "Words for looks, measured in the drawings", "in the third named, per cent"
        ),
        "looks": image_blocks(rows, "One random code for each class, under every word", side=56),
    }
