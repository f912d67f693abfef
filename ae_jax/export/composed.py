"""The functions of an artefact that can encode and decode: the others are made of these two."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ae_jax.inputs import checks

Function = Callable[..., Any]  # (rows, *labels) -> rows


def functions(encode: Function, decode: Function) -> dict[str, Function]:
    """Those of `ae_jax.model.units`, of examples [n, H, W, C] or codes."""

    def reconstruct(x: np.ndarray, *labels: np.ndarray) -> Any:
        return decode(encode(x), *labels)

    def score(x: np.ndarray, *labels: np.ndarray) -> np.ndarray:
        unit = checks.unit(x)
        errors = np.square(unit - np.asarray(reconstruct(x, *labels)))
        return np.where(np.isnan(unit), np.float32(0), errors).sum((1, 2, 3))

    return {"encode": encode, "decode": decode, "reconstruct": reconstruct, "score": score}
