"""ae_jax's side of the training rows: which config on which images, and its steps."""

import itertools
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from ae_jax.config.sections import Config
from ae_jax.data import load
from ae_jax.data.arrays import Split
from ae_jax.resolve import config
from ae_jax.train import loop, setup

from ..measuring.published import sourced
from .turns import Work

N_IMAGES = 6000  # rounded to whole batches
MOST_NUMBERS = 50_000_000  # of all images together; of larger ones there are fewer
FOREVER = 10**6  # epochs


class Subject(NamedTuple):
    """A network that is trained, and on what."""

    config: str
    overrides: Mapping[str, Any] = {}
    shape: tuple[int, int, int] | None = None  # None: digits; else of random numbers

    def images(self, n: int) -> np.ndarray:
        """n images, uint8; of signals and rows, whose height is 1, float32 of variance 1."""
        if self.shape is None:
            return digits(n)
        draw = np.random.default_rng(0)
        if self.shape[0] == 1:
            return draw.standard_normal((n, *self.shape), np.float32)
        return draw.integers(0, 256, (n, *self.shape), np.uint8)


_SAME: dict[str, dict[str, Any]] = {
    "dense": {"model.init": "keras"},
    # Where nothing changes but a number that would differ from step to step.
    "contractive": {"penalties.contractive.warmup_epochs": 0},
}
PUBLISHED = {
    name: Subject(sourced(name), _SAME.get(name, {}))
    for name in (
        "linear",
        "undercomplete",
        "denoise",
        "dropout",
        "dense",
        "conv_pool",
        "deep",
        "conv_strided",
        "conv_strided:batchnorm",
        "vae",
        "contractive",
    )
}


def strided(*channels: int, **more: Any) -> dict[str, Any]:
    """Overrides of `conv_strided`: the encoder's channels, the decoder's mirror them; others."""
    return {"encoder.channels": channels, "decoder.channels": channels[::-1], **more}


_NOISE = {"corruption": {"name": "gaussian", "sigma": 0.25}}
SIZED = {
    "conv_strided:32x32x3": Subject("conv_strided", strided(32, 64), (32, 32, 3)),
    "conv_strided:64x64x3": Subject("conv_strided", strided(32, 64, 128), (64, 64, 3)),
    "conv_strided:128x128x3": Subject(
        "conv_strided", strided(32, 64, 128, 256, **{"train.batch_size": 16}), (128, 128, 3)
    ),
    "resnet:32x32x3": Subject("resnet", {}, (32, 32, 3)),
    "denoise:64x64x3": Subject("conv_strided", strided(32, 64, 128, **_NOISE), (64, 64, 3)),
    "rows:100": Subject("rows", {}, (1, 1, 100)),
    "signal:1024": Subject("signal", {}, (1, 1024, 1)),
    "top_k:16384": Subject(
        "sparse_top_k",
        {
            "model.code_size": 16384,
            "bottleneck.k": 32,
            "data": {"scale": "standard", "center": False},
        },
        (1, 1, 512),
    ),
}
TRAINED = {**PUBLISHED, **SIZED}


def digits(n: int) -> np.ndarray:
    """n real digits, uint8 [n, 28, 28, 1]; repeated where n is more than there are."""
    images = load.load_data("mnist5k").train.images
    return np.resize(images, (n, *images.shape[1:]))


class Ours(NamedTuple):
    """ae_jax's side of a training row."""

    config: Config
    trainer: setup.Trainer
    images: Any  # those it trains on
    work: Work
    compile_s: float


def config_of(subject: Subject, overrides: Mapping[str, Any] = {}) -> config.Resolved:
    """Its config, for a training without end."""
    wanted = {"train.epochs": FOREVER, **subject.overrides, **overrides}
    return config.load_config(subject.config, **wanted)


def images_of(
    subject: Subject, overrides: Mapping[str, Any] = {}
) -> tuple[config.Resolved, np.ndarray]:
    """(its config, about N_IMAGES images in whole batches)."""
    resolved = config_of(subject, overrides)
    batch = resolved.train.batch_size
    n = min(N_IMAGES, MOST_NUMBERS // math.prod(subject.shape or (1,)))
    return resolved, subject.images(batch * max(1, round(n / batch)))


def ours(subject: Subject, overrides: Mapping[str, Any] = {}, data: Split | None = None) -> Ours:
    """The training loop of `experiments.run` itself, between whose chunks nothing is done.

    `data`, in memory or on disk, takes the place of the subject's images.
    """
    if data is None:
        resolved, images = images_of(subject, overrides)
        data = Split(images, None)
    else:
        resolved = config_of(subject, overrides)
    trainer = setup.prepare(resolved, data.images.shape[1:], len(data.images))
    key = jax.random.key(0)
    some = data.images[: resolved.train.batch_size]
    state = trainer.init(key, setup.mean_image(some, trainer.model))
    chunks = loop.train(trainer, state, data, key)
    first = next(chunks)  # one step, and the compilation
    chunks = itertools.chain([first], chunks)

    def work(n: int) -> list[float]:
        losses: list[float] = []
        while len(losses) < n:
            losses.extend(next(chunks).terms["loss"].tolist())
        return losses

    return Ours(resolved, trainer, data.images, work, first.compile_s)
