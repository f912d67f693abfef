"""scikit-learn's door: any config as an estimator for rows of numbers.

>>> from sklearn.pipeline import make_pipeline
>>> from ae_jax.sklearn import Autoencoder
>>> codes = Autoencoder("undercomplete", code_size=8, random_state=0).fit_transform(X)

Rows are images here, of one row of pixels unless `image_shape` says otherwise. The networks see
numbers in [0,1]: the smallest number of the training set becomes 0, the largest 1, by one affine
map of all columns, which changes no distance but by a factor (columns of different units want a
scaler before). What comes back is in the units of X.
"""

import math
from collections.abc import Mapping
from typing import Any, Self

import jax
import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from ae_jax import api
from ae_jax.arrays import Dataset, Split
from ae_jax.config import load_config, resolve
from ae_jax.model import build

FLOATS = (np.float32, np.float64)


class Autoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Encoder and decoder of a config, trained on rows [n, features].

    Args:
      config: the name of a config ('denoise'), a path, or a dict of differences from the defaults.
        Its data are not used, and its batch is at most the training set.
      code_size: overrides `model.code_size`; None: the config's.
      epochs: overrides `train.epochs`; None: the config's.
      image_shape: (height, width, channels) of a row, for convolutions and corruptions of areas.
      random_state: initial weights, order, noise; as anywhere in scikit-learn.

    Attributes:
      run_: the trained `ae_jax.Run`, whose images are in [0,1] units.
      bounds_: the numbers that became 0 and 1.
      loss_: the training loss at every step [steps].

    Raises:
      ConfigError: of `fit`; a field of the config is not allowed.
      DivergedError: of `fit`; the loss stopped being finite.
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
        random_state: Any = None,
    ):
        self.config = config
        self.code_size = code_size
        self.epochs = epochs
        self.image_shape = image_shape
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Trains on the rows of X [n, features]; y is ignored."""
        X = validate_data(self, X, dtype=FLOATS)
        shape = self.image_shape or (1, X.shape[1], 1)
        if math.prod(shape) != X.shape[1]:
            raise ValueError(f"image_shape: {shape} are not the {X.shape[1]} columns of X")
        low, high = float(X.min()), float(X.max())
        self.bounds_ = (low, high if high > low else low + 1.0)
        images = self._unit(X).reshape(-1, *shape)
        data = Dataset("X", Split(images, None), Split(images[:0], None))
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        key = jax.random.key(seed)
        run = api.fit(self._resolved(len(X)), data, key, progress=False, whole=True)
        # No device arrays: an estimator can be pickled, and opened on another machine.
        held = {"variables": jax.tree.map(np.asarray, run.variables), "state": None}
        self.run_ = run._replace(**held, limits=(-np.inf, np.inf))  # new rows may leave [0,1]
        self.loss_ = self.run_.history.get("loss", np.zeros(0))  # no epochs, no losses
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Codes, float32 [n, code_size], without noise."""
        images = self._images(X)  # says first whether there is a fit
        return self.run_.encode(images)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Rows [n, features] of codes [n, code_size]."""
        check_is_fitted(self)
        codes = check_array(X, dtype=np.float32)
        if codes.shape[1] != self._n_features_out:
            raise ValueError(f"X: has {codes.shape[1]} columns, a code {self._n_features_out}")
        return self._rows(self.run_.decode(codes))

    def score_samples(self, X: Any) -> np.ndarray:
        """Minus the squared reconstruction error of each row [n]: low where a row is strange.

        Summed over the columns, in squared units of X.
        """
        images = self._images(X)
        low, high = self.bounds_
        return -((high - low) ** 2) * self.run_.score(images)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of `score_samples`: higher is better, 0 is perfect."""
        return float(self.score_samples(X).mean())

    def _resolved(self, n: int) -> Any:
        given = load_config(self.config) if isinstance(self.config, str) else resolve(self.config)
        settings = given.to_dict()
        settings["train"]["batch_size"] = min(settings["train"]["batch_size"], n)
        if self.code_size is not None:
            settings["model"]["code_size"] = self.code_size
        if self.epochs is not None:
            settings["train"]["epochs"] = self.epochs
        return resolve(settings)

    def _unit(self, X: np.ndarray) -> np.ndarray:
        low, high = self.bounds_
        return ((X - low) / (high - low)).astype(np.float32)

    def _images(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        return self._unit(X).reshape(-1, *self.run_.model.shape)

    def _rows(self, images: np.ndarray) -> np.ndarray:
        low, high = self.bounds_
        return low + (high - low) * images.reshape(len(images), -1)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if run := state.get("run_"):  # a model is functions; its shape is enough to build it again
            state["run_"] = run._replace(model=run.model.shape)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if run := state.get("run_"):
            self.run_ = run._replace(model=build(run.config, run.model))

    @property
    def _n_features_out(self) -> int:
        return int(self.run_.config.model.code_size)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
