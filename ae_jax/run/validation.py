"""Validation during training: measured after every epoch.

Only the validation images select the best weights and decide when to stop.
"""

import jax
import numpy as np

from ae_jax.data.arrays import Split
from ae_jax.evaluate.metrics import Evaluator, Metrics
from ae_jax.streams import stream
from ae_jax.train import devices, loop, setup
from ae_jax.train.record import Curve


class Validation:
    """Of one training; without a validation part it measures nothing and never ends anything.

    Attributes:
      curve: the loss after every epoch so far; None without a validation part.
    """

    def __init__(
        self,
        trainer: setup.Trainer,
        part: Split | None,
        key: jax.Array,
        evaluate: Evaluator,
        known: Curve | None = None,
    ) -> None:
        """`key` is the run's, `evaluate` of `metrics.evaluator`, `known` of the epochs before."""
        self.trainer, self.part, self.evaluate = trainer, part, evaluate
        self.key = stream(key, "validation")
        self.curve = None if part is None else known or Curve()

    def measured(self, chunk: loop.Chunk) -> Metrics | None:
        """The metrics if the chunk ended an epoch; their loss joins the curve.

        Raises:
          DivergedError: it is not finite, nor is the state.
        """
        if self.part is None or self.curve is None or chunk.steps[1] % self.trainer.steps_per_epoch:
            return None
        metrics = self.evaluate(devices.local(chunk.state.variables), self.part, self.key)
        if not np.isfinite(metrics["loss"]):
            loop.check_state(self.trainer, chunk.state)
        self.curve = self.curve.after(chunk.steps[1], metrics["loss"])
        return metrics

    @property
    def beaten(self) -> bool:
        """Whether the last epoch's loss is the lowest."""
        return self.curve is not None and self.curve.beaten

    @property
    def ended(self) -> bool:
        """Whether `train.patience` says that training is over."""
        patience: int = self.trainer.config.train.patience
        return self.curve is not None and self.curve.ends(patience)
