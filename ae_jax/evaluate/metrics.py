"""Exact metrics of a whole data set: sums over images, divided once by their number."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.data.arrays import Split
from ae_jax.model import scaling
from ae_jax.model.pipeline import Batch, Tree, Variables
from ae_jax.objective.losses import bernoulli_nll, total
from ae_jax.objective.objective import Objective
from ae_jax.streams import stream

Metrics = dict[str, float]


class Evaluator(NamedTuple):
    """Metrics of a whole `Split`, one program for all its full batches and one for a short last.

    Metrics: `loss` and its terms in the loss's units, as in training but in evaluation mode and
    with all penalties at full weight; on clean input `sse` (squared error per image), `mse` (per
    pixel), both in [0,1] units, `psnr` = 10 log10(1 / mse) in dB, of the set's mse, and `bce` in
    nats per image where the output is a sigmoid; where the config corrupts, `noisy_mse` and
    `denoised_mse` per pixel in [0,1] units. With `data.binarize` all are of pixels that are drawn.
    Where these, corruption, bottleneck or penalties draw, the numbers depend on `key` and on
    `batch_size`. Of signals and rows the units are those of
    `data.scale` instead of [0,1], and "per pixel" is per observed number.
    """

    # (numbers, variables, images, labels, key, batches) -> sums of each batch
    sums: jax.stages.Wrapped
    batch_size: int

    def __call__(
        self, variables: Variables, data: Split, key: jax.Array, numbers: Tree = None
    ) -> Metrics:
        """The metrics; `numbers` are what `evaluator_of` makes an objective of."""
        totals: dict[str, float] = {}
        for batches in self._batches(data):
            for name, value in self.sums(numbers, variables, *batches[:2], key, batches[2]).items():
                total = float(np.sum(np.asarray(value, np.float64)))
                totals[name] = totals.get(name, 0.0) + total
        return _metrics(totals, len(data.images), math.prod(data.images.shape[1:]))

    def compile(self, variables: Variables, data: Split, key: jax.Array) -> None:
        """Compiles what a call with such arguments needs; the variables may be abstract."""
        for images, labels, numbered in self._batches(data):
            self.sums.lower(None, variables, images, labels, key, numbered).compile()

    def _batches(self, data: Split) -> Iterator[tuple[Any, Any, np.ndarray]]:
        """(images [batches, batch, H, W, C], labels or None, the batches' numbers) per program."""
        full, rest = divmod(len(data.images), self.batch_size)
        for size, numbered in ((self.batch_size, np.arange(full)), (rest, np.array([full]))):
            if size * len(numbered):
                start = numbered[0] * self.batch_size
                rows = slice(start, start + size * len(numbered))
                images, labels = (  # of NumPy: nothing is compiled to cut them
                    None if v is None else np.asarray(v[rows]).reshape(-1, size, *v.shape[1:])
                    for v in data
                )
                yield images, labels, numbered


def evaluator(objective: Objective, batch_size: int) -> Evaluator:
    """That of an objective."""
    return evaluator_of(lambda _: objective, batch_size)


def evaluator_of(objective: Callable[[Any], Objective], batch_size: int) -> Evaluator:
    """That of objective(numbers).

    The numbers are arguments of the compiled program, which serves other numbers as well.
    """

    @jax.jit
    def sums(
        numbers: Tree,
        variables: Variables,
        images: jax.Array,
        labels: jax.Array | None,
        key: jax.Array,
        numbered: jax.Array,
    ) -> dict[str, jax.Array]:
        f, keys = objective(numbers), jax.vmap(partial(jax.random.fold_in, key))(numbered)
        return jax.lax.map(lambda b: _sums(f, variables, *b), (images, labels, keys))

    return Evaluator(sums, batch_size)


def _sums(
    objective: Objective,
    variables: Variables,
    images: jax.Array,
    labels: jax.Array | None,
    key: jax.Array,
) -> dict[str, jax.Array]:
    """Sums over one batch of what `_metrics` divides by the number of images."""
    model = objective.model
    batch = model.drawn(Batch(scaling.to_network(images, model.scale), labels), key)
    x = batch.x
    clean = p = model.run(variables, batch, key, corrupt=model.corrupts)
    if model.corrupts:
        clean = model.run(variables, batch, stream(key, "clean"))
    loss, (terms, _) = objective.measure(p, variables, key)
    sums = {name: value * len(x) for name, value in {"loss": loss, **terms}.items()}
    x, seen = p.x, p.observed  # what was not observed is the mean here, and counts nowhere
    if seen is not None:
        sums["observed"] = jnp.sum(seen)
    sums["sse"] = squared_error_unit(x, clean.x_hat, model.scale, seen)
    if model.module.output == "sigmoid" and model.scale == "unit":
        sums["bce"] = jnp.sum(total(clean, bernoulli_nll(clean)))
    if model.corrupts:
        noisy = p.corrupted
        if seen is not None:  # what was hidden is the mean to the encoder
            noisy = model.apply(variables, noisy, method="filled")
        sums["noisy_sse"] = squared_error_unit(x, noisy, model.scale, seen)
        sums["denoised_sse"] = squared_error_unit(x, p.x_hat, model.scale, seen)
    return sums


def squared_error_unit(
    x: jax.Array, x_hat: jax.Array, scale: str, observed: jax.Array | None = None
) -> jax.Array:
    """sum over all images and their pixels, the observed ones, of (x - x^)^2 in [0,1] units."""
    square = jnp.square(scaling.to_unit(x, scale) - scaling.to_unit(x_hat, scale))
    return jnp.sum(square if observed is None else jnp.where(observed, square, 0.0))


def _metrics(totals: dict[str, float], n: int, pixels: float) -> Metrics:
    if (seen := totals.pop("observed", None)) is not None:
        pixels = max(seen, 1) / n
    metrics = {name: total / n for name, total in totals.items()}
    metrics["mse"] = metrics["sse"] / pixels
    metrics["psnr"] = psnr(metrics["mse"])
    for name in ("noisy", "denoised"):
        if f"{name}_sse" in metrics:
            metrics[f"{name}_mse"] = metrics.pop(f"{name}_sse") / pixels
    return metrics


def psnr(mse: float) -> float:
    """10 log10(1 / mse) in dB, for images in [0,1]; infinite where mse is 0."""
    return 10 * math.log10(1 / mse) if mse > 0 else math.inf
