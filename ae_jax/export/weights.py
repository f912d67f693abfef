"""The variables of a model as named arrays, 'params/encoder/layer_0/kernel' and so on."""

from typing import Any

import jax
import numpy as np
from flax import traverse_util

from ae_jax.errors import CheckpointError, ConfigError
from ae_jax.model.pipeline import Model, Variables


def named(variables: Variables) -> dict[str, np.ndarray]:
    """Name -> array."""
    flat = traverse_util.flatten_dict(variables, sep="/")
    return {name: np.asarray(leaf, order="C") for name, leaf in sorted(flat.items())}


def halved(variables: Variables) -> Variables:
    """The variables with every float32 number rounded to half precision (float16).

    Raises:
      ConfigError: one is too large for it.
    """
    found = named(variables)
    for name, before in found.items():
        if before.dtype != np.float32:
            continue
        with np.errstate(over="ignore"):
            found[name] = before.astype(np.float16).astype(np.float32)
        if (np.isinf(found[name]) & np.isfinite(before)).any():
            most = f"{np.finfo(np.float16).max:,.0f}"
            raise ConfigError(f"half: {name} has a number beyond {most}, the largest of float16")
    return nested(found)


def variables_of(model: Model, arrays: dict[str, Any]) -> Variables:
    """The inverse of `named`, of this model; those of a penalty may be among them.

    Raises:
      CheckpointError: an array of the model is missing, or has another shape or type.
    """
    mean = jax.ShapeDtypeStruct(model.shape, np.float32)
    like = shapes(jax.eval_shape(model.init, jax.random.key(0), mean))
    for name, wanted in like.items():
        if name not in arrays:
            raise CheckpointError(f"weights: {name} is missing")
        found = arrays[name]
        if (found.shape, found.dtype) != (wanted.shape, wanted.dtype):
            raise CheckpointError(
                f"weights: {name} is {found.dtype} {found.shape}, "
                f"must be {wanted.dtype} {wanted.shape}"
            )
    return nested(arrays)


def nested(arrays: dict[str, Any]) -> Variables:
    """The inverse of `named`."""
    return dict(traverse_util.unflatten_dict(arrays, sep="/"))


def shapes(variables: Variables) -> dict[str, jax.ShapeDtypeStruct]:
    """Name -> shape and type; the variables may be abstract."""
    flat = traverse_util.flatten_dict(variables, sep="/")
    return {name: jax.ShapeDtypeStruct(v.shape, v.dtype) for name, v in sorted(flat.items())}
