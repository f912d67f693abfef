"""The sections of a config: what fields they have, with defaults, and which slots there are.

A slot has besides the fields that every choice has in common those of the choice's own signature
(see `ae_jax.config.schema`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from ae_jax.config.schema import (
    Count,
    CountOrZero,
    Fraction,
    NonNegative,
    OneOf,
    Positive,
    Probability,
)
from ae_jax.model.bottleneck import BOTTLENECKS
from ae_jax.model.corruption import CORRUPTIONS
from ae_jax.model.layers import InitialiserName
from ae_jax.model.networks import DECODERS, ENCODERS
from ae_jax.objective.losses import LOSSES
from ae_jax.optimizer import OPTIMIZERS, SCHEDULES


@dataclass
class Data:
    """Which images, and the scale the network sees them in."""

    name: str = "mnist5k"
    manual_dir: str | None = None  # where files already on disk are; else $AE_JAX_MANUAL_DIR
    scale: Annotated[str, OneOf(("unit", "sym"))] = "unit"
    center: bool = False  # subtract the training set's mean image inside the network
    streaming: bool = False  # training images stay on disk; changes no result
    split: Annotated[str, OneOf(("canonical", "random"))] = "canonical"
    n_train: CountOrZero = 0  # use only so many images; 0: all
    n_test: CountOrZero = 0


@dataclass
class Network:
    """What encoder and decoder have in common."""

    code_size: Count = 32
    classes: CountOrZero = 0  # > 0: the decoder is told the label, one-hot of so many classes
    init: InitialiserName = "torch"
    # What layers multiply in: bfloat16 is fast on GPUs and TPUs, slow on CPUs. Parameters, their
    # updates and the loss are float32 always.
    dtype: Annotated[str, OneOf(("float32", "bfloat16"))] = "float32"


@dataclass
class Loss:
    """What every loss has: whether the sum over an image is divided by its number of pixels."""

    per: Annotated[str, OneOf(("pixel", "image"))] = "pixel"


@dataclass
class Penalty:
    """What every penalty has: its weight, and in which epochs it counts."""

    weight: NonNegative = 1.0
    warmup_epochs: CountOrZero = 0  # the weight grows linearly from 0 over so many epochs
    until_epoch: CountOrZero = 0  # and is 0 again after so many; 0: never


@dataclass
class Optim:
    """See `ae_jax.optimizer.build`."""

    name: Annotated[str, OneOf(OPTIMIZERS)] = "adam"
    learning_rate: Positive = 1e-3
    momentum: Fraction = 0.0  # sgd
    b1: Fraction = 0.9
    b2: Fraction = 0.999
    eps: Positive = 1e-8
    weight_decay: NonNegative = 0.0
    decoupled: bool = False  # AdamW's decay
    clip_norm: Positive | None = None  # of the gradient of all parameters
    schedule: Annotated[str, OneOf(SCHEDULES)] = "constant"
    final_fraction: Probability = 0.01  # of learning_rate, at the schedule's end
    warmup_epochs: CountOrZero = 0
    decay_epochs: CountOrZero = 0  # of the schedule; 0: train.epochs


@dataclass
class Train:
    """How long, and how often something is written."""

    batch_size: Count = 256
    epochs: CountOrZero = 20
    drop_remainder: bool = False  # the short last batch of an epoch is kept unless this is set
    log_every: CountOrZero = (
        0  # steps between extra training lines in metrics.jsonl; 0: epochs only
    )
    checkpoint_every: CountOrZero = 0  # steps between checkpoints; 0: ends of epochs


@dataclass
class Eval:
    """Evaluation on the whole test set."""

    batch_size: Count = 500
    every: Count = 1  # epochs


FIXED = {
    "data": Data,
    "model": Network,
    "optim": Optim,
    "train": Train,
    "eval": Eval,
}
SLOTS: dict[str, tuple[Mapping[str, Any], str, type | None]] = {
    # section -> (choices, default, fields that every choice has)
    "corruption": (CORRUPTIONS, "none", None),
    "encoder": (ENCODERS, "dense", None),
    "bottleneck": (BOTTLENECKS, "identity", None),
    "decoder": (DECODERS, "dense", None),
    "loss": (LOSSES, "squared_error", Loss),
}
