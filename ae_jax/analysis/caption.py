"""From words to an image: caption -> text features -> a conditioned decoder.

A caption becomes counts of its letter groups, a linear classifier makes a class of them, and a
conditional variational autoencoder draws that class from random codes. The captions it is asked
for use templates, and misspellings, that the text classifier was not fitted on. Words for what a
drawing looks like choose its code, see `looks`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, TypedDict

import jax
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from ae_jax.analysis import judge as judging
from ae_jax.analysis import looks, looks_scored
from ae_jax.analysis.finding import DEEP, Application, Measured, NotApplicable, Study
from ae_jax.analysis.judge import Estimate
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


class Plain(TypedDict):
    """Of captions that name the class alone; shares in [0,1] are of the drawings."""

    agreement: float  # share that the classifier takes for their caption's class
    agreement_error: float  # standard error over the classes
    agreement_gain: Estimate  # share more than with another caption's class, over the classes
    text_reader: float  # share of captions read as their class
    captions: int  # how many


class Beside(TypedDict):
    """What `Plain` is compared with."""

    other_captions: float  # share that the classifier takes for another caption's class
    other_captions_error: float
    classifier_accuracy: float  # in [0,1]


class Misspelt(TypedDict, total=False):
    """Of misspelt captions, where names can be misspelt."""

    agreement_misspelt: float  # as `agreement`


class Misread(TypedDict, total=False):
    """What `Misspelt` is compared with."""

    text_reader_on_misspellings: float  # share read as their class


class Numbers(Plain, Misspelt, looks_scored.Numbers):
    """Of captions of all kinds."""

    model: Literal["the run", "trained here"]


class Control(Beside, Misread, looks_scored.Control):
    """What `Numbers` are compared with."""


class Shown(NamedTuple):
    """What the figures show."""

    texts: list[str]  # [n] captions
    images: np.ndarray  # [n, 12, H, W, C] in [0,1], what is drawn
    looks: looks_scored.Shown | None


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
    templates: Sequence[str],
    spelling: Callable[[str], str] = str,
    named: Sequence[Sequence[str]] = tuple(DIGITS),
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


def drawings(
    run: Run, read: Pipeline, texts: Sequence[str], each: int, key: jax.Array
) -> np.ndarray:
    """Images [captions, each, H, W, C] of random codes, under each caption's class."""
    digits = np.repeat(read.predict(texts), each)
    codes = jax.random.normal(key, (len(digits), run.config.model.code_size))
    images = run.decode(codes, digits)
    return images.reshape(len(texts), each, *images.shape[1:])


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """Drawings of captions, right and misspelt, and with words for looks."""
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
    ours, beside = plain(study, run, read, named, k_draw)
    misspelled, misread = of_misspellings(study, run, read, named, k_control)
    words = looks_scored.score(study, run, (TEMPLATES, ASKED), named, jax.random.fold_in(key, 1))
    model: Literal["the run", "trained here"] = "the run" if mine else "trained here"
    numbers: Numbers = {**ours, **misspelled, "model": model, **words.numbers}
    control: Control = {**beside, **misread, **words.control}
    texts = shown_captions(named)
    images = drawings(run, read, texts, 12, jax.random.fold_in(key, 2))
    return Measured(numbers, control, Shown(texts, images, words.shown))


def plain(
    study: Study, run: Run, read: Pipeline, named: Sequence[Sequence[str]], key: jax.Array
) -> tuple[Plain, Beside]:
    """Captions that name the class alone."""
    texts, wanted = captions(ASKED, str, named)
    images = drawings(run, read, texts, EACH, key)
    other = (wanted + 1) % len(named)
    right, wrong = (agree(study, images, c).mean(1) for c in (wanted, other))
    ours, theirs = (looks.over_classes(hits, wanted) for hits in (right, wrong))
    numbers: Plain = {
        "agreement": ours.value,
        "agreement_error": ours.error,
        "agreement_gain": looks.over_classes(right - wrong, wanted),
        "text_reader": float((read.predict(texts) == wanted).mean()),
        "captions": len(texts),
    }
    control: Beside = {
        "other_captions": theirs.value,
        "other_captions_error": theirs.error,
        "classifier_accuracy": study.classifier.accuracy,
    }
    return numbers, control


def of_misspellings(
    study: Study, run: Run, read: Pipeline, named: Sequence[Sequence[str]], key: jax.Array
) -> tuple[Misspelt, Misread]:
    """Misspelt captions that name the class alone."""
    wrong, meant = misspellings(ASKED, named)
    if not wrong:
        return {}, {}
    found = agree(study, drawings(run, read, wrong, EACH, key), meant)
    read_right = read.predict(wrong) == meant
    return (
        {"agreement_misspelt": float(found.mean())},
        {"text_reader_on_misspellings": float(read_right.mean())},
    )


def shown_captions(named: Sequence[Sequence[str]]) -> list[str]:
    """In other words than were asked, one of them misspelt."""
    shown = [f"a handwritten {words[0]}" for words in named[:6]]
    shown += [misspelt(words[0]) + ", please" for words in named[7:8]]
    return shown + [f"a {words[-1]}" for words in named[8:10]]


def agree(study: Study, images: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Which images [captions, each, ...] the classifier takes for their caption's class."""
    flat = images.reshape(-1, *images.shape[2:])
    found = study.classifier.probabilities(flat).argmax(1)
    return np.asarray(found.reshape(images.shape[:2]) == wanted[:, None])


def judge(numbers: Numbers, control: Control) -> str:
    """Whether drawings are of their caption's class, and whether words come out."""
    ours = Estimate(numbers["agreement"], numbers["agreement_error"])
    theirs = Estimate(control["other_captions"], control["other_captions_error"])
    gain = Estimate(*numbers["agreement_gain"])
    return (
        f"{judging.verdict('the caption', 'another caption', gain)}: the classifier agrees with "
        f"{ours.text(100)} % of the drawings (another caption {theirs.text(100)} %)"
        f"; {looks_scored.judge(numbers, control)}"
    )


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """Captions and drawings; the figures of `looks_scored`."""
    numbers, control, shown = measured
    blocks = dict(zip(shown.texts, shown.images, strict=True))
    words = looks_scored.draw(Measured(numbers, control, shown.looks))
    return {"": image_blocks(blocks, "Captions and what is drawn", side=56), **words}


APPLICATION = Application(measure, judge, draw)
"""The run where it is conditional and variational, else a conditional one trained here.

That one has 6 codes and is trained for about 2,000 x effort steps. 20 drawings of each of the
`captions`.

Raises:
  NotApplicable: the data are not images of 8 x 8 pixels or more; they have no labels, or more than
    50 classes.
"""
