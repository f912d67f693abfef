"""A scikit-learn estimator that finds strange rows without labels.

>>> import numpy as np
>>> from ae_jax.sklearn import AnomalyDetector
>>> x = np.linspace(-1, 1, 200)
>>> X = np.stack([x, 2 * x, -x], axis=1)
>>> X[7, 1] = 1.5  # an ordinary number, at a strange place
>>> detector = AnomalyDetector(steps=300, contamination=0.005, random_state=0).fit(X)
>>> np.flatnonzero(detector.predict(X) == -1)
array([7])
>>> detector.explain(X[7:8], top=1)[0][0].column
'x1'

It scores a row by how badly a network predicts each column from the others, and how badly it
returns the column when it is shown: the sum of the logarithms of both errors, the mean over the
columns (`ae_jax.run.hidden`). Networks that begin with other weights find other rows strange; the
score is the mean of a few of them (Lakshminarayanan, Pritzel & Blundell 2017, "Simple and scalable
predictive uncertainty estimation using deep ensembles", NeurIPS).
"""

import math
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import jax
import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ae_jax.data.arrays import Dataset, Split
from ae_jax.evaluate import conformal
from ae_jax.inputs.checks import count
from ae_jax.inputs.examples import Examples
from ae_jax.resolve.config import as_config, merge, resolve
from ae_jax.run import fitting
from ae_jax.run.hidden import DRAWS, Hidden
from ae_jax.run.trained import Run
from ae_jax.sklearn.holding import FLOATS, HoldsRun, held, unmasked

STEPS = 1500
MEMBERS = 3
PASSES = 300  # over the rows at most: a small network, too, learns few rows by heart
LEAST_STEPS = 50  # of an epoch: a small table is repeated, as an epoch takes some time of its own
FAR = 1e6  # deviations: what is farther off looks as far to the network


class Reason(NamedTuple):
    """A column that makes a row strange."""

    column: str
    value: float  # what the row has there
    expected: float  # what its other columns let one expect, in the same units
    by: float  # how much more this column adds to the row's score than it does on average


class AnomalyDetector(HoldsRun, OutlierMixin, BaseEstimator):
    """Strange rows of a table [n, features]; NaN is what was not observed.

    Args:
      config: the name of a config of rows that may have holes, a path, or a dict of differences
        from the defaults. Its data and its number of epochs are not used.
      steps: updates of the weights, rounded up to whole epochs; fewer where a table is so small
        that they would be more than PASSES over its rows, for strange rows would be learned by
        heart.
      members: networks that are trained, whose scores are averaged.
      contamination: the share of the training rows that `predict` calls strange, in (0, 0.5]; or
        'auto': those whose score is above Tukey's upper fence, 1.5 times the interquartile range
        above the upper quartile, and the strangest in any case.
      calibration: a share of the rows in (0, 1), which are held out of the training, to be the
        measure of `p_values`; None: none are, and there are no p-values.
      draws: masks that hide one half of a row's columns to score it.
      random_state: initial weights, order, noise, which rows are held out, masks.

    Attributes:
      runs_: the trained `ae_jax.Run`s, one for each of the `members`.
      offset_: `predict` says -1 below this number of `score_samples`.
      calibration_scores_: `score_samples` of the rows held out; None where there are none.
      n_features_in_, feature_names_in_: as everywhere in scikit-learn.

    Raises:
      ConfigError: of `fit`; a field of the config is not allowed, or `steps`,
        `members` or `draws`.
      DivergedError: of `fit`; the loss stopped being finite.
      ValueError: of all methods; X is infinite somewhere, or not a matrix of as many columns as in
        `fit`. Of `fit`: a column without a number; numbers above 1e150; another `contamination` or
        `calibration`. Of `p_values`: no rows were held out.
      NotFittedError: of all but `fit` and `fit_predict`.
    """

    def __init__(
        self,
        config: str | Mapping[str, Any] = "tabular_anomaly",
        *,
        steps: int = STEPS,
        members: int = MEMBERS,
        contamination: str | float = "auto",
        calibration: float | None = None,
        draws: int = DRAWS,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.config = config
        self.steps = steps
        self.members = members
        self.contamination = contamination
        self.calibration = calibration
        self.draws = draws
        self.random_state = random_state

    def fit(self, X: Any, y: object = None) -> Self:
        """Trains on the rows of X [n, features]; y is ignored."""
        X = validate_data(self, unmasked(X), dtype=FLOATS, ensure_all_finite="allow-nan")
        X = X.astype(np.float64, copy=False)
        self._refuse_huge(X)
        self._check()
        random = check_random_state(self.random_state)
        self._seed = int(random.randint(2**31 - 1))
        kept, out = _dealt(len(X), self.calibration, random)
        # The first member is that of a detector of one.
        seeds = [self._seed, *random.randint(2**31 - 1, size=count("members", self.members, 1) - 1)]
        self.runs_ = [held(self._trained(X[kept], int(seed))) for seed in seeds]
        found = self._hidden(X)
        self._average = _column_means(found.parts[kept])
        self._ordinary = -float(np.nanmedian(found.score)) if found.score.size else 0.0
        scores = self._negative(found.score)
        self.offset_ = _offset(scores, self.contamination)
        self.calibration_scores_ = scores[out] if len(out) else None
        return self

    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Minus the strangeness of each row, float64 [n]: low where a row is strange (see the top).

        Of a row without a number it is the median of the training rows.
        """
        return self._negative(self._hidden(self._validated(X)).score)

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """`score_samples` minus `offset_`: negative where a row is strange."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> np.ndarray:
        """-1 of strange rows, 1 of others, [n]."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X: ArrayLike) -> np.ndarray:
        """For each row [n] how probable it is that an ordinary one is as strange, in (0, 1].

        Conformal: true whatever the data and the network are, if the rows held out are ordinary.
        `ae_jax.evaluate.conformal.findings` makes a list of them.
        """
        scores = self.score_samples(X)
        if self.calibration_scores_ is None:
            raise ValueError("p_values: no rows were held out; fit with calibration=0.2")
        return conformal.p_values(-self.calibration_scores_, -scores)

    def explain(self, X: ArrayLike, top: int = 3) -> list[list[Reason]]:
        """For each row of X the `top` columns that the others predict worst, the worst first.

        What was not observed is no reason.
        """
        X, top = self._validated(X), count("top", top)
        found, names = self._hidden(X), self._names()
        more = found.parts - self._average
        places = np.argsort(-np.where(np.isnan(more), -np.inf, more), axis=1, kind="stable")
        return [
            [
                Reason(names[c], float(X[i, c]), float(found.expected[i, c]), float(more[i, c]))
                for c in row[:top]
                if not np.isnan(more[i, c])
            ]
            for i, row in enumerate(places)
        ]

    def _check(self) -> None:
        share = self.contamination
        if share != "auto" and (isinstance(share, str) or not 0 < share <= 0.5):
            raise ValueError(f"contamination: must be 'auto' or in (0, 0.5], not {share!r}")
        if self.calibration is not None and not 0 < self.calibration < 1:
            raise ValueError(f"calibration: must be None or in (0, 1), not {self.calibration!r}")

    def _trained(self, X: np.ndarray, seed: int) -> Run:
        config = as_config(self.config)
        batch = config.train.batch_size
        steps = min(count("steps", self.steps, 1), math.ceil(PASSES * len(X) / batch))
        rows = np.tile(X, (math.ceil(min(steps, LEAST_STEPS) * batch / len(X)), 1))[:, None, None]
        epochs = math.ceil(steps / (len(rows) // batch))
        # Without the short last batch one size of batch is compiled.
        train = {"epochs": epochs, "drop_remainder": True}
        config = resolve(merge(config.to_dict(), {"train": train}))
        data = Dataset("X", Split(rows, None), Split(rows[:0], None), examples=Examples("rows"))
        return fitting.fit(config, data, jax.random.key(seed), progress=False, whole=True)

    def _validated(self, X: ArrayLike) -> np.ndarray:
        check_is_fitted(self)
        options = {"reset": False, "ensure_all_finite": "allow-nan"}
        rows: np.ndarray = validate_data(self, unmasked(X), dtype=FLOATS, **options)
        return rows.astype(np.float64, copy=False)

    def _hidden(self, X: np.ndarray) -> Hidden:
        scaler = self.runs_[0].scaler
        assert scaler is not None, "rows have one"
        near = np.clip(X, scaler.shift - FAR * scaler.spread, scaler.shift + FAR * scaler.spread)
        found = [run.score_hidden(near, self._seed, self.draws) for run in self.runs_]
        mean = Hidden(*(np.mean(values, axis=0) for values in zip(*found, strict=True)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of a row without a number
            return mean._replace(score=np.nanmean(mean.parts + mean.shown, axis=1))

    def _negative(self, score: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(score), self._ordinary, -score)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _dealt(
    n: int, share: float | None, random: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """(places of the rows to train on, of those held out), each in order."""
    if share is None:
        return np.arange(n), np.arange(0)
    m = max(1, round(share * n))
    if m >= n:
        raise ValueError(f"calibration: {m} rows held out leave none of {n} to train on")
    order = random.permutation(n)
    return np.sort(order[m:]), np.sort(order[:m])


def _column_means(parts: np.ndarray) -> np.ndarray:
    """Means [columns] of parts [n, columns] over what was observed."""
    return np.nanmean(parts, axis=0)


def _offset(scores: np.ndarray, contamination: str | float) -> float:
    """The number of `score_samples` below which rows are strange."""
    if contamination == "auto":
        low, high = np.quantile(scores, (0.25, 0.75))
        return float(max(low - 1.5 * (high - low), np.sort(scores)[:2].mean()))
    return float(np.percentile(scores, 100 * float(contamination)))
