"""From words to an image: caption -> text features -> a conditioned decoder.

A caption becomes counts of its letter groups, a linear classifier makes a class of them, and a
conditional variational autoencoder draws that class from random codes. The captions it is asked
for use templates, and misspellings, that the text classifier was not fitted on.
"""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from ae_jax.analysis.finding import DEEP, Finding, NotApplicable, Study
from ae_jax.panels import image_blocks
from ae_jax.run import Run

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
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


def captions(templates: Sequence[str], spelling: Any = str) -> tuple[list[str], np.ndarray]:
    """(every template with every digit's word and its figure, the digits), [20 x templates] each.

    `spelling` changes the words, not the figures.
    """
    found = [
        (t.format(w), d)
        for t in templates
        for d, word in enumerate(WORDS)
        for w in (spelling(word), str(d))
    ]
    return [text for text, _ in found], np.array([d for _, d in found])


def misspellings(templates: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """As `captions`, of misspelt words alone: no figures, and no words too short for it."""
    texts, digits = captions(templates, misspelt)
    kept = [i for i, right in enumerate(captions(templates)[0]) if texts[i] != right]
    return [texts[i] for i in kept], digits[kept]


def reader() -> Pipeline:
    """Text -> digit: counts of groups of one to four letters, logistic regression."""
    features = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True)
    return make_pipeline(features, LogisticRegression(C=100.0, max_iter=1000)).fit(
        *captions(TEMPLATES)
    )


def draw(run: Run, read: Pipeline, texts: Sequence[str], each: int, key: jax.Array) -> np.ndarray:
    """Images [captions, each, H, W, C] of random codes, under each caption's class."""
    digits = np.repeat(read.predict(texts), each)
    codes = jax.random.normal(key, (len(digits), run.config.model.code_size))
    images = run.decode(codes, digits)
    return images.reshape(len(texts), each, *images.shape[1:])


def analyse(study: Study, key: jax.Array) -> Finding:
    """The run where it is conditional and variational, else a conditional one trained here.

    That one has 6 codes and is trained for about 2,000 x effort steps. 80 captions, 20 drawings of
    each; all shares are in [0,1]. Misspelt are the 28 of them with a word of four letters or more.

    Returns:
      numbers: 'agreement', the share of drawings that the classifier takes for their caption's
        digit; 'agreement_misspelt'; 'text_reader', the share of captions read as their digit;
        'captions', how many; 'model', 'the run' or 'trained here'.
      control: 'other_captions', the agreement with another caption's digit;
        'text_reader_on_misspellings'; 'classifier_accuracy'.

    Raises:
      NotApplicable: the data are not images of 8 x 8 pixels or more; they have no labels, or the
        largest is not 9, or they name clothes.
    """
    study.need_images()
    study.need_labels()
    largest = int(np.max(np.asarray(study.data.train.labels)))
    if largest != 9 or study.data.name == "fashion_mnist":
        raise NotApplicable("the labels are not the ten digits that captions name")
    k_fit, k_draw, k_control = jax.random.split(key, 3)
    config = study.run.config
    mine = config.model.classes == 10 and config.bottleneck.name == "gaussian"
    run = study.run if mine else study.fit(k_fit, STEPS, CONDITIONAL)
    read = reader()
    texts, wanted = captions(ASKED)
    images = draw(run, read, texts, EACH, k_draw)
    agreement = agree(study, images, wanted)
    wrong, meant = misspellings(ASKED)
    control = {
        "other_captions": agree(study, images, np.roll(wanted, 2)),
        "text_reader_on_misspellings": float((read.predict(wrong) == meant).mean()),
        "classifier_accuracy": study.classifier.accuracy,
    }
    numbers = {
        "agreement": agreement,
        "agreement_misspelt": agree(study, draw(run, read, wrong, EACH, k_control), meant),
        "text_reader": float((read.predict(texts) == wanted).mean()),
        "captions": len(texts),
        "model": "the run" if mine else "trained here",
    }
    word = "captions win" if agreement > control["other_captions"] else "captions lose"
    sentence = (
        f"{word}: the classifier agrees with {100 * agreement:.1f} % of the drawings (with another "
        f"caption {100 * control['other_captions']:.1f} %); misspelt "
        f"{100 * numbers['agreement_misspelt']:.1f} %"
    )
    shown = [f"a handwritten {word}" for word in WORDS[:6]] + ["sevn, please", "an 8", "a nin", "0"]
    drawn = draw(run, read, shown, 12, k_draw)
    figure = image_blocks(
        dict(zip(shown, drawn, strict=True)), "Captions and what is drawn", side=56
    )
    return Finding(numbers, control, sentence, {"": figure})


def agree(study: Study, images: np.ndarray, digits: np.ndarray) -> float:
    """Share of images [captions, each, ...] that the classifier takes for their caption's digit."""
    flat = images.reshape(-1, *images.shape[2:])
    found = study.classifier.probabilities(flat).argmax(1)
    return float((found == np.repeat(digits, images.shape[1])).mean())
