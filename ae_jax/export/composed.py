"""The functions of an artefact that can encode and decode: the others are made of these two."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ae_jax.inputs import checks
from ae_jax.inputs.observed import squared_error

Function = Callable[..., Any]  # (rows, *labels) -> rows


def functions(encode: Function, decode: Function) -> dict[str, Function]:
    """Those of `ae_jax.model.units`, of examples [n, H, W, C] or codes."""

    def reconstruct(x: np.ndarray, *labels: np.ndarray) -> Any:
        return decode(encode(x), *labels)

    def score(x: np.ndarray, *labels: np.ndarray) -> np.ndarray:
        error: np.ndarray = squared_error(checks.unit(x), np.asarray(reconstruct(x, *labels)))
        return error

    return {"encode": encode, "decode": decode, "reconstruct": reconstruct, "score": score}
