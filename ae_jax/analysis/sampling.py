"""Random codes, of distributions fitted to the codes of data, and what their images are."""

import warnings
from typing import NotRequired, TypedDict

import jax
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from ae_jax.analysis import frechet
from ae_jax.analysis import judge as judging
from ae_jax.analysis.classifier import CONFIDENT
from ae_jax.analysis.finding import Study
from ae_jax.analysis.interpolation import nearest_distance
from ae_jax.analysis.judge import Estimate
from ae_jax.model.bottleneck.base import Prior
from ae_jax.model.bottleneck.gaussian import STANDARD_NORMAL

SAMPLES = 600
COMPONENTS = 30
FULL = 64  # codes wider than this get mixtures of diagonal Gaussians


def samplers(
    codes: np.ndarray, key: jax.Array, n: int, prior: Prior = STANDARD_NORMAL
) -> dict[str, np.ndarray]:
    """Name -> n random codes [n, k], for training codes [m, k].

    The `prior` under its name, 'Gaussian' with the codes' mean and covariance, 'mixture' of up to
    30 Gaussians, 'box' uniform between the 1 and 99 % quantiles of every coordinate.
    """
    k = codes.shape[1]
    k_normal, k_gauss, k_mix, k_box = jax.random.split(key, 4)
    low, high = np.quantile(codes, [0.01, 0.99], axis=0)
    u = np.asarray(jax.random.uniform(k_box, (n, k)))
    return {
        prior.name: np.asarray(prior.sample(k_normal, (n, k))),
        "Gaussian": gaussian(codes, k_gauss, n),
        "mixture": mixture(codes, k_mix, n),
        "box": (low + (high - low) * u).astype(np.float32),
    }


def gaussian(codes: np.ndarray, key: jax.Array, n: int) -> np.ndarray:
    """n draws [n, k] from the Gaussian with the mean and covariance of codes [m, k]."""
    values, vectors = np.linalg.eigh(np.cov(codes, rowvar=False).reshape(codes.shape[1], -1))
    root = vectors * np.sqrt(np.maximum(values, 0))
    return codes.mean(0) + np.asarray(jax.random.normal(key, (n, codes.shape[1]))) @ root.T


def mixture(codes: np.ndarray, key: jax.Array, n: int) -> np.ndarray:
    """n draws [n, k] from a mixture of Gaussians fitted to codes [m, k] by scikit-learn.

    At most 30 components, one for every 50 codes; covariances are diagonal above 64 numbers.
    """
    seed = int(jax.random.randint(key, (), 0, 2**31 - 1))
    components = max(1, min(COMPONENTS, len(codes) // 50))
    kind = "full" if codes.shape[1] <= FULL else "diag"
    # The ridge is in the code's own units.
    ridge = 1e-4 * float(codes.var(0).mean()) + 1e-9
    fitted = GaussianMixture(
        components,
        covariance_type=kind,
        reg_covar=ridge,
        random_state=seed,
        max_iter=30,
        tol=1e-2,
        init_params="k-means++",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 30 rounds are near enough
        fitted.fit(codes.astype(np.float64))
    drawn = fitted.sample(n)[0].astype(np.float32)  # component by component
    return drawn[np.asarray(jax.random.permutation(key, n))]


class Judged(TypedDict):
    """What the classifier and the training set say about images."""

    recognizable: Estimate  # share with a confidence over 0.9
    ones: Estimate  # share whose most probable class is 1
    confidence: float  # mean, in [0,1]
    class_shares: list[float]  # of each class, as the most probable one
    nearest_training_distance: float  # median, Euclidean, in [0,1] pixel units
    frechet: NotRequired[Estimate]  # to the test images, see `frechet`; older files lack it


def judged(study: Study, images: np.ndarray) -> Judged:
    """What the classifier and the training set say about images [n, H, W, C] in [0,1]."""
    p = study.classifier.probabilities(images)
    near = nearest_distance(np.clip(images, 0, 1), study.train.images)
    return {
        "recognizable": judging.share(p.max(1) > CONFIDENT),
        "ones": judging.share(p.argmax(1) == 1),
        "confidence": float(p.max(1).mean()),
        "class_shares": (np.bincount(p.argmax(1), minlength=p.shape[1]) / len(p)).tolist(),
        "nearest_training_distance": float(np.median(near)),
        "frechet": frechet.estimate(study.classifier.codes(images), study.test_codes),
    }
