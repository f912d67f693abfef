"""Images of one shape each, of five known factors that are drawn independently.

In the spirit of dSprites (Matthey et al. 2017), with factors that are continuous, so that no test
image is a training image, and an orientation that the image determines.
"""

import numpy as np

SIDE = 28
LENGTH, WIDTH = 0.45, 0.22  # half axes at scale 1; an image reaches from -1 to 1
NAMES = ("ellipse", "rectangle", "triangle")
FACTORS = {  # name -> lowest and highest value; of the shape, whole numbers
    "shape": (0, len(NAMES) - 1),
    "scale": (0.6, 1.0),
    "orientation": (-np.pi / 3, np.pi / 3),
    "x": (-0.5, 0.5),
    "y": (-0.5, 0.5),
}
CHUNK = 2000  # images that are drawn at a time


def factors(rng: np.random.Generator, n: int) -> np.ndarray:
    """Independent uniform factors float64 [n, 5], in the order of FACTORS."""
    low, high = np.array(list(FACTORS.values())).T
    values = rng.uniform(low, high, (n, len(FACTORS)))
    values[:, 0] = rng.integers(0, len(NAMES), n)
    return values


def images(values: np.ndarray) -> np.ndarray:
    """The images of factors [n, 5]: uint8 [n, 28, 28, 1], white on black, their edges smooth.

    A pixel is as bright as the share of it that the shape covers, by the distance of its center
    from the edge. The long axis of the shape is turned by `orientation` out of the horizontal.
    """
    parts = [_drawn(values[i : i + CHUNK]) for i in range(0, len(values), CHUNK)]
    return np.concatenate(parts)[..., None]


def _drawn(values: np.ndarray) -> np.ndarray:
    shape, scale, angle, x, y = (column[:, None, None] for column in values.T.astype(np.float32))
    at = ((2 * np.arange(SIDE) + 1) / SIDE - 1).astype(np.float32)
    right, up = at[None, None, :] - x, at[None, ::-1, None] - y
    u = (np.cos(angle) * right + np.sin(angle) * up) / scale
    v = (np.cos(angle) * up - np.sin(angle) * right) / scale
    kinds = [_ellipse(u, v), _rectangle(u, v), _triangle(u, v)]
    inside = np.select([shape == i for i in range(len(NAMES))], kinds)
    covered = np.clip(0.5 + inside * scale * SIDE / 2, 0, 1)
    return np.rint(255 * covered).astype(np.uint8)


def _ellipse(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """How far inside of the edge, to first order: (1 - r) / |dr| with r^2 = u^2/L^2 + v^2/W^2."""
    r = np.sqrt((u / LENGTH) ** 2 + (v / WIDTH) ** 2) + 1e-6
    return (1 - r) * r / (np.sqrt((u / LENGTH**2) ** 2 + (v / WIDTH**2) ** 2) + 1e-6)


def _rectangle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.minimum(LENGTH - np.abs(u), WIDTH - np.abs(v))


def _triangle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Isosceles, its tip at u = LENGTH and its base, WIDTH to either side, at u = -LENGTH."""
    slope = WIDTH / (2 * LENGTH)
    side = (slope * (LENGTH - u) - np.abs(v)) / np.hypot(1, slope)
    return np.minimum(u + LENGTH, side)
