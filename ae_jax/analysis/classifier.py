"""A small classifier of images: the judge of whether a decoded image is plausible.

It is no part of any autoencoder; its own test accuracy stands beside every number it gives. It
also learns what is no image of any class (noise, single pixels dealt out again, negatives), since a
classifier without that is sure of the class of noise. It never sees two images blended.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from ae_jax.data.arrays import Split
from ae_jax.data.batches import in_batches
from ae_jax.model.layers import Affine, Conv
from ae_jax.model.pipeline import Params, Tree

STEPS = 700
BATCH = 128
SHIFT = 2  # pixels by which training images are moved, so that the judge does not mind
CONFIDENT = 0.9
STRANGE = 16  # of every batch are no images


class Network(nn.Module):
    """4x4 patches, a convolution over them, a hidden layer, logits; the last is 'no image'."""

    classes: int

    @nn.compact
    def __call__(self, x: jax.Array, coded: bool = False) -> jax.Array:
        """[batch, height, width, channels] in [0,1] -> logits [batch, classes + 1].

        With `coded` the hidden layer [batch, 128], of which the logits are an affine map.
        """
        x = nn.relu(Conv(16, "he", size=4, stride=4, padding=0, name="patches")(x))
        x = nn.relu(Conv(32, "he", size=3, stride=1, padding=1, name="conv")(x))
        x = nn.relu(Affine(128, "he", name="hidden")(x.reshape(len(x), -1)))
        if coded:
            return x
        return Affine(self.classes + 1, "he", name="logits")(x)


class Classifier(NamedTuple):
    """A trained judge."""

    network: Network
    params: Any
    accuracy: float  # on the test images

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """p(class | image) [n, classes], of images [n, H, W, C]; clipped to [0,1] first.

        A row sums to 1 - p(no image).
        """
        images = np.clip(np.asarray(images, np.float32), 0, 1)
        return in_batches(partial(_probabilities, self.network, self.params), images)

    def codes(self, images: np.ndarray) -> np.ndarray:
        """The hidden layer [n, 128] of images [n, H, W, C]; clipped to [0,1] first."""
        images = np.clip(np.asarray(images, np.float32), 0, 1)
        return in_batches(partial(_codes, self.network, self.params), images)

    def confidence(self, images: np.ndarray) -> np.ndarray:
        """The largest probability [n]."""
        return self.probabilities(images).max(1)

    def recognizable(self, images: np.ndarray) -> float:
        """Share of the images with a confidence over 0.9."""
        return float((self.confidence(images) > CONFIDENT).mean())


@partial(jax.jit, static_argnums=0)
def _probabilities(network: Network, params: Params, images: jax.Array) -> jax.Array:
    logits: Any = network.apply({"params": params}, images)
    return nn.softmax(logits)[:, :-1]


@partial(jax.jit, static_argnums=0)
def _codes(network: Network, params: Params, images: jax.Array) -> jax.Array:
    coded: Any = network.apply({"params": params}, images, True)
    return coded


def train(
    images: np.ndarray | jax.Array,
    labels: Any,
    key: jax.Array,
    test: Split | None = None,
    steps: int = STEPS,
) -> Classifier:
    """Trains on images [n, H, W, C] (uint8 or [0,1]) and whole labels [n].

    AdamW with a cosine decay. Every image is moved by up to two pixels at random. `test` measures
    the accuracy (NaN without).
    """
    network = Network(int(np.max(labels)) + 1)
    images = jnp.asarray(images)
    k_init, k_steps = jax.random.split(key)
    params = network.init(k_init, jnp.zeros((1, *images.shape[1:])))["params"]
    params = _fit(network, steps, params, images, jnp.asarray(labels), k_steps)
    found = Classifier(network, params, float("nan"))
    if test is None or test.labels is None:
        return found
    right = found.probabilities(test.images).argmax(1) == test.labels
    return found._replace(accuracy=float(right.mean()))


@partial(jax.jit, static_argnums=(0, 1))
def _fit(
    network: Network,
    steps: int,
    params: Params,
    images: jax.Array,
    labels: jax.Array,
    key: jax.Array,
) -> Any:
    optimizer = optax.adamw(optax.cosine_decay_schedule(2e-3, steps), weight_decay=1e-3)

    def step(i: jax.Array, state: Tree) -> Any:
        params, memory = state
        k_rows, k_shift, k_strange = jax.random.split(jax.random.fold_in(key, i), 3)
        chosen = jax.random.randint(k_rows, (BATCH,), 0, len(images))
        x = images[chosen].astype(jnp.float32) / (255.0 if images.dtype == jnp.uint8 else 1.0)
        strange = no_images(k_strange, x[:STRANGE])
        x = jnp.concatenate([strange, shifted(k_shift, x[STRANGE:])])
        nothing = jnp.full(STRANGE, network.classes, labels.dtype)
        y = jnp.concatenate([nothing, labels[chosen[STRANGE:]]])
        grads = jax.grad(loss)(params, x, y)
        updates, memory = optimizer.update(grads, memory, params)
        return optax.apply_updates(params, updates), memory

    def loss(params: Params, x: jax.Array, y: jax.Array) -> jax.Array:
        logits: Any = network.apply({"params": params}, x)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    return jax.lax.fori_loop(0, steps, step, (params, optimizer.init(params)))[0]


def no_images(key: jax.Array, x: jax.Array) -> jax.Array:
    """As many arrays [n, H, W, C] that are no images: noise, pixels dealt out again, negatives."""
    k_kind, k_noise, k_deal, k_level = jax.random.split(key, 4)
    dealt = jax.vmap(lambda k, v: jax.random.permutation(k, v.reshape(-1)))(
        jax.random.split(k_deal, len(x)), x
    ).reshape(x.shape)
    level = jax.random.uniform(k_level, (len(x), 1, 1, 1))
    noise = level * jax.random.uniform(k_noise, x.shape)
    kind = jax.random.randint(k_kind, (len(x), 1, 1, 1), 0, 3)
    return jnp.where(kind == 0, noise, jnp.where(kind == 1, dealt, 1 - x))


def shifted(key: jax.Array, x: jax.Array) -> jax.Array:
    """Images [n, H, W, C] each moved by up to two pixels; what comes in at the border is 0."""
    border = ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0))
    starts = jax.random.randint(key, (len(x), 2), 0, 2 * SHIFT + 1)

    def cut(image: jax.Array, start: jax.Array) -> jax.Array:
        return jax.lax.dynamic_slice(image, (start[0], start[1], 0), x.shape[1:])

    return jax.vmap(cut)(jnp.pad(x, border), starts)
