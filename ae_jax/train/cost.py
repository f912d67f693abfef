"""The cost of a training, known from its compiled program before it runs."""

import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.data.arrays import Split
from ae_jax.streams import stream
from ae_jax.train import loop, setup
from ae_jax.train.setup import Trainer

SECONDS = 1.0  # for how long steps are tried
TRIED = 16  # of a training set that is not in memory: so many batches stand for it


class Cost(NamedTuple):
    """Of one full training step, and of the whole training."""

    params: int
    flops: float  # a step: floating-point operations of the compiled program
    bytes: float  # a step: what its operations read and write, in memory or in caches
    memory: int  # bytes of the program's arguments (the training set is one), results and scratch
    compile_s: float
    step_s: float
    steps: int  # of the whole training

    @property
    def seconds(self) -> float:
        """Of the whole training, without evaluation, checkpoints and figures."""
        return self.compile_s + self.steps * self.step_s


def measure(trainer: Trainer, data: Split, key: jax.Array) -> Cost:
    """Compiles the training program, and tries its steps on a state that is thrown away.

    `flops` and `bytes` are XLA's counts for one run of the loop's body. A program that is kept
    from an earlier start need not be compiled: then `compile_s` is what reading it takes.
    """
    config, noise = trainer.config, stream(key, "noise")
    size, (full, _) = config.train.batch_size, trainer.batches
    rows = slice(None if isinstance(data.images, np.ndarray) else TRIED * size)
    mean = setup.mean_image(data.images[rows], trainer.model)
    images = jnp.asarray(data.images[rows])
    labels = jnp.asarray(data.labels[rows]) if trainer.model.conditional else None  # type: ignore[index]
    full = min(full, len(images) // size)
    state = trainer.init(key, mean)
    params = sum(leaf.size for leaf in jax.tree.leaves(state.params))
    data_args = (images, labels, jnp.arange(len(images)))
    carry = loop.Carry(state, trainer.metrics())
    made, compile_s = loop.compile_steps(trainer, [size], (carry, *data_args, 0, 1, noise))
    program = made[size]
    best, last, started = float("inf"), 1, time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        begun = time.perf_counter()
        carry = jax.block_until_ready(program(carry, *data_args, 0, last, noise))
        best = min(best, (time.perf_counter() - begun) / last)
        last = min(2 * last, full)
    counts: Any = program.cost_analysis() or {}
    m = program.memory_analysis()
    memory = m.argument_size_in_bytes + m.output_size_in_bytes + m.temp_size_in_bytes
    return Cost(
        params=params,
        flops=counts.get("flops", float("nan")),
        bytes=counts.get("bytes accessed", float("nan")),
        memory=memory - m.alias_size_in_bytes,  # results that take the place of arguments
        compile_s=compile_s,
        step_s=best,
        steps=config.train.epochs * trainer.steps_per_epoch,
    )
