"""Data sets with a known answer: a curve to denoise, a curve to unroll, a Gaussian for PCA.

Each set is a pure function `(seed, n) -> float32 [n, height, width, channels]` in [0,1]; equal
seeds give equal bytes. Points are images of one pixel with one channel per coordinate, so every
network, loss and metric works on them unchanged.
"""

from collections.abc import Callable

import numpy as np

N_TRAIN, N_TEST = 4_000, 1_000

GAUSSIAN_SIDE = 8
# Standard deviations along the eight principal directions; everything beyond them is zero.
GAUSSIAN_SCALES = 0.30 * 0.75 ** np.arange(8)


def spiral_curve(t: np.ndarray) -> np.ndarray:
    """The spiral of the denoising-vector-field figure; t [n] in [0,1] -> points [n, 2] in [0,1].

    In symmetric units p = 2 u - 1 it is r = 0.1 + 0.45 t, angle = 3 pi t: one and a half turns, so
    most radii cross two branches. The four corners of [-1,1]^2 lie 0.9 to 1.1 from it, which is
    what makes 'distance traveled' run from 0 on the curve to about 1 at the corners.
    """
    radius, angle = 0.1 + 0.45 * t, 3 * np.pi * t
    p = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    return (p + 1) / 2


def helix_curve(t: np.ndarray) -> np.ndarray:
    """A 1-D manifold in 3-D; t [n] in [0,1] -> points [n, 3] in [0,1].

    One turn of a helix, (0.5 + 0.35 cos 2 pi t, 0.5 + 0.35 sin 2 pi t, 0.1 + 0.8 t): its arc length
    is proportional to t, and the third coordinate gives t back, so an unrolling can be judged.
    """
    angle = 2 * np.pi * t
    return np.stack(
        [0.5 + 0.35 * np.cos(angle), 0.5 + 0.35 * np.sin(angle), 0.1 + 0.8 * t], axis=-1
    )


def spiral(seed: int, n: int) -> np.ndarray:
    """n points exactly on `spiral_curve`, t uniform: float32 [n, 1, 1, 2] in [0,1]."""
    return _as_images(spiral_curve(_rng(seed).uniform(size=n)))


def curve3d(seed: int, n: int) -> np.ndarray:
    """n points exactly on `helix_curve`, t uniform: float32 [n, 1, 1, 3] in [0,1]."""
    return _as_images(helix_curve(_rng(seed).uniform(size=n)))


def gaussian_directions() -> np.ndarray:
    """The principal directions [8, 64]: orthonormal rows, smooth 2-D cosine waves.

    Entry k of the 1-D basis is sqrt(c / 8) cos(pi (i + 1/2) k / 8) with c = 1 for k = 0 and 2
    otherwise (the DCT-II, orthonormal); the rows are the outer products of lowest frequency.
    """
    i = np.arange(GAUSSIAN_SIDE)
    waves = np.cos(np.pi * np.outer(i, i + 0.5) / GAUSSIAN_SIDE) * np.sqrt(2 / GAUSSIAN_SIDE)
    waves[0] /= np.sqrt(2)
    lowest = sorted(np.ndindex(GAUSSIAN_SIDE, GAUSSIAN_SIDE), key=lambda k: (sum(k), k))
    rows = [np.outer(waves[a], waves[b]).ravel() for a, b in lowest[: len(GAUSSIAN_SCALES)]]
    return np.stack(rows)


def gaussian(seed: int, n: int) -> np.ndarray:
    """n images N(0.5, D^T diag(GAUSSIAN_SCALES^2) D): float32 [n, 8, 8, 1].

    D are the `gaussian_directions`, so the best linear code of size d leaves a squared error of
    sum(GAUSSIAN_SCALES[d:]^2) per image: the known answer of PCA.

    Nothing is clipped: the largest standard deviation of a pixel is 0.071, so [0,1] ends 7 of
    them away from the mean, and the covariance stays the true one.
    """
    codes = _rng(seed).standard_normal((n, len(GAUSSIAN_SCALES))) * GAUSSIAN_SCALES
    pixels = 0.5 + codes @ gaussian_directions()
    assert pixels.min() >= 0 and pixels.max() <= 1, "choose smaller GAUSSIAN_SCALES"
    return pixels.astype(np.float32).reshape(n, GAUSSIAN_SIDE, GAUSSIAN_SIDE, 1)


def _rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def _as_images(points: np.ndarray) -> np.ndarray:
    return points.astype(np.float32)[:, None, None, :]


SYNTHETIC: dict[str, Callable[[int, int], np.ndarray]] = {
    "spiral": spiral,
    "curve3d": curve3d,
    "gaussian": gaussian,
}
