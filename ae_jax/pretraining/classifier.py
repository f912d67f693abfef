"""Encoders with a logistic layer on top."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.data.arrays import Split
from ae_jax.data.batches import in_batches
from ae_jax.model import scaling
from ae_jax.model.compiled import compiled
from ae_jax.model.layers import Affine
from ae_jax.model.pipeline import Model, Params, Tree
from ae_jax.run.trained import Run


class Classifier(NamedTuple):
    """Encoders with a logistic layer on top, trained together.

    p(label | image) = softmax(V z + c), z [code_size] the code of the highest encoder.
    """

    models: tuple[Model, ...]
    variables: Any  # of the encoders, and of the logistic layer last
    valid_errors: list[float]  # share of held-out images misclassified, after every epoch

    def predict(self, images: np.ndarray) -> np.ndarray:
        """The likeliest label [n] of images [n, H, W, C], uint8 or float in [0,1]."""
        return in_batches(partial(compiled(_labels, self.models), self.variables), images)

    def error(self, part: Split) -> float:
        """Share of the images whose label is another, in [0, 1]."""
        return float((self.predict(part.images) != part.labels).mean())


def begun(runs: Sequence[Run], classes: int) -> Classifier:
    """The encoders of `runs`, lowest first, and a logistic layer that starts at 0."""
    head = {"kernel": jnp.zeros((runs[-1].config.model.code_size, classes))}
    head["bias"] = jnp.zeros(classes)
    variables = (*(_encoder(run.variables) for run in runs), {"params": head})
    return Classifier(tuple(run.model for run in runs), variables, [])


def _encoder(variables: Tree) -> Any:
    """The variables without those of decoder and penalties, which a classifier does not use."""
    unused = ("decoder", "penalties")
    return {
        **variables,
        "params": {k: v for k, v in variables["params"].items() if k not in unused},
    }


def parted(variables: Tree) -> tuple[Any, Any]:
    """(what is trained, what is not: statistics, the mean image) of every layer."""
    params = [v["params"] for v in variables]
    return params, [{n: v[n] for n in v if n != "params"} for v in variables]


def joined(params: Params, fixed: Params) -> Any:
    """The inverse of `parted`."""
    return tuple({"params": p, **rest} for p, rest in zip(params, fixed, strict=True))


def logits(models: tuple[Model, ...], variables: Tree, images: jax.Array) -> jax.Array:
    """[batch, H, W, C] -> [batch, classes]."""
    for model, own in zip(models, variables[:-1], strict=True):
        codes = model.encode(own, scaling.to_network(images, model.scale))
        images = codes[:, :, None, None]  # of the next layer
    head = variables[-1]["params"]
    return Affine(head["kernel"].shape[1]).apply({"params": head}, codes)  # type: ignore[return-value]


def _labels(models: tuple[Model, ...], variables: Tree, images: jax.Array) -> jax.Array:
    return logits(models, variables, images).argmax(1)
