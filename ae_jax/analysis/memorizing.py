"""One number is enough for a powerful network to store a few training images."""

from typing import Any, NamedTuple, TypedDict

import jax
import numpy as np

from ae_jax.analysis.finding import Study, mse
from ae_jax.figures import image_rows

MEMORIZED, MEMORY_STEPS = 16, 3000
MEMORISER = {
    "encoder": {"hidden": (256, 256), "activation": "relu"},
    "decoder": {"hidden": (256, 256), "output": "sigmoid"},
    "model": {"code_size": 1, "init": "he"},
    "optim": {"learning_rate": 2e-3, "schedule": "cosine"},
    "train": {"batch_size": MEMORIZED},
}


class Memorizer(TypedDict):
    """Mean squared errors per pixel in [0,1] units."""

    train_mse: float  # of the 16 images
    test_mse: float  # of 200 test images


class MeanOfTheFew(TypedDict):
    """Mean squared errors of the mean of the 16 images, per pixel in [0,1] units."""

    mean_image_of_the_few: float  # on the 200 test images
    mean_image_of_them: float  # on the 16


class Memory(NamedTuple):
    """Images [12, H, W, C] and what a code of one number makes of them."""

    train: np.ndarray
    train_back: np.ndarray
    test: np.ndarray
    test_back: np.ndarray


def memorized(study: Study, key: jax.Array) -> tuple[Memorizer, MeanOfTheFew, Memory]:
    """Of an autoencoder of one number, trained here on 16 images: what of them, and others, stays.

    About 3,000 x effort steps.
    """
    few, test = study.train.images[:MEMORIZED], study.test.images[:200]
    run = study.fit(key, MEMORY_STEPS, MEMORISER, images=few)
    numbers: Memorizer = {
        "train_mse": mse(run.reconstruct(few), few),
        "test_mse": mse(run.reconstruct(test), test),
    }
    mean = few.mean(0)
    control: MeanOfTheFew = {
        "mean_image_of_the_few": mse(mean, test),
        "mean_image_of_them": mse(mean, few),
    }
    back = (run.reconstruct(few[:12]), run.reconstruct(test[:12]))
    return numbers, control, Memory(few[:12], back[0], test[:12], back[1])


def memory_rows(memory: Memory) -> Any:
    """The figure of what comes back."""
    rows = {
        "training image": memory.train,
        "comes back": memory.train_back,
        "test image": memory.test,
        "comes back as": memory.test_back,
    }
    return image_rows(rows, f"One number for each of {MEMORIZED} images: a memory")
