"""What the estimators have in common: the rows they take, and a run that can be pickled."""

from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from ae_jax.model.pipeline import build
from ae_jax.run.trained import Run

FLOATS = (np.float64, np.float32)  # whole numbers become the first


def unmasked(X: ArrayLike) -> Any:
    """`X`; scikit-learn would silently drop a mask."""
    if np.ma.is_masked(X):
        raise ValueError("X: a masked array, whose mask would be lost; use X.filled(0)")
    return X


def held(run: Run) -> Run:
    """The run without device arrays: it can be pickled, and opened on another machine."""
    return run._replace(variables=jax.tree.map(np.asarray, run.variables), state=None)


class HoldsRun:
    """An estimator with a `run_`; a model is functions, and its shape is enough to build it."""

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())  # type: ignore[call-overload]
        if run := state.get("run_"):
            state["run_"] = run._replace(model=run.model.shape)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[misc]
        if run := state.get("run_"):
            self.run_ = run._replace(model=build(run.config, run.model))
