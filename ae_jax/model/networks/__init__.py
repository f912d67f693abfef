"""Encoder and decoder slots: Linen modules from images to numbers and back.

An encoder maps x [batch, height, width, channels] to h [batch, width], a decoder maps z
[batch, code_size] to the pre-activation `a` of the image; `output` names the activation that turns
`a` into x^. Module fields without a default (`width`, `shape`, `init_name`) come from the data and
from the model; those with one are the fields of `config.encoder` and `config.decoder`.
A decoder is handed the encoder it belongs to, so that it may mirror its weights.
"""

from typing import Any

from ae_jax.model.networks.dense import DenseDecoder, DenseEncoder, TiedDecoder
from ae_jax.model.networks.patches import PatchDecoder, PatchEncoder
from ae_jax.model.networks.pooled import PooledConvEncoder, UpsampledConvDecoder
from ae_jax.model.networks.residual import ResidualDecoder, ResidualEncoder
from ae_jax.model.networks.strided import StridedConvEncoder, TransposedConvDecoder

ENCODERS: dict[str, Any] = {
    "dense": DenseEncoder,
    "conv_pool": PooledConvEncoder,
    "conv_strided": StridedConvEncoder,
    "resnet": ResidualEncoder,
    "patches": PatchEncoder,
}
DECODERS: dict[str, Any] = {
    "dense": DenseDecoder,
    "tied": TiedDecoder,
    "conv_pool": UpsampledConvDecoder,
    "conv_strided": TransposedConvDecoder,
    "resnet": ResidualDecoder,
    "patches": PatchDecoder,
}
