"""Residual networks: PyTorch's layers in the same places, signals, groups, what they refuse.

The golden file was made by `tests/golden/make_torch_residual.py`.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_jax.errors import ConfigError
from ae_jax.model import convolution
from ae_jax.model import pipeline as model_lib
from ae_jax.model.norms import GroupNorm
from ae_jax.resolve.config import resolve
from tests.golden import in_jax, residual

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "residual.npz")


def build(shape, code_size=residual.CODE, decoder=(), **encoder):
    mirrored = {"channels": encoder.get("channels", residual.CHANNELS)[::-1]}
    raw = {
        "encoder": {"name": "resnet", **encoder},
        "decoder": {"name": "resnet", **encoder, **mirrored, **dict(decoder)},
        "model": {"code_size": code_size},
    }
    return model_lib.build(resolve(raw), shape)


def golden_model():
    sizes = {"channels": residual.CHANNELS, "blocks": residual.BLOCKS, "groups": residual.GROUPS}
    return build(residual.SHAPE, attention=True, **sizes)


@pytest.mark.parametrize("native", [False, True])
def test_codes_outputs_and_gradients_are_those_of_pytorch(native, monkeypatch):
    monkeypatch.setattr(convolution, "_is_native", lambda lowering: native)
    model = golden_model()
    in_jax.check(model, GOLDEN)


def test_an_image_is_what_it_is_beside_others():
    """GroupNorm looks at one image; BatchNorm would not give this."""
    model = golden_model()
    variables = {"params": in_jax.drawn(model)}
    x = jnp.asarray(residual.batch())
    encode = in_jax.compiled(lambda x: model.encode(variables, x))
    alone = jnp.concatenate([encode(x[i : i + 1]) for i in range(len(x))])
    np.testing.assert_allclose(encode(x), alone, rtol=1e-4, atol=1e-5)


def test_group_norm_of_a_background_is_exact():
    """Against 64 bits: a group that hardly varies about 1. One long sum is off by 1e-4."""
    rng = np.random.default_rng(0)
    x = (1 + 0.01 * rng.normal(size=(4, 28, 28, 32))).astype(np.float32)
    groups = x.astype(np.float64).reshape(4, -1, 8, 4)
    mean, var = (f(groups, axis=(1, 3), keepdims=True) for f in (np.mean, np.var))
    exact = ((groups - mean) / np.sqrt(var + 1e-5)).reshape(x.shape)
    found, _ = GroupNorm(8).init_with_output(jax.random.key(0), jnp.asarray(x))
    np.testing.assert_allclose(found, exact, atol=2e-5)


@pytest.mark.parametrize("shape", [(28, 28, 1), (7, 9, 3), (1, 13, 2), (1, 1, 3)])
def test_every_image_and_signal_comes_back_in_its_shape(shape):
    model = build(shape, channels=(8, 8, 16))
    made = jax.eval_shape(model.init, jax.random.key(0))
    x = jax.ShapeDtypeStruct((5, *shape), jnp.float32)
    h = jax.eval_shape(model.encode, made, x)
    assert h.shape == (5, residual.CODE)
    assert jax.eval_shape(model.decode, made, h).shape == x.shape
    kernel = made["params"]["encoder"]["block_0_0"]["layer_0"]["kernel"].shape[:2]
    assert kernel == (1 if shape[0] == 1 else 3, 1 if shape[1] == 1 else 3)


def test_without_groups_there_is_no_normalization():
    made = jax.eval_shape(build((8, 8, 1), channels=(3,), groups=0).init, jax.random.key(0))
    assert not [
        path for path, _ in jax.tree_util.tree_leaves_with_path(made) if "norm" in str(path)
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"channels": (12,), "groups": 8}, "12 channels do not make 8 groups; give a divisor"),
        ({"channels": ()}, r"encoder\.channels: must be a tuple of one or more"),
        ({"blocks": 0}, r"encoder\.blocks: must be a whole number >= 1"),
    ],
)
def test_refuses(options, said):
    with pytest.raises(ConfigError, match=said):
        build((8, 8, 1), **options).init(jax.random.key(0))
