"""How much of the neighborhoods and distances of examples their codes keep.

Measures of dimensionality reduction, each a number of two sets of points x [n, D] and z [n, d] of
the same examples. Distances are Euclidean.
"""

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import pdist, squareform
from scipy.stats import rankdata

TRIPLETS, PAIRS = 50, 30  # drawn for every example


class Space(NamedTuple):
    """Points, by their distances."""

    distances: np.ndarray  # [N, N], of all points
    near: np.ndarray  # [n, n - 1]: the others of each of n points, the nearest first
    ranks: np.ndarray  # [n, n]: of a point among the neighbors of another, from 1; of itself 0


class Drawn(NamedTuple):
    """Which distances are compared, of all there are."""

    triplets: np.ndarray  # [m, 3]: of an example, and the two others it is nearer to or farther
    pairs: np.ndarray  # [p, 2]


def space(points: np.ndarray) -> Space:
    """Of points [n, d]. Where distances are equal, the earlier point is nearer."""
    d = squareform(pdist(np.asarray(points, np.float64)))
    np.fill_diagonal(d, -1)
    near = np.argsort(d, axis=1, kind="stable")[:, 1:].astype(np.int32)
    np.fill_diagonal(d, 0)
    return Space(d, near, _ranks(near))


def without(whole: Space, gone: np.ndarray) -> Space:
    """The neighbors without the points that are True in `gone` [n]; all distances stay."""
    kept = ~gone
    near, number = whole.near[kept], np.cumsum(kept, dtype=np.int32) - 1
    left = number[near[kept[near]]].reshape(kept.sum(), kept.sum() - 1)
    return Space(whole.distances, left, _ranks(left))


def drawn(rng: np.random.Generator, n: int) -> Drawn:
    """50 triplets and up to 30 pairs for each of n >= 3 examples."""
    first = np.repeat(np.arange(n), TRIPLETS)
    second = (first + rng.integers(1, n, len(first))) % n
    third = (first + rng.integers(1, n, len(first))) % n
    triplets = np.stack([first, second, third], axis=1)
    steps = 1 + rng.permutation((n - 1) // 2)[:PAIRS]
    others = (np.arange(n)[:, None] + steps) % n
    pairs = np.stack([np.repeat(np.arange(n), len(steps)), others.ravel()], axis=1)
    return Drawn(triplets[second != third], pairs)


def kept(chosen: Drawn, gone: np.ndarray) -> Drawn:
    """What was drawn among the examples that are False in `gone` [n]."""
    return Drawn(*(rows[~gone[rows].any(1)] for rows in chosen))


def trustworthiness(x: Space, z: Space, k: int) -> float:
    """1 - 2 / (n k (2n - 3k - 1)) sum_i sum_(j among the k nearest in z) max(0, r_ij - k).

    r_ij is the rank of j among the neighbors of i in x, from 1. In [0,1], and 1 where near codes
    are of near examples (Venna & Kaski 2001, "Neighborhood preservation in nonlinear projection
    methods"). With x and z exchanged it is their continuity, and 1 where near examples have near
    codes. It needs k < n / 2.
    """
    n = len(x.near)
    excess = np.maximum(0, x.ranks[np.arange(n)[:, None], z.near[:, :k]] - k)
    return float(1 - 2 * excess.sum() / (n * k * (2 * n - 3 * k - 1)))


def recall(x: Space, z: Space, k: int) -> float:
    """Share of the k nearest neighbors in x that are among the k nearest in z, in [0,1].

    The KNN of Kobak & Berens 2019 ("The art of using t-SNE for single-cell transcriptomics"),
    with k = 10.
    """
    n = len(x.near)
    return float(np.mean(x.ranks[np.arange(n)[:, None], z.near[:, :k]] <= k))


def triplet_accuracy(x: Space, z: Space, triplets: np.ndarray) -> float:
    """Share of triplets (a, b, c) whose order of |a - b| and |a - c| is the same in x and z.

    The random triplet accuracy of Wang et al. 2021 ("Understanding how dimension reduction tools
    work"). Where two distances are equal the order is kept by half.
    """
    a, b, c = triplets.T
    orders = [np.sign(s.distances[a, b] - s.distances[a, c]) for s in (x, z)]
    return float(np.mean(1 + orders[0] * orders[1]) / 2)


def distance_correlation(x: Space, z: Space, pairs: np.ndarray) -> float:
    """Spearman's correlation of the distances of pairs in x and in z; 0 where all are equal.

    The CPD, "correlation of pairwise distances", of Kobak & Berens 2019; not the distance
    correlation of Szekely et al. 2007, which tests independence.
    """
    ranks = [rankdata(s.distances[tuple(pairs.T)]) for s in (x, z)]
    a, b = (r - r.mean() for r in ranks)
    return float(a @ b / max(np.sqrt((a @ a) * (b @ b)), 1e-12))


def _ranks(near: np.ndarray) -> np.ndarray:
    ranks = np.zeros((len(near), len(near)), np.int32)
    np.put_along_axis(ranks, near, np.arange(1, len(near), dtype=np.int32)[None, :], axis=1)
    return ranks
