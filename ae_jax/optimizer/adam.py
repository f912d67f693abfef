"""Adam and what was made of it.

Here and in `rules`, an optimizer is a function of its own numbers to what becomes of a gradient g
before it is multiplied by minus the learning rate. `b1`, `b2`, `eps`, `momentum` and `weight_decay`
are fields that all configs have; a function that names one uses it, and its default is the field's
where this optimizer is chosen. One that names `weight_decay` adds the decay itself, where its paper
does; in all others `build` does. m and v are running averages of g and g^2, t counts from 1.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_jax.config.numbers import Number
from ae_jax.config.schema import Fraction, NonNegative, Positive


def is_zero(number: Number) -> bool:
    """Whether it is 0 for certain, and nothing need be kept for it; a number left open is not."""
    return isinstance(number, float) and number == 0


def adam(
    b1: Fraction = 0.9, b2: Fraction = 0.999, eps: Positive = 1e-8
) -> optax.GradientTransformation:
    """Kingma & Ba 2015, eps added after bias correction (Algorithm 1; PyTorch).

    m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2, step = m / (1 - b1^t) / (sqrt(v / (1 - b2^t))
    + eps) with t counted from 1.
    """
    return optax.scale_by_adam(b1=b1, b2=b2, eps=eps)


class KerasAdamState(NamedTuple):
    """Step count and the two moments."""

    step: jax.Array
    m: Any
    v: Any


def keras_adam(
    b1: Fraction = 0.9, b2: Fraction = 0.999, eps: Positive = 1e-8
) -> optax.GradientTransformation:
    """Adam as Keras writes it: eps added to sqrt(v) *before* v's bias correction.

    step = sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + eps), section 2 of Kingma & Ba 2015, so
    that early steps are damped by an eps that is effectively up to 30 times larger.
    """

    def init(params: optax.Params) -> KerasAdamState:
        # Two separate trees: the state is donated, and a buffer can be given away only once.
        m, v = (jax.tree.map(jnp.zeros_like, params) for _ in range(2))
        return KerasAdamState(jnp.zeros((), jnp.int32), m, v)

    def update(
        grads: optax.Updates, state: KerasAdamState, params: optax.Params | None = None
    ) -> tuple[Any, KerasAdamState]:
        t = (state.step + 1).astype(jnp.float32)
        m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, state.m, grads)
        v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, state.v, grads)
        rate = jnp.sqrt(1 - b2**t) / (1 - b1**t)
        step = jax.tree.map(lambda m, v: rate * m / (jnp.sqrt(v) + eps), m, v)
        return step, KerasAdamState(state.step + 1, m, v)

    return optax.GradientTransformation(init, update)


def adamw(
    b1: Fraction = 0.9,
    b2: Fraction = 0.999,
    eps: Positive = 1e-8,
    weight_decay: NonNegative = 1e-4,
) -> optax.GradientTransformation:
    """Adam with the decay beside its step, not in its moments: Loshchilov & Hutter 2019.

    step = Adam's + weight_decay p, of every parameter p: `adam` with `decoupled`.
    """
    scale = optax.scale_by_adam(b1=b1, b2=b2, eps=eps)
    return optax.chain(scale, optax.add_decayed_weights(weight_decay))


def nadam(
    b1: Fraction = 0.9, b2: Fraction = 0.999, eps: Positive = 1e-8
) -> optax.GradientTransformation:
    """Adam with Nesterov's momentum: Dozat 2016, Algorithm 2.

    Instead of m / (1 - b1^t): b1 m / (1 - b1^(t+1)) + (1 - b1) g / (1 - b1^t).
    """
    return optax.scale_by_adam(b1=b1, b2=b2, eps=eps, nesterov=True)


def adabelief(
    b1: Fraction = 0.9,
    b2: Fraction = 0.999,
    eps: Positive = 1e-16,
    eps_root: NonNegative = 1e-16,
) -> optax.GradientTransformation:
    """Adam by how far the gradient is from its average: Zhuang et al. 2020, Algorithm 2.

    v <- b2 v + (1 - b2) (g - m)^2 + eps_root.
    """
    return optax.scale_by_belief(b1=b1, b2=b2, eps=eps, eps_root=eps_root)


def radam(
    b1: Fraction = 0.9,
    b2: Fraction = 0.999,
    eps: Positive = 1e-8,
    threshold: Positive = 5.0,
) -> optax.GradientTransformation:
    """Adam without v until its variance is known: Liu et al. 2020, Algorithm 2.

    With r = 2 / (1 - b2) - 1 and r_t = r - 2 t b2^t / (1 - b2^t), the step is m / (1 - b1^t) while
    r_t < threshold, then Adam's times sqrt((r_t - 4) (r_t - 2) r / ((r - 4) (r - 2) r_t)).
    """
    return optax.scale_by_radam(b1=b1, b2=b2, eps=eps, threshold=threshold)


def amsgrad(
    b1: Fraction = 0.9, b2: Fraction = 0.999, eps: Positive = 1e-8
) -> optax.GradientTransformation:
    """Adam by the largest v so far, bias corrected: Reddi et al. 2018, Algorithm 2."""
    return optax.scale_by_amsgrad(b1=b1, b2=b2, eps=eps)


def adamax(
    b1: Fraction = 0.9, b2: Fraction = 0.999, eps: Positive = 1e-8
) -> optax.GradientTransformation:
    """Adam in the maximum norm: Kingma & Ba 2015, Algorithm 2.

    u <- max(b2 u, |g| + eps), step = m / (1 - b1^t) / u.
    """
    return optax.scale_by_adamax(b1=b1, b2=b2, eps=eps)


def adan(
    b1: Fraction = 0.98, b2: Fraction = 0.92, b3: Fraction = 0.99, eps: Positive = 1e-8
) -> optax.GradientTransformation:
    """Adam with an average of the gradient's changes: Xie et al. 2022, Algorithm 1.

    d = g - (g of the step before), averages m of g by b1, u of d by b2 and n of (g + (1 - b2) d)^2
    by b3, bias corrected; step = (m + (1 - b2) u) / (sqrt(n) + eps). Here b1 and b2 are what is
    kept, 1 minus the paper's.
    """
    return optax.scale_by_adan(b1=b1, b2=b2, b3=b3, eps=eps)


def yogi(
    b1: Fraction = 0.9, b2: Fraction = 0.999, eps: Positive = 1e-3
) -> optax.GradientTransformation:
    """Adam whose v grows no faster than it falls: Zaheer et al. 2018, Algorithm 2.

    v <- v - (1 - b2) sign(v - g^2) g^2; m and v begin at 1e-6.
    """
    return optax.scale_by_yogi(b1=b1, b2=b2, eps=eps)


def novograd(
    b1: Fraction = 0.9,
    b2: Fraction = 0.25,
    eps: Positive = 1e-6,
    weight_decay: NonNegative = 0.0,
) -> optax.GradientTransformation:
    """One v an array: Ginsburg et al. 2019, Algorithm 1.

    v <- b2 v + (1 - b2) |g|^2 (of the first step |g|^2), of each array g; m <- b1 m + g /
    (sqrt(v) + eps) + weight_decay p; step = m.
    """
    return optax.scale_by_novograd(b1=b1, b2=b2, eps=eps, weight_decay=weight_decay)
