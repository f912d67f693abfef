"""The pipeline x -> x~ -> h -> z -> a -> x^, assembled from the slots a config names.

`Model` is a NamedTuple of pure functions; parameters and statistics are the argument `variables`
= {'params', and where needed 'batch_stats' (BatchNorm) and 'data' (the mean image)}.
Images are [batch, height, width, channels] in the network's scale (see `ae_jax.model.scaling`).
Where examples may have holes, a number that was not observed is NaN; the encoder sees the mean in
its place, and `Forward.observed` keeps it out of the loss.
"""

import inspect
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from flax import linen as nn

from ae_jax.config import numbers as numbers_lib
from ae_jax.config.numbers import Numbers
from ae_jax.config.sections import Config
from ae_jax.model import layout as layouts
from ae_jax.model import scaling
from ae_jax.model.bottleneck import BOTTLENECKS
from ae_jax.model.bottleneck.base import Active, Bottleneck, Coded, Posterior, Prior
from ae_jax.model.corruption import CORRUPTIONS, HIDES
from ae_jax.model.layers import ACTIVATIONS
from ae_jax.model.layout import Layout
from ae_jax.model.networks import DECODERS, ENCODERS
from ae_jax.model.norms import still
from ae_jax.streams import stream

# PyTrees of arrays: what a model is applied to, the part of it that is trained, and any other.
Variables = dict[str, Any]
Params: TypeAlias = Any
Tree: TypeAlias = Any


class Bound(partial[Any]):
    """A `functools.partial` that equals another of the same function and arguments.

    So models of equal configs are equal, and share the programs that are compiled for a model.
    """

    def _parts(self) -> tuple[Any, ...]:
        return self.func, self.args, tuple(sorted(self.keywords.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bound) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())


class Forward(NamedTuple):
    """One forward pass: everything a loss or a penalty may look at."""

    x: jax.Array  # the clean image, the target [batch, height, width, channels]
    corrupted: jax.Array  # x~, what the encoder saw; NaN where it was shown nothing
    h: jax.Array  # the encoder's numbers [batch, width]
    z: jax.Array  # the code after the bottleneck [batch, code_size]
    code: object  # what the bottleneck knows besides z: a `Posterior`, another value, or None
    pre_activation: jax.Array  # a, of the image: logits where the output is a sigmoid
    x_hat: jax.Array  # the reconstruction
    observed: jax.Array | None = None  # bool, where x is known; elsewhere x is the mean. None: all


class Batch(NamedTuple):
    """Images [batch, height, width, channels] in the network's scale, labels [batch] or None.

    NaN is what was not observed. `corrupted` is what the encoder is to see where that is known; it
    is drawn where it is None.
    """

    x: jax.Array
    labels: jax.Array | None = None
    corrupted: jax.Array | None = None


class Autoencoder(nn.Module):
    """Encoder and decoder as one Linen module, so that a decoder may use the encoder's weights."""

    encoder: nn.Module
    decoder: nn.Module
    bottleneck: Bottleneck
    output: str
    mean_shape: tuple[int, ...] | None  # where the mean image is needed: its shape
    classes: int  # where the decoder is told the label: how many there are
    kept: jax.Array | None = None  # where the code is cut short: how many of its numbers exist
    center: bool = True  # whether the encoder sees x minus the mean, where there is one
    holes: bool = False  # whether numbers may be NaN; the encoder sees the mean in their place
    indicator: bool = False  # whether it is told, in channels of 0 and 1, which were observed
    layout: Layout = ()  # of columns that are not all numbers

    def setup(self) -> None:  # noqa: D102
        if self.mean_shape is not None:
            self.mean = self.variable("data", "mean", jnp.zeros, self.mean_shape)

    def _mean(self) -> jax.Array | float:
        return self.mean.value[None] if self.mean_shape is not None and self.center else 0.0

    def filled(self, x: jax.Array) -> jax.Array:
        """x with the mean in place of NaN, where there may be holes."""
        return jnp.where(jnp.isnan(x), self.mean.value[None], x) if self.holes else x

    def encode(self, x: jax.Array, train: bool = False) -> jax.Array:
        """x [batch, height, width, channels] -> h [batch, width].

        Centred data lose their mean here and get it back in `image`.
        """
        v = self.filled(x) - self._mean()
        if self.indicator:
            v = jnp.concatenate([v, 1.0 - jnp.isnan(x).astype(v.dtype)], axis=-1)
        h: jax.Array = self.encoder(v, train)
        # At least float32, so that its noise is the same whatever layers multiply in.
        return h.astype(jnp.promote_types(h.dtype, jnp.float32))

    def code(self, x: jax.Array) -> Coded:
        """x [batch, height, width, channels] -> (z [batch, code_size], code), as at evaluation."""
        z, code = self.bottleneck(self._cut(self.encode(x), self.bottleneck.numbers), None, False)
        return self._cut(z), code

    def _cut(self, v: jax.Array, numbers: int = 1) -> jax.Array:
        """v [batch, numbers * code_size] with 0 where `kept` says that there is no code."""
        if self.kept is None:
            return v
        unit = jnp.arange(v.shape[1]) % (v.shape[1] // numbers)
        return v * (unit < self.kept)[None, :].astype(v.dtype)

    def decode(
        self,
        z: jax.Array,
        train: bool = False,
        labels: jax.Array | None = None,
        active: jax.Array | None = None,
    ) -> jax.Array:
        """z -> a; a conditional decoder sees z and the one-hot label side by side.

        z is [batch, code_size], a [batch, height, width, channels]. `labels` [batch] are in
        [0, classes); of others the one-hot label is all zeros. `active` [batch, k], where it is
        known, are the only numbers of each z that may differ from 0.

        Raises:
          ValueError: a conditional decoder without labels.
        """
        if self.classes:
            if labels is None:
                raise ValueError("this decoder is conditioned on labels; give it labels [batch]")
            z = jnp.concatenate([z, jax.nn.one_hot(labels, self.classes, dtype=z.dtype)], axis=1)
        elif active is not None and getattr(self.decoder, "takes_active", False):
            return self.decoder(z, self.encoder, train, active)
        return self.decoder(z, self.encoder, train)

    def image(self, a: jax.Array) -> jax.Array:
        """a -> x^ = f(a), plus the mean image where data are centred; shapes stay as they are."""
        if self.output == "columns":
            return layouts.output(a, self.layout) + self._mean()
        return ACTIVATIONS[self.output](a) + self._mean()

    def __call__(
        self, batch: Batch, corrupted: jax.Array, key: jax.Array | None, train: bool
    ) -> Forward:
        """The whole pass; `key` is the bottleneck's."""
        h = self._cut(self.encode(corrupted, train), self.bottleneck.numbers)
        z, code = self.bottleneck(h, key, train)
        z = self._cut(z)
        active = code.indices if isinstance(code, Active) else None
        a = self.decode(z, train, batch.labels, active)
        observed = ~jnp.isnan(batch.x) if self.holes else None
        return Forward(self.filled(batch.x), corrupted, h, z, code, a, self.image(a), observed)


class Model(NamedTuple):
    """An assembled autoencoder: pure functions of `variables`, and the shapes they work on."""

    module: Autoencoder
    corrupt: Callable[[jax.Array, jax.Array], jax.Array]  # (key, x) -> x~
    corrupts: bool  # whether it does anything
    shape: tuple[int, int, int]
    scale: str
    dtype: str = "float32"  # what layers multiply in; parameters and results are float32 always
    binarize: bool = False  # whether pixels are drawn, see `drawn`
    still: frozenset[str] = frozenset()  # paths of BatchNorms that training leaves as they are

    def init(self, key: jax.Array, mean: jax.Array | None = None) -> Variables:
        """Fresh variables; `mean` [height, width, channels] is used where data are centred, and
        where they may have holes.

        Raises:
          ValueError: data are centred or may have holes, and there is no `mean`.
        """
        x = jnp.zeros((2, *self.shape), jnp.float32)
        batch = Batch(x, jnp.zeros(len(x), jnp.int32))
        variables = dict(self.module.init(key, batch, x, None, False))
        if "data" in variables:
            if mean is None:
                raise ValueError("this model needs the mean image of its training set")
            variables["data"] = {"mean": mean}
        return variables

    def drawn(self, batch: Batch, key: jax.Array) -> Batch:
        """The batch that is trained on and measured: its images, or with `data.binarize` black and
        white ones drawn of them (stream 'pixels' of the `key` of a step or a batch).
        """
        if not self.binarize:
            return batch
        return batch._replace(x=scaling.black_or_white(stream(key, "pixels"), batch.x, self.scale))

    def encode(self, variables: Variables, x: jax.Array) -> jax.Array:
        """x -> z [batch, code_size] as at evaluation: no noise, no dropout.

        x is [batch, height, width, channels] in the network's scale; where there is a posterior z
        is its mean.
        """
        z: jax.Array = self.apply(variables, x, method="code")[0]
        return z

    @property
    def holes(self) -> bool:
        """Whether examples may have numbers that were not observed, NaN."""
        return self.module.holes

    @property
    def conditional(self) -> bool:
        """Whether the decoder is told the label."""
        return self.module.classes > 0

    @property
    def prior(self) -> Prior | None:
        """p(z) of a variational model; None of another."""
        return self.module.bottleneck.prior

    @property
    def posterior(self) -> Callable[[Variables, jax.Array], Posterior] | None:
        """(variables, x as for `encode`) -> q(z | x) of a variational model; None of another."""
        return None if self.prior is None else self._posterior

    def _posterior(self, variables: Variables, x: jax.Array) -> Posterior:
        code: Posterior = self.apply(variables, x, method="code")[1]
        return code

    def decode(
        self, variables: Variables, z: jax.Array, labels: jax.Array | None = None
    ) -> jax.Array:
        """z [batch, code_size] -> x^ [batch, height, width, channels] in the network's scale.

        Raises:
          ValueError: the decoder is conditioned on labels [batch], and there are none.
        """
        a = self.apply(variables, z, False, labels, method="decode")
        return self.apply(variables, a, method="image")

    def run(
        self, variables: Variables, batch: Batch, key: jax.Array | None, corrupt: bool = False
    ) -> Forward:
        """A pass in evaluation mode. Without a key nothing random happens; with one, `corrupt`
        decides about the input's noise (stream 'corruption'), and a bottleneck may be random at
        evaluation ('bottleneck').

        `corrupt` without a key is an AssertionError.
        """
        corrupted = batch.x
        if corrupt:
            assert key is not None, "noise needs a key"
            corrupted = self.corrupt(stream(key, "corruption"), batch.x)
        k_code = None if key is None else stream(key, "bottleneck")
        return self.apply(variables, batch, corrupted, k_code, False)

    def apply(self, variables: Variables, *args: Any, **options: Any) -> Any:
        """The Linen module as a pure function (`method=`, `mutable=` as in `Module.apply`)."""
        with still(self.still) if self.still else nullcontext():
            return self._applied(variables, *args, **options)

    def _applied(self, variables: Variables, *args: Any, **options: Any) -> Any:
        if self.dtype == "float32":
            return self.module.apply(variables, *args, **options)
        # Kernels alone: a bias that is float32 makes the sum so, and its gradient adds up in it.
        params = jax.tree.map(
            lambda p: p.astype(self.dtype) if p.ndim > 1 else p, variables["params"]
        )
        result = self.module.apply({**variables, "params": params}, *args, **options)
        return jax.tree.map(_to_float32, result)


def _to_float32(leaf: jax.Array) -> jax.Array:
    return leaf.astype(jnp.float32) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf


def _around_holes(
    corrupt: Callable[[jax.Array, jax.Array], jax.Array], key: jax.Array, x: jax.Array
) -> jax.Array:
    """The corruption, which makes no number of what was not observed."""
    return jnp.where(jnp.isnan(x), x, corrupt(key, x))


def build(
    config: Config, shape: tuple[int, int, int], numbers: Numbers = numbers_lib.NONE
) -> Model:
    """The model a resolved config describes, for images of `shape` (height, width, channels).

    `numbers` that are open take the place of the config's.
    """
    holes = config.data.missing == "mask" or config.corruption.name in HIDES
    slots = ("corruption", "encoder", "bottleneck")
    options = {
        slot: getattr(config, slot).to_dict() | numbers_lib.of(numbers, slot) for slot in slots
    }
    decoder = config.decoder.to_dict()
    names = {slot: options[slot].pop("name") for slot in options}
    bottleneck = BOTTLENECKS[names["bottleneck"]](**options["bottleneck"])
    module = Autoencoder(
        encoder=ENCODERS[names["encoder"]](
            width=bottleneck.numbers * config.model.code_size,
            init_name=config.model.init,
            **options["encoder"],
        ),
        decoder=DECODERS[decoder.pop("name")](shape=shape, init_name=config.model.init, **decoder),
        bottleneck=bottleneck,
        output=config.decoder.output,
        mean_shape=shape if config.data.center or holes else None,
        classes=config.model.classes,
        center=config.data.center,
        holes=holes,
        indicator=config.data.indicator,
        layout=config.data.layout or (1,) * shape[-1],
    )
    chosen = CORRUPTIONS[names["corruption"]]
    if "layout" in inspect.signature(chosen).parameters:
        options["corruption"]["layout"] = config.data.layout
    bounds = scaling.BOUNDS[config.data.scale]
    corrupt = Bound(chosen, bounds=bounds, **options["corruption"])
    corrupt = Bound(_around_holes, corrupt) if holes else corrupt
    corrupts = config.corruption.name != "none"
    scale, binarize = config.data.scale, config.data.binarize
    return Model(module, corrupt, corrupts, shape, scale, config.model.dtype, binarize)
