"""What training has shown: kept beside the state, in every checkpoint of it.

A checkpoint's record belongs to its weights: the history ends with the step that made them, and the
moments are those of the codes that they give.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class Moments(NamedTuple):
    """Mean [code_size] and covariance [code_size, code_size] of the codes of the training set."""

    mean: np.ndarray
    cov: np.ndarray


class Record(NamedTuple):
    """What a checkpoint says of a run besides its state."""

    history: Mapping[str, np.ndarray] = {}  # loss and its terms at every step so far, [steps] each
    moments: Moments | None = None  # None: nobody asked for the codes of these weights
    label_names: tuple[str, ...] | None = None


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
    if record.label_names is not None:
        arrays["label_names"] = np.array(record.label_names, np.str_)
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
    names = arrays.get("label_names")
    return Record(history, moments, None if names is None else tuple(map(str, names.reshape(-1))))
