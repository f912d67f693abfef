"""Patch transformers: PyTorch's encoder layers in the same places, signals, what they refuse.

The golden file was made by `tests/golden/make_torch_patches.py`.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_jax.errors import ConfigError
from ae_jax.model import pipeline
from ae_jax.resolve.config import resolve
from tests.golden import in_jax, residual

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "patches.npz")
SMALL = {
    "patch": residual.PATCH,
    "features": residual.FEATURES,
    "heads": residual.HEADS,
    "blocks": residual.DEPTH,
}


def build(shape, **fields):
    part = {"name": "patches", **SMALL, **fields}
    return pipeline.build(
        resolve({"encoder": part, "decoder": part, "model": {"code_size": residual.CODE}}), shape
    )


def test_codes_outputs_and_gradients_are_those_of_pytorch():
    model = build(residual.SHAPE)
    in_jax.check(model, GOLDEN)


@pytest.mark.parametrize("shape", [(28, 28, 1), (7, 9, 3), (1, 13, 2), (1, 1, 3)])
def test_every_image_and_signal_comes_back_in_its_shape(shape):
    model = build(shape)
    made = jax.eval_shape(model.init, jax.random.key(0))
    x = jax.ShapeDtypeStruct((5, *shape), jnp.float32)
    h = jax.eval_shape(model.encode, made, x)
    assert h.shape == (5, residual.CODE)
    assert jax.eval_shape(model.decode, made, h).shape == x.shape
    kernel = made["params"]["encoder"]["layer_0"]["kernel"].shape[:2]
    assert kernel == (1 if shape[0] == 1 else 2, 1 if shape[1] == 1 else 2)


def test_places_are_told_apart():
    """Without what is learned of places the code would not know the order of patches."""
    model = build((4, 4, 1))
    params = in_jax.drawn(model)
    x = jnp.asarray(residual.numbers("patches", (2, 4, 4, 1)))
    turned = jnp.concatenate([x[:, 2:], x[:, :2]], axis=1)
    encode = in_jax.compiled(lambda params, x: model.encode({"params": params}, x))
    assert jnp.abs(encode(params, x) - encode(params, turned)).max() > 1e-2
    params["encoder"]["place"] = jnp.zeros_like(params["encoder"]["place"])
    np.testing.assert_allclose(encode(params, x), encode(params, turned), atol=1e-5)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"heads": 3}, r"encoder\.heads, decoder\.heads: 3 heads do not divide 8 features"),
        ({"patch": 0}, r"encoder\.patch: must be a whole number from 1 to 255"),
        ({"blocks": 0}, r"encoder\.blocks: must be a whole number >= 1"),
    ],
)
def test_refuses(fields, said):
    with pytest.raises(ConfigError, match=said):
        jax.eval_shape(build((8, 8, 1), **fields).init, jax.random.key(0))
