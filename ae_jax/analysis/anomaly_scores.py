"""How strange an image is to a model, and the score above which to raise an alarm.

Three scores: the squared error of the reconstruction; the Mahalanobis distance of the code; the
norm of the error's gradient for the image. A threshold for a wanted false-alarm rate is that of
`ae_jax.evaluate.conformal`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.evaluate import baselines
from ae_jax.model import scaling
from ae_jax.model.pipeline import Batch, Variables
from ae_jax.run.trained import Run

PCA_SIZE = 32  # of the control, at most: PCA of the training images, or of the one class


class Scores(NamedTuple):
    """Three scores of images [n]; the higher, the stranger."""

    error: np.ndarray  # of the reconstruction, squared, summed over the pixels in [0,1] units
    mahalanobis: np.ndarray  # of the code
    gradient: np.ndarray  # of the error for the image, its norm


def mahalanobis(codes: np.ndarray, mean: np.ndarray, cov: np.ndarray) -> np.ndarray:
    """(z - m)^T C^-1 (z - m) [n] of codes z [n, k], their mean m [k] and covariance C [k, k].

    C gets a ridge of a thousandth of its mean variance.
    """
    ridge = 1e-3 * np.trace(cov) / len(cov) + 1e-12
    off = codes - mean
    return np.einsum("nk,kn->n", off, np.linalg.solve(cov + ridge * np.eye(len(cov)), off.T))


def gradient_norm(run: Run, images: np.ndarray) -> np.ndarray:
    """||d/dx ||x - r(x)||^2|| [n], x [n, H, W, C] in [0,1]: how fast the error can be made less."""

    @jax.jit
    def norm(x: jax.Array, variables: Variables) -> jax.Array:
        def error(image: jax.Array) -> jax.Array:
            seen = scaling.to_network(image[None], run.model.scale)
            back = scaling.to_unit(
                run.model.run(variables, Batch(seen), None).x_hat, run.model.scale
            )
            return jnp.sum(jnp.square(image - back[0]))

        return jnp.sqrt(jnp.sum(jnp.square(jax.vmap(jax.grad(error))(x)), (1, 2, 3)))

    parts = [
        norm(jnp.asarray(images[i : i + 500]), run.variables) for i in range(0, len(images), 500)
    ]
    return np.concatenate([np.asarray(p) for p in parts])


def scores(run: Run, images: np.ndarray) -> Scores:
    """Of images [n, H, W, C] in [0,1]."""
    distance = mahalanobis(run.encode(images), *run.moments("anomaly"))
    return Scores(run.score(images), distance, gradient_norm(run, images))


def pca_error(train: np.ndarray, images: np.ndarray, k: int = PCA_SIZE) -> np.ndarray:
    """The control's score [n]: squared distance to the k leading components of the normal data.

    Summed over the pixels, in [0,1] units; `train` are the normal data [m, H, W, C].
    """
    rows, held = baselines.unit_rows(images), baselines.unit_rows(train)
    mean, V = baselines.principal_directions(held, min(k, *held.shape), centred=True)
    moved = rows - mean
    return np.square(moved).sum(1) - np.square(moved @ V).sum(1)
