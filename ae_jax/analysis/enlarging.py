"""Small images made large: by a network, by energy minimization, and by what needs neither."""

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.analysis import denoising
from ae_jax.analysis.energy import closest, prior_of
from ae_jax.analysis.finding import Study
from ae_jax.evaluate import baselines
from ae_jax.model.corruption import enlarge, shrink
from ae_jax.model.pipeline import Tree
from ae_jax.run.trained import Run

NETWORK = {
    "encoder": {"code_activation": "relu"},
    "decoder": {"output": "sigmoid"},
    "model": {"code_size": 600, "init": "he"},
    "optim": {"learning_rate": 2e-3, "schedule": "cosine"},
    "train": {"batch_size": 128},
}
STEPS = 1200


def bicubic(small: np.ndarray, factor: int) -> np.ndarray:
    """The control: small images [n, h, w, C] enlarged `factor` times, clipped to [0,1]."""
    return np.clip(np.asarray(enlarge(jnp.asarray(small), factor)), 0, 1)


def consistent(images: np.ndarray, small: np.ndarray, factor: int) -> np.ndarray:
    """The closest images whose means over factor x factor pixels are `small` (then clipped).

    x + A^T (y - A x) with A^T repeating a pixel: the orthogonal projection, as A A^T is a multiple
    of the identity.
    """
    wrong = np.asarray(small) - np.asarray(shrink(jnp.asarray(images), factor))
    return np.clip(images + wrong.repeat(factor, 1).repeat(factor, 2), 0, 1)


def upscale(run: Run, small: np.ndarray, factor: int) -> np.ndarray:
    """[n, h, w, C] -> [n, H, W, C] by a run trained on `downscale` of that factor, `consistent`."""
    return consistent(
        run.reconstruct(np.asarray(enlarge(jnp.asarray(small), factor))), small, factor
    )


def by_two(image: jax.Array, datum: Tree) -> jax.Array:
    """The operator of energy minimization at factor 2: [H, W, C] -> means [H / 2, W / 2, C]."""
    return shrink(image[None], 2)[0]


def by_four(image: jax.Array, datum: Tree) -> jax.Array:
    """At factor 4."""
    return shrink(image[None], 4)[0]


def by_energy(run: Run, small: np.ndarray, factor: int, train: np.ndarray) -> np.ndarray:
    """The closest point of any run's manifold to what is known, from two starts, `consistent`.

    [n, h, w, C] -> [n, H, W, C]; the starts are the codes of the bicubic image and the mean code of
    `train`; the factor is 2 or 4 (else KeyError).
    """
    start = run.encode(np.clip(enlarge(jnp.asarray(small), factor), 0, 1))
    mean = np.broadcast_to(run.encode(train).mean(0), start.shape)
    data = (jnp.asarray(small), jnp.zeros(len(small)))
    operator = {2: by_two, 4: by_four}[factor]
    found = closest(run, prior_of(run, train), operator, data, [start, mean])
    return consistent(run.decode(np.asarray(found.x)), small, factor)


def linear(
    study: Study, run: Run, small: np.ndarray, factor: int, key: jax.Array
) -> np.ndarray | None:
    """The learned control: the best affine map of enlarged training images, `consistent`.

    None where there are too many pixels to solve for.
    """
    gray = run.model._replace(binarize=False)
    W = baselines.linear_denoiser(gray, study.data.train.images, key)
    if W is None:
        return None
    large = np.asarray(enlarge(jnp.asarray(small), factor))
    return consistent(denoising.linear(W, large, run.model.scale), small, factor)


def network(study: Study, key: jax.Array, factor: int, images: np.ndarray | None = None) -> Run:
    """A network for one factor, trained on the training set or on other images [n, H, W, C]."""
    noise = {"corruption": {"name": "downscale", "factor": factor}}
    return study.fit(key, STEPS, NETWORK, noise, images=images)
