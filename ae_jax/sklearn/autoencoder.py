"""A scikit-learn estimator: any config, for rows of numbers.

A row becomes an image with one row of pixels, unless `image_shape` says otherwise. Networks
see numbers in [0,1]: one affine map of all columns sends the smallest training number to 0 and
the largest to 1. It scales all distances by one factor, so columns in different units need a
scaler first, such as `sklearn.preprocessing.StandardScaler`. One outlying row would squeeze the
others into a corner of [0,1]; `fit` warns about it, and `scale="robust"` fits the others. Results
have the units and the precision of X: the map and its inverse use float64, only the network uses
float32.
"""

import math
import warnings
from collections.abc import Mapping
from typing import Any, Self

import jax
import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from ae_jax.data.arrays import Dataset, Split
from ae_jax.resolve.config import Resolved, as_config, resolve
from ae_jax.run import fitting
from ae_jax.sklearn.holding import FLOATS, HoldsRun, held, unmasked

SCALES = ("minmax", "robust")
ONE_IN = 100  # rows may lie far from the others
FEW = 10  # rows of which none is called far away
FAR = 10.0  # times the span of the others: a range that leaves them a tenth of [0,1]


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
        numbers; what is beyond becomes 0 or 1 for the network, not in `score_samples`.
      random_state: initial weights, order, noise; as everywhere in scikit-learn.

    Attributes:
      run_: the trained `ae_jax.Run`, whose images are in [0,1] units.
      bounds_: the numbers that became 0 and 1.
      dtype_: the type of the training rows, which `inverse_transform` gives back.
      loss_: the training loss at every step [steps].

    Raises:
      ConfigError: of `fit`; a field of the config is not allowed.
      DivergedError: of `fit`; the loss stopped being finite.
      UserWarning: of `fit` (given, not raised); a few rows alone span [0,1].
      ValueError: of all methods; X is not a finite matrix of as many columns as in `fit` (of
        `inverse_transform`: as a code has numbers), or not of as many as `image_shape` has.
      NotFittedError: of all but `fit`.
    """

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

    def fit(self, X: Any, y: object = None) -> Self:
        """Trains on the rows of X [n, features]; y is ignored."""
        X = validate_data(self, unmasked(X), dtype=FLOATS)
        shape = self.image_shape or (1, X.shape[1], 1)
        if math.prod(shape) != X.shape[1]:
            raise ValueError(f"image_shape: {shape} are not the {X.shape[1]} columns of X")
        if self.scale not in SCALES:
            raise ValueError(f"scale: must be 'minmax' or 'robust', not {self.scale!r}")
        self.dtype_, self.bounds_ = X.dtype, _bounds(X, self.scale)
        images = self._unit(X).reshape(-1, *shape)
        data = Dataset("X", Split(images, None), Split(images[:0], None))
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        key = jax.random.key(seed)
        run = fitting.fit(self._resolved(len(X)), data, key, progress=False, whole=True)
        self.run_ = held(run)._replace(limits=(-np.inf, np.inf))  # new rows may leave [0,1]
        self.loss_ = self.run_.history.get("loss", np.zeros(0))  # no epochs, no losses
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Codes [n, code_size], without noise, in the type of X."""
        X = self._validated(X)
        return self.run_.encode(self._images(X)).astype(X.dtype, copy=False)

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Rows [n, features] of codes [n, code_size], in the type of the training rows."""
        check_is_fitted(self)
        with np.errstate(over="ignore", invalid="ignore"):  # infinite in float32: refused as such
            codes = check_array(unmasked(X), dtype=np.float32)
        if codes.shape[1] != self._n_features_out:
            raise ValueError(f"X: has {codes.shape[1]} columns, a code {self._n_features_out}")
        return self._rows(self.run_.decode(codes)).astype(self.dtype_, copy=False)

    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Minus the squared reconstruction error of each row [n]: low where a row is strange.

        float64, summed over the columns, in squared units of X.
        """
        X = self._validated(X)
        back = self._rows(self.run_.reconstruct(self._images(X)))
        return -np.square(X - back).sum(axis=1)

    def score(self, X: ArrayLike, y: object = None) -> float:
        """The mean of `score_samples`: higher is better, 0 is perfect."""
        return float(self.score_samples(X).mean())

    def _resolved(self, n: int) -> Resolved:
        settings = as_config(self.config).to_dict()
        settings["train"]["batch_size"] = min(settings["train"]["batch_size"], n)
        if self.code_size is not None:
            settings["model"]["code_size"] = self.code_size
        if self.epochs is not None:
            settings["train"]["epochs"] = self.epochs
        return resolve(settings)

    def _unit(self, X: np.ndarray) -> np.ndarray:
        low, high = self.bounds_
        with np.errstate(over="ignore"):
            unit = (X.astype(np.float64, copy=False) - low) / (high - low)
            unit = np.clip(unit, 0, 1) if self.scale == "robust" else unit
            unit = unit.astype(np.float32)
        if len(far := np.flatnonzero(~np.isfinite(unit).all(axis=1))):
            raise ValueError(f"X: row {far[0]} is too far from the training rows for float32")
        return unit

    def _validated(self, X: ArrayLike) -> np.ndarray:
        check_is_fitted(self)
        return validate_data(self, unmasked(X), dtype=FLOATS, reset=False)

    def _images(self, X: np.ndarray) -> np.ndarray:
        return self._unit(X).reshape(-1, *self.run_.model.shape)

    def _rows(self, images: np.ndarray) -> np.ndarray:
        low, high = self.bounds_
        return low + (high - low) * images.reshape(len(images), -1).astype(np.float64)

    @property
    def _n_features_out(self) -> int:
        return int(self.run_.config.model.code_size)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _bounds(X: np.ndarray, scale: str) -> tuple[float, float]:
    """The numbers of X [n, features] that become 0 and 1; warns where a few rows alone set them."""
    middle = float(np.median(X))
    distance = np.abs(X.astype(np.float64, copy=False) - middle).max(axis=1)
    few = np.argsort(-distance, kind="stable")[: max(1, len(X) // ONE_IN)]
    others = X if len(X) == 1 else np.delete(X, few, axis=0)
    whole, kept = _range(X), _range(others)
    if scale == "robust":
        whole = kept
    elif len(X) > FEW and whole != kept and whole[1] - whole[0] >= FAR * (kept[1] - kept[0]):
        # A row just outside the others' range is not what spans it: their span more is far.
        reach = max(abs(bound - middle) for bound in kept) + kept[1] - kept[0]
        far = [int(row) for row in few if distance[row] > reach]
        warnings.warn(_outlying(X, far, middle, kept), UserWarning, stacklevel=3)
    low, high = whole
    if not math.isfinite(high - low):
        raise ValueError(f"X: goes from {low:g} to {high:g}, too far for float64; divide it")
    return low, high if high > low else low + 1.0


def _range(X: np.ndarray) -> tuple[float, float]:
    return float(X.min()), float(X.max())


def _outlying(X: np.ndarray, far: list[int], middle: float, kept: tuple[float, float]) -> str:
    row = far[0]
    column = int(np.abs(X[row].astype(np.float64) - middle).argmax())
    others = f" (as do rows {', '.join(map(str, far[1:6]))})" if far[1:] else ""
    return (
        f"X: row {row} has {X[row, column]:g} in column {column}{others}, the other rows "
        f"{kept[0]:g} to {kept[1]:g}; to the network they look nearly equal. Fix or drop it, or "
        f"set scale='robust'"
    )
