"""Each step, and each idiom, says in PyTorch what it says in JAX, and has its gradient."""

import ast

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from ae_jax.export import trace
from ae_jax.export.pytorch.body import Body
from ae_jax.export.pytorch.convolutions import HELPERS
from ae_jax.export.pytorch.expressions import OPS
from ae_jax.export.pytorch.idioms import PATTERNS, idiomatic
from ae_jax.model import convolution
from tests.export.runs import FORMATS

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 6)).astype(np.float32)
IMAGES = RNG.normal(size=(5, 4, 6, 4)).astype(np.float32)
W = RNG.normal(size=(6, 3)).astype(np.float32)
B = RNG.normal(size=3).astype(np.float32)
SQUARE = RNG.normal(size=(6, 6)).astype(np.float32)
KERNEL = RNG.normal(size=(3, 2, 4, 5)).astype(np.float32)
SCALE, BIAS = RNG.normal(size=(2, 4)).astype(np.float32)


def traced(function, x, *arrays):
    (n,) = jax.export.symbolic_shape("n")
    like = {f"w{i}": jax.ShapeDtypeStruct(a.shape, a.dtype) for i, a in enumerate(arrays)}
    given = {"x": jax.ShapeDtypeStruct((n, *x.shape[1:]), x.dtype)}
    return idiomatic(trace.traced("f", lambda w, x: function(x, *w.values()), like, given))


def text_of(graph):
    body = Body(graph, {name: name for name in graph.constants}).text()
    names = [v.name for v in (*graph.inputs, *graph.weights)] + [*graph.constants]
    return f"def f({', '.join(names)}):\n{body}\n"


def in_torch(graph, *arrays):
    """(the result, the gradients of its sum by floats) for x and weights by name."""
    import torch

    scope = {"torch": torch, "F": torch.nn.functional, "Tensor": torch.Tensor, "Any": object}
    exec("".join(HELPERS.values()) + text_of(graph), scope)
    given = {v.name: a for v, a in zip((*graph.inputs, *graph.weights), arrays, strict=True)}
    given = {k: torch.tensor(v, requires_grad=v.dtype == np.float32) for k, v in given.items()}
    found = scope["f"](**given, **{k: torch.tensor(c) for k, c in graph.constants.items()})
    if found.is_floating_point() and found.requires_grad:
        (found * torch.arange(1.0, 1 + found.numel()).reshape(found.shape)).sum().backward()
    return found.detach().numpy(), [v.grad for v in given.values()]


def check(function, *arrays):
    """Numbers to 1e-5, gradients to 1e-4 of the largest; returns the graph."""
    graph = traced(function, *arrays)
    ast.parse(text_of(graph))
    if "torch" not in FORMATS:
        return graph
    arrays = [a for i, a in enumerate(arrays) if not i or f"w{i - 1}" in str(graph.weights)]
    found, theirs = in_torch(graph, *arrays)
    floats = tuple(i for i, a in enumerate(arrays) if a.dtype == np.float32)

    def weighted(*arrays):
        y = function(*arrays)
        return (y * jnp.arange(1.0, 1 + y.size).reshape(y.shape)).sum(), y

    (_, wanted), ours = jax.jit(jax.value_and_grad(weighted, floats, has_aux=True))(*arrays)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, 1e-5, 1e-5 * np.abs(wanted).max())
    for i, gradient in zip(floats, ours, strict=True):
        given = np.zeros_like(arrays[i]) if theirs[i] is None else theirs[i].numpy()
        np.testing.assert_allclose(given, gradient, 1e-4, 1e-4 * max(np.abs(gradient).max(), 1e-3))
    return graph


def normed(x, axes, groups=None):
    """As flax writes a layer norm, or with groups a group norm."""
    parts = x if groups is None else x.reshape(*x.shape[:-1], groups, -1)
    m = parts.mean(axes, keepdims=True)
    v = jnp.square(parts - m).mean(axes, keepdims=True)
    if groups is not None:
        size = x.shape[-1] // groups
        m, v = (jnp.repeat(u[:, 0, 0, :, 0], size, 1)[:, None, None, :] for u in (m, v))
    weight = lax.rsqrt(v + 1e-5) * SCALE.reshape(1, 1, 1, -1)
    return (x - m) * weight + BIAS.reshape(1, 1, 1, -1)


def natives(function):
    """With the convolutions of accelerators."""
    return lambda *given: function(*given, lowering="native")


IDIOMS = {
    "relu": (jax.nn.relu, np.round(X)),
    "isnan": (lambda x: jnp.where(jnp.isnan(x), 0.0, x), X),
    "silu": (jax.nn.silu, X),
    "gelu": (lambda x: jax.nn.gelu(x, approximate=False), X),
    "elu": (jax.nn.elu, X),
    "softplus": (jax.nn.softplus, 9 * X),
    "mean": (lambda x: x.mean(1), X),
    "softmax": (lambda x: jax.nn.softmax(x, 1), IMAGES),
    "index": (lambda x: jnp.split(x, 4, 3)[2].squeeze(3), IMAGES),
    "window_max": (lambda x: convolution.max_pool(x, (2, 3)), np.maximum(np.round(IMAGES), 0)),
    "repeat": (lambda x: convolution.upsample(x, (2, 3)), IMAGES),
    "conv_transpose": (
        natives(lambda x, k, lowering: convolution.conv_transpose(x, k, 2, 1, (1, 0), lowering)),
        IMAGES,
        KERNEL,
    ),
    "at": (lambda x, w: w[jnp.argmin(x, 1), jnp.argmax(x, 1) % 3], X, W),
    "put": (
        lambda x: jnp.ones(x.shape).at[jnp.arange(x.shape[0]), jnp.argmax(x, 1)].set(x[:, 0]),
        X,
    ),
    "scatter_along": (
        lambda x: jnp.where(jnp.zeros(x.shape, bool).at[rows_of(x), best(x)].set(True), x, 0.0),
        X,
    ),
}


def best(x):
    return lax.top_k(x, 2)[1]


def rows_of(x):
    return lax.broadcasted_iota(jnp.int32, (x.shape[0], 2), 0)


OTHERS = {
    "abs": (jnp.abs, X),
    "constant arrays": (lambda x: x * jnp.asarray(W.T[:1]) + jnp.asarray(W.T[1:2]), X),
    "signs": (lambda x: (x + -2.0) * (x - -0.5) - (-x), X),
    "numbers": (lambda x: 1.0 - jnp.exp(-x) / 2 + x**3 - (x - 1) ** 2 - (-x) ** 2, X),
    "precedence": (lambda x: (x + 1) * (x - (x - 2)) / (x * (x / (1 + x * x))), X),
    "comparisons": (lambda x: ((x > 0) == (x < 1)) | ~(x >= 0.5) & (x <= 2), X),
    "larger and smaller": (lambda x: jnp.maximum(jnp.minimum(x, 0.5), x * x), X),
    "clipped": (lambda x: jnp.clip(x, -0.5, 0.5) + lax.clamp(0.1, x, 0.7), X),
    "rounded": (lambda x: jnp.round(4 * x) + jnp.floor(x) + jnp.sign(x), X),
    "roots": (lambda x: jnp.sqrt(x * x + 1) * lax.rsqrt(x * x + 1) + lax.erf(x), X),
    "whole numbers": (lambda x: jnp.argmax(x, 1) * 7 // 2 % 5, X),
    "branches": (lambda x: jnp.where(x > 0, 2.0, -3.0) + jnp.where(x > 1, x, 0.0), X),
    "axes": (lambda x: x[:, ::-1].T.reshape(6, -1).T[:, 1:5:2], X),
    "wide": (lambda x: jnp.concatenate([x, jnp.zeros_like(x), jnp.ones((x.shape[0], 1))], 1), X),
    "repeated": (lambda x, b: jnp.broadcast_to(b[None], (x.shape[0], 3)).reshape(-1), X, B),
    "sums": (lambda x: x.sum((1, 2)) * x.max((1, 3)).min(1)[:, None], IMAGES),
    "the number of examples": (lambda x: x.mean(0) - x.sum(0) / x.shape[0] + x.shape[0], X),
    "counted": (lambda x: x * jnp.arange(x.shape[0])[:, None] + jnp.arange(6.0)[None], X),
    "products": (lambda x, w, b: x @ w * b[None] + (w.T @ x.T).T, X, W, B),
    "left": (lambda x, v: (v.T @ (v @ x.T)).T, X, SQUARE),
    "einsum": (lambda x, k: jnp.einsum("nhwc,abcd->nwda", x, k), IMAGES, KERNEL),
    "batched": (lambda x: jnp.einsum("nhwc,nvwc->wnhv", x, x), IMAGES),
    "one sum": (lambda x, b: jnp.einsum("ni,j->nij", x, b), X, B),
    "taken": (lambda x, w: jnp.take(w, jnp.argmax(x, 1), axis=0), X, W),
    "a column": (lambda x, w: x[:, 2] + x[:, -1] + w[3, 1] - x[:, 1:3].sum(1), X, W),
    "a place": (lambda x: x[:, 1, 2, :] * x[:, :, -1, 0], IMAGES),
    "a convolution": (
        natives(lambda x, k, lowering: convolution.conv(x, k, (2, 1), ((1, 2), (0, 1)), lowering)),
        IMAGES,
        KERNEL,
    ),
    "an even one": (
        natives(lambda x, k, lowering: convolution.conv(x, k, 1, 1, lowering)),
        IMAGES,
        KERNEL,
    ),
    "groups": (
        lambda x, k: lax.conv_general_dilated(
            x,
            k[:, :, :2, :4],
            (1, 1),
            "VALID",
            rhs_dilation=(1, 2),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=2,
        ),
        IMAGES,
        KERNEL,
    ),
    "a layer norm": (lambda x: normed(x, -1), IMAGES),
    "a group norm": (lambda x: normed(x, (1, 2, 4), 2), IMAGES),
    "no layer norm": (lambda x: normed(x, 2), IMAGES),
    "a given gradient": (lambda x: x + lax.stop_gradient(jnp.round(x) - x), X),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_steps(name):
    check(*OTHERS[name])


@pytest.mark.parametrize("op", IDIOMS)
def test_an_idiom_is_found(op):
    graph = check(*IDIOMS[op])
    assert op in [step.op for step in graph.steps]


def test_every_idiom_has_a_step():
    known = {pattern[0] for pattern, _ in PATTERNS}
    assert {"max", "add", "squeeze"} < known and set(IDIOMS) <= OPS.keys()
