"""A run whose config, data and directory have passed all checks."""

from typing import Any, NamedTuple

import jax

from ae_jax.data.load import Dataset
from ae_jax.evaluate import metrics
from ae_jax.resolve.config import Resolved
from ae_jax.run.sources import Source
from ae_jax.train import setup


class Session(NamedTuple):
    """What is fixed for a run: config, data, compiled functions, key."""

    config: Resolved
    dataset: Dataset
    trainer: setup.Trainer
    evaluate: metrics.Evaluator
    see: jax.stages.Wrapped  # (variables, images, labels or None) -> (input, output), [0,1] units
    key: jax.Array
    meta: dict[str, Any]  # its `Origin`, which every checkpoint has
    source: Source | None = None  # whose weights it begins with; None: it has begun, or is random
