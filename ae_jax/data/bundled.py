"""Small sets that need no file: rows of measurements, and rows, signals and images made here."""

from collections.abc import Callable

import numpy as np

from ae_jax.data import shapes as shapes_lib
from ae_jax.data.arrays import Dataset, from_arrays

N_COUNTED, N_COLUMNS, DISPERSION = 2_500, 40, 0.3  # rows of counts, a fifth of them for the test
N_COMBINED, N_FEATURES, N_NUMBERS = 50_000, 512, 64  # rows, a fifth of them for the test
ACTIVE = 4  # features in a row, on average
DICTIONARY, TEST_SEED = "dictionary", 1  # the name of the set, and what draws its test rows
N_DRAWN = 20_000  # images of shapes, a tenth of them for the test
SHAPES = "shapes"
N_WAVES, LENGTH = 2_500, 128  # signals, a fifth of them for the test


def breast_cancer() -> Dataset:
    """569 rows of 30 numbers, each a property of cell nuclei; labels malignant and benign.

    Wolberg, Street and Mangasarian 1993, as scikit-learn has it. A tenth is the test set.
    """
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    return from_arrays(
        found.data,
        train_labels=found.target_names[found.target].astype(str),
        name="breast_cancer",
        kind="rows",
        columns=found.feature_names.tolist(),
    )


def waves() -> Dataset:
    """Signals [n, 128, 2]: a sine and the cosine of it, of random frequency, phase and size.

    x_1(t) = a sin(2 pi f t + p) + e and x_2(t) = a cos(2 pi f t + p) + e, t in [0,1), f uniform in
    [1, 4], p in [0, 2 pi], a in [0.5, 2], e ~ N(0, 0.05^2): three numbers make a signal.
    """
    rng = np.random.Generator(np.random.Philox(0))
    f, p, a = (
        rng.uniform(low, high, (N_WAVES, 1)) for low, high in ((1, 4), (0, 2 * np.pi), (0.5, 2))
    )
    angle = 2 * np.pi * f * np.arange(LENGTH) / LENGTH + p
    x = np.stack([a * np.sin(angle), a * np.cos(angle)], axis=-1)
    x += 0.05 * rng.standard_normal(x.shape)
    cut = N_WAVES * 4 // 5
    return from_arrays(x[:cut], x[cut:], name="waves", kind="signal", columns=["sine", "cosine"])


def counts() -> Dataset:
    """2,500 rows of 40 counts, as of genes in cells: three hidden numbers set their means."""
    x, _ = counted(N_COUNTED)
    cut = N_COUNTED * 4 // 5
    return from_arrays(x[:cut], x[cut:], name="counts", kind="rows")


def counted(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(counts, their means), float64 [n, 40].

    x_j is negative binomial with mean m_j and variance m_j + 0.3 m_j^2, log m = b + A z with
    z ~ N(0, I_3), A_jk ~ N(0, 0.25), b_j ~ N(1, 1); A and b are the same for every seed.
    """
    fixed, rng = (np.random.Generator(np.random.Philox([1, s])) for s in (0, 1 + seed))
    A, b = 0.5 * fixed.standard_normal((N_COLUMNS, 3)), 1 + fixed.standard_normal(N_COLUMNS)
    means = np.exp(b + rng.standard_normal((n, 3)) @ A.T)
    # A gamma mixture of Poisson distributions is negative binomial.
    rates = rng.gamma(1 / DISPERSION, DISPERSION * means)
    return rng.poisson(rates).astype(np.float64), means


def features() -> np.ndarray:
    """The dictionary of `combined`: 512 directions of length 1, [512, 64], drawn uniformly."""
    D = np.random.Generator(np.random.Philox([2, 0])).standard_normal((N_FEATURES, N_NUMBERS))
    return D / np.linalg.norm(D, axis=1, keepdims=True)


def combined(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(x [n, 64], a [n, 512]), float64: x = a D of a few `features` D.

    Each feature is in a row with a probability of 4/512, with a_j uniform in [0.5, 1.5], else
    a_j = 0.
    """
    rng = np.random.Generator(np.random.Philox([2, 1 + seed]))
    present = rng.random((n, N_FEATURES)) < ACTIVE / N_FEATURES
    a = np.where(present, rng.uniform(0.5, 1.5, present.shape), 0.0)
    return a @ features(), a


def dictionary() -> Dataset:
    """50,000 rows of 64 numbers, sums of about four out of 512 features: see `combined`."""
    (train, _), (test, _) = combined(N_COMBINED * 4 // 5), combined(N_COMBINED // 5, TEST_SEED)
    return from_arrays(train, test, name=DICTIONARY, kind="rows")


def shapes() -> Dataset:
    """18,000 + 2,000 images of an ellipse, rectangle or triangle: see `shapes.images`.

    The label is the shape; scale, orientation and the two coordinates are known as well.
    """
    values = shapes_lib.factors(np.random.Generator(np.random.Philox([3, 0])), N_DRAWN)
    x = shapes_lib.images(values)
    labels = np.array(shapes_lib.NAMES)[values[:, 0].astype(int)]
    cut = N_DRAWN * 9 // 10
    return from_arrays(x[:cut], x[cut:], labels[:cut], labels[cut:], name=SHAPES)


BUNDLED: dict[str, Callable[[], Dataset]] = {
    "breast_cancer": breast_cancer,
    "counts": counts,
    DICTIONARY: dictionary,
    SHAPES: shapes,
    "waves": waves,
}
