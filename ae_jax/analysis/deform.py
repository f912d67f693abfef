"""Brightness, shift, zoom and rotation of images, and the property that each changes."""

from typing import Literal

import numpy as np
from scipy.ndimage import affine_transform

Kind = Literal["brightness", "shift", "zoom", "rotation"]
EXTENT: dict[Kind, float] = {  # at alpha = 1
    "brightness": 0.3,
    "shift": 3.0,
    "zoom": 0.2,
    "rotation": 25.0,
}
UNITS: dict[Kind, str] = {  # of the properties
    "brightness": "mean pixel",
    "shift": "centroid (pixels)",
    "zoom": "radius (pixels)",
    "rotation": "angle (degrees)",
}


def transform(images: np.ndarray, kind: Kind, alpha: float) -> np.ndarray:
    """Images [n, H, W, C] brightened by 30 %, shifted right by 3 pixels, zoomed by 20 % or turned
    by 25 degrees (counter-clockwise), each times alpha; what comes in at the border is 0."""
    amount = alpha * EXTENT[kind]
    if kind == "brightness":
        return np.clip(images * (1 + amount), 0, 1)
    center = (np.array(images.shape[1:3]) - 1) / 2
    matrix, offset = np.eye(2), np.zeros(2)
    if kind == "zoom":
        matrix = np.eye(2) / (1 + amount)
    if kind == "rotation":
        c, s = np.cos(np.radians(amount)), np.sin(np.radians(amount))
        matrix = np.array([[c, s], [-s, c]])  # rows point down, so this turns counter-clockwise
    if kind == "shift":
        offset = np.array([0.0, -amount])
    offset = offset + center - matrix @ center
    moved = [
        np.stack([affine_transform(p, matrix, offset, order=1) for p in np.moveaxis(x, -1, 0)], -1)
        for x in images
    ]
    return np.asarray(moved, np.float32)


def properties(images: np.ndarray, kind: Kind) -> np.ndarray:
    """The property [n] that the transformation changes.

    Mean pixel; column of the centroid; root mean square distance of the ink from it; direction of
    the longest axis in degrees, counter-clockwise, known up to 180.
    """
    ink = np.clip(images, 0, 1).mean(-1).astype(np.float64)
    if kind == "brightness":
        return ink.mean((1, 2))
    rows, columns = np.indices(ink.shape[1:])
    total = np.maximum(ink.sum((1, 2)), 1e-9)

    def mean(values: np.ndarray) -> np.ndarray:
        return (ink * values).sum((1, 2)) / total

    x, y = mean(columns[None]), mean(-rows[None])
    dx, dy = columns[None] - x[:, None, None], -rows[None] - y[:, None, None]
    if kind == "shift":
        return x
    if kind == "zoom":
        return np.sqrt(mean(dx**2 + dy**2))
    return np.degrees(np.arctan2(2 * mean(dx * dy), mean(dx**2) - mean(dy**2)) / 2)


def changes(values: np.ndarray, kind: Kind) -> np.ndarray:
    """Measured values [n, alphas] minus those in the middle; angles by the shorter way round."""
    moved = values - values[:, [values.shape[1] // 2]]
    return (moved + 90) % 180 - 90 if kind == "rotation" else moved
