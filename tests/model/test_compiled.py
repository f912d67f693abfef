"""Programs are kept for the last few models, not for all."""

import gc
import weakref

import jax
import numpy as np
import pytest

from ae_jax.model import compiled, pipeline
from ae_jax.model.compiled import KEPT
from ae_jax.resolve.config import resolve


def encode(model, variables, images):
    return model.encode(variables, images)


def model_of(size):
    config = {"model": {"code_size": size}, "encoder": {"hidden": ()}, "decoder": {"hidden": ()}}
    return pipeline.build(resolve(config), (2, 2, 1))


def used(size):
    """A weak reference to the module of a model whose program has run."""
    model = model_of(size)
    images = np.zeros((1, 2, 2, 1), np.float32)
    codes = compiled.compiled(encode, model)(model.init(jax.random.key(0)), images)
    assert codes.shape == (1, size)
    return weakref.ref(model.module)


def test_a_model_out_of_use_is_let_go():
    first = used(1)
    gc.collect()
    assert first() is not None, "it is kept for the next call"
    for size in range(2, KEPT + 2):
        compiled.compiled(encode, model_of(size))
    gc.collect()
    assert first() is None


def test_an_equal_model_has_the_same_program():
    assert compiled.compiled(encode, model_of(3)) is compiled.compiled(encode, model_of(3))


@pytest.mark.parametrize(("n", "size"), [(1000, 125), (512, 128), (8, 8), (997, 1)])
def test_pieces_are_the_whole(n, size, monkeypatch):
    """Rows as if alone, in order; sizes by hand: the largest divisor of n that is at most 128."""
    model, sizes = model_of(3), []
    monkeypatch.setattr(compiled, "PIECE_NUMBERS", 4 * 128)
    variables = model.init(jax.random.key(0))
    images = np.random.default_rng(0).random((n, 2, 2, 1), np.float32)

    def noted(model, variables, images):
        sizes.append(len(images))
        return encode(model, variables, images)

    found = jax.jit(compiled.in_pieces, static_argnums=(0, 1))(noted, model, variables, images)
    layer = variables["params"]["encoder"]["layer_0"]
    expected = images.reshape(n, 4) @ np.asarray(layer["kernel"]) + np.asarray(layer["bias"])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert set(sizes) == {size}
