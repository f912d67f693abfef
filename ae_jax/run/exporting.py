"""Makes an artefact of a run; `ae_jax.run.exported` opens it."""

import math
import os
from collections.abc import Callable, Mapping
from functools import partial
from numbers import Real
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ae_jax import __version__
from ae_jax.config.schema import unknown
from ae_jax.config.sections import Config
from ae_jax.errors import ConfigError, DataError
from ae_jax.evaluate import conformal
from ae_jax.export import artefact, description, onnx, packages, safetensors, stablehlo, weights
from ae_jax.export.description import Threshold
from ae_jax.export.pytorch import writing as pytorch
from ae_jax.inputs.door import Door
from ae_jax.inputs.labels import Names
from ae_jax.model.pipeline import Model, Variables
from ae_jax.model.weights import params_sha256
from ae_jax.resolve.registering import registered
from ae_jax.run.origin import Origin
from ae_jax.train.setup import TrainState

Said: TypeAlias = dict[str, Any]  # the description of an artefact

OF_PACKAGE = ("safetensors",)  # formats that are opened by building the model again
HALVED = ("safetensors",)  # formats whose weights may be of half precision
NOTHING: Mapping[str, Any] = MappingProxyType({})
MOMENTS = ("codes/mean", "codes/covariance")  # of the training set, beside the weights


class Exportable(Protocol):
    """What is read of a `Run`."""

    @property
    def config(self) -> Config: ...  # noqa: D102
    @property
    def model(self) -> Model: ...  # noqa: D102
    @property
    def variables(self) -> Variables: ...  # noqa: D102
    @property
    def door(self) -> Door: ...  # noqa: D102
    @property
    def label_names(self) -> Names | None: ...  # noqa: D102
    @property
    def code_mean(self) -> np.ndarray | None: ...  # noqa: D102
    @property
    def code_cov(self) -> np.ndarray | None: ...  # noqa: D102
    @property
    def state(self) -> TrainState | None: ...  # noqa: D102
    @property
    def origin(self) -> Origin | None: ...  # noqa: D102
    def score(self, images: ArrayLike, labels: ArrayLike | None = None) -> np.ndarray: ...  # noqa: D102


def export(
    run: Exportable,
    path: str | os.PathLike[str],
    format: str,
    normal: ArrayLike | None,
    labels: ArrayLike | None,
    false_alarms: float,
    replace: bool,
    half: bool = False,
    more: Mapping[str, Any] = NOTHING,
) -> Path:
    """See `Run.export`; `more` is what the description says, too, of weights that are rounded."""
    check_format(format, half)
    check_choices(run.config, format)
    check_rate(false_alarms)
    if normal is None and labels is not None:
        raise ConfigError("labels: are those of `normal`, which is not given; pass both, or none")
    artefact.check_free(path, replace)
    found = None if normal is None else threshold(run, normal, labels, false_alarms)
    said = {**described(run, format, found), **more}
    fill = partial(WRITERS[format], run, said, **({"half": True} if half else {}))
    return artefact.write(path, said, fill, replace)


def check_format(name: str, half: bool = False) -> None:
    """Raises ConfigError where there is no such format, or not in half precision, or its package is
    not installed.
    """
    if not isinstance(name, str) or name not in WRITERS:
        raise ConfigError(unknown("format", str(name), WRITERS, "format"))
    if half and name not in HALVED:
        raise ConfigError(f"half: is for {', '.join(HALVED)}; '{name}' is of single precision")
    packages.check(name)


def check_choices(config: Config, format: str) -> None:
    """Raises ConfigError where a format needs the code of choices that the package lacks."""
    if format in OF_PACKAGE and (own := registered(config)):
        raise ConfigError(
            f"format: '{format}' holds weights and config, of which the package builds the run, "
            f"but it lacks {', '.join(own)}, registered here\n"
            "'stablehlo' holds the program instead"
        )


def check_rate(false_alarms: float) -> None:
    """Raises ConfigError where a rate is no number in (0, 1)."""
    if not isinstance(false_alarms, Real) or not 0 < false_alarms < 1:
        raise ConfigError(f"false_alarms: must be a number in (0, 1), not {false_alarms!r}")


def threshold(
    run: Exportable, normal: ArrayLike, labels: ArrayLike | None, false_alarms: float
) -> Threshold:
    """Of `run.score`, from ordinary examples that training has not seen.

    Raises:
      DataError: they are too few for the rate, or not as `score` takes them.
      ConfigError: a rate outside (0, 1).
    """
    check_rate(false_alarms)
    scores = run.score(normal, labels)
    score = conformal.threshold(scores, false_alarms)
    if math.isinf(score):
        raise DataError(
            f"normal: {len(scores)} examples are too few for a rate of {false_alarms:g} false "
            f"alarms; {math.ceil(1 / false_alarms) - 1} at least are needed, or a larger rate"
        )
    return Threshold(score, float(false_alarms), len(scores))


def described(run: Exportable, format: str, found: Threshold | None) -> Said:
    """The description of a run's artefact."""
    names, state = run.label_names, run.state
    return {
        "format": format,
        "config": run.config.to_dict(),
        **description.of_door(run.door),
        "code_size": run.config.model.code_size,
        "classes": run.config.model.classes,
        "class_names": None if names is None else list(names),
        "threshold": None if found is None else found._asdict(),
        "run": {
            "params_sha256": params_sha256(run.variables["params"]),
            "step": None if state is None else int(state.step),
            "origin": None if run.origin is None else run.origin._asdict(),
        },
        "versions": description.versions(__version__),
    }


def _stablehlo(run: Exportable, said: Said, folder: Path) -> None:
    stablehlo.write(folder, run.model, run.variables)


def _safetensors(run: Exportable, said: Said, folder: Path, half: bool = False) -> None:
    arrays = weights.named(run.variables)
    if half:
        arrays = {
            n: v.astype(np.float16) if v.dtype == np.float32 else v for n, v in arrays.items()
        }
    if run.code_mean is not None and run.code_cov is not None:
        moments = map(np.ascontiguousarray, (run.code_mean, run.code_cov))
        arrays |= dict(zip(MOMENTS, moments, strict=True))
    safetensors.write(folder, arrays)


def _onnx(run: Exportable, said: Said, folder: Path) -> None:
    onnx.write(folder, run.model, run.variables, run.config.name)


def _torch(run: Exportable, said: Said, folder: Path) -> None:
    pytorch.write(folder, run.model, run.variables, said)


# Format -> what writes the files of a run with a description into a folder.
WRITERS: dict[str, Callable[..., None]] = {
    "stablehlo": _stablehlo,
    "safetensors": _safetensors,
    "onnx": _onnx,
    "torch": _torch,
}
