"""Winograd's 3x3 convolutions: sums by hand, XLA's convolution, gradients of both kinds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_jax.model import convolution, winograd

PADDINGS = {
    "same": ((16, 16), "SAME"),
    "odd": ((17, 15), "SAME"),
    "valid": ((12, 13), "VALID"),
    "wide": ((9, 9), 2),
    "uneven": ((10, 11), ((0, 1), (2, 0))),
}


def drawn(shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def close(a, b, tolerance=2e-6):
    assert a.shape == b.shape
    assert float(jnp.abs(a - b).max()) <= tolerance * float(jnp.abs(b).max())


def test_whole_numbers_are_those_of_the_sum_itself():
    """G halves twice, so of whole numbers nothing is rounded: equal to the bit."""
    rng = np.random.default_rng(0)
    x = rng.integers(-3, 4, (2, 7, 6, 5)).astype(np.float32)
    kernel = rng.integers(-3, 4, (3, 3, 5, 4)).astype(np.float32)
    framed = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    y = np.zeros((2, 7, 6, 4), np.float32)
    for a in range(3):
        for b in range(3):
            y += framed[:, a : a + 7, b : b + 6] @ kernel[a, b]
    np.testing.assert_array_equal(winograd.conv(x, kernel, (1, 1), (7, 6)), y)


@pytest.mark.parametrize("case", PADDINGS)
def test_values_and_gradients_are_those_of_xla(case, monkeypatch):
    sizes, padding = PADDINGS[case]
    x, kernel = drawn((2, *sizes, 32)), 0.1 * drawn((3, 3, 32, 40), 1)
    used = []
    monkeypatch.setattr(winograd, "conv", lambda *a, f=winograd.conv: used.append(1) or f(*a))

    def made(x, kernel, lowering):
        return convolution.conv(x, kernel, 1, padding, lowering)

    y = made(x, kernel, "native")
    r = drawn(y.shape, 2)
    found = {
        lowering: jax.jit(
            lambda x, k, lowering=lowering: (
                made(x, k, lowering),
                *jax.grad(lambda x, k: jnp.sum(r * made(x, k, lowering)), (0, 1))(x, k),
                jax.jvp(lambda x, k: made(x, k, lowering), (x, k), (x[::-1], k[::-1]))[1],
            )
        )(x, kernel)
        for lowering in ("matmul", "native")
    }
    assert len(used) == 3
    for a, b in zip(found["matmul"], found["native"], strict=True):
        close(a, b)


@pytest.mark.parametrize(
    ("shape", "kernel", "stride", "dtype", "pays"),
    [
        ((1, 16, 16, 32), (3, 3, 32, 32), 1, "float32", True),
        ((1, 16, 16, 16), (3, 3, 16, 32), 1, "float32", False),  # narrow
        ((1, 4, 4, 64), (3, 3, 64, 64), 1, "float32", False),  # kernels larger than the image
        ((1, 16, 16, 32), (5, 5, 32, 32), 1, "float32", False),
        ((1, 16, 16, 32), (3, 3, 32, 32), 2, "float32", False),
        ((1, 16, 16, 32), (3, 3, 32, 32), 1, "bfloat16", False),  # its sums need more digits
    ],
)
def test_where_it_pays(shape, kernel, stride, dtype, pays):
    x, k = jnp.zeros(shape, dtype), jnp.zeros(kernel, dtype)
    out = convolution.conv(x, k, stride).shape[1:3]
    assert winograd.pays(x, k, (stride, stride), out) == pays
