"""New images from random codes: which distribution of codes, and are they images?

A plain autoencoder says nothing about where its codes lie; a variational one is trained so that
they lie where N(0, I) does. Judged by a classifier: the share of samples it is sure of, which
classes they are, and how near they are to training images (a copy would be at distance 0).
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from sklearn.mixture import GaussianMixture

from ae_jax.analysis.finding import DEEP, Finding, Study
from ae_jax.analysis.interpolation import nearest_distance
from ae_jax.panels import grouped_bars, image_blocks
from ae_jax.run import Run

SAMPLES = 600
SIGMA = 0.33  # of the Keras tutorial's N(0, sigma), made for codes in [-1, 1]
COMPONENTS = 30
FULL = 64  # codes wider than this get mixtures of diagonal Gaussians
VAE = {
    **DEEP,
    "bottleneck": {"name": "gaussian"},
    "model": {"code_size": 16, "init": "he"},
    "loss": {"name": "bernoulli_nll", "per": "image"},
    "penalties": {"gaussian_kl": {"weight": 1.0}},
}


def samplers(codes: np.ndarray, key: jax.Array, n: int) -> dict[str, np.ndarray]:
    """Name -> n random codes [n, k], for training codes [m, k].

    'narrow normal' N(0, 0.33^2), 'standard normal' N(0, I), 'Gaussian' with the codes' mean and
    covariance, 'mixture' of up to 30 Gaussians, 'box' uniform between the 1 and 99 % quantiles of
    every coordinate.
    """
    k = codes.shape[1]
    k_normal, k_gauss, k_mix, k_box = jax.random.split(key, 4)
    e = np.asarray(jax.random.normal(k_normal, (n, k)))
    low, high = np.quantile(codes, [0.01, 0.99], axis=0)
    u = np.asarray(jax.random.uniform(k_box, (n, k)))
    return {
        "narrow normal": SIGMA * e,
        "standard normal": e,
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
    fitted.fit(codes.astype(np.float64))
    drawn = fitted.sample(n)[0].astype(np.float32)  # component by component
    return drawn[np.asarray(jax.random.permutation(key, n))]


def judged(study: Study, images: np.ndarray) -> dict[str, Any]:
    """What the classifier and the training set say about images [n, H, W, C] in [0,1].

    Returns:
      'recognisable', the share with a confidence over 0.9; 'confidence', the mean; 'class_shares'
      [classes] and 'share_of_ones' (class 1), of the most probable class; all in [0,1];
      'nearest_training_distance', the median Euclidean distance in [0,1] pixel units.
    """
    p = study.classifier.probabilities(images)
    share = np.bincount(p.argmax(1), minlength=p.shape[1]) / len(p)
    near = nearest_distance(np.clip(images, 0, 1), study.train.images)
    return {
        "recognisable": float((p.max(1) > 0.9).mean()),
        "confidence": float(p.max(1).mean()),
        "class_shares": share,
        "share_of_ones": float(share[1]) if len(share) > 1 else 0.0,
        "nearest_training_distance": float(np.median(near)),
    }


def analyse(study: Study, key: jax.Array) -> Finding:
    """The run, and beside it an autoencoder of the other kind, plain or variational.

    The other has 16 codes and is trained for about 1,500 x effort steps. Samplers are fitted to the
    codes of 5,000 training images; 600 samples of each are judged.

    Returns:
      numbers: 'run', its kind, 'AE' or 'VAE'; '<kind>: <sampler>', such as 'VAE: mixture': the
        dict of `judged`. 'narrow normal' is for the AE alone (the Keras tutorial), 'standard
        normal' for the VAE alone.
      control: 'test_images', the same of the study's; 'classifier_accuracy' in [0,1].

    Raises:
      NotApplicable: the data are not images of 8 x 8 pixels or more; they have no labels; the
        decoder is told the label.
    """
    study.need_images()
    study.need_labels()
    study.need_unconditional()
    k_other, k_codes = jax.random.split(key)
    variational = study.run.config.bottleneck.name == "gaussian"
    if variational:
        other = study.fit(k_other, 1500, DEEP, {"model.code_size": 16})
    else:
        other = study.fit(k_other, 1500, VAE)
    kinds = ("VAE", "AE") if variational else ("AE", "VAE")
    images = {
        f"{kind}: {name}": made
        for kind, run in zip(kinds, (study.run, other), strict=True)
        for name, made in generated(run, study.train.images, k_codes).items()
    }
    table = {name: judged(study, made) for name, made in images.items()}
    real = judged(study, study.test.images)
    shares = {name: row["recognisable"] for name, row in table.items()}
    best = max(shares, key=lambda name: shares[name])
    mine = max((v, name) for name, v in shares.items() if name.startswith(kinds[0]))
    sentence = (
        f"{best} wins: {100 * shares[best]:.0f} % recognisable (the run's best, {mine[1]}: "
        f"{100 * mine[0]:.0f} %; test images {100 * real['recognisable']:.0f} %), "
        f"{100 * table[best]['share_of_ones']:.0f} % ones; nearest training image at "
        f"{table[best]['nearest_training_distance']:.1f}, of a test image "
        f"{real['nearest_training_distance']:.1f}"
    )
    control = {"test_images": real, "classifier_accuracy": study.classifier.accuracy}
    return Finding({"run": kinds[0], **table}, control, sentence, _figures(images, table, real))


def generated(run: Run, train: np.ndarray, key: jax.Array) -> dict[str, np.ndarray]:
    """Sampler -> images [600, H, W, C] of random codes, from those of 5,000 images of `train`."""
    codes = samplers(run.encode(train[:5000]), key, SAMPLES)
    if run.config.bottleneck.name == "gaussian":
        del codes["narrow normal"]
    else:
        del codes["standard normal"]
    return {name: run.decode(z) for name, z in codes.items()}


def _figures(images: Mapping[str, np.ndarray], table: Mapping[str, Any], real: Any) -> Any:
    blocks = {f"{n}\n{100 * table[n]['recognisable']:.0f} %": v[:36] for n, v in images.items()}
    shares = {n: row["class_shares"] for n, row in table.items()}
    best = sorted(shares, key=lambda n: -table[n]["recognisable"])[:3]
    classes = {
        f"{c}": {
            **{n: 100 * shares[n][c] for n in best},
            "test images": 100 * real["class_shares"][c],
        }
        for c in range(len(real["class_shares"]))
    }
    title = "Random codes, decoded; the share with a confidence over 0.9"
    return {
        "": image_blocks(blocks, title, side=56),
        "classes": grouped_bars(
            classes, "Which classes the samples are", "share (%)", xlabel="class"
        ),
    }
