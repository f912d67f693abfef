"""Missing pixels filled in without a network: the controls of inpainting.

Telea (2004) and Navier-Stokes (Bertalmio et al. 2001) of OpenCV, interpolation where OpenCV is
absent; of what the training images teach, the best linear filling and the mean image.
"""

import importlib.util
from collections.abc import Callable

import numpy as np
from scipy.interpolate import NearestNDInterpolator

from ae_jax.evaluate import baselines

GREY = 0.5  # of what is missing
RADIUS = 3  # of OpenCV's two methods, as in the course notes


def classical() -> dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]:
    """Name -> f(image [H, W] in [0,1], missing [H, W]) -> filled, without learning."""
    if importlib.util.find_spec("cv2") is None:
        return {"nearest pixel": _nearest}
    import cv2

    def method(flag: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        def filled(image: np.ndarray, missing: np.ndarray) -> np.ndarray:
            eight = np.rint(255 * image).astype(np.uint8)
            return cv2.inpaint(eight, missing.astype(np.uint8), RADIUS, flag) / 255.0

        return filled

    return {"Telea": method(cv2.INPAINT_TELEA), "Navier-Stokes": method(cv2.INPAINT_NS)}


def _nearest(image: np.ndarray, missing: np.ndarray) -> np.ndarray:
    places = np.argwhere(~missing.astype(bool))
    values = image[tuple(places.T)]
    return NearestNDInterpolator(places, values)(*np.indices(image.shape))


def apply_each(
    method: Callable[..., np.ndarray], images: np.ndarray, known: np.ndarray
) -> np.ndarray:
    """A classical method on every channel of every image [n, H, W, C], known [n, H, W, 1]."""
    gray = known * images + (1 - known) * GREY
    planes = np.moveaxis(gray, -1, 1)
    filled = [
        [method(p, 1 - m[..., 0]) for p in image] for image, m in zip(planes, known, strict=True)
    ]
    return np.moveaxis(np.asarray(filled, np.float32), 1, -1)


def linear(known: np.ndarray, images: np.ndarray, train: np.ndarray) -> np.ndarray | None:
    """The best linear filling: of a Gaussian with the mean m and covariance C of the training rows.

    The missing rows x_u given the known x_k are m_u - P_uu^-1 P_uk (x_k - m_k), with the precision
    P = (C + ridge)^-1; the ridge is a tenth of the mean variance. Images [n, H, W, C] and `known`
    [n, H, W, 1]; None where there are more than 4,096 pixels.
    """
    rows, held = baselines.unit_rows(images).astype(np.float64), baselines.unit_rows(train)
    if rows.shape[1] > baselines.EXACT_PIXELS or len(held) < 2:
        return None
    mean, cov = held.mean(0), np.cov(held, rowvar=False)
    ridge = 0.1 * np.trace(cov) / len(cov) + 1e-9
    P = np.linalg.inv(cov + ridge * np.eye(len(cov)))
    seen = known.repeat(images.shape[-1], -1).reshape(rows.shape) > 0
    for row, k in zip(rows, seen, strict=True):
        row[~k] = mean[~k] - np.linalg.solve(P[np.ix_(~k, ~k)], P[np.ix_(~k, k)] @ (row - mean)[k])
    return rows.reshape(images.shape).astype(np.float32)


def unlearned(known: np.ndarray, images: np.ndarray, train: np.ndarray) -> dict[str, np.ndarray]:
    """Control -> filled images [n, H, W, C]: all that needs no network."""
    best = linear(known, images, train)
    return {
        **({} if best is None else {"linear": best}),
        **{n: apply_each(m, images, known) for n, m in classical().items()},
        "mean image": np.broadcast_to(train.mean(0), images.shape),
        "gray": np.full_like(images, GREY),
    }
