"""The best denoiser of points on a known curve: E[x | x~], the optimum for a network.

No denoiser has a smaller expected squared error than the posterior mean. Its integral over the
curve is a sum over many points of the curve, so it does not depend on any training.
"""

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import log_ndtr, softmax

CHUNK = 256  # rows of distances held at a time


def posterior_mean(
    noisy: np.ndarray, curve: np.ndarray, sigma: float, lowest: float | None = None
) -> np.ndarray:
    """E[x | x~] of x~ = x + s e in the plane, e ~ N(0, I), x uniform among `curve`.

    With a fixed level s = `sigma` the weight of a point at the distance d from x~ is
    exp(-d^2 / 2 sigma^2). Where s is uniform between `lowest` and `sigma`, the integral of
    exp(-d^2 / 2 s^2) / s^2 over s is, but for a factor, (Phi(-d / sigma) - Phi(-d / lowest)) / d,
    Phi being the normal distribution function.

    Args:
      noisy: x~ [n, 2].
      curve: x [m, 2], points so dense that neighbors are much nearer than `sigma`.
      sigma: of the noise, above 0, in the units of the points.
      lowest: level at which the noise begins; None: every point has the noise `sigma`.

    Returns:
      [n, 2], a point inside the curve's convex hull for each x~.
    """
    parts = [
        softmax(_log_weight(x, curve, sigma, lowest), axis=1) @ curve
        for x in np.split(noisy, range(CHUNK, len(noisy), CHUNK))
    ]
    return np.concatenate(parts)


def _log_weight(x: np.ndarray, curve: np.ndarray, sigma: float, lowest: float | None) -> np.ndarray:
    d = np.linalg.norm(x[:, None] - curve[None], axis=-1)
    if lowest is None or lowest == sigma:
        return -np.square(d / sigma) / 2
    d = np.maximum(d, 1e-9)
    log = log_ndtr(-d / sigma) - np.log(d)
    if lowest > 0:  # log(a - b) = log a + log(1 - b / a)
        log += np.log1p(-np.exp(log_ndtr(-d / lowest) - log_ndtr(-d / sigma)))
    return np.asarray(log)


def to_curve(points: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Distance [n] of points [n, d] from the nearest of the curve's points [m, d]."""
    return np.asarray(cKDTree(curve).query(points)[0])
