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

from ae_jax.analysis import judge
from ae_jax.analysis.copying import shuffled_blocks
from ae_jax.analysis.finding import DEEP, Finding, NotApplicable, Study
from ae_jax.evaluate import baselines
from ae_jax.figures import image_rows
from ae_jax.figures.panels import grouped_bars, heat, histograms
from ae_jax.model import scaling
from ae_jax.model.pipeline import Batch
from ae_jax.run.trained import Run

FALSE_ALARMS = 0.05
PCA_SIZE = 32  # of the control, at most: PCA of the training images, or of the one class
ONE_CLASS: dict[str, Any] = {**DEEP, "model": {"code_size": 12, "init": "he"}}
STEPS = 700
SCORE = "reconstruction error"  # the one judged and alarmed by; the others stand beside it
MOST_CLASSES = 10  # that one network each is trained for: those with most test images


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
        "Mahalanobis of the code": mahalanobis(run.encode(images), *run.moments("anomaly")),
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
    rows, held = baselines.unit_rows(images), baselines.unit_rows(train)
    mean, V = baselines.principal_directions(held, min(k, *held.shape), centred=True)
    moved = rows - mean
    return np.square(moved).sum(1) - np.square(moved @ V).sum(1)


def classes_alone(study: Study) -> list[int]:
    """The classes to be told from the others: at most ten, those with most test images.

    Raises:
      NotApplicable: there are no labels, one class, or no two with a test image.
    """
    _, seen = study.need_classes()
    counts = {c: int((seen == c).sum()) for c in study.shared_classes}
    return sorted(sorted(counts, key=lambda c: -counts[c])[:MOST_CLASSES])


def one_class(study: Study, digit: int, key: jax.Array) -> tuple[judge.Estimate, ...]:
    """AUROC of an autoencoder trained on one class, of PCA of that class, and the first's gain.

    The other classes are strange.
    """
    labels, seen = study.need_classes()
    data, test = study.data.train.images, study.test.images
    mine = np.flatnonzero(labels == digit)
    # All classes as large as the largest, some images twice: one compiled program serves all.
    most = int(np.unique(labels, return_counts=True)[1].max())
    run = study.fit(key, STEPS, ONE_CLASS, images=data[np.resize(mine, most)])
    inside = seen == digit
    ours, theirs = (
        (score[inside], score[~inside]) for score in (run.score(test), pca_error(data[mine], test))
    )
    return judge.auroc(*ours), judge.auroc(*theirs), judge.auroc_gain(ours, theirs)


def measure(study: Study, worlds: dict[str, np.ndarray]) -> tuple[dict[str, Any], Any, Any, float]:
    """(numbers, the control's, scores, threshold): the run against other worlds."""
    test = study.test.images
    half = len(test) // 2
    normal = scores(study.run, test)
    strange = {name: scores(study.run, images) for name, images in worlds.items()}
    k = min(study.run.config.model.code_size, PCA_SIZE)
    pca = pca_error(study.train.images, test, k)
    numbers: dict[str, Any] = {"run": study.run.config.name, "gains": {}}
    control: dict[str, Any] = {}
    cut = threshold(normal[SCORE][:half])
    alarm = judge.share(normal[SCORE][half:] > cut)
    alarms = {"wanted": FALSE_ALARMS, "test_images": alarm.value, "test_images_error": alarm.error}
    for world, images in worlds.items():
        numbers[world] = {s: judge.auroc(v, strange[world][s]).value for s, v in normal.items()}
        theirs = pca_error(study.train.images, images, k)
        control[world] = {"pca_error": judge.auroc(pca, theirs).value}
        gain = judge.auroc_gain((normal[SCORE], strange[world][SCORE]), (pca, theirs))
        numbers["gains"][world] = {"gain": gain.value, "gain_error": gain.error}
        alarms[world] = float((strange[world][SCORE] > cut).mean())
    return {**numbers, "alarms": alarms}, control, (normal, strange), cut


def sentence(numbers: Any, control: Any) -> str:
    """Who wins, from what `analyse` returns."""
    world = list(numbers["gains"])[-1]
    row, theirs = numbers["gains"][world], control[world]["pca_error"]
    gain = judge.Estimate(row["gain"], row["gain_error"])
    auroc, alarms = numbers[world][SCORE], numbers["alarms"]
    false = judge.Estimate(alarms["test_images"], alarms["test_images_error"])
    return (
        f"{world}, by {SCORE}: {judge.verdict('the run', 'PCA', gain, auroc > 0.5)}, "
        f"{gain.text(100, sign=True)} points (AUROC {auroc:.3f}, PCA {theirs:.3f}); "
        f"{false.text(100)} % false alarms for {100 * alarms['wanted']:.0f} wanted; "
        f"{_class_words(numbers['one_class'], control)}"
    )


def _class_words(row: Any, control: Any) -> str:
    if "skipped" in row:
        return f"one class at a time: skipped, {row['skipped']}"
    gain = judge.Estimate(row["mean_gain"], row["mean_gain_error"])
    who = judge.verdict("the autoencoders", "PCA", gain, row["mean"] > 0.5)
    return (
        f"one class at a time: {who}, {gain.text(100, sign=True)} points (mean AUROC "
        f"{row['mean']:.3f}, PCA {control['one_class_pca']['mean']:.3f})"
    )


def analyse(study: Study, key: jax.Array) -> Finding:
    """The run against another world; and one class at a time against the others.

    Test images are normal; strange are their 4 x 4 blocks shuffled and, where the study has them,
    outsiders. For each class (ten at most) an autoencoder of 12 codes is trained for about 700 x
    effort steps on that class alone. The threshold is of the first half of the test images. Judged
    is the reconstruction error; errors of areas are DeLong's, that of the mean over classes is of
    the classes.

    Returns:
      numbers: 'run', its config's name; 'shuffled blocks', 'another data set': {score: AUROC};
        'gains': for each, {'gain' over PCA, 'gain_error'}; 'alarms': {'wanted', and the shares in
        [0,1] that alarm: 'test_images' (the second half) and its 'test_images_error', each world};
        'one_class': {class: AUROC, 'mean', 'mean_gain' over PCA and 'mean_gain_error', 'gains':
        {class: [gain, error]}} or {'skipped': why}.
      control: each world: {'pca_error': AUROC of PCA of the study's training images, as wide as the
        code, at most 32}; 'one_class_pca', {class: AUROC, 'mean'}, of 32 components of the class.

    Raises:
      NotApplicable: the data are not images of 8 x 8 pixels or more; the decoder is told the label.
    """
    study.need_images()
    study.need_unconditional()
    test = study.test.images
    k_blocks, k_one = jax.random.split(key)
    worlds = {"shuffled blocks": shuffled_blocks(test, k_blocks)}
    if study.strange is not None:
        worlds["another data set"] = study.strange[: len(test)]
    numbers, control, (normal, strange), cut = measure(study, worlds)
    shown = {s: {"test images": v, **{w: strange[w][s] for w in worlds}} for s, v in normal.items()}
    made = {
        "": histograms(shown, "score", "Scores of the run"),
        "maps": _maps(study, worlds, cut),
    }
    try:
        numbers["one_class"], control["one_class_pca"], made["one_class"] = _one_classes(
            study, k_one
        )
    except NotApplicable as reason:
        numbers["one_class"] = {"skipped": str(reason)}
    return Finding(numbers, control, sentence(numbers, control), made)


def _one_classes(study: Study, key: jax.Array) -> Any:
    """(numbers, the control's, figure) of one model for each class."""
    found = {str(c): one_class(study, c, jax.random.fold_in(key, c)) for c in classes_alone(study)}
    ours, theirs = ({c: v[i].value for c, v in found.items()} for i in (0, 1))
    gain = judge.gain(list(ours.values()), list(theirs.values()))
    numbers = {
        **ours,
        "mean": float(np.mean(list(ours.values()))),
        "mean_gain": gain.value,
        "mean_gain_error": gain.error,
        "gains": {c: list(v[2]) for c, v in found.items()},
    }
    bars = {c: {"autoencoder": ours[c], f"PCA, {PCA_SIZE}": theirs[c]} for c in found}
    figure = grouped_bars(
        bars, "Trained on one class alone: the others are anomalies", "AUROC", 0.5, "class"
    )
    return numbers, {**theirs, "mean": float(np.mean(list(theirs.values())))}, figure


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
