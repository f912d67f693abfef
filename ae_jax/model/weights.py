"""Weights: what those of simple networks mean, and the digest of any."""

import hashlib
from typing import Any

import jax
import numpy as np

from ae_jax.config.sections import Config
from ae_jax.model.pipeline import Model, Variables


def first_filters(model: Model, variables: Variables) -> np.ndarray:
    """First-layer weights as images [n, height, width, channels], one per hidden unit."""
    kernel = np.asarray(variables["params"]["encoder"]["layer_0"]["kernel"])
    if kernel.ndim == 2:  # dense [pixels, units]
        height, width, _ = model.shape
        kernel = kernel.reshape(height, width, -1, kernel.shape[1])
    # [height, width, channels, units]; beyond the image's channels are those of an indicator
    return np.moveaxis(kernel[:, :, : model.shape[2]], -1, 0)


def linear_maps(config: Config, variables: Variables) -> tuple[np.ndarray, np.ndarray] | None:
    """(x -> x^ as one matrix [D, D], z -> z as one matrix [k, k]) of a linear dense model.

    At the optimum the first is a projector of rank k and the second the identity. None where the
    model is not one linear layer each way, or the encoder sees more than the image.
    """
    encoder, V = config.encoder, linear_decoder(config, variables)
    if V is None or config.data.indicator:
        return None
    if encoder.name != "dense" or encoder.hidden or encoder.code_activation != "linear":
        return None
    params = variables["params"]["encoder"]
    W = np.asarray(params["layer_0"]["kernel"])
    for i in range(encoder.get("linear_layers", 0)):
        W = W @ np.asarray(params[f"linear_{i}"]["kernel"])
    return W @ V, V @ W


def linear_decoder(config: Config, variables: Variables) -> np.ndarray | None:
    """The matrix [k, D] of a decoder that is one linear layer, dense or tied, else None."""
    encoder, decoder = config.encoder, config.decoder
    if decoder.output != "linear" or config.model.classes:
        return None
    if decoder.name == "tied" and not encoder.hidden:
        return np.asarray(variables["params"]["encoder"]["layer_0"]["kernel"]).T
    if decoder.name != "dense" or decoder.hidden:
        return None
    V = np.asarray(variables["params"]["decoder"]["layer_0"]["kernel"])
    return V / np.linalg.norm(V, 2) if decoder.get("spectral_norm") else V


def params_sha256(params: Any) -> str:
    """SHA-256 over the parameter leaves in path order: dtype, shape, bytes."""
    digest = hashlib.sha256()
    leaves = jax.tree_util.tree_leaves_with_path(params)
    for _, leaf in sorted(leaves, key=lambda pair: jax.tree_util.keystr(pair[0])):
        value = np.ascontiguousarray(leaf)
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()
