"""The manifold a model has learnt: its dimension and tangents, and walks along it.

The Jacobian of r = g(f(x)) shows which small changes of an image a reconstruction follows: its
singular values are near 1 along the manifold and 0 across it (Rifai et al. 2011b). They depend on
no coordinates of the code. A denoising autoencoder's r(x) - x points to where data are denser,
(r(x) - x) / sigma^2 -> d log p / dx (Alain & Bengio 2014), and alternating noise and denoising
samples from what it has learnt (Bengio et al. 2013).
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.neighbors import NearestNeighbors

from ae_jax.analysis import curve
from ae_jax.analysis.finding import Finding, Study
from ae_jax.analysis.interpolation import nearest_distance
from ae_jax.evaluate import baselines
from ae_jax.evaluate.manifold import CURVES
from ae_jax.figures import image_rows
from ae_jax.figures.panels import Panel, line_panels, signed_blocks
from ae_jax.model import scaling
from ae_jax.model.pipeline import Model, Variables
from ae_jax.run.trained import Run

POINTS, NEIGHBOURS, TANGENTS = 12, 30, 6
WALK, CHAINS = 20, 100


def tangents(run: Run, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(singular values [n, k], left singular vectors [n, k, H, W, C]) of dr/dx at images [0,1].

    k is the size of the code, at most the number of pixels; larger values first.
    """
    s, U = _tangents(run.model, run.variables, jnp.asarray(images))
    return np.asarray(s), np.asarray(U).reshape(*s.shape, *run.model.shape)


@partial(jax.jit, static_argnums=0)
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


def neighbourhood_spectra(images: np.ndarray, train: np.ndarray, n: int = NEIGHBOURS) -> np.ndarray:
    """Singular values [images, n] of each image's n nearest training images about their mean."""
    rows, held = baselines.unit_rows(images), baselines.unit_rows(train)
    n = min(n, len(held))
    near = NearestNeighbors(n_neighbors=n, algorithm="brute").fit(held)
    clouds = held[near.kneighbors(rows, return_distance=False)]
    return np.linalg.svd(clouds - clouds.mean(1, keepdims=True), compute_uv=False)


def independent_pixels(images: np.ndarray, n: int, key: jax.Array) -> np.ndarray:
    """n arrays, each pixel that of another random image: the right pixels, and no shape at all."""
    flat = images.reshape(len(images), -1)
    chosen = np.asarray(jax.random.randint(key, (n, flat.shape[1]), 0, len(flat)))
    return flat[chosen, np.arange(flat.shape[1])[None]].reshape(n, *images.shape[1:])


def walk_back(run: Run, start: np.ndarray, key: jax.Array, steps: int = WALK) -> np.ndarray:
    """[steps + 1, n, H, W, C]: x <- r(x~), x~ drawn from the run's own corruption of x.

    A chain whose stationary distribution is the one the denoiser has learnt.
    """
    found = [np.asarray(start, np.float32)]
    for k in jax.random.split(key, steps):
        x = np.clip(found[-1], 0, 1)
        found.append(run.reconstruct(run.corrupt(x, k)))
    return np.stack(found)


def analyse(study: Study, key: jax.Array) -> Finding:
    """Images: spectra and walks. Points of a known curve: see `curve.analyse`.

    Nothing is trained. Spectra are of 12 test images and of uniform noise; 100 chains of 20 steps,
    only of a run trained with noise, start from independent pixels. Distances are medians, in [0,1]
    pixel units, to the nearest of the study's training images.

    Returns:
      numbers: 'dimension' (`participation`) and 'followed_directions' (singular values over 1/2),
        counts; 'largest_singular_value'; 'dimension_off_the_data', at the noise;
        'walk_distance' [21].
      control: 'nearest_neighbours_dimension', of the 30 nearest training images; 'pca_dimension';
        'code_size'; 'start_distance'; 'test_image_distance'.

    Raises:
      NotApplicable: neither images of 8 x 8 pixels or more nor a known curve; the decoder is told
        the label.
    """
    if study.data.name in CURVES:
        return curve.analyse(study, key)
    study.need_images()
    study.need_unconditional()
    images, train = study.test.images[:POINTS], study.train.images
    s, U = tangents(study.run, images)
    noise = np.asarray(jax.random.uniform(key, images.shape))
    off, _ = tangents(study.run, noise)
    local = neighbourhood_spectra(images, train)
    numbers: dict[str, Any] = {
        "dimension": float(participation(s).mean()),
        "followed_directions": float((s > 0.5).sum(1).mean()),
        "largest_singular_value": float(s[:, 0].mean()),
        "dimension_off_the_data": float(participation(off).mean()),
    }
    control: dict[str, Any] = {
        "nearest_neighbours_dimension": float(participation(local).mean()),
        "pca_dimension": linear_dimension(baselines.unit_rows(train)),
        "code_size": study.run.config.model.code_size,
    }
    sentence = (
        f"locally {numbers['dimension']:.1f} dimensions out of {control['code_size']} numbers "
        f"in the code (nearest neighbours {control['nearest_neighbours_dimension']:.1f}, "
        f"all of the data {control['pca_dimension']:.1f}); "
        f"{numbers['followed_directions']:.1f} directions pass the reconstruction by more than half"
    )
    made: dict[str, Any] = {"tangents": _tangent_images(images, U)}
    panels = [_spectra(s, off)]
    if study.run.model.corrupts:
        distance, made["walk"] = _walk(study, jax.random.fold_in(key, 1))
        numbers["walk_distance"] = distance
        control["start_distance"] = distance[0]
        control["test_image_distance"] = near = _distance(study.test.images[:CHAINS], train)
        panels.append(
            Panel(
                "Walk-back sampling from noise",
                "step",
                "distance to the nearest training image",
                {
                    "median over chains": (np.arange(len(distance)), distance),
                    "test images": ([0, WALK], [near, near]),
                },
                ["test images"],
            )
        )
        sentence += (
            f"; a walk from noise at {distance[0]:.1f} from the nearest training image ends at "
            f"{distance[-1]:.1f}, test images are at {near:.1f}"
        )
    made = {"": line_panels(panels, f"The manifold of {study.run.config.name}"), **made}
    return Finding(numbers, control, sentence, made)


def _spectra(s: np.ndarray, off: np.ndarray) -> Panel:
    shown = slice(0, 64)
    index = np.arange(1, s.shape[1] + 1)[shown]
    return Panel(
        "Which changes a reconstruction follows",
        "singular value of dr/dx, largest first",
        "mean over images",
        {
            "at test images": (index, s.mean(0)[shown]),
            "at uniform noise": (index, off.mean(0)[shown]),
        },
    )


def _tangent_images(images: np.ndarray, U: np.ndarray) -> Any:
    few = slice(0, 6)
    rows = [(image, vectors[:TANGENTS]) for image, vectors in zip(images[few], U[few], strict=True)]
    return signed_blocks(rows, "Test images and the directions in which the manifold goes on")


def _walk(study: Study, key: jax.Array) -> tuple[list[float], Any]:
    """(distance to the data at every step, figure)."""
    k_start, k_walk = jax.random.split(key)
    train = study.train.images
    found = walk_back(study.run, independent_pixels(train, CHAINS, k_start), k_walk)
    distance = [_distance(images, train) for images in found]
    rows = {f"step {i}": found[i][:12] for i in (0, 1, 2, 5, 10, WALK)}
    return distance, image_rows(rows, "Noise and denoising in turn, from independent pixels")


def _distance(images: np.ndarray, train: np.ndarray) -> float:
    return float(np.median(nearest_distance(np.clip(images, 0, 1), train)))
