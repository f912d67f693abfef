"""From words to an image: caption -> text features -> a conditioned decoder.

A caption becomes counts of its letter groups, a linear classifier makes a class of them, and a
conditional variational autoencoder draws that class from random codes. The captions it is asked
for use templates, and misspellings, that the text classifier was not fitted on. Words for what a
drawing looks like choose its code, see `looks`.
"""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from ae_jax.analysis import judge, looks, looks_scored
from ae_jax.analysis.finding import DEEP, Finding, NotApplicable, Study
from ae_jax.figures.panels import image_blocks
from ae_jax.run.trained import Run

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CLOTHES = (
    *(("t-shirt", "top"), ("trouser", "pants"), ("pullover", "jumper"), ("dress", "gown")),
    *(("coat", "jacket"), ("sandal", "slipper"), ("shirt", "blouse"), ("sneaker", "trainer")),
    *(("bag", "handbag"), ("ankle boot", "boot")),
)
MOST_CLASSES = 50
TEMPLATES = ("a {}", "the {}", "a handwritten {}", "the digit {}", "draw a {}", "number {}, please")
ASKED = ("an image of a {}", "please write {}", "somebody's careless {}", "{}")
STEPS, EACH = 2000, 20
CONDITIONAL = {
    **DEEP,
    "bottleneck": {"name": "gaussian"},
    "model": {"code_size": 6, "classes": 10, "init": "he"},
    "loss": {"name": "bernoulli_nll", "per": "image"},
    # A strong penalty: what the label says already must not be said by the code again.
    "penalties": {"gaussian_kl": {"weight": 3.0}},
}


def misspelt(word: str) -> str:
    """The word without its last letter but one, where it has four letters or more."""
    return word if len(word) < 4 else word[:-2] + word[-1:]


def nouns(name: str, classes: int) -> list[tuple[str, ...]]:
    """What captions call each class of the data set `name`: two words, or a number's figure."""
    if name == "fashion_mnist":
        return list(CLOTHES)
    return [(WORDS[d], str(d)) if d < len(WORDS) else (str(d),) for d in range(classes)]


DIGITS = nouns("mnist", 10)


def captions(
    templates: Sequence[str], spelling: Any = str, named: Sequence[Sequence[str]] = tuple(DIGITS)
) -> tuple[list[str], np.ndarray]:
    """(every template with every class's names, the classes), [20 x templates] for digits.

    `spelling` changes the names.
    """
    found = [
        (t.format(spelling(w)), d)
        for t in templates
        for d, words in enumerate(named)
        for w in words
    ]
    return [text for text, _ in found], np.array([d for _, d in found])


def misspellings(
    templates: Sequence[str], named: Sequence[Sequence[str]] = tuple(DIGITS)
) -> tuple[list[str], np.ndarray]:
    """As `captions`, of misspelt words alone: no figures, and no words too short for it."""
    texts, classes = captions(templates, misspelt, named)
    right, _ = captions(templates, str, named)
    kept = [i for i, text in enumerate(right) if texts[i] != text]
    return [texts[i] for i in kept], classes[kept]


def reader(named: Sequence[Sequence[str]] = tuple(DIGITS)) -> Pipeline:
    """Text -> class: counts of groups of one to four letters, logistic regression."""
    features = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True)
    return make_pipeline(features, LogisticRegression(C=100.0, max_iter=1000)).fit(
        *captions(TEMPLATES, str, named)
    )


def draw(run: Run, read: Pipeline, texts: Sequence[str], each: int, key: jax.Array) -> np.ndarray:
    """Images [captions, each, H, W, C] of random codes, under each caption's class."""
    digits = np.repeat(read.predict(texts), each)
    codes = jax.random.normal(key, (len(digits), run.config.model.code_size))
    images = run.decode(codes, digits)
    return images.reshape(len(texts), each, *images.shape[1:])


def analyse(study: Study, key: jax.Array) -> Finding:
    """The run where it is conditional and variational, else a conditional one trained here.

    That one has 6 codes and is trained for about 2,000 x effort steps. 20 drawings of each of the
    `captions`. All shares are in [0,1], an '_error' is the standard error over the classes.

    Returns:
      numbers: 'agreement', the share of drawings that the classifier takes for their caption's
        class; 'agreement_misspelt'; 'text_reader', the share of captions read as their class;
        'captions', how many; 'model', 'the run' or 'trained here'; and of `looks_scored.score`.
      control: 'other_captions', the agreement with another caption's class;
        'text_reader_on_misspellings'; 'classifier_accuracy'; and of `looks_scored.score`.

    Raises:
      NotApplicable: the data are not images of 8 x 8 pixels or more; they have no labels, or more
        than 50 classes.
    """
    study.need_images()
    study.need_labels()
    classes = int(np.max(np.asarray(study.data.train.labels))) + 1
    if not 1 < classes <= MOST_CLASSES:
        raise NotApplicable(f"captions name 2 to {MOST_CLASSES} classes, the labels {classes}")
    k_fit, k_draw, k_control = jax.random.split(key, 3)
    config = study.run.config
    mine = config.model.classes == classes and study.run.model.prior is not None
    told = {"model.classes": classes}
    run = study.run if mine else study.fit(k_fit, STEPS, CONDITIONAL, told)
    named = nouns(study.data.name, classes)
    read = reader(named)
    plain = _plain(study, run, read, named, k_draw)
    wrong, meant = misspellings(ASKED, named)
    if wrong:
        found = agree(study, draw(run, read, wrong, EACH, k_control), meant)
        plain.numbers["agreement_misspelt"] = float(found.mean())
        plain.control["text_reader_on_misspellings"] = float((read.predict(wrong) == meant).mean())
    plain.numbers["model"] = "the run" if mine else "trained here"
    words = looks_scored.score(study, run, (TEMPLATES, ASKED), named, jax.random.fold_in(key, 1))
    made = {"": _drawn(run, read, named, jax.random.fold_in(key, 2))}
    return Finding(
        plain.numbers | words.numbers,
        plain.control | words.control,
        f"{plain.sentence}; {words.sentence}",
        made | words.figures,
    )


def _plain(study: Study, run: Run, read: Pipeline, named: Any, key: jax.Array) -> Finding:
    """Captions that name the class alone."""
    texts, wanted = captions(ASKED, str, named)
    images = draw(run, read, texts, EACH, key)
    other = (wanted + 1) % len(named)
    right, wrong = (agree(study, images, c).mean(1) for c in (wanted, other))
    ours, theirs = (looks.over_classes(hits, wanted) for hits in (right, wrong))
    numbers = {
        "agreement": ours.value,
        "agreement_error": ours.error,
        "text_reader": float((read.predict(texts) == wanted).mean()),
        "captions": len(texts),
    }
    control = {
        "other_captions": theirs.value,
        "classifier_accuracy": study.classifier.accuracy,
    }
    gain = looks.over_classes(right - wrong, wanted)
    sentence = (
        f"{judge.verdict('the caption', 'another caption', gain)}: the classifier agrees with "
        f"{ours.text(100)} % of the drawings (another caption {theirs.text(100)} %)"
    )
    return Finding(numbers, control, sentence, {})


def _drawn(run: Run, read: Pipeline, named: Any, key: jax.Array) -> Any:
    """Captions in other words than were asked, one of them misspelt, and their drawings."""
    shown = [f"a handwritten {words[0]}" for words in named[:6]]
    shown += [misspelt(words[0]) + ", please" for words in named[7:8]]
    shown += [f"a {words[-1]}" for words in named[8:10]]
    drawn = draw(run, read, shown, 12, key)
    blocks = dict(zip(shown, drawn, strict=True))
    return image_blocks(blocks, "Captions and what is drawn", side=56)


def agree(study: Study, images: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Which images [captions, each, ...] the classifier takes for their caption's class."""
    flat = images.reshape(-1, *images.shape[2:])
    found = study.classifier.probabilities(flat).argmax(1)
    return np.asarray(found.reshape(images.shape[:2]) == wanted[:, None])
