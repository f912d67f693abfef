"""The sections of a config: their fields, with types, rules and defaults.

A slot is a `Choice`. It has the fields that all choices of the slot share, and the fields of the
choice's own signature (see `ae_jax.config.schema`). This module does not know which choices exist;
`ae_jax.resolve` does, and turns a dict into a `Config`.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from ae_jax.config.schema import (
    Count,
    CountOrZero,
    Fraction,
    NonNegative,
    OneOf,
    Positive,
    Probability,
    Rule,
    Share,
)
from ae_jax.config.values import Choice, Chosen, Frozen, Section, section

Size = Annotated[  # of images
    tuple[int, ...],
    Rule(
        "a whole number, or (height, width), from 1 to 65535",
        lambda v: 1 <= len(v) <= 2 and all(1 <= side < 2**16 for side in v),
    ),
]
OF_FOLDER = ("resize", "crop", "color", "skip_bad")  # fields for a folder of images alone
Layout = Annotated[
    tuple[int, ...],
    Rule("a tuple of whole numbers >= 0", lambda v: all(0 <= w < 2**31 for w in v)),
]
OF_HOLES = ("missing", "indicator", "layout")
OF_TABLE = ("columns", "label", "drop")
OF_ARRAYS = ("kind",)
OF_SOURCES = (*OF_FOLDER, *OF_TABLE, *OF_ARRAYS)
OF_PIXELS = ("binarize",)
OF_UPDATES = ("accumulate", "average")
OF_START = ("init_from", "frozen")
# A config that leaves them as they are does not list them.
OFTEN_ABSENT = (*OF_SOURCES, *OF_HOLES, *OF_PIXELS, *OF_UPDATES, *OF_START)


def _listed(part: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a part's fields, those of OFTEN_ABSENT only where one is not the default."""
    default = {(f.name, f.default) for f in fields(part) if f.name in OFTEN_ABSENT}
    return {name: v for name, v in values.items() if (name, v) not in default}


@section
class Data(Section):
    """Which images, and the scale the network sees them in."""

    name: str = "mnist5k"
    manual_dir: str | None = None  # where files already on disk are; else $AE_JAX_MANUAL_DIR
    # Of images unit, [0,1], or sym, [-1,1]. Of signals and rows any; see `ae_jax.data.scales`.
    scale: Annotated[str, OneOf(("unit", "sym", "standard", "robust", "none"))] = "unit"
    center: bool = False  # subtract the training set's mean image inside the network
    # Whether pixels are drawn in every batch that is trained on or measured: white with the
    # probability that their gray says, else black. Of images alone.
    binarize: bool = False
    streaming: bool = False  # training images stay on disk; changes no result
    split: Annotated[str, OneOf(("canonical", "random"))] = "canonical"
    n_train: CountOrZero = 0  # use only so many images; 0: all
    n_test: CountOrZero = 0
    # Held out of the training set for best, early stopping and choices: so many, or a fraction. A
    # shuffle fixed by the seed, of each class its share where there are labels.
    n_valid: Share = 0.0
    # Numbers that were not observed, NaN: kept out of every loss and metric ('mask'), or an error.
    # Unless said otherwise 'mask' for signals and rows, 'refuse' for images.
    missing: Annotated[str, OneOf(("auto", "mask", "refuse"))] = "auto"
    indicator: bool = False  # whether the encoder is told which numbers were observed
    # Of a folder of images alone.
    resize: Size | None = None  # to n x n or (height, width); with crop the shorter side to n
    crop: Size | None = None  # the middle, after resizing
    color: Annotated[str, OneOf(("keep", "gray", "rgb", "rgba"))] = "keep"
    skip_bad: bool = False  # leave out files that cannot be read
    # Of a table alone; each a list with commas.
    columns: str | None = None  # to use, in this order; 'job:category' says what one is, '*' is all
    label: str | None = None  # the column of labels
    drop: str = ""  # columns to leave out
    # The channels of each column, see `ae_jax.model.layout`: known when the data are, and filled in
    # by `ae_jax.run.ready` where not all are numbers.
    layout: Layout = ()
    # Of a file of arrays alone: what they are, unless the number of axes says so.
    kind: Annotated[str, OneOf(("auto", "image", "signal", "rows"))] = "auto"

    def to_dict(self) -> dict[str, Any]:
        """Field -> value; those of OFTEN_ABSENT only where one differs from its default."""
        return _listed(self, super().to_dict())


@section
class Network(Section):
    """What encoder and decoder have in common."""

    code_size: Count = 32
    classes: CountOrZero = 0  # > 0: the decoder is told the label, one-hot of so many classes
    init: str = "torch"
    # What layers multiply in: bfloat16 is fast on GPUs and TPUs, slow on CPUs. Parameters, their
    # updates and the loss are float32 always.
    dtype: Annotated[str, OneOf(("float32", "bfloat16"))] = "float32"


@section
class Corruption(Choice):
    """The noise of the input."""


@section
class Encoder(Choice):
    """From images to numbers."""

    @property
    def code_activation(self) -> str:
        """What the code passes last, 'linear' where nothing."""
        return str(self.options["code_activation"])


@section
class Bottleneck(Choice):
    """From the encoder's numbers to the code."""


@section
class Decoder(Choice):
    """From codes to images."""

    @property
    def output(self) -> str:
        """What makes pixels of the last layer: 'linear', 'tanh' or 'sigmoid'."""
        return str(self.options["output"])


@section
class Loss(Choice):
    """What every loss has: whether the sum over an image is divided by its number of pixels."""

    per: Annotated[str, OneOf(("pixel", "image"))] = "pixel"


# Fields that penalties were given later, and what they are where a config does not list them.
LATER = {"cycle_epochs": 0, "free_bits": 0.0}


@section
class Penalty(Choice):
    """What every penalty has: its weight, and in which epochs it counts."""

    weight: NonNegative = 1.0
    warmup_epochs: CountOrZero = 0  # the weight grows linearly from 0 over so many epochs
    until_epoch: CountOrZero = 0  # and is 0 again after so many; 0: never
    cycle_epochs: CountOrZero = 0  # and grows from 0 again every so many; 0: once

    def to_dict(self) -> dict[str, Any]:
        """Its fields, those of LATER only where one differs; the name is where it stands."""
        absent = {("name", self.name), *LATER.items()}
        return {name: v for name, v in super().to_dict().items() if (name, v) not in absent}


class Penalties(Frozen[Penalty]):
    """The penalties by name, as attributes, too: `config.penalties.l1.weight`."""

    def __getattr__(self, name: str) -> Penalty:
        items: Mapping[str, Penalty] = self.__dict__.get("_items", {})
        if name not in items:
            raise AttributeError(f"no penalty '{name}'; there are: {', '.join(items) or 'none'}")
        return items[name]

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Name -> its fields."""
        return {name: penalty.to_dict() for name, penalty in self.items()}


@section
class Optim(Chosen):
    """What every optimizer has: see `ae_jax.optimizer.build`."""

    learning_rate: Positive = 1e-3
    # Of these four and of weight_decay some optimizers have defaults of their own, and some use
    # none: see `ae_jax.optimizer`.
    momentum: Fraction = 0.0
    b1: Fraction = 0.9
    b2: Fraction = 0.999
    eps: Positive = 1e-8
    weight_decay: NonNegative = 0.0
    decoupled: bool = False  # AdamW's decay
    clip_norm: Positive | None = None  # of the gradient of all parameters
    schedule: str = "constant"
    final_fraction: Probability = 0.01  # of learning_rate, at the schedule's end
    warmup_epochs: CountOrZero = 0
    decay_epochs: CountOrZero = 0  # of the schedule; 0: train.epochs
    # Batches whose gradients make an update; a group that is not full goes on in the next epoch.
    accumulate: Count = 1
    # Decay of the moving average of the weights that is evaluated, kept and saved while training
    # goes on with the weights themselves; 0: none. Averages of BatchNorm are those of training.
    average: Fraction = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Field -> value; those of OFTEN_ABSENT only where one differs from its default."""
        return _listed(self, super().to_dict())

    if not TYPE_CHECKING:  # so that a misspelled field of all optimizers stays a type error
        __getattr__ = Choice.__getattr__


@section
class Train(Section):
    """How long, and how often something is written."""

    batch_size: Count = 256
    epochs: CountOrZero = 20
    drop_remainder: bool = False  # the short last batch of an epoch is kept unless this is set
    log_every: CountOrZero = (
        0  # steps between extra training lines in metrics.jsonl; 0: epochs only
    )
    checkpoint_every: CountOrZero = 0  # steps between checkpoints; 0: ends of epochs
    # Epochs without a new lowest loss on the validation images after which training ends; 0: never
    patience: CountOrZero = 0
    # Whose weights to begin with instead of random ones, as far as path and shape are the same: a
    # work directory, an artefact of format 'safetensors', or a name of `ae_jax.pretrained`.
    init_from: str | None = None
    # What stays as it is, to the bit: paths of parameters, their beginnings, or patterns of these
    # ('encoder', 'decoder/layer_0', '*/bias'); see `ae_jax.train.frozen`.
    frozen: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Field -> value; those of OFTEN_ABSENT only where one differs from its default."""
        return _listed(self, super().to_dict())


@section
class Eval(Section):
    """Evaluation on the whole test set."""

    batch_size: Count = 500
    every: Count = 1  # epochs


@section
class Config(Section):
    """Everything that a run is made from but its data and key, one attribute per section.

    Plain data throughout: text, numbers, tuples.
    """

    name: str
    seed: int | None  # None: the key of the run was made of no number
    corruption: Corruption
    encoder: Encoder
    bottleneck: Bottleneck
    decoder: Decoder
    loss: Loss
    data: Data
    model: Network
    optim: Optim
    train: Train
    eval: Eval
    penalties: Penalties

    def to_dict(self) -> dict[str, Any]:
        """Section -> field -> value, in plain dicts that are the caller's."""
        parts = super().to_dict()
        return {name: getattr(part, "to_dict", lambda p=part: p)() for name, part in parts.items()}

    def __repr__(self) -> str:
        parts = [f"{field.name}={getattr(self, field.name)!r}" for field in fields(self)]
        return f"Config({', '.join(parts[:2])},\n  " + ",\n  ".join(parts[2:]) + ")"


SECTIONS: dict[str, type] = {
    name: kind for name, kind in get_type_hints(Config).items() if name not in ("name", "seed")
}


def parts_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a `Config`, of dicts in which every field is there; nothing is checked."""
    parts: dict[str, Any] = {"name": values["name"], "seed": values["seed"]}
    for name, kind in SECTIONS.items():
        if kind is Penalties:
            given = values[name].items()
            parts[name] = Penalties({n: _choice(Penalty, {"name": n, **v}) for n, v in given})
        elif issubclass(kind, Chosen):
            parts[name] = _choice(kind, values[name])
        else:
            parts[name] = kind(**values[name])
    return parts


def _choice(kind: type, values: Mapping[str, Any]) -> Any:
    """A choice of the fields its slot has in common, and of those that are its own."""
    common = {f.name for f in fields(kind)} - {"options"}
    own = Frozen({name: v for name, v in values.items() if name not in common})
    return kind(options=own, **{name: v for name, v in values.items() if name in common})
