"""Statistics of code units: which are active, how often, how strongly."""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree


def unit_statistics(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(mean, standard deviation) [k] of every unit over the images of codes [n, k]."""
    codes = np.asarray(codes, np.float64)
    return codes.mean(axis=0), codes.std(axis=0)


def code_metrics(codes: np.ndarray, threshold: float = 0.0) -> dict[str, float]:
    """How a code is used, of codes [n, k], n and k >= 1.

    Args:
      codes: of one set of images, one row per image.
      threshold: what counts as zero, in the code's units; for units that are never exactly 0 (a
        sigmoid) choose one above 0.

    Returns:
      `active_units`: share of the units that vary by more than `threshold` over the images, in
      [0, 1]; `dead_units`: number of the others, which carry no information; `density`: mean
      share of an image's units with |h| > `threshold`; `mean_activation`: mean of all numbers.

    Raises:
      ValueError: codes that are not [n, k] or hold no number.
    """
    codes = np.asarray(codes, np.float64)
    if codes.ndim != 2 or codes.size == 0:
        raise ValueError(f"codes must be [n, k] with n and k >= 1, not {list(codes.shape)}")
    active = np.ptp(codes, axis=0) > threshold
    return {
        "active_units": float(active.mean()),
        "dead_units": int((~active).sum()),
        "density": float((np.abs(codes) > threshold).mean()),
        "mean_activation": float(codes.mean()),
    }


def dimensions(codes: np.ndarray, share: float = 1e-3) -> int:
    """How many dimensions codes [n, k] span: directions of more than `share` of the largest
    variance, of the eigenvectors of their covariance.
    """
    variances = np.linalg.eigvalsh(np.atleast_2d(np.cov(codes, rowvar=False)))
    return int((variances > share * variances.max()).sum())


def saturated_units(
    codes: np.ndarray, low: float, high: float, margin: float = 0.01, share: float = 0.95
) -> int:
    """How many units of codes [n, k] in [low, high] are at a bound for nearly every image.

    At a bound is within `margin` * (high - low) of it, nearly every a share of at least `share`.
    """
    codes = np.asarray(codes, np.float64)
    near = np.minimum(codes - low, high - codes) <= margin * (high - low)
    return int((near.mean(axis=0) >= share).sum())


def principal_directions(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(variances [k], directions [k, k]) of a covariance [k, k], the largest variance first.

    Directions are rows of length 1: the eigenvectors, each with its largest entry positive.
    """
    variances, vectors = np.linalg.eigh(np.asarray(covariance, np.float64))
    rows = vectors.T[::-1]
    largest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)
    # A variance may round below 0 where a direction is not used.
    return np.maximum(variances[::-1], 0.0), rows * np.where(largest < 0, -1.0, 1.0)


def principal_components(codes: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(points [n, k], shares [k]) of codes [n, m] in the k directions of largest variance.

    Points are centered, shares are those of the whole variance (0 of codes that do not vary). A
    direction's largest entry is positive, so that the same codes give the same picture. Rows that
    are not finite become NaN.

    Raises:
      ValueError: k is larger than m.
    """
    codes = np.asarray(codes, np.float64)
    if k > codes.shape[1]:
        raise ValueError(f"codes of {codes.shape[1]} numbers have no {k} components")
    finite = np.isfinite(codes).all(axis=1)
    points = np.full((len(codes), k), np.nan)
    if not finite.any():
        return points, np.zeros(k)
    centered = codes[finite] - codes[finite].mean(axis=0)
    variances, directions = principal_directions(centered.T @ centered)
    points[finite] = centered @ directions[:k].T
    return points, variances[:k] / max(variances.sum(), np.finfo(float).tiny)


def places_alone(clouds: Sequence[np.ndarray], neighbors: int = 10) -> list[np.ndarray]:
    """Where a name of each cloud may stand: away from the others' points.

    Args:
      clouds: points [n, k] of each, n >= 1, of the same k.
      neighbors: how many of the nearest points, itself included, say how much a point is by
        itself: by the share of them that are of its own cloud.

    Returns:
      For each cloud the median [k] of the quarter of its points with the highest share, and of all
      that tie with these. The medians of whole clouds that lie upon each other would be close.
    """
    points = np.concatenate(clouds)
    cloud_of = np.repeat(range(len(clouds)), [len(cloud) for cloud in clouds])
    _, near = cKDTree(points).query(points, k=range(1, min(neighbors, len(points)) + 1))
    own = (cloud_of[near] == cloud_of[:, None]).mean(axis=1)
    places = []
    for i, cloud in enumerate(clouds):
        share = own[cloud_of == i]
        places.append(np.median(cloud[share >= np.quantile(share, 0.75)], axis=0))
    return places
