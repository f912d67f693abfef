"""What the estimators have in common: the rows they take, and a run that can be pickled."""

from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from ae_jax.model.pipeline import build
from ae_jax.run.trained import Run

FLOATS = (np.float64, np.float32)  # whole numbers become the first
HUGE = 1e150  # whose square is no float64


def unmasked(X: ArrayLike) -> Any:
    """`X`; scikit-learn would silently drop a mask."""
    if np.ma.is_masked(X):
        raise ValueError("X: a masked array, whose mask would be lost; use X.filled(0)")
    return X


def held(run: Run) -> Run:
    """The run without device arrays: it can be pickled, and opened on another machine."""
    return run._replace(variables=jax.tree.map(np.asarray, run.variables), state=None)


class HoldsRun:
    """An estimator with a `run_` or `runs_`; a model is functions: its shape is kept."""

    n_features_in_: int
    feature_names_in_: np.ndarray

    def _names(self) -> list[str]:
        default = [f"x{i}" for i in range(self.n_features_in_)]
        return [str(name) for name in getattr(self, "feature_names_in_", default)]

    def _refuse_huge(self, X: np.ndarray) -> None:
        """ValueError where a number of X [n, features] has no square in float64."""
        if (large := (np.abs(X.astype(np.float64, copy=False)) > HUGE).any(0)).any():
            column = self._names()[int(large.argmax())]
            raise ValueError(f"X: column {column} goes beyond {HUGE:g}, too far for float64")

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())  # type: ignore[call-overload]
        if run := state.get("run_"):
            state["run_"] = _packed(run)
        if runs := state.get("runs_"):
            state["runs_"] = [_packed(run) for run in runs]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[misc]
        if run := state.get("run_"):
            self.run_ = _unpacked(run)
        if runs := state.get("runs_"):
            self.runs_ = [_unpacked(run) for run in runs]


def _packed(run: Run) -> Any:
    return run._replace(model=run.model.shape)  # type: ignore[arg-type]


def _unpacked(run: Any) -> Run:
    return run._replace(model=build(run.config, run.model))
