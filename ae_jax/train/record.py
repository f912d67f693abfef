"""The record of a training: stored next to the state in every checkpoint.

The record of a checkpoint belongs to its weights. Its history ends with the step that made them,
and its moments are those of their codes.
"""

import json
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ae_jax.inputs.examples import Column, Examples
from ae_jax.inputs.scaler import Scaler


class Moments(NamedTuple):
    """Mean [code_size] and covariance [code_size, code_size] of the codes of the training set."""

    mean: np.ndarray
    cov: np.ndarray


class Curve(NamedTuple):
    """The loss on the validation images after every epoch so far: all that choices go by."""

    steps: np.ndarray = np.zeros(0, np.int64)
    losses: np.ndarray = np.zeros(0)

    def after(self, step: int, loss: float) -> "Curve":
        """With an epoch more."""
        return Curve(np.append(self.steps, step), np.append(self.losses, loss))

    @property
    def best(self) -> int | None:
        """The step of the lowest loss, the first of several; None where there is none yet."""
        known = np.where(np.isfinite(self.losses), self.losses, np.inf)
        return int(self.steps[known.argmin()]) if np.isfinite(known).any() else None

    @property
    def beaten(self) -> bool:
        """Whether the last epoch's loss is the lowest."""
        return len(self.steps) > 0 and self.best == self.steps[-1]

    def ends(self, patience: int) -> bool:
        """Whether the last `patience` epochs brought no new lowest loss; 0: never."""
        if not patience or self.best is None:
            return False
        return int((self.steps > self.best).sum()) >= patience

    def at(self, step: int) -> float | None:
        """The loss at a step; None where it was not measured."""
        found = self.losses[self.steps == step]
        return float(found[0]) if len(found) else None


class Record(NamedTuple):
    """What a checkpoint says of a run besides its state."""

    history: Mapping[str, np.ndarray] = {}  # loss and its terms at every step so far, [steps] each
    moments: Moments | None = None  # None: nobody asked for the codes of these weights
    label_names: tuple[str, ...] | None = None
    valid: Curve | None = None  # None: no images were held out
    scaler: Scaler | None = None  # of signals and rows


class History:
    """The loss and its terms at every step so far: chunks come in, one array a name goes out."""

    def __init__(self, known: Mapping[str, np.ndarray] | None = None) -> None:
        """`known`: of the steps before these."""
        self._chunks = {name: [values] for name, values in (known or {}).items()}

    def add(self, terms: Mapping[str, np.ndarray]) -> None:
        """Adds the steps of a chunk."""
        for name, values in terms.items():
            self._chunks.setdefault(name, []).append(np.array(values, np.float32))

    def arrays(self) -> dict[str, np.ndarray]:
        """float32 [steps] by name."""
        joined = {name: np.concatenate(chunks) for name, chunks in self._chunks.items()}
        self._chunks = {name: [values] for name, values in joined.items()}
        return joined


def epoch_means(terms: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Of the loss and its terms at the steps of an epoch: their means, the first and last loss."""
    exact = {name: np.asarray(values, np.float64) for name, values in terms.items()}
    first, last = map(float, exact["loss"][[0, -1]])
    means = {name: float(values.mean()) for name, values in exact.items()}
    return {**means, "loss_first_batch": first, "loss_last_batch": last}


def pack(record: Record) -> dict[str, np.ndarray]:
    """The record as named arrays, for a file."""
    arrays = {f"history/{name}": values for name, values in record.history.items()}
    if record.moments is not None:
        arrays |= {"codes/mean": record.moments.mean, "codes/cov": record.moments.cov}
    if record.valid is not None:
        arrays |= {"valid/steps": record.valid.steps, "valid/losses": record.valid.losses}
    if record.label_names is not None:
        arrays["label_names"] = np.array(record.label_names, np.str_)
    if record.scaler is not None:
        examples, shift, spread = record.scaler
        arrays |= {"scaler/shift": shift, "scaler/spread": spread}
        arrays["scaler/examples"] = np.array(json.dumps(examples))
    return arrays


def unpack(arrays: Mapping[str, np.ndarray], step: int) -> Record:
    """The record of a checkpoint of this step.

    Raises:
      ValueError: it cannot be one.
    """
    history = {
        name.removeprefix("history/"): values
        for name, values in arrays.items()
        if name.startswith("history/")
    }
    for name, values in history.items():
        if values.shape != (step,) or values.dtype != np.float32:
            raise ValueError(f"history of {name}: is not of {step} steps")
    moments = None
    if "codes/mean" in arrays:
        moments = Moments(arrays["codes/mean"], arrays["codes/cov"])
        k = len(moments.mean)
        if moments.mean.shape != (k,) or moments.cov.shape != (k, k):
            raise ValueError("moments of the codes: are of no code")
    valid = None
    if "valid/steps" in arrays:
        valid = Curve(arrays["valid/steps"], arrays["valid/losses"])
        at, losses = valid
        if at.ndim != 1 or losses.shape != at.shape or losses.dtype != np.float64:
            raise ValueError("losses on the validation images: are none")
        if at.dtype != np.int64 or (np.diff(at, prepend=0) <= 0).any() or (at > step).any():
            raise ValueError(f"losses on the validation images: are not of {step} steps")
    names = arrays.get("label_names")
    told = None if names is None else tuple(map(str, names.reshape(-1)))
    return Record(history, moments, told, valid, _scaler(arrays))


def _scaler(arrays: Mapping[str, np.ndarray]) -> Scaler | None:
    if "scaler/examples" not in arrays:
        return None
    kind, columns = json.loads(str(arrays["scaler/examples"]))
    known = None
    if columns is not None:
        known = tuple(Column(name, of, tuple(values)) for name, of, values in columns)
    shift, spread = arrays["scaler/shift"], arrays["scaler/spread"]
    if shift.ndim != 1 or shift.shape != spread.shape or not (spread > 0).all():
        raise ValueError("scales of the columns: are none")
    return Scaler(Examples(kind, known), shift, spread)
