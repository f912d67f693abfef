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
    encoder, decoder = config.encoder, config.decoder
    if config.data.indicator:
        return None
    if encoder.name != "dense" or encoder.hidden or encoder.code_activation != "linear":
        return None
    if decoder.output != "linear" or decoder.name not in ("dense", "tied"):
        return None
    params = variables["params"]
    W = np.asarray(params["encoder"]["layer_0"]["kernel"])
    for i in range(encoder.get("linear_layers", 0)):
        W = W @ np.asarray(params["encoder"][f"linear_{i}"]["kernel"])
    if decoder.name == "tied":
        return W @ W.T, W.T @ W
    if decoder.hidden:
        return None
    V = np.asarray(params["decoder"]["layer_0"]["kernel"])
    if decoder.get("spectral_norm"):
        V = V / np.linalg.norm(V, 2)
    return W @ V, V @ W


def params_sha256(params: Any) -> str:
    """SHA-256 over the parameter leaves in path order: dtype, shape, bytes."""
    digest = hashlib.sha256()
    leaves = jax.tree_util.tree_leaves_with_path(params)
    for _, leaf in sorted(leaves, key=lambda pair: jax.tree_util.keystr(pair[0])):
        value = np.ascontiguousarray(leaf)
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()
