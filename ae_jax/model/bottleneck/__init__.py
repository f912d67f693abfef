"""Bottleneck slot: h -> (z, code), what stands between encoder and decoder.

Every bottleneck is a Linen module called as `bottleneck(h, key, train) -> (z, code)`, with h
[batch, numbers * code_size] and z [batch, code_size]; `code` is what it knows besides z, a
NamedTuple that travels in the forward pass, or None. Without a key nothing random happens, which is
how codes are read off for analysis. Its fields with a default are those of `config.bottleneck`; it
may own parameters and, in 'batch_stats', statistics. What it offers beyond that is said by the
attributes of `Bottleneck`, and asked for there: nobody compares names.
"""

from ae_jax.model.bottleneck.base import Bottleneck
from ae_jax.model.bottleneck.codebook import CodebookBottleneck
from ae_jax.model.bottleneck.gaussian import GaussianBottleneck
from ae_jax.model.bottleneck.low_rank import TruncatedBottleneck
from ae_jax.model.bottleneck.ordered import NestedBottleneck
from ae_jax.model.bottleneck.plain import DropoutBottleneck, IdentityBottleneck
from ae_jax.model.bottleneck.quantized import FiniteBottleneck
from ae_jax.model.bottleneck.sparse import (
    BatchTopKBottleneck,
    FallingTopKBottleneck,
    JumpReLUBottleneck,
    TopKBottleneck,
)

BOTTLENECKS: dict[str, type[Bottleneck]] = {
    "identity": IdentityBottleneck,
    "dropout": DropoutBottleneck,
    "gaussian": GaussianBottleneck,
    "top_k": TopKBottleneck,
    "falling_top_k": FallingTopKBottleneck,
    "nested": NestedBottleneck,
    "fsq": FiniteBottleneck,
    "vq": CodebookBottleneck,
    "batch_top_k": BatchTopKBottleneck,
    "jump_relu": JumpReLUBottleneck,
    "truncated_svd": TruncatedBottleneck,
}
# See `ae_jax.config.numbers`. Decays are not: float32 has few digits of 1 - decay, so that as an
# argument it would not be the same.
OPEN = {
    "dropout": ("rate",),
    "nested": ("rate",),
    "vq": ("restart",),
    "jump_relu": ("threshold", "bandwidth"),
}
