"""The Keras tutorial's samples: codes of N(0, 0.33^2) in its dense and its convolutional model."""

from typing import Literal, TypedDict

import jax
import numpy as np

from ae_jax.analysis import judge as judging
from ae_jax.analysis.finding import Study
from ae_jax.analysis.judge import Estimate
from ae_jax.analysis.sampling import SAMPLES, Judged, judged
from ae_jax.resolve.config import load_config

SIGMA = 0.33  # of the Keras tutorial's N(0, sigma), made for codes in [-1, 1]
Model = Literal["dense", "conv_pool"]
TUTORIAL: dict[Model, int] = {"dense": 1000, "conv_pool": 600}  # its models and their steps
TRAINED = {
    "model": {"init": "he"},
    "optim": {"learning_rate": 2e-3, "schedule": "cosine"},
    "train": {"batch_size": 100},
}


class OfTheTutorial(Judged):
    """By N(0, 0.33^2) on the codes of one of the tutorial's models."""

    reconstructs: bool  # whether its error is below half of the mean image's


class Tutorial(TypedDict):
    """Of the Keras tutorial's two models."""

    dense: OfTheTutorial
    conv_pool: OfTheTutorial


def of_the_tutorial(study: Study, key: jax.Array) -> tuple[dict[Model, np.ndarray], Tutorial]:
    """(images [600, H, W, C], their numbers) of N(0, 0.33^2), for the Keras tutorial's two models.

    The study's run is one of them if it has its kind of layers and tanh codes.
    """
    images: dict[Model, np.ndarray] = {}
    rows: dict[Model, OfTheTutorial] = {}
    for i, (name, steps) in enumerate(TUTORIAL.items()):
        k_fit, k_codes = jax.random.split(jax.random.fold_in(key, i))
        run = study.run
        if not (
            run.config.encoder.name == name
            and run.config.encoder.code_activation == "tanh"
            and run.config.bottleneck.name == "identity"
        ):
            config = load_config(name).to_dict()
            slots = {part: config[part] for part in ("encoder", "decoder", "model")}
            run = study.fit(k_fit, steps, slots, TRAINED)
        z = SIGMA * jax.random.normal(k_codes, (SAMPLES, run.config.model.code_size))
        images[name] = run.decode(z)
        rows[name] = {
            **judged(study, images[name]),
            "reconstructs": study.with_run(run).reconstructs,
        }
    return images, {"dense": rows["dense"], "conv_pool": rows["conv_pool"]}


def said_of_the_tutorial(rows: Tutorial, real: Judged) -> str:
    """Codes of N(0, 0.33^2), dense against convolutional."""
    words = []
    for name in TUTORIAL:
        row = rows[name]
        share, ones = (Estimate(*v).text(100) for v in (row["recognizable"], row["ones"]))
        words.append(f"{name} {share} % recognizable, {ones} % ones")
    dense, conv = (Estimate(*rows[name]["recognizable"]) for name in TUTORIAL)
    works = [rows[name]["reconstructs"] for name in TUTORIAL]
    gain = judging.difference(dense, conv)
    who = judging.verdict("dense", "convolutional", gain, works[0], theirs_works=works[1])
    return (
        f"by the tutorial's N(0, {SIGMA}^2) on its tanh codes {' and '.join(words)} (test images "
        f"{100 * real['ones'][0]:.0f} % ones): {who}"
    )
