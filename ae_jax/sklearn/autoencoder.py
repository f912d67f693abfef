"""A scikit-learn estimator: any config, for rows of numbers.

A row becomes an image with one row of pixels, unless `image_shape` says otherwise. Networks
see numbers in [0,1]: one affine map of all columns sends the smallest training number to 0 and
the largest to 1. It scales all distances by one factor, so columns in different units need a
scaler first, such as `sklearn.preprocessing.StandardScaler`, or `scale="columns"`, which gives each
column its own. One outlying row would squeeze the others into a corner of [0,1]; `fit` warns about
it, and `scale="robust"` fits the others. Results have the units and the precision of X: the map and
its inverse use float64, only the network uses float32.
"""

import math
from collections.abc import Mapping
from typing import Any, Self

import jax
import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from ae_jax.resolve.config import Resolved, as_config, merge, resolve
from ae_jax.run import fitting
from ae_jax.run.trained import Run
from ae_jax.sklearn.bounds import bounds_of
from ae_jax.sklearn.holding import FLOATS, HoldsRun, held, unmasked
from ae_jax.sklearn.passes import ONE_PASS, once_more
from ae_jax.sklearn.units import Columns, Interval
from ae_jax.sklearn.weighing import drawn, weights_of
from ae_jax.train.setup import TrainState

SCALES = ("minmax", "robust", "columns")


class Autoencoder(HoldsRun, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Encoder and decoder of a config, trained on rows [n, features].

    Args:
      config: the name of a config ('denoise'), a path, or a dict of differences from the defaults.
        Its data are not used, and its batch is at most the training set.
      code_size: overrides `model.code_size`; None: the config's.
      epochs: overrides `train.epochs`; None: the config's.
      image_shape: (height, width, channels) of a row, for convolutions and corruptions of areas.
      scale: which numbers become 0 and 1. 'minmax': the smallest and the largest of X. 'robust':
        those of X without the one row in a hundred that lies farthest from the median of all
        numbers; what is beyond becomes 0 or 1 for the network, not in `score_samples`. 'columns':
        rows are no images, and the config's `data.scale` says what becomes of each column. NaN is
        allowed then: it says that nothing was observed, and is kept out of the loss.
      random_state: initial weights, order, noise, draws by weight; as everywhere in scikit-learn.

    Attributes:
      run_: the trained `ae_jax.Run`: of images in [0,1] units, or with 'columns' of rows as they
        are.
      bounds_: the numbers that became 0 and 1; None with 'columns' (see `run_.scaler`).
      dtype_: the type of the training rows, which `inverse_transform` gives back.
      loss_: the training loss at every step [steps].
      n_features_in_, feature_names_in_: as everywhere in scikit-learn.

    Raises:
      ConfigError: of `fit` and `partial_fit`; a field of the config is not allowed.
      DivergedError: of both; the loss stopped being finite.
      UserWarning: of both (given, not raised); a few rows alone span [0,1].
      ValueError: of all methods; X is not a finite matrix (with 'columns': has an infinite number,
        or one above 1e150) of as many columns as in `fit` (of `inverse_transform`: as a code has
        numbers), or not of as many as `image_shape` has. Of `fit`: a column without a number with
        'columns'; weights that are negative, all 0, or not one for each row.
      NotFittedError: of all but `fit` and `partial_fit`.
    """

    _units: Interval | Columns
    _state: TrainState | None  # of the last pass
    _batch: int  # of the config

    def __init__(
        self,
        config: str | Mapping[str, Any] = "undercomplete",
        *,
        code_size: int | None = None,
        epochs: int | None = None,
        image_shape: tuple[int, int, int] | None = None,
        scale: str = "minmax",
        random_state: int | np.random.RandomState | None = None,
    ):
        self.config = config
        self.code_size = code_size
        self.epochs = epochs
        self.image_shape = image_shape
        self.scale = scale
        self.random_state = random_state

    def fit(self, X: Any, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Trains on the rows of X [n, features]; y is ignored.

        Args:
          X: the rows.
          y: ignored.
          sample_weight: how much each row counts [n], >= 0. Before training, n rows are drawn: row
            i n * w_i / sum(w) times, rounded up or down at random (systematic resampling). A row of
            weight 0 is never seen, and equal weights change nothing; a weight of 2 is on average
            what two rows are. `bounds_` is of all rows whose weight is not 0, the scales of
            'columns' are of the rows drawn.
        """
        X = self._validated(X, reset=True)
        run = self._begun(X, weights_of(sample_weight, X), {})
        return self._with(run, None)

    def partial_fit(self, X: Any, y: object = None) -> Self:
        """Trains for one pass over the rows of X [n, features]; y is ignored.

        The first call begins as `fit` does; after `fit`, and in later calls, the weights are those
        that there are. The learning rate is the config's `optim.learning_rate` all the time; no
        rows are held out; `epochs` does not count. What becomes of units (`bounds_`, or the scales
        of 'columns') is settled in the first call, whose rows should span the others. The optimizer
        goes on from call to call, and starts fresh after `fit`. So k calls with the same X are the
        same as k epochs at a constant rate. Changed parameters count from the next `fit` on.
        """
        if not hasattr(self, "run_"):
            X = self._validated(X, reset=True)
            run = self._begun(X, None, ONE_PASS)
            return self._with(run, run.state)
        X = self._validated(X)
        return self._with(*once_more(self.run_, self._state, self._units.data(X), self._batch))

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Codes [n, code_size], without noise, in the type of X; NaN is taken for the mean."""
        X = self._validated(X)
        return self.run_.encode(self._units.seen(X)).astype(X.dtype, copy=False)

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Rows [n, features] of codes [n, code_size], in the type of the training rows."""
        check_is_fitted(self)
        with np.errstate(over="ignore", invalid="ignore"):  # infinite in float32: refused as such
            codes = check_array(unmasked(X), dtype=np.float32)
        if codes.shape[1] != self._n_features_out:
            raise ValueError(f"X: has {codes.shape[1]} columns, a code {self._n_features_out}")
        return self._units.rows(self.run_.decode(codes)).astype(self.dtype_, copy=False)

    def impute(self, X: ArrayLike) -> np.ndarray:
        """X [n, features] with its reconstruction wherever it is NaN, in the type of X.

        Learned best with the config 'impute'.

        Raises:
          ConfigError: `data.missing` of the config is 'refuse'.
          ValueError: the scale is not 'columns'.
        """
        X = self._validated(X)
        if self.bounds_ is not None:
            raise ValueError("impute: needs scale='columns', which alone lets X have holes")
        return self.run_.impute(X).astype(X.dtype, copy=False)

    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Minus the squared reconstruction error of each row [n]: low where a row is strange.

        float64, summed over the columns that were observed, in squared units of X.
        """
        X = self._validated(X)
        back = self._units.rows(self.run_.reconstruct(self._units.seen(X)))
        return -np.where(np.isnan(X), 0.0, np.square(X - back)).sum(axis=1)

    def score(self, X: ArrayLike, y: object = None) -> float:
        """The mean of `score_samples`: higher is better, 0 is perfect."""
        return float(self.score_samples(X).mean())

    def _begun(self, X: np.ndarray, weights: np.ndarray | None, changes: Mapping[str, Any]) -> Run:
        """The run of a first fit to X, with `changes` of the config."""
        shape = self.image_shape or (1, X.shape[1], 1)
        self._check(shape, X.shape[1])
        random = check_random_state(self.random_state)
        seed = random.randint(2**31 - 1)
        self.dtype_, self.bounds_ = X.dtype, None
        if self.scale == "columns":
            named = getattr(self, "feature_names_in_", None)
            self._units = Columns(None if named is None else tuple(map(str, named)))
        else:
            rows: Any = slice(None) if weights is None else np.flatnonzero(weights)
            self.bounds_ = bounds_of(X[rows], self.scale, np.arange(len(X))[rows])
            self._units = Interval(self.bounds_, shape, self.scale == "robust")
        data = self._units.data(X if weights is None else X[drawn(weights, random)])
        config = as_config(self.config)
        self._batch = config.train.batch_size
        config, key = self._resolved(config, len(X), changes), jax.random.key(seed)
        run = fitting.fit(config, data, key, progress=False, whole=True)
        # Of images new rows may leave [0,1].
        return run if self.bounds_ is None else run._replace(limits=(-np.inf, np.inf))

    def _with(self, run: Run, state: TrainState | None) -> Self:
        """With a trained run, and what the next pass goes on from."""
        self.run_, self._state = held(run), jax.tree.map(np.asarray, state)
        self.loss_ = self.run_.history.get("loss", np.zeros(0))  # no epochs, no losses
        return self

    def _check(self, shape: tuple[int, int, int], columns: int) -> None:
        if math.prod(shape) != columns:
            raise ValueError(f"image_shape: {shape} are not the {columns} columns of X")
        if self.scale not in SCALES:
            raise ValueError(f"scale: must be 'minmax', 'robust' or 'columns', not {self.scale!r}")
        if self.scale == "columns" and self.image_shape is not None:
            raise ValueError("image_shape: with scale='columns' rows are no images")

    def _resolved(self, config: Resolved, n: int, changes: Mapping[str, Any]) -> Resolved:
        settings = config.to_dict()
        settings["train"]["batch_size"] = min(self._batch, n)
        if self.code_size is not None:
            settings["model"]["code_size"] = self.code_size
        if self.epochs is not None:
            settings["train"]["epochs"] = self.epochs
        return resolve(merge(settings, changes))

    def _validated(self, X: ArrayLike, reset: bool = False) -> np.ndarray:
        if not reset:
            check_is_fitted(self)
        options = {"reset": reset, "ensure_all_finite": "allow-nan"}
        rows: np.ndarray = validate_data(self, unmasked(X), dtype=FLOATS, **options)
        if (self.scale == "columns") if reset else (self.bounds_ is None):
            self._refuse_huge(rows)
        elif np.isnan(rows).any():
            raise ValueError(
                "Input X contains NaN.\nWith scale='columns' it says that nothing was observed."
            )
        return rows

    @property
    def _n_features_out(self) -> int:
        return int(self.run_.config.model.code_size)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.scale == "columns"
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
