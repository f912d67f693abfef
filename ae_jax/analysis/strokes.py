"""What a drawing looks like, in four numbers: stroke width, slant, width and size.

The same measurements apply to real and to generated images, so that a word like 'thick' can be
checked by measuring what was drawn for it.
"""

import numpy as np
from scipy import ndimage

ZOOM = 4  # stroke widths of two to four pixels are measured on a finer grid
CHUNK = 500  # images enlarged at a time
MEASURES = ("stroke", "slant", "width", "size")


def measure(images: np.ndarray) -> np.ndarray:
    """Measures [n, 4] of images [n, H, W, C] in [0,1]; NaN where an image has no ink.

    'stroke': width of the strokes in pixels, four times the mean distance of ink from paper, which
    is right for a long bar. 'slant': degrees from upright, positive where the top lies to the right
    of the foot; atan(-m_xy / m_yy) of the second central moments. 'width': that of the bounding box
    over its height. 'size': root mean square distance of the ink from its center, in pixels.
    Moments weigh each pixel with its ink, the others see ink of a half or more.
    """
    return np.concatenate(
        [_measure(_ink(images[i : i + CHUNK])) for i in range(0, len(images), CHUNK)]
    )


def _ink(images: np.ndarray) -> np.ndarray:
    """Difference from the paper [n, H, W], at most 1: the paper is the median of the border."""
    gray = np.asarray(images, np.float64).mean(-1)
    border = np.concatenate([gray[:, 0], gray[:, -1], gray[:, :, 0], gray[:, :, -1]], axis=1)
    paper = np.median(border, axis=1)[:, None, None]
    return np.asarray(np.abs(gray - paper) / np.maximum(paper, 1 - paper)).clip(0, 1)


def _measure(ink: np.ndarray) -> np.ndarray:
    fine = ndimage.zoom(ink, (1, ZOOM, ZOOM), order=1, mode="nearest", grid_mode=True) >= 0.5
    inked = fine.any((1, 2))
    found = [_stroke(fine), *_moments(ink), _aspect(fine)]
    stroke, slant, size, width = found
    return np.where(inked[:, None], np.stack([stroke, slant, width, size], -1), np.nan)


def _stroke(fine: np.ndarray) -> np.ndarray:
    """Pixels; there is a frame of paper around each image."""
    framed = np.pad(fine, ((0, 0), (1, 1), (1, 1)))
    # One by one: six times as fast as all in three dimensions.
    distance = np.stack([ndimage.distance_transform_edt(image) for image in framed])
    mean = distance.sum((1, 2)) / np.maximum(fine.sum((1, 2)), 1)
    return np.asarray(4 * (mean - 0.5) / ZOOM)  # distances end at the next pixel's middle


def _moments(ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(slant in degrees, size in pixels)."""
    mass = np.maximum(ink.sum((1, 2)), 1e-9)
    y, x = (np.arange(n, dtype=np.float64) for n in ink.shape[1:])
    y = y[None, :, None] - ((ink.sum(2) @ y) / mass)[:, None, None]
    x = x[None, None, :] - ((ink.sum(1) @ x) / mass)[:, None, None]
    yy, xx, xy = ((ink * product).sum((1, 2)) / mass for product in (y * y, x * x, x * y))
    return np.degrees(np.arctan2(-xy, np.maximum(yy, 1e-9))), np.sqrt(xx + yy)


def _aspect(fine: np.ndarray) -> np.ndarray:
    height, width = (_extent(np.asarray(fine.any(axis))) for axis in (2, 1))
    return np.asarray(width / np.maximum(height, 1))


def _extent(occupied: np.ndarray) -> np.ndarray:
    """From the first to the last True of each row [n, length]."""
    length = occupied.shape[1]
    return np.asarray(length - occupied[:, ::-1].argmax(1) - occupied.argmax(1))
