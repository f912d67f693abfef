"""Vector-quantized codes: parts of a code become the nearest entries of codebooks."""

import math
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from ae_jax.config.schema import Count, Fraction
from ae_jax.model.bottleneck.base import Bottleneck, Coded, Key
from ae_jax.model.bottleneck.quantized import Entries, Quantized


class Books(NamedTuple):
    """Codebooks by their moving averages: entry i of vector j is sums_ji / counts_ji."""

    counts: jax.Array  # vectors of a batch that the entry was nearest to [vectors, entries]
    sums: jax.Array  # of those vectors [vectors, entries, size]

    @property
    def entries(self) -> jax.Array:
        """[vectors, entries, size]; 0 where an entry was never used."""
        return self.sums / jnp.where(self.counts > 0, self.counts, 1.0)[..., None]

    def nearest(self, h: jax.Array) -> jax.Array:
        """The entry with the least squared distance to each vector of h [batch, vectors, size].

        int32 [batch, vectors].
        """
        e = self.entries
        product = jnp.einsum("bvs,ves->bve", h, e, precision="highest")
        return jnp.argmin(jnp.sum(e**2, -1)[None] - 2 * product, axis=-1).astype(jnp.int32)

    def restarted(self, key: jax.Array, h: jax.Array, share: float) -> "Books":
        """Entries with a count of at most `share` of the mean become vectors of the batch."""
        usual = len(h) / self.counts.shape[1]
        chosen = jax.random.randint(key, self.counts.shape, 0, len(h))
        fresh = usual * h[chosen, jnp.arange(h.shape[1])[:, None]]
        dead = self.counts <= share * usual
        return Books(
            jnp.where(dead, usual, self.counts), jnp.where(dead[..., None], fresh, self.sums)
        )

    def updated(self, h: jax.Array, index: jax.Array, decay: float) -> "Books":
        """v <- decay v + (1 - decay) v of the batch, for counts and sums."""
        used = jax.nn.one_hot(index, self.counts.shape[1], dtype=h.dtype)  # [batch, vectors, e]
        counts, sums = used.sum(0), jnp.einsum("bve,bvs->ves", used, h, precision="highest")
        new = zip(self, (counts, sums), strict=True)
        return Books(*(decay * old + (1 - decay) * v for old, v in new))


class CodebookBottleneck(Bottleneck):
    """Each vector of `size` numbers of the code becomes the nearest of its own `entries` vectors.

    z_j = e_ji, i = argmin_i ||h_j - e_ji||^2; the gradient goes straight through, dz/dh = 1. The
    codebooks are no parameters but moving averages of the vectors that each entry was nearest to,
    with a weight of `decay` for the past: k-means, batch by batch (van den Oord et al. 2017,
    "Neural discrete representation learning", section 3.2 and appendix A.1). There all vectors
    share one codebook, as they are places of a grid; the numbers of a code are not alike. Entries
    used less than `restart` times the mean become random vectors of the batch (Dhariwal et al.
    2020, "Jukebox", section 3.1), as all do in the first one. A code is code_size / size
    log2(entries) bits. The encoder is held to its entries by the penalty `commitment`.
    """

    nearest: ClassVar[bool] = True

    entries: Entries = 256
    size: Count = 4
    decay: Fraction = 0.99
    restart: Fraction = 0.03

    @property
    def bits(self) -> float:  # noqa: D102
        return math.log2(self.entries) / self.size

    @property
    def joint(self) -> int:  # noqa: D102
        return self.size

    @nn.compact
    def __call__(self, h: jax.Array, key: Key, train: bool) -> Coded:
        """[batch, code_size] -> (z of that shape, `Quantized`)."""
        given = jax.lax.stop_gradient(h).reshape(h.shape[0], -1, self.size)
        shape = (given.shape[1], self.entries)
        counts = self.variable("batch_stats", "counts", jnp.zeros, shape)
        sums = self.variable("batch_stats", "sums", jnp.zeros, (*shape, self.size))
        books = Books(counts.value, sums.value)
        if train and key is not None:
            books = books.restarted(key, given, self.restart)
        index = books.nearest(given)
        if train:
            counts.value, sums.value = books.updated(given, index, self.decay)
        e = books.entries[jnp.arange(shape[0]), index].reshape(h.shape)
        return e + (h - jax.lax.stop_gradient(h)), Quantized(index)
