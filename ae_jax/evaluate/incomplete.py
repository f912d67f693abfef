"""PCA of rows with holes, by filling them again and again."""

import numpy as np
from scipy.linalg import eigh

ROUNDS = 100
EXACT = 512  # of more columns the directions are improved round by round
FIRST, EXTRA = 8, 10  # improvements before the first round; directions kept beside those wanted
SETTLED = 1e-4  # of the deviation of what is observed: a smaller change of the filled is none


def fill(rows: np.ndarray, mean: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Rows [n, D] whose NaN are replaced by what the subspace mean + span V [D, k] says.

    The fixed point of x <- mean + V V^T (x - mean) on the holes, from the mean: the point of the
    subspace that is closest to what was observed.
    """
    holes = np.isnan(rows)
    filled = np.where(holes, mean, rows)
    for _ in range(ROUNDS if holes.any() else 0):
        before = filled
        filled = np.where(holes, mean + (filled - mean) @ V @ V.T, rows)
        if _settled(before, filled, holes):
            break
    return filled


def principal(rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(mean [D], leading directions [D, k]) of rows [n, D] with NaN (Kiers 1997).

    In turns: the mean and the directions of the filled rows, and the holes filled by these. Without
    holes it is PCA. Above EXACT columns an eigendecomposition in every round would take long: the
    directions of the round before are improved by a step of subspace iteration.
    """
    holes = np.isnan(rows)
    filled = np.where(holes, np.nanmean(rows, axis=0), rows)
    many = rows.shape[1] > EXACT
    basis = _first(filled - filled.mean(axis=0), k) if many else None
    for _ in range(ROUNDS):
        mean, before = filled.mean(axis=0), filled
        moved = filled - mean
        if basis is None:
            V = _leading(moved, k)
        else:
            basis = _improved(moved, basis)
            V = basis[:, :k]
        filled = np.where(holes, mean + moved @ V @ V.T, rows)
        if _settled(before, filled, holes):
            break
    return mean, V


def _leading(moved: np.ndarray, k: int) -> np.ndarray:
    """The k leading directions [D, k] of centered rows [n, D]."""
    D = moved.shape[1]
    _, vectors = eigh(moved.T @ moved, subset_by_index=[D - k, D - 1])
    return np.asarray(vectors[:, ::-1])


def _first(moved: np.ndarray, k: int) -> np.ndarray:
    """About the k + EXTRA leading directions (Halko et al. 2011), always of the same numbers."""
    width = min(k + EXTRA, *moved.shape)
    basis = np.random.default_rng(0).normal(size=(moved.shape[1], width)).astype(moved.dtype)
    for _ in range(FIRST):
        basis = _improved(moved, basis)
    return basis


def _improved(moved: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Orthonormal directions [D, m] nearer to the leading ones than `basis`, the leading first."""
    better, _ = np.linalg.qr(moved.T @ (moved @ basis))
    inside = moved @ better
    _, turn = eigh(inside.T @ inside)
    return np.asarray(better @ turn[:, ::-1])


def _settled(before: np.ndarray, filled: np.ndarray, holes: np.ndarray) -> bool:
    if not holes.any():
        return True
    change = np.sqrt(np.mean(np.square(filled - before)[holes]))
    return bool(change <= SETTLED * filled[~holes].std())


def pca_mse(train: np.ndarray, test: np.ndarray, k: int) -> float:
    """The error of PCA with k numbers on the observed entries of test rows [n, D]."""
    mean, V = principal(train, k)
    filled = fill(test, mean, V)
    back = mean + (filled - mean) @ V @ V.T
    return float(np.nanmean(np.square(test - back)))
