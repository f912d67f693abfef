"""In how many directions a model goes on from an image, and in how many the data do."""

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.neighbors import NearestNeighbors

from ae_jax.analysis import judge as judging
from ae_jax.evaluate import baselines
from ae_jax.model import scaling
from ae_jax.model.compiled import compiled
from ae_jax.model.pipeline import Model, Variables
from ae_jax.run.trained import Run

NEIGHBOURS = 30


def tangents(run: Run, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(singular values [n, k], left singular vectors [n, k, H, W, C]) of dr/dx at images [0,1].

    k is the size of the code, at most the number of pixels; larger values first.
    """
    s, U = compiled(_tangents, run.model)(run.variables, jnp.asarray(images))
    return np.asarray(s), np.asarray(U).reshape(*s.shape, *run.model.shape)


def _tangents(model: Model, variables: Variables, images: jax.Array) -> tuple[jax.Array, jax.Array]:
    def one(image: jax.Array) -> tuple[jax.Array, jax.Array]:
        x = scaling.to_network(image, model.scale)
        z = model.encode(variables, x[None])[0]
        J_f = jax.jacrev(lambda v: model.encode(variables, v[None])[0])(x).reshape(len(z), -1)
        J_g = jax.jacfwd(lambda v: model.decode(variables, v[None])[0].reshape(-1))(z)
        # J_g J_f = Q_g (R_g R_f^T) Q_f^T: a decomposition of k x k instead of pixels x pixels.
        (Q_g, R_g), (_, R_f) = jnp.linalg.qr(J_g), jnp.linalg.qr(J_f.T)
        U, s, _ = jnp.linalg.svd(R_g @ R_f.T)
        return s, (Q_g @ U).T

    return jax.lax.map(one, images)


def participation(s: np.ndarray) -> np.ndarray:
    """(sum s^2)^2 / sum s^4 over the last axis: how many directions share the variance."""
    square = np.square(np.asarray(s, np.float64))
    return np.square(square.sum(-1)) / np.maximum(np.square(square).sum(-1), 1e-300)


def linear_dimension(rows: np.ndarray) -> float:
    """`participation` of the principal components of rows [n, D]: (tr C)^2 / tr C^2.

    C is their covariance; its two traces need no eigenvectors, and are those of the products of the
    rows where these are fewer than D.
    """
    moved = rows - rows.mean(0, dtype=np.float64)
    products = moved @ moved.T if len(moved) < moved.shape[1] else moved.T @ moved
    return float(np.trace(products) ** 2 / max(np.square(products).sum(), 1e-300))


def local_dimension(images: np.ndarray, train: np.ndarray) -> judging.Estimate:
    """Mean of `participation` over the neighborhoods of images, and its standard error.

    A linear estimate: by NEIGHBOURS points it is below the dimension, n points of d alike ones
    having about n d / (n + d); where the data bend or are noisy it is above.
    """
    return judging.mean(participation(neighborhood_spectra(images, train)))


def neighborhood_spectra(images: np.ndarray, train: np.ndarray, n: int = NEIGHBOURS) -> np.ndarray:
    """Singular values [images, n] of each image's n nearest training images about their mean."""
    rows, held = baselines.unit_rows(images), baselines.unit_rows(train)
    n = min(n, len(held))
    near = NearestNeighbors(n_neighbors=n, algorithm="brute").fit(held)
    clouds = held[near.kneighbors(rows, return_distance=False)]
    return np.linalg.svd(clouds - clouds.mean(1, keepdims=True), compute_uv=False)
