"""How far the numbers of a code are known factors, one each: MIG, DCI, FactorVAE's score."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import entropy
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

BINS = 20  # of a number that has more values
TREES = 10


def binned(columns: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Columns [n, k] as whole numbers: by value where there are few, else in bins of equal width.

    Twenty bins between the smallest and the largest value, as Locatello et al. 2019 ("Challenging
    common assumptions in the unsupervised learning of disentangled representations") take.
    """
    found = np.empty(columns.shape, int)
    for j, column in enumerate(np.asarray(columns, np.float64).T):
        values, which = np.unique(column, return_inverse=True)
        edges = np.linspace(column.min(), column.max(), bins + 1)
        few = len(values) <= bins
        found[:, j] = which if few else np.digitize(column, edges[1:-1])
    return found


def information(codes: np.ndarray, factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(I(z_i; v_j) [codes, factors], H(v_j) [factors]) of whole numbers [n, ...], in nats.

    I(z; v) = H(z) + H(v) - H(z, v), of their frequencies.
    """

    def h(*columns: np.ndarray) -> float:
        which = np.ravel_multi_index(columns, [column.max() + 1 for column in columns])
        return float(entropy(np.bincount(which)))

    whole = np.array([h(v) for v in factors.T])
    joint = np.array([[h(z, v) for v in factors.T] for z in codes.T])
    return np.array([[h(z)] for z in codes.T]) + whole - joint, whole


def mig(codes: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Mutual information gap of each factor [factors], of codes [n, k >= 2]; their mean is the MIG.

    (I(z_i; v_j) - I(z_l; v_j)) / H(v_j), i and l the numbers of the code that say most and second
    most of v_j; in [0,1], 1 where one number alone knows the factor (Chen et al. 2018, equation 6).
    """
    shared, whole = information(binned(codes), binned(factors))
    second, first = np.sort(shared, axis=0)[-2:]
    return np.asarray((first - second) / whole)


class DCI(NamedTuple):
    """Disentanglement, completeness, informativeness; each at most 1."""

    disentanglement: float
    completeness: float
    informativeness: float


def disentangled(importance: np.ndarray) -> float:
    """sum_i r_i (1 - H(P_i)) of importances [codes, factors] >= 0.

    P_i are the shares of the row i, H their entropy in base `factors` and r_i the share of the row
    in the whole: 1 where each number of the code matters to one factor only (Eastwood & Williams
    2018, "A framework for the quantitative evaluation of disentangled representations"). Of the
    transposed matrix it is the completeness, weighted as Locatello et al. 2019 weight it. 0 where
    nothing matters to anything.
    """
    weights = importance.sum(1)
    if not weights.any():
        return 0.0
    gaps = 1 - entropy(importance[weights > 0], base=importance.shape[1], axis=1)
    return float(np.average(gaps, weights=weights[weights > 0]))


def dci(
    train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], seed: int
) -> DCI:
    """Of two parts (codes [n, k >= 2], factors [n, f >= 2]); a forest predicts each factor.

    Importances are those of ten trees of scikit-learn's random forests, which see all numbers at
    each split. The informativeness is the mean over factors of 1 - e / e_0 on the test part: e the
    squared error, of a factor with few values the share of wrong ones, e_0 that of the best
    constant of the training part.
    """
    importance, informed = [], []
    for v, w in zip(train[1].T, test[1].T, strict=True):
        few = len(np.unique(v)) <= BINS
        forest = RandomForestClassifier if few else RandomForestRegressor
        fitted = forest(TREES, max_features=None, random_state=seed).fit(train[0], v)
        constant = np.bincount(v.astype(int)).argmax() if few else v.mean()
        guesses = fitted.predict(test[0]), np.full(len(w), constant)
        wrong, worst = (_error(guess, w, few) for guess in guesses)
        importance.append(fitted.feature_importances_)
        informed.append(1 - wrong / worst)
    matrix = np.array(importance).T
    return DCI(disentangled(matrix), disentangled(matrix.T), float(np.mean(informed)))


def _error(guess: np.ndarray, truth: np.ndarray, few: bool) -> float:
    return float(np.mean(guess != truth if few else np.square(guess - truth)))


class Votes(NamedTuple):
    """Each for a number of the code, by images that have one factor in common."""

    factor: np.ndarray  # [n]: which was the same
    number: np.ndarray  # [n]: which varied least


def votes(
    codes: Callable[[np.ndarray], np.ndarray],
    factors: np.ndarray,
    size: int,
    scale: np.ndarray,
    rng: np.random.Generator,
) -> Votes:
    """One vote for each `size` rows of factors [n size, f], one of which is made the same.

    `codes` makes codes of factors, `scale` [k] are their standard deviations over all images.
    Numbers that never vary cannot be voted for.
    """
    groups = factors.reshape(-1, size, factors.shape[1]).copy()
    which = rng.integers(0, factors.shape[1], len(groups))
    every = np.arange(len(groups))
    groups[every, :, which] = groups[every, :1, which]
    z = codes(groups.reshape(-1, factors.shape[1])).reshape(len(groups), size, -1)
    used = scale > 1e-3 * scale.max()
    spread = np.where(used, z.var(1) / np.where(used, scale, 1) ** 2, np.inf)
    return Votes(which, spread.argmin(1))


def right(train: Votes, test: Votes, factors: int, numbers: int) -> np.ndarray:
    """Which test votes [n] are right, each number standing for its commonest factor in training.

    Their mean is the score of Kim & Mnih 2018 ("Disentangling by factorising", section 4); chance
    is 1 / factors.
    """
    counts = np.zeros((numbers, factors), int)
    np.add.at(counts, (train.number, train.factor), 1)
    return np.asarray(counts.argmax(1)[test.number] == test.factor)
