"""Contractive penalties: how far the code moves when the image does, by the encoder's Jacobian.

J [code, pixels] is the derivative of h at what the encoder saw, and `jax.jacfwd` computes it:

- of the whole encoder, `vmap(jacfwd(encode))`, where the pixels are few;
- of each layer's activation, `vmap(jacfwd(f))`, in an encoder whose code is small and that is a
  `chain` of affine maps and activations, nothing between or beside them. There
  J = D_n W_n^T ... D_2 W_2^T D_1 W_1^T with D_i = diag(f'(a_i)), of which only the D_i differ
  between images; it is never multiplied out. With S = D_n W_n^T ... W_2^T D_1, all images stacked,
  and the Gram matrix G = W_1^T W_1, ||J||_F^2 = sum((S G) * S): the pixels occur in G only, once a
  batch.

Only where the encoder is no chain and the code smaller than the image is J computed in reverse
mode, row by row, for the forward mode would cost a pass a pixel.
"""

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp

from ae_jax.config.schema import Count, OneOf, Positive
from ae_jax.model.layers import ACTIVATIONS, Affine
from ae_jax.model.pipeline import Forward, Model, Variables

Encode = Callable[[jax.Array], jax.Array]


class Jacobian(NamedTuple):
    """J of every image of a batch in a form that is small, and linear in J."""

    of: Callable[[jax.Array], jax.Array]  # x [batch, height, width, channels] -> that form
    squared: Callable[[jax.Array], jax.Array]  # the form -> ||J||_F^2 [batch]


def contractive(
    p: Forward,
    model: Model,
    variables: Variables,
    key: jax.Array,
    method: Annotated[str, OneOf(("exact", "naive", "hutchinson"))] = "exact",
    samples: Count = 1,
) -> jax.Array:
    """||dh/dx||_F^2 per image at the encoder's actual input (Rifai et al. 2011).

    = sum_ij (dh_j / dx_i)^2, x in the network's scale: the same map of pictures to codes has a
    quarter of it in 'sym'. h is what the encoder delivers, for a gaussian bottleneck both halves.

    'exact' applies `jax.jacfwd` where it is cheap, to the whole encoder or to its activations layer
    by layer (see the top of this page), and computes the same number as 'naive', which is always
    `vmap(jacfwd(encode))`; both are the same in training and in evaluation. 'hutchinson' is the
    mean of ||J^T v||^2 over `samples` sign vectors v drawn anew for every image: unbiased, with
    variance 2 / samples * sum over i != j of (J J^T)_ij^2 (Hutchinson 1990), at about the price of
    one more backward pass a sample.
    """
    encode = partial(model.apply, variables, method="encode")
    if method == "naive":
        return _sum_of_squares(_forward(encode, p.corrupted))
    if method == "hutchinson":
        return _hutchinson(encode, p.corrupted, key, samples)
    J = jacobian(model, variables)
    return J.squared(J.of(p.corrupted))


def contractive_hessian(
    p: Forward,
    model: Model,
    variables: Variables,
    key: jax.Array,
    sigma: Positive = 0.1,
    samples: Count = 4,
) -> jax.Array:
    """E ||J(x) - J(x + e)||_F^2 per image, e ~ N(0, sigma^2 I), the mean over `samples` draws.

    Rifai et al. 2011b, "Higher order contractive auto-encoder"; for small sigma it is sigma^2 times
    the squared norm of h's second derivative. `sigma` is in the network's scale. Every J is exact,
    samples + 1 of them a batch.
    """
    J = jacobian(model, variables)
    here = J.of(p.corrupted)
    noise = sigma * jax.random.normal(key, (samples, *p.corrupted.shape), p.corrupted.dtype)
    there = jax.vmap(lambda e: J.squared(J.of(p.corrupted + e) - here))(noise)
    return jnp.mean(there, axis=0)


def jacobian(model: Model, variables: Variables) -> Jacobian:
    """The encoder's Jacobian in the form that costs least for its widths; exact, any activation."""
    encoder: Any = model.module.encoder
    encode = partial(model.apply, variables, method="encode")
    if model.holes or not encoder.chain:  # of a hole the derivative is 0
        return Jacobian(partial(_by_fewer, encode), _sum_of_squares)
    layers = variables["params"]["encoder"]
    W = [layers[f"layer_{i}"]["kernel"] for i in range(len(encoder.hidden) + 1)]
    slopes = partial(_slopes, model, variables)
    if len(W) == 1:  # ||D W^T||^2 = sum_j f'(a_j)^2 ||W_:,j||^2
        return Jacobian(
            lambda x: slopes(x)[0], lambda d: jnp.square(d) @ jnp.sum(jnp.square(W[0]), axis=0)
        )
    if _from_code_is_cheaper([W[0].shape[0], *(w.shape[1] for w in W)]):
        return Jacobian(lambda x: _from_code(W, slopes(x)), lambda S: _times_first(S, W[0]))
    return Jacobian(partial(_forward, encode), _sum_of_squares)


def _from_code_is_cheaper(widths: list[int]) -> bool:
    """Whether J costs fewer multiplications from the code's side; the widths, pixels first."""
    (pixels, first), (last, code) = widths[:2], widths[-2:]
    between = sum(a * b for a, b in pairwise(widths[1:-1]))
    return code * (between + first * min(first, pixels)) <= pixels * (between + last * code)


def _slopes(model: Model, variables: Variables, x: jax.Array) -> list[jax.Array]:
    """f'(a_i) [batch, width_i] of every layer of a dense encoder.

    The pre-activations are those of the encoder itself, so that XLA finds the products it has
    already made for the forward pass.
    """
    encoder: Any = model.module.encoder
    _, seen = model.apply(
        variables,
        x,
        method="encode",
        mutable=["intermediates"],
        capture_intermediates=lambda module, _: isinstance(module, Affine),
    )
    names = [encoder.activation] * len(encoder.hidden) + [encoder.code_activation]
    slopes = []
    for i, name in enumerate(names):
        (a,) = seen["intermediates"]["encoder"][f"layer_{i}"]["__call__"]
        slopes.append(jax.vmap(jax.jacfwd(ACTIVATIONS[name]))(a.reshape(-1)).reshape(a.shape))
    return slopes


def _from_code(W: list[jax.Array], d: list[jax.Array]) -> jax.Array:
    """S = D_n W_n^T ... W_2^T D_1 [batch, code, width_1], so that J = S W_1^T."""
    S = d[-1][:, :, None] * W[-1].T[None]
    for w, slope in reversed(list(zip(W[1:-1], d[1:-1], strict=True))):
        S = (S * slope[:, None, :]) @ w.T
    return S * d[0][:, None, :]


def _times_first(S: jax.Array, W: jax.Array) -> jax.Array:
    """||S W^T||_F^2 [batch] of S [batch, rows, width] and a kernel W [pixels, width]."""
    pixels, width = W.shape
    if width > pixels:  # the Gram matrix would be larger than the kernel
        return _sum_of_squares(S @ W.T)
    rows = squared_lengths(S.reshape(-1, width), W)
    return jnp.sum(rows.reshape(S.shape[:2]), axis=1)


@jax.custom_jvp
def squared_lengths(S: jax.Array, W: jax.Array) -> jax.Array:
    """||W s||^2 [n] of every row s of S [n, width], through the Gram matrix of W [pixels, width].

    The rule states that the derivative for S is 2 S W^T W, the product of the forward pass;
    without it every batch would pay for three products of that size instead of two.
    """
    return jnp.sum((S @ (W.T @ W)) * S, axis=1)


@squared_lengths.defjvp
def _squared_lengths_jvp(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    (S, W), (dS, dW) = primals, tangents
    SG = S @ (W.T @ W)
    change = jnp.sum(SG * dS, axis=1) + jnp.sum((S @ (W.T @ dW)) * S, axis=1)
    return jnp.sum(SG * S, axis=1), 2 * change


def _forward(encode: Encode, x: jax.Array) -> jax.Array:
    """J of any encoder in forward mode, [batch, code, height, width, channels]."""
    return jax.vmap(jax.jacfwd(lambda image: encode(image[None])[0]))(x)


def _by_fewer(encode: Encode, x: jax.Array) -> jax.Array:
    """J of any encoder, [batch, code, height, width, channels]: by columns or by rows.

    Whichever are fewer. One row for the whole batch at a time, which for convolutions on a CPU is
    twice as fast as all of them at once.
    """
    code, pixels = jax.eval_shape(encode, x).shape[1], math.prod(x.shape[1:])
    if pixels < code:
        return _forward(encode, x)
    _, pull = jax.vjp(encode, x)
    units = jnp.eye(code, dtype=x.dtype)[:, None, :]
    rows = jax.lax.map(lambda e: pull(jnp.broadcast_to(e, (len(x), code)))[0], units)
    return jnp.moveaxis(rows, 0, 1)


def _hutchinson(encode: Encode, x: jax.Array, key: jax.Array, samples: int) -> jax.Array:
    h, pull = jax.vjp(encode, x)
    # Signs on the side of the code: their variance spares the diagonal of J J^T, which there
    # holds more of the matrix than the diagonal of J^T J does among the pixels.
    signs = jax.random.rademacher(key, (samples, *h.shape), h.dtype)
    return jnp.mean(jax.vmap(lambda v: _sum_of_squares(*pull(v)))(signs), axis=0)


def _sum_of_squares(J: jax.Array) -> jax.Array:
    return jnp.sum(jnp.square(J), axis=tuple(range(1, J.ndim)))
