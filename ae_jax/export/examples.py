"""Random examples, on which what was exported is compared with the model."""

import numpy as np

from ae_jax.model.pipeline import Model

EXAMPLES = 8


def some(model: Model) -> tuple[np.ndarray, ...]:
    """(examples,) of a model; one has a hole where there may be holes."""
    x = np.random.default_rng(0).random((EXAMPLES, *model.shape), np.float32)
    if model.holes:
        x[0].flat[0] = np.nan
    return (x,)


def labels(model: Model) -> tuple[np.ndarray, ...]:
    """(labels,) of the examples, or () where there are none."""
    if not model.conditional:
        return ()
    return (np.arange(EXAMPLES, dtype=np.int32) % model.module.classes,)


def wrong(found: np.ndarray, said: np.ndarray, most: float) -> str:
    """What is wrong with numbers that should be those that the model said, if anything is.

    They may be off by `most` of the largest.
    """
    if found.shape != said.shape:
        return f"gives {found.shape}, not {said.shape}"
    off = np.max(np.abs(found - said)) / max(np.max(np.abs(said)), 1e-30)
    return "" if off <= most else f"is off by {off:.1g}"
