"""Views of the codes: scatter plots, histograms, PCA, kernel PCA, t-SNE.

The kernels are the Keras tutorial's: polynomial of gamma 0.15, degree 2 (two dimensions) and gamma
0.18, degree 5 (three), radial of gamma 0.18. A view is scored by how often the ten nearest
neighbors of a point in it have the point's label, beside two controls: PCA of the pixels, and the
same view of the pixels.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypedDict

import jax
import numpy as np
from sklearn.decomposition import PCA, KernelPCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

from ae_jax.analysis import judge as judging
from ae_jax.analysis.finding import Application, Measured, Study
from ae_jax.analysis.judge import Estimate
from ae_jax.evaluate import baselines
from ae_jax.figures.code_charts import code_histograms, code_scatter
from ae_jax.figures.panels import scatter_panels

POINTS, TSNE_POINTS = 3000, 1000
TSNE_WIDTH = 30
FIRST = "first two coordinates"
AXES = ("first coordinate", "second coordinate", "third coordinate")  # of a view
KERNELS: dict[str, dict[str, Any]] = {
    "poly, gamma 0.15, degree 2": {"kernel": "poly", "gamma": 0.15, "degree": 2},
    "poly, gamma 0.18, degree 5": {"kernel": "poly", "gamma": 0.18, "degree": 5},
    "rbf, gamma 0.18": {"kernel": "rbf", "gamma": 0.18},
}


class Numbers(TypedDict):
    """Of the codes, view -> number, in the view's first two coordinates."""

    purity: dict[str, Estimate]  # share in [0,1] of a point's ten nearest that have its label
    gain_over_pca: dict[str, Estimate]  # share more than PCA of the pixels, point by point
    gain_over_same_view: dict[str, Estimate]  # share more than the same view of the pixels


Control = TypedDict(
    "Control",
    {
        "pixels, PCA": dict[str, Estimate],  # purity of as many points as the view has
        "pixels, same view": dict[str, Estimate],
    },
)


class Shown(NamedTuple):
    """What the figures show, of n images."""

    codes: np.ndarray  # [n, k]
    labels: np.ndarray  # [n]
    views: dict[str, np.ndarray]  # view -> coordinates of the codes [m, 1, 2 or 3]
    pixels: dict[str, np.ndarray]  # view -> coordinates of the pixels [m, 2]


def views(codes: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Name -> coordinates [m, 2 or 3] of codes [n, k]; m is at most 3,000, for t-SNE 1,000.

    The inner products of more codes in kernel PCA would fill the memory. t-SNE sees more than 30
    numbers through 30 principal components, as its authors advise. Of codes of one number PCA gives
    [m, 1], and there are no first two coordinates.
    """
    codes = np.asarray(codes, np.float64)[:POINTS]
    found = {}
    if codes.shape[1] >= 2:
        found[FIRST] = codes[:, :2]
    components = min(3, codes.shape[1], len(codes) - 1)
    found["PCA"] = PCA(components, random_state=seed).fit_transform(codes)
    for name, options in KERNELS.items():
        fitted = KernelPCA(3, eigen_solver="randomized", random_state=seed, **options)
        found[name] = fitted.fit_transform(codes)
    few = codes[:TSNE_POINTS]
    if few.shape[1] > TSNE_WIDTH:
        few = PCA(min(TSNE_WIDTH, len(few)), random_state=seed).fit_transform(few)
    perplexity = min(30.0, (len(few) - 1) / 3)
    init = "pca" if few.shape[1] >= 2 else "random"  # which needs as many numbers as it draws
    found["t-SNE"] = TSNE(
        perplexity=perplexity, init=init, max_iter=500, random_state=seed
    ).fit_transform(few)
    return found


def agreement(points: np.ndarray, labels: np.ndarray, neighbors: int = 10) -> np.ndarray:
    """The share, in [0,1], of each point's nearest neighbors [n, d] that have its label [n]."""
    neighbors = min(neighbors, len(points) - 1)
    index = NearestNeighbors(n_neighbors=neighbors + 1).fit(points)
    near = index.kneighbors(points, return_distance=False)[:, 1:]
    return np.asarray((labels[near] == labels[:, None]).mean(1))


def flat(found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The views' first two coordinates; of those that have two."""
    return {name: points[:, :2] for name, points in found.items() if points.shape[1] >= 2}


def scored(
    codes: Mapping[str, np.ndarray], pixels: Mapping[str, np.ndarray], labels: np.ndarray
) -> tuple[Numbers, Control]:
    """(numbers, control) of views [m, 2] of the codes, of the pixels.

    The pixels' first two coordinates, two corners of the image, are no view.
    """
    purity: dict[str, Estimate] = {}
    pca: dict[str, Estimate] = {}
    same: dict[str, Estimate] = {}
    over_pca: dict[str, Estimate] = {}
    over_same: dict[str, Estimate] = {}
    for name, points in codes.items():
        some = labels[: len(points)]
        ours = agreement(points, some)
        purity[name] = judging.mean(ours)
        linear = agreement(pixels["PCA"][: len(points)], some)
        pca[name] = judging.mean(linear)
        over_pca[name] = judging.gain(ours, linear)
        if name != FIRST:
            theirs = agreement(pixels[name], some)
            same[name] = judging.mean(theirs)
            over_same[name] = judging.gain(ours, theirs)
    numbers: Numbers = {
        "purity": purity,
        "gain_over_pca": over_pca,
        "gain_over_same_view": over_same,
    }
    return numbers, {"pixels, PCA": pca, "pixels, same view": same}


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """Every view of the run's codes, and of the pixels."""
    study.need_classes()
    images, labels = study.train.images[:POINTS], np.asarray(study.train.labels)[:POINTS]
    codes = study.run.encode(images)
    seed = int(jax.random.randint(key, (), 0, 2**31 - 1))
    found, pixels = views(codes, seed), flat(views(baselines.unit_rows(images), seed))
    return Measured(*scored(flat(found), pixels, labels), Shown(codes, labels, found, pixels))


def judge(numbers: Numbers, control: Control) -> str:
    """In which views the codes win over both controls."""
    grouped: dict[str, list[str]] = {"win": [], "tie": [], "lose": []}
    linear, same = control["pixels, PCA"], control["pixels, same view"]
    for name, purity in numbers["purity"].items():
        gains, words = [numbers["gain_over_pca"][name]], f"{Estimate(*purity).text(100)} %"
        if name in same and name != "PCA":
            gains.append(numbers["gain_over_same_view"][name])
            words += f" (of pixels {Estimate(*same[name]).text(100)} %)"
        sign = min(judging.beyond(Estimate(*gain)) for gain in gains)
        grouped[("lose", "tie", "win")[1 + sign]].append(f"{name} {words}")
    said = [f"{verb} in {', '.join(names)}" for verb, names in grouped.items() if names]
    return (
        f"of ten neighbors {Estimate(*linear['PCA']).text(100)} % share a label in PCA of the "
        f"pixels; the codes {'; they '.join(said)}"
    )


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """Every view beside that of the pixels; 'histograms' of the codes; '3d_...', kernel PCA's."""
    numbers, control, shown = measured
    few = shown.labels[:TSNE_POINTS]
    panels = {
        **_titled("", flat(shown.views), numbers["purity"]),
        **_titled("pixels, ", shown.pixels, control["pixels, same view"]),
    }
    title = f"Codes and pixels of {len(few):,} images; share of neighbors with the same label"
    made = {"": scatter_panels(panels, few, title), "histograms": code_histograms(shown.codes)}
    for name, options in KERNELS.items():
        if shown.views[name].shape[1] < 3:  # of fewer than three images
            continue
        end = f"3d_{options['kernel']}{options.get('degree', options['gamma'])}"
        title = f"Kernel PCA in three dimensions: {name}"
        made[end] = code_scatter(shown.views[name], shown.labels, 3, title, AXES)
    return made


def _titled(
    what: str, points: Mapping[str, np.ndarray], shares: Mapping[str, Estimate]
) -> dict[str, np.ndarray]:
    """The views that have a share, under titles that say it."""
    return {
        f"{what}{name}: {100 * shares[name][0]:.0f} %": v[:TSNE_POINTS]
        for name, v in points.items()
        if name in shares
    }


APPLICATION = Application(measure, judge, draw)
"""3,000 training codes of the run, in every view beside PCA of the pixels and the same view.

Nothing is trained. The kernels are the Keras tutorial's; t-SNE sees 1,000 of the images, and its
control is PCA of the pixels at the same 1,000.

Raises:
  NotApplicable: the data have no labels or one class.
"""
