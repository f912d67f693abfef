"""Baselines: PCA, the mean image, the best linear denoiser.

All errors are `mse`, squared error per pixel in [0,1] units. Only `entropy_floor` is in nats.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.data.arrays import SAMPLE, blocks, has_holes
from ae_jax.evaluate import incomplete
from ae_jax.model import scaling
from ae_jax.model.pipeline import Batch, Model, Tree

NOISE_PAIRS = 200_000  # of 785 unknowns a pixel: the noise left in the fit costs half a percent
EXACT_PIXELS = 4096  # above this many pixels a full eigendecomposition takes minutes
MOST_PRODUCTS = 2**29  # of two numbers, of directions and images, that PCA with holes takes a round
COPIES = 5e-3  # where PCA leaves so little of the variance, its code can copy any image


def drawn(
    model: Model, train: np.ndarray, test: np.ndarray, key: jax.Array
) -> tuple[np.ndarray, np.ndarray]:
    """Training and test images as they are, or where the model draws pixels, such a draw of each.

    A draw is of bytes and in memory, also of images that are not.
    """
    if not model.binarize:
        return train, test
    k_train, k_test = jax.random.split(key)
    return _drawn(model, train, k_train), _drawn(model, test, k_test)


def _drawn(model: Model, images: np.ndarray, key: jax.Array) -> np.ndarray:
    """Block by block, uint8."""
    found, begun = np.empty(images.shape, np.uint8), 0
    for i, part in enumerate(blocks(images)):
        batch = Batch(scaling.to_network(part, model.scale))
        white = np.asarray(model.drawn(batch, jax.random.fold_in(key, i)).x > 0)
        found[begun : begun + len(part)] = np.where(white, np.uint8(255), np.uint8(0))
        begun += len(part)
    return found


def unit_rows(images: np.ndarray) -> np.ndarray:
    """Images -> float32 rows [n, height * width * channels] in [0,1]."""
    rows = np.asarray(images).reshape(len(images), -1).astype(np.float32)
    return rows / 255.0 if np.asarray(images).dtype == np.uint8 else rows


def _scaled_rows(images: np.ndarray, scale: str) -> np.ndarray:
    """As `unit_rows`, in the scale the network sees."""
    low, high = scaling.BOUNDS[scale]
    return unit_rows(images) * (high - low) + low


def known_rows(images: np.ndarray, scale: str = "unit") -> np.ndarray:
    """Rows [n, D] of images with holes; a number observed in none has its mean in all."""
    rows = _scaled_rows(np.asarray(images[:]), scale)
    if (never := np.isnan(rows).all(0)).any():
        rows[:, never] = mean_row(images, scale)[never]
    return rows


def mean_row(images: np.ndarray, scale: str = "unit") -> np.ndarray:
    """The mean image [D], float64, of what was observed; blocks are in memory, not all.

    A pixel that was observed nowhere has the mean of its channel, or of all where that is unknown.
    """
    if has_holes(images):
        return _mean_of_observed(_scaled_rows(np.asarray(images[:]), scale), images.shape[-1])
    sums = (_scaled_rows(block, scale).sum(0, dtype=np.float64) for block in blocks(images))
    return np.asarray(sum(sums)) / len(images)


def _mean_of_observed(rows: np.ndarray, channels: int) -> np.ndarray:
    """The mean [D] of rows [n, D] with NaN, whose columns are those of so many channels in turn."""
    seen = ~np.isnan(rows)
    n = seen.sum(0)
    sums = np.where(seen, rows, 0.0).sum(0, dtype=np.float64)
    mean = sums / np.maximum(n, 1)
    if n.all():
        return mean
    by_channel = n.reshape(-1, channels).sum(0)
    of_channel = sums.reshape(-1, channels).sum(0) / np.maximum(by_channel, 1)
    of_channel = np.where(by_channel, of_channel, sums.sum() / max(n.sum(), 1))
    return np.where(n, mean, np.tile(of_channel, len(n) // channels))


def principal_directions(
    images: np.ndarray, k: int, centred: bool, scale: str = "unit"
) -> tuple[np.ndarray, np.ndarray]:
    """(mean [D] or zeros, the k leading eigenvectors [D, k] of the second moment about it).

    The one with the largest eigenvalue is the first column.

    Args:
      images: [n, ...], or rows [n, D]; blocks of them are in memory, not all. Above EXACT_PIXELS
        pixels the eigenvectors are those of the first SAMPLE images.
      k: how many.
      centred: whether about the mean; else about zero, which depends on the `scale`.
      scale: what the images are brought to first.
    """
    D = math.prod(images.shape[1:])
    mean = mean_row(images, scale) if centred else np.zeros(D)
    if D > EXACT_PIXELS:
        from sklearn.utils.extmath import randomized_svd

        moved = _scaled_rows(images[:SAMPLE], scale) - mean.astype(np.float32)
        return mean, randomized_svd(moved, k, random_state=0)[2].T
    from scipy.linalg import eigh  # only the leading ones, which NumPy cannot

    n = len(images)
    if k <= n < D:  # the smaller of X X^T and X^T X has the same eigenvalues
        moved = _scaled_rows(np.asarray(images[:]), scale).astype(np.float64) - mean
        _, left = eigh(moved @ moved.T, subset_by_index=[n - k, n - 1])
        return mean, np.linalg.qr(moved.T @ left[:, ::-1])[0]
    moment = np.zeros((D, D))
    for block in blocks(images):
        moved = _scaled_rows(block, scale) - mean.astype(np.float32)
        moment += moved.T @ moved
    _, vectors = eigh(moment, subset_by_index=[D - k, D - 1])
    return mean, vectors[:, ::-1]


def pca_mse(
    train: np.ndarray, test: np.ndarray, k: int, centred: bool = True, scale: str = "unit"
) -> float:
    """Test error of the best rank-k projection of the training set (Eckart & Young 1936).

    Where there are holes the projection is the iterated one, always centered, and the error that of
    what was observed in the test set. As it takes many rounds, of images it is that of the first
    training images, as many as a round of MOST_PRODUCTS allows. Without centering it depends on
    where zero is, that is on the `scale` the network sees.
    """
    low, high = scaling.BOUNDS[scale]
    k = min(k, len(train), math.prod(train.shape[1:]))
    if has_holes(train) or has_holes(test):
        most = max(2 * k, MOST_PRODUCTS // (k * math.prod(train.shape[1:])))
        few = slice(0, None if train.shape[1] == 1 else most)  # of rows and signals all
        seen, asked = known_rows(train[few], scale), _scaled_rows(np.asarray(test[:]), scale)
        return incomplete.pca_mse(seen, asked, k) / (high - low) ** 2
    mean, V = principal_directions(train, k, centred, scale)
    moved = _scaled_rows(test, scale) - mean
    return float(np.mean(np.square(moved - (moved @ V) @ V.T))) / (high - low) ** 2


def mean_image_mse(train: np.ndarray, test: np.ndarray) -> float:
    """Test error of predicting the training set's mean image."""
    return float(np.nanmean(np.square(unit_rows(test) - mean_row(train))))


def entropy_floor(images: np.ndarray) -> float:
    """The least cross-entropy per image, in nats: of a perfect copy, x^ = x.

    sum_i -x_i log x_i - (1 - x_i) log(1 - x_i) over what was observed, which is 0 for black and
    white images only.
    """
    from scipy.special import entr

    rows = map(unit_rows, blocks(images))
    costs = (np.nansum(entr(x) + entr(1 - x), dtype=np.float64) for x in rows)
    return sum(map(float, costs)) / len(images)


def linear_denoiser_mse(
    model: Model, train: np.ndarray, test: np.ndarray, key: jax.Array
) -> float | None:
    """Test error of `linear_denoiser` on freshly drawn noise; None where that is None."""
    k_fit, k_test = jax.random.split(key)
    W = linear_denoiser(model, train, k_fit)
    if W is None:
        return None
    noisy, clean = (np.asarray(v) for v in _pairs(model, jnp.asarray(test), k_test))
    low, high = scaling.BOUNDS[model.scale]
    return float(np.mean(np.square(noisy @ W - clean))) / (high - low) ** 2


def linear_denoiser(model: Model, train: np.ndarray, key: jax.Array) -> np.ndarray | None:
    """The best affine map x~ -> x for the model's own corruption, [pixels + 1, pixels].

    Of pixels that are drawn, where the model draws them.

    Rows are images in the network's scale with a 1 appended. Least squares over the training set
    (of more than 1,000 images whole thousands, of more than SAMPLE those of the first SAMPLE),
    marginalized over the noise by redrawing it until at least NOISE_PAIRS pairs were seen (for
    masking and gaussian noise this tends to the closed form of marginalized denoising autoencoders,
    Chen et al. 2012). None where there are too many pixels to solve for, or holes.
    """
    pixels = math.prod(model.shape)
    if pixels > EXACT_PIXELS or model.holes:
        return None
    train = train[:SAMPLE]
    batch = min(1000, len(train))
    batches = jnp.asarray(train)[: len(train) // batch * batch]
    batches = batches.reshape(-1, batch, *model.shape)
    passes = max(1, 20_000 // (len(batches) * batch))  # over a small set in one call
    draws = -(-NOISE_PAIRS // (passes * len(batches) * batch))

    @jax.jit
    def moments(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        def add(total: Tree, drawn: tuple[jax.Array, jax.Array]) -> Any:
            i, k = drawn
            noisy, clean = _pairs(model, batches[i % len(batches)], k)
            return jax.tree.map(jnp.add, total, (noisy.T @ noisy, noisy.T @ clean)), None

        zeros = (jnp.zeros((pixels + 1, pixels + 1)), jnp.zeros((pixels + 1, pixels)))
        steps = passes * len(batches)
        return jax.lax.scan(add, zeros, (jnp.arange(steps), jax.random.split(key, steps)))[0]

    A, B = np.zeros((pixels + 1, pixels + 1)), np.zeros((pixels + 1, pixels))
    for k in jax.random.split(key, draws):
        a, b = moments(k)
        A, B = A + np.asarray(a, np.float64), B + np.asarray(b, np.float64)
    # Pixels that are always black make A singular; a ridge far below the noise settles them.
    return np.linalg.solve(A + 1e-6 * np.trace(A) / len(A) * np.eye(len(A)), B)


def _pairs(model: Model, images: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(corrupted rows with a 1 appended, clean rows) in the network's scale."""
    x = model.drawn(Batch(scaling.to_network(images, model.scale)), key).x
    noisy = model.corrupt(key, x).reshape(len(x), -1)
    return jnp.pad(noisy, ((0, 0), (0, 1)), constant_values=1.0), x.reshape(len(x), -1)
