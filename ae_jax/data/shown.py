"""How a data set shows itself: in a line, and in a notebook as a table with its first examples."""

from typing import Any, TypeAlias

import numpy as np
from markupsafe import Markup

from ae_jax.inputs import shown
from ae_jax.inputs.examples import PLURALS
from ae_jax.inputs.scaler import channel_names

# Those of `ae_jax.data.arrays`, which imports this.
Dataset: TypeAlias = Any
Split: TypeAlias = Any

FEW, COLUMNS, NAMES = 8, 8, 12  # examples, their numbers, and names of classes that are shown


def line(dataset: Dataset) -> str:
    """Such as 'Dataset(mnist5k: images 28 x 28 x 1, 4,000 training, 1,000 test, 10 classes)'."""
    counts = ", ".join(f"{count} {what}" for what, count in _counts(dataset))
    return f"Dataset({dataset.name}: {_kind(dataset)}, {counts}, {_classes(dataset)})"


def html(dataset: Dataset) -> str:
    """A table of what it is, and its first training examples: images, or their first numbers."""
    x = dataset.train.images
    rows = [("examples", f"{_kind(dataset)}, {x.dtype}"), *_counts(dataset)]
    if hasattr(x, "only"):  # see `arrays.stays_on_disk`
        rows.append(("training examples are", "on disk"))
    names = dataset.label_names or ()
    listed = ", ".join(names[:NAMES]) + (", ..." if len(names) > NAMES else "")
    rows.append(("labels", _classes(dataset) + (f": {listed}" if names else "")))
    rows.append(("scale", _scale(dataset)))
    few = dataset.train.images[:FEW]
    if dataset.examples.kind == "image":
        first = shown.pictures(few, _captions(dataset, dataset.train))
    else:
        first = _first_numbers(dataset, few)
    return str(shown.table(f"Dataset {dataset.name}", rows) + first)


def _kind(dataset: Dataset) -> str:
    """'images 28 x 28 x 1', 'rows 30'."""
    of = dataset.examples
    return f"{PLURALS[of.kind]} {shown.by(of.outer(dataset.train.images.shape[1:]))}"


def _counts(dataset: Dataset) -> list[tuple[str, str]]:
    parts = {"training": dataset.train, "validation": dataset.valid, "test": dataset.test}
    return [(what, f"{len(part.images):,}") for what, part in parts.items() if part is not None]


def _classes(dataset: Dataset) -> str:
    """'10 classes', those that the training set has where they have no names; 'no labels'."""
    y, names = dataset.train.labels, dataset.label_names
    if y is None:
        return "no labels"
    n = len(np.unique(y)) if names is None else len(names)
    return f"{n:,} {'class' if n == 1 else 'classes'}"


def _scale(dataset: Dataset) -> str:
    if dataset.examples.kind == "image":
        return "0 to 255" if dataset.train.images.dtype == np.uint8 else "0 to 1"
    if dataset.scaler is None:
        return "own units"
    return "own units below; scaled for a network, by (x - shift) / spread"


def _captions(dataset: Dataset, part: Split) -> list[str]:
    """The names of the labels of the first few."""
    if part.labels is None:
        return [""] * min(FEW, len(part.images))
    names = dataset.label_names
    return [str(y) if names is None else names[y] for y in part.labels[:FEW].tolist()]


def _first_numbers(dataset: Dataset, few: np.ndarray) -> Markup:
    """The first columns of rows, the first numbers of signals' first channel; in own units."""
    of, scaler = dataset.examples, dataset.scaler
    x = few.reshape(len(few), *of.outer(few.shape[1:])) if scaler is None else scaler.to_data(few)
    names = channel_names(of.columns, few.shape[-1])
    if of.kind == "signal":
        x, names = x[..., 0], [f"{names[0]} at {i}" for i in range(x.shape[1])]
    return shown.numbers(names[:COLUMNS], x[:, :COLUMNS])
