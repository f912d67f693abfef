"""What autoencoders were first for: layers that a classifier starts from.

Greedy layer-wise pre-training (Bengio et al. 2007; Vincent et al. 2010): every layer
is an autoencoder of the codes of the one below. A logistic layer on top makes a classifier of their
encoders, of which then all parameters are trained on labels.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from tqdm.auto import tqdm

from ae_jax.data.arrays import Dataset, Split, from_arrays
from ae_jax.data.batches import in_batches
from ae_jax.errors import ConfigError, DataError
from ae_jax.model import scaling
from ae_jax.model.compiled import compiled
from ae_jax.model.layers import Affine
from ae_jax.model.pipeline import Model, Params, Tree
from ae_jax.resolve.config import Resolved
from ae_jax.run import fitting
from ae_jax.run.trained import Run
from ae_jax.streams import stream

MOMENTUM = 0.9


def greedy(
    config: Resolved, widths: Sequence[int], data: Dataset, key: jax.Array, progress: bool = True
) -> list[Run]:
    """One autoencoder upon the other, the lowest first.

    Args:
      config: of every layer, resolved; its code must lie in [0,1] (a sigmoid), for it is the image
        of the layer above, which is corrupted and reconstructed like any other.
      widths: the code size of each layer.
      data: the images, of which the labels are not looked at.
      key: of all trainings.
      progress: whether to show bars.

    Returns:
      One `Run` a layer. A layer's images are the codes [n, code_size, 1, 1] of the one below,
      brought to its `data.scale`.

    Raises:
      DataError: codes outside [0,1].
      ConfigError, DivergedError: as `fit`; or the data are no images.
    """
    if data.examples.kind != "image":
        raise ConfigError("pretraining: is for images; rows and signals train as they are")
    runs: list[Run] = []
    for i, width in enumerate(widths):
        changed = config.replace(**{"model.code_size": width})
        key_i = stream(key, f"layer/{i}")
        runs.append(fitting.fit(changed, data, key_i, progress, whole=True))
        if i + 1 < len(widths):
            train, test = (runs[-1].encode(part.images)[:, :, None, None] for part in data[1:])
            data = from_arrays(train, test, name=f"codes of layer {i + 1}")
    return runs


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


def fine_tune(
    runs: Sequence[Run],
    train: Split,
    valid: Split,
    key: jax.Array,
    epochs: int = 30,
    learning_rate: float = 0.1,
    batch_size: int = 100,
    progress: bool = True,
) -> Classifier:
    """The encoders of `runs`, lowest first, and a logistic layer as one classifier.

    -log p(label | image) is minimized by gradient descent with momentum 0.9, its rate falling to 0
    along a cosine; the logistic layer starts at 0. What comes back are the parameters of the epoch
    with the fewest errors on `valid`, the last of several, which nothing is trained on.

    Args:
      runs: autoencoders as `greedy` leaves them, or `[run]`, whatever its encoder.
      train: images and labels.
      valid: other images and labels.
      key: of the order of the images.
      epochs: over `train`.
      learning_rate: at the start.
      batch_size: images a step; what is left of an epoch is not used in it.
      progress: whether to show a bar.

    Raises:
      DataError: no labels, or fewer images than one batch.
    """
    if train.labels is None or valid.labels is None:
        raise DataError("fine_tune: a classifier needs labels")
    steps = len(train.images) // batch_size
    if not steps:
        raise DataError(f"fine_tune: {len(train.images)} images, a batch has {batch_size}")
    models = tuple(run.model for run in runs)
    head = {"kernel": jnp.zeros((runs[-1].config.model.code_size, int(train.labels.max()) + 1))}
    head["bias"] = jnp.zeros(head["kernel"].shape[1])
    variables: Any = (*(_encoder(run.variables) for run in runs), {"params": head})
    schedule = optax.cosine_decay_schedule(learning_rate, epochs * steps)
    optimizer = optax.sgd(schedule, MOMENTUM)
    run_epoch = compiled(_epoch, models, optimizer)
    params, fixed = _parted(variables)
    state = (params, optimizer.init(params))
    images, labels = jnp.asarray(train.images), jnp.asarray(train.labels)
    k_order = stream(key, "order")
    best, errors = variables, []
    with tqdm(range(epochs), unit="epoch", disable=not progress, desc="fine-tuning") as bar:
        for epoch in bar:
            order = jax.random.permutation(jax.random.fold_in(k_order, epoch), len(images))
            chosen = order[: steps * batch_size].reshape(steps, batch_size)
            state = run_epoch(fixed, state, images, labels, chosen)
            now = Classifier(models, _joined(state[0], fixed), [])
            errors.append(now.error(valid))
            if errors[-1] <= min(errors):
                best = now.variables
            bar.set_postfix(valid=f"{100 * errors[-1]:.2f} %")
    return Classifier(models, best, errors)


def _encoder(variables: Tree) -> Any:
    """Without what a classifier does not use."""
    unused = ("decoder", "penalties")
    return {
        **variables,
        "params": {k: v for k, v in variables["params"].items() if k not in unused},
    }


def _parted(variables: Tree) -> tuple[Any, Any]:
    """(what is trained, what is not: statistics, the mean image) of every layer."""
    params = [v["params"] for v in variables]
    return params, [{n: v[n] for n in v if n != "params"} for v in variables]


def _joined(params: Params, fixed: Params) -> Any:
    return tuple({"params": p, **rest} for p, rest in zip(params, fixed, strict=True))


def _logits(models: tuple[Model, ...], variables: Tree, images: jax.Array) -> jax.Array:
    for model, own in zip(models, variables[:-1], strict=True):
        codes = model.encode(own, scaling.to_network(images, model.scale))
        images = codes[:, :, None, None]  # of the next layer
    head = variables[-1]["params"]
    return Affine(head["kernel"].shape[1]).apply({"params": head}, codes)  # type: ignore[return-value]


def _labels(models: tuple[Model, ...], variables: Tree, images: jax.Array) -> jax.Array:
    return _logits(models, variables, images).argmax(1)


def _epoch(
    models: tuple[Model, ...],
    optimizer: optax.GradientTransformation,
    fixed: Params,
    state: Tree,
    images: jax.Array,
    labels: jax.Array,
    chosen: jax.Array,
) -> Any:
    """One pass over the chosen rows [steps, batch]."""

    def loss(params: Params, rows: jax.Array) -> jax.Array:
        logits = _logits(models, _joined(params, fixed), images[rows])
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels[rows]).mean()

    def step(state: Tree, rows: jax.Array) -> Any:
        params, memory = state
        updates, memory = optimizer.update(jax.grad(loss)(params, rows), memory, params)
        return (optax.apply_updates(params, updates), memory), None

    return jax.lax.scan(step, state, chosen)[0]
