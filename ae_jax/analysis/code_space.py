"""Views of the codes: scatter plots, histograms, PCA, kernel PCA, t-SNE.

The kernels are the Keras tutorial's: polynomial of gamma 0.15, degree 2 (two dimensions) and gamma
0.18, degree 5 (three), radial of gamma 0.18. A view is scored by how often the ten nearest
neighbours of a point in it have the point's label.
"""

from typing import Any

import jax
import numpy as np
from sklearn.decomposition import PCA, KernelPCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

from ae_jax import controls
from ae_jax.analysis.finding import Finding, Study
from ae_jax.code_charts import code_histograms, code_scatter
from ae_jax.panels import scatter_panels

POINTS, TSNE_POINTS = 3000, 1000
AXES = ("first coordinate", "second coordinate", "third coordinate")  # of a view
KERNELS: dict[str, dict[str, Any]] = {
    "poly, gamma 0.15, degree 2": {"kernel": "poly", "gamma": 0.15, "degree": 2},
    "poly, gamma 0.18, degree 5": {"kernel": "poly", "gamma": 0.18, "degree": 5},
    "rbf, gamma 0.18": {"kernel": "rbf", "gamma": 0.18},
}


def views(codes: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Name -> coordinates [m, 2 or 3] of codes [n, k]; m is at most 3,000, for t-SNE 1,000.

    The inner products of more codes in kernel PCA would fill the memory. Of codes of one number
    PCA gives [m, 1], and there are no first two coordinates.
    """
    codes = np.asarray(codes, np.float64)[:POINTS]
    found = {}
    if codes.shape[1] >= 2:
        found["first two coordinates"] = codes[:, :2]
    components = min(3, codes.shape[1], len(codes) - 1)
    found["PCA"] = PCA(components, random_state=seed).fit_transform(codes)
    for name, options in KERNELS.items():
        fitted = KernelPCA(3, eigen_solver="randomized", random_state=seed, **options)
        found[name] = fitted.fit_transform(codes)
    few = codes[:TSNE_POINTS]
    perplexity = min(30.0, (len(few) - 1) / 3)
    found["t-SNE"] = TSNE(
        perplexity=perplexity, init="pca", max_iter=500, random_state=seed
    ).fit_transform(few)
    return found


def purity(points: np.ndarray, labels: np.ndarray, neighbours: int = 10) -> float:
    """Mean share, in [0,1], of a point's nearest neighbours [n, d] that have its label [n]."""
    neighbours = min(neighbours, len(points) - 1)
    index = NearestNeighbors(n_neighbors=neighbours + 1).fit(points)
    near = index.kneighbors(points, return_distance=False)[:, 1:]
    return float((labels[near] == labels[:, None]).mean())


def analyse(study: Study, key: jax.Array) -> Finding:
    """3,000 training codes of the run; the control is PCA of the pixels in two dimensions.

    Nothing is trained. The kernels are the Keras tutorial's; t-SNE sees 1,000 of the images.

    Returns:
      numbers: 'purity': {view: share in [0,1] of the ten nearest neighbours with a point's label},
        in the view's first two coordinates.
      control: the same of 'pixels, PCA' and 'pixels, t-SNE'.

    Raises:
      NotApplicable: the data have no labels.
    """
    study.need_labels()
    images, labels = study.train.images[:POINTS], np.asarray(study.train.labels)[:POINTS]
    codes = study.run.encode(images)
    seed = int(jax.random.randint(key, (), 0, 2**31 - 1))
    found = views(codes, seed)
    flat = {name: points[:, :2] for name, points in found.items() if points.shape[1] >= 2}
    scores = {name: purity(points, labels[: len(points)]) for name, points in flat.items()}
    rows = controls.unit_rows(images)
    few = slice(0, TSNE_POINTS)
    control = {
        "pixels, PCA": purity(PCA(2, random_state=seed).fit_transform(rows), labels),
        "pixels, t-SNE": purity(views_of_pixels(rows[few], seed), labels[few]),
    }
    best = max(scores, key=lambda name: scores[name])
    beside = control["pixels, t-SNE" if best == "t-SNE" else "pixels, PCA"]
    word = "the codes win" if scores[best] > beside else "the pixels win"
    sentence = (
        f"{word}: {100 * scores[best]:.0f} % of ten neighbours share a label in the best view, "
        f"{best}; the same of pixels {100 * beside:.0f} %"
    )
    shown = {f"{name}: {100 * scores[name]:.0f} %": points for name, points in flat.items()}
    few_labels = labels[:TSNE_POINTS]
    made = {
        "": scatter_panels(
            {name: points[:TSNE_POINTS] for name, points in shown.items()},
            few_labels,
            f"Codes of {len(few_labels):,} images; share of neighbours with the same label",
        ),
        "histograms": code_histograms(codes),
    }
    for name, points in found.items():
        if points.shape[1] == 3 and name != "PCA":
            end = "3d_" + name.split(",")[0] + name.split()[-1]
            made[end] = code_scatter(
                points, labels, 3, f"Kernel PCA in three dimensions: {name}", AXES
            )
    return Finding({"purity": scores}, control, sentence, made)


def views_of_pixels(rows: np.ndarray, seed: int) -> np.ndarray:
    """t-SNE [n, 2] of pixels [n, D], through 30 principal components as its authors advise."""
    first = PCA(min(30, *rows.shape), random_state=seed).fit_transform(rows)
    perplexity = min(30.0, (len(rows) - 1) / 3)
    return TSNE(perplexity=perplexity, init="pca", max_iter=500, random_state=seed).fit_transform(
        first
    )
