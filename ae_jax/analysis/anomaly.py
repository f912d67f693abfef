"""Anomaly detection: what a model reconstructs badly it has not seen.

Three scores: the squared error of the reconstruction; the Mahalanobis distance of the code; the
norm of the error's gradient for the image. A threshold for a wanted false-alarm rate comes from
held-out normal images alone (split conformal prediction, Vovk et al. 2005).
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.metrics import roc_auc_score

from ae_jax import controls, scaling
from ae_jax.analysis.copying import shuffled_blocks
from ae_jax.analysis.finding import DEEP, Finding, Study
from ae_jax.api import Run
from ae_jax.figures import image_rows
from ae_jax.model import Batch
from ae_jax.panels import grouped_bars, heat, histograms

FALSE_ALARMS = 0.05
PCA_SIZE = 32  # of the control, at most: PCA of the training images, or of the one class
ONE_CLASS: dict[str, Any] = {**DEEP, "model": {"code_size": 12, "init": "he"}}
STEPS = 700


def auroc(normal: np.ndarray, strange: np.ndarray) -> float:
    """Probability that a strange image scores higher than a normal one; of scores [n] and [m]."""
    truth = np.r_[np.zeros(len(normal)), np.ones(len(strange))]
    return float(roc_auc_score(truth, np.r_[normal, strange]))


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
    def norm(x: jax.Array, variables: Any) -> jax.Array:
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


def scores(run: Run, images: np.ndarray) -> dict[str, np.ndarray]:
    """The three scores [n] of images [n, H, W, C] in [0,1]; the error is summed over the pixels."""
    return {
        "reconstruction error": run.score(images),
        "Mahalanobis of the code": mahalanobis(run.encode(images), run.code_mean, run.code_cov),
        "gradient of the error": gradient_norm(run, images),
    }


def threshold(calibration: np.ndarray, rate: float = FALSE_ALARMS) -> float:
    """The score above which a new normal image lies with probability at most `rate`.

    The ceil((n + 1)(1 - rate))-th smallest of n held-out normal scores; infinite where n is too
    small to promise anything.
    """
    n = len(calibration)
    rank = math.ceil((n + 1) * (1 - rate))
    return float(np.sort(calibration)[rank - 1]) if rank <= n else math.inf


def pca_error(train: np.ndarray, images: np.ndarray, k: int = PCA_SIZE) -> np.ndarray:
    """The control's score [n]: squared distance to the k leading components of the normal data.

    Summed over the pixels, in [0,1] units; `train` are the normal data [m, H, W, C].
    """
    rows, held = controls.unit_rows(images), controls.unit_rows(train)
    mean, V = controls.principal_directions(held, min(k, *held.shape), centred=True)
    moved = rows - mean
    return np.square(moved).sum(1) - np.square(moved @ V).sum(1)


def one_class(study: Study, digit: int, key: jax.Array, test: Any) -> tuple[float, float]:
    """(AUROC of an autoencoder trained on one class, of PCA of that class), the others strange."""
    data = study.data.train
    assert data.labels is not None
    mine = np.flatnonzero(data.labels == digit)
    images = data.images[mine]
    # All classes as large as the largest, some images twice: one compiled program serves all.
    most = int(np.bincount(data.labels).max())
    run = study.fit(key, STEPS, ONE_CLASS, images=data.images[np.resize(mine, most)])
    inside = test.labels == digit
    ours, theirs = run.score(test.images), pca_error(images, test.images)
    return auroc(ours[inside], ours[~inside]), auroc(theirs[inside], theirs[~inside])


def analyse(study: Study, key: jax.Array) -> Finding:
    """The run against another world; and one class at a time against the others.

    Test images are normal; strange are their 4 x 4 blocks shuffled and, where the study has them,
    outsiders. For each class an autoencoder of 12 codes is trained for about 700 x effort steps on
    that class alone. The threshold is of the first half of the test images.

    Returns:
      numbers: 'shuffled blocks', 'another data set': {score: AUROC}; 'alarms': {'wanted', and the
        shares in [0,1] that alarm: 'test_images' (the second half), each world}; with labels
        'one_class': {class: AUROC, 'mean'}.
      control: each world: {'pca_error': AUROC of PCA of the study's training images, as wide as the
        code, at most 32}; 'one_class_pca', as 'one_class', of 32 components of the class.

    Raises:
      NotApplicable: the data are not images of 8 x 8 pixels or more; the decoder is told the label.
    """
    study.need_images()
    study.need_unconditional()
    test = study.test.images
    half = len(test) // 2
    k_blocks, k_one = jax.random.split(key)
    worlds = {"shuffled blocks": shuffled_blocks(test, k_blocks)}
    if study.strange is not None:
        worlds["another data set"] = study.strange[: len(test)]
    normal = scores(study.run, test)
    strange = {name: scores(study.run, images) for name, images in worlds.items()}
    table = {w: {s: auroc(normal[s], v[s]) for s in normal} for w, v in strange.items()}
    k = min(study.run.config.model.code_size, PCA_SIZE)
    pca = pca_error(study.train.images, test, k)
    control: dict[str, Any] = {
        w: {"pca_error": auroc(pca, pca_error(study.train.images, images, k))}
        for w, images in worlds.items()
    }
    error = normal["reconstruction error"]
    cut = threshold(error[:half])
    alarms = {"wanted": FALSE_ALARMS, "test_images": float((error[half:] > cut).mean())}
    alarms |= {w: float((v["reconstruction error"] > cut).mean()) for w, v in strange.items()}
    numbers: dict[str, Any] = {**table, "alarms": alarms}
    world = list(worlds)[-1]
    best = max((v, s) for s, v in table[world].items())
    theirs = control[world]["pca_error"]
    sentence = (
        f"{best[1] if best[0] > theirs else 'PCA'} wins on {world}: AUROC {best[0]:.3f}, "
        f"PCA {theirs:.3f}; {100 * alarms['test_images']:.1f} % false alarms for "
        f"{100 * FALSE_ALARMS:.0f} wanted"
    )
    made = {
        "": histograms(
            {
                s: {"test images": normal[s], **{w: v[s] for w, v in strange.items()}}
                for s in normal
            },
            "score",
            "Scores of the run",
        ),
        "maps": _maps(study, worlds, cut),
    }
    if study.data.train.labels is not None and study.data.test.labels is not None:
        words, numbers["one_class"], control["one_class_pca"], made["one_class"] = _one_classes(
            study, k_one
        )
        sentence += words
    return Finding(numbers, control, sentence, made)


def _one_classes(study: Study, key: jax.Array) -> Any:
    """(words, numbers, the control's, figure) of one model for each class."""
    labels = study.data.train.labels
    assert labels is not None
    found = {
        int(c): one_class(study, int(c), jax.random.fold_in(key, int(c)), study.test)
        for c in np.unique(labels)
    }
    ours: dict[Any, float] = {c: v[0] for c, v in found.items()}
    theirs: dict[Any, float] = {c: v[1] for c, v in found.items()}
    means = [float(np.mean(list(v.values()))) for v in (ours, theirs)]
    words = (
        f"; one class at a time: {'the autoencoders win' if means[0] > means[1] else 'PCA wins'}"
        f", mean AUROC {means[0]:.3f}, PCA {means[1]:.3f}"
    )
    bars = {str(c): {"autoencoder": ours[c], f"PCA, {PCA_SIZE}": theirs[c]} for c in found}
    figure = grouped_bars(
        bars, "Trained on one class alone: the others are anomalies", "AUROC", 0.5, "class"
    )
    return words, {**ours, "mean": means[0]}, {**theirs, "mean": means[1]}, figure


def _maps(study: Study, worlds: dict[str, np.ndarray], cut: float) -> Any:
    """The worst reconstructed test images and strange ones, with the error of every pixel."""
    test = study.test.images
    error = study.run.score(test)
    chosen = {"worst test images": test[np.argsort(-error)[:12]]}
    chosen |= {w: images[:12] for w, images in worlds.items()}
    rows = {}
    for i, (name, images) in enumerate(chosen.items()):
        back = study.run.reconstruct(images)
        rows[name] = images
        rows["reconstruction" + " " * i] = back
        rows["error" + " " * i] = heat(np.square(images - back), 1.0)
    return image_rows(rows, f"Where the error is; an image alarms above {cut:.1f} in all")
