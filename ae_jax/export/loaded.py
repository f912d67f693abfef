"""An artefact that was opened: arrays in, arrays out, as of the run that it was made of."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ae_jax.data.batches import in_batches
from ae_jax.export import description as describing
from ae_jax.export.description import Threshold
from ae_jax.export.programs import Function
from ae_jax.inputs import checks
from ae_jax.inputs import labels as label_lib
from ae_jax.inputs.scaler import channel_names


class Exported:
    """What `ae_jax.load_exported` gives: `encode`, `decode`, `reconstruct` and `score` of a `Run`.

    They take and give what those of the run do, in the same units, and refuse what they refuse;
    the numbers are equal up to rounding.

    Attributes:
      description: the artefact's description.json, as a dict.
      class_names: of the labels 0 ... k-1, or None.
      threshold: of the score, see `Threshold`; None: no ordinary examples were given to find it.
      run: the `Run` that was rebuilt, where the format has the config and the package the model;
        else None. State, history and validation losses were not exported: it cannot be trained on
        or saved, and has no `best` and no `plot_loss`.
    """

    def __init__(
        self, description: dict[str, Any], functions: Mapping[str, Function], run: Any = None
    ) -> None:
        """`functions` as of `ae_jax.export.programs`; KeyError, ... of no description of ours."""
        self.description, self.run = description, run
        self._name = str(description["config"]["name"])
        self._sha256 = str(description["run"]["params_sha256"])
        self._functions, self._door = functions, describing.door_of(description)
        self._code_size, self._classes = int(description["code_size"]), int(description["classes"])
        self.class_names = describing.names_of(description)
        found = description["threshold"]
        self.threshold = None if found is None else Threshold(**found)

    def __repr__(self) -> str:
        said = self.description
        shape = " x ".join(map(str, said["shape"]))
        return f"Exported({self._name}: {said['kind']} {shape}, {said['format']})"

    @property
    def columns(self) -> list[str] | None:
        """Names of the channels of rows and signals; None of images."""
        if (scaler := self._door.scaler) is None:
            return None
        return channel_names(scaler.examples.columns, len(scaler.shift))

    @property
    def params_sha256(self) -> str:
        """The digest of the weights, which `summary.json` of the run has, too."""
        return self._sha256

    def encode(self, images: ArrayLike) -> np.ndarray:
        """Codes float32 [n, code_size]; see `Run.encode`."""
        return self._of("encode", self._door.checked("images", images))

    def decode(self, codes: ArrayLike, labels: ArrayLike | None = None) -> np.ndarray:
        """Examples of the codes [n, code_size]; see `Run.decode`."""
        z = checks.codes("codes", codes, self._code_size)
        return self._door.outer(self._of("decode", z, *self._told(labels, len(z))))

    def reconstruct(self, images: ArrayLike, labels: ArrayLike | None = None) -> np.ndarray:
        """decode(encode(x)); see `Run.reconstruct`."""
        x = self._door.checked("images", images)
        return self._door.outer(self._of("reconstruct", x, *self._told(labels, len(x))))

    def score(self, images: ArrayLike, labels: ArrayLike | None = None) -> np.ndarray:
        """Anomaly score [n], to be compared with `threshold`; see `Run.score`."""
        x = self._door.checked("images", images)
        return self._of("score", x, *self._told(labels, len(x)))

    def _told(self, labels: ArrayLike | None, n: int) -> tuple[np.ndarray, ...]:
        if not self._classes:
            return ()
        return (label_lib.classes_of("labels", labels, n, self._classes, self.class_names),)

    def _of(self, name: str, *rows: np.ndarray) -> np.ndarray:
        return in_batches(self._functions[name], *rows)
