"""Views of the codes: scatter plots, histograms, PCA, kernel PCA, t-SNE.

The kernels are the Keras tutorial's: polynomial of gamma 0.15, degree 2 (two dimensions) and gamma
0.18, degree 5 (three), radial of gamma 0.18. A view is scored by how often the ten nearest
neighbors of a point in it have the point's label, beside two controls: PCA of the pixels, and the
same view of the pixels.
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from sklearn.decomposition import PCA, KernelPCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

from ae_jax.analysis import judge
from ae_jax.analysis.finding import Finding, Study
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
    found["t-SNE"] = TSNE(
        perplexity=perplexity, init="pca", max_iter=500, random_state=seed
    ).fit_transform(few)
    return found


def agreement(points: np.ndarray, labels: np.ndarray, neighbours: int = 10) -> np.ndarray:
    """The share, in [0,1], of each point's nearest neighbors [n, d] that have its label [n]."""
    neighbours = min(neighbours, len(points) - 1)
    index = NearestNeighbors(n_neighbors=neighbours + 1).fit(points)
    near = index.kneighbors(points, return_distance=False)[:, 1:]
    return np.asarray((labels[near] == labels[:, None]).mean(1))


def flat(found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The views' first two coordinates; of those that have two."""
    return {name: points[:, :2] for name, points in found.items() if points.shape[1] >= 2}


def measure(
    codes: Mapping[str, np.ndarray], pixels: Mapping[str, np.ndarray], labels: np.ndarray
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(numbers, control) as `analyse` returns them, of views [m, 2] of the codes, of the pixels.

    The pixels' first two coordinates, two corners of the image, are no view.
    """
    purity, same, pca, over_same, over_pca = {}, {}, {}, {}, {}
    for name, points in codes.items():
        some = labels[: len(points)]
        ours = agreement(points, some)
        purity[name] = judge.mean(ours)
        linear = agreement(pixels["PCA"][: len(points)], some)
        pca[name] = judge.mean(linear)
        over_pca[name] = judge.gain(ours, linear)
        if name != FIRST:
            theirs = agreement(pixels[name], some)
            same[name] = judge.mean(theirs)
            over_same[name] = judge.gain(ours, theirs)
    numbers = {"purity": purity, "gain_over_pca": over_pca, "gain_over_same_view": over_same}
    return numbers, {"pixels, PCA": pca, "pixels, same view": same}


def sentence(numbers: Mapping[str, Any], control: Mapping[str, Any]) -> str:
    """In which views the codes win over both controls, from what `analyse` returns."""
    grouped: dict[str, list[str]] = {"win": [], "tie": [], "lose": []}
    linear, same = control["pixels, PCA"], control["pixels, same view"]
    for name, purity in numbers["purity"].items():
        gains, words = [numbers["gain_over_pca"][name]], f"{Estimate(*purity).text(100)} %"
        if name in same and name != "PCA":
            gains.append(numbers["gain_over_same_view"][name])
            words += f" (of pixels {Estimate(*same[name]).text(100)} %)"
        sign = min(judge.beyond(Estimate(*gain)) for gain in gains)
        grouped[("lose", "tie", "win")[1 + sign]].append(f"{name} {words}")
    said = [f"{verb} in {', '.join(names)}" for verb, names in grouped.items() if names]
    return (
        f"of ten neighbors {Estimate(*linear['PCA']).text(100)} % share a label in PCA of the "
        f"pixels; the codes {'; they '.join(said)}"
    )


def analyse(study: Study, key: jax.Array) -> Finding:
    """3,000 training codes of the run, in every view beside PCA of the pixels and the same view.

    Nothing is trained. The kernels are the Keras tutorial's; t-SNE sees 1,000 of the images, and
    its control is PCA of the pixels at the same 1,000.

    Returns:
      numbers: 'purity': {view: [share in [0,1] of the ten nearest neighbors with a point's label,
        its standard error]}, in the view's first two coordinates; 'gain_over_pca' and
        'gain_over_same_view': {view: [share more than the control, its standard error]}, point by
        point.
      control: 'pixels, PCA' and 'pixels, same view': {view: [share, its standard error]}.

    Raises:
      NotApplicable: the data have no labels or one class.
    """
    study.need_classes()
    images, labels = study.train.images[:POINTS], np.asarray(study.train.labels)[:POINTS]
    codes = study.run.encode(images)
    seed = int(jax.random.randint(key, (), 0, 2**31 - 1))
    found, pixels = views(codes, seed), flat(views(baselines.unit_rows(images), seed))
    numbers, control = measure(flat(found), pixels, labels)
    return Finding(
        numbers,
        control,
        sentence(numbers, control),
        _figures(codes, found, pixels, labels, {**control, **numbers}),
    )


def _figures(
    codes: np.ndarray,
    found: dict[str, np.ndarray],
    pixels: dict[str, np.ndarray],
    labels: np.ndarray,
    shares: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    def titled(
        points: Mapping[str, np.ndarray], table: Mapping[str, Any], what: str = ""
    ) -> dict[str, np.ndarray]:
        return {
            f"{what}{name}: {100 * table[name][0]:.0f} %": v[:TSNE_POINTS]
            for name, v in points.items()
            if name in table
        }

    few = labels[:TSNE_POINTS]
    shown = {
        **titled(flat(found), shares["purity"]),
        **titled(pixels, shares["pixels, same view"], "pixels, "),
    }
    title = f"Codes and pixels of {len(few):,} images; share of neighbors with the same label"
    made = {"": scatter_panels(shown, few, title), "histograms": code_histograms(codes)}
    for name, points in found.items():
        if points.shape[1] == 3 and name != "PCA":
            end = "3d_" + name.split(",")[0] + name.split()[-1]
            made[end] = code_scatter(
                points, labels, 3, f"Kernel PCA in three dimensions: {name}", AXES
            )
    return made
