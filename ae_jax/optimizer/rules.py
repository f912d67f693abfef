"""Gradient descent, and rules that go by sums of squares, signs, norms, or whole matrices."""

from collections.abc import Callable
from typing import Annotated, NamedTuple

import optax
from optax import contrib

from ae_jax.config.schema import Count, Fraction, NonNegative, Positive, Rule
from ae_jax.optimizer.adam import is_zero
from ae_jax.optimizer.evaluated import with_evaluated

Inside = Annotated[float, Rule("a number in (0, 1)", lambda v: 0 < v < 1)]


class Around(NamedTuple):
    """A rule, and what is put around it together with the decay and the learning rate."""

    rule: optax.GradientTransformation
    around: Callable[[optax.GradientTransformation, optax.Schedule], optax.GradientTransformation]


def sgd(momentum: Fraction = 0.0) -> optax.GradientTransformation:
    """buf <- momentum buf + g, step = buf: PyTorch's SGD, no damping, no Nesterov."""
    return optax.identity() if is_zero(momentum) else optax.trace(decay=momentum)


def lion(
    b1: Fraction = 0.9, b2: Fraction = 0.99, weight_decay: NonNegative = 1e-3
) -> optax.GradientTransformation:
    """step = sign(b1 m + (1 - b1) g) + weight_decay p, then m <- b2 m + (1 - b2) g.

    Chen et al. 2023, "Symbolic discovery of optimization algorithms", Algorithm 2. Every parameter
    moves by the learning rate, which should be 3 to 10 times smaller than Adam's.
    """
    return optax.chain(optax.scale_by_lion(b1=b1, b2=b2), optax.add_decayed_weights(weight_decay))


def rmsprop(
    decay: Fraction = 0.9,
    eps: Positive = 1e-8,
    momentum: Fraction = 0.0,
    centered: bool = False,
    eps_in_sqrt: bool = True,
) -> optax.GradientTransformation:
    """g / sqrt(v + eps), v the average of g^2 by `decay`; then `momentum` as in `sgd`.

    Hinton 2012, lecture 6e. `centered` takes the variance of g for v (Graves 2013); PyTorch's is
    g / (sqrt(v) + eps), without `eps_in_sqrt`.
    """
    scale = optax.scale_by_stddev if centered else optax.scale_by_rms
    return optax.chain(scale(decay=decay, eps=eps, eps_in_sqrt=eps_in_sqrt), sgd(momentum))


def adagrad(
    initial_accumulator_value: NonNegative = 0.1, eps: Positive = 1e-7
) -> optax.GradientTransformation:
    """g / sqrt(s + eps), s the sum of all g^2 and the initial value: Duchi et al. 2011."""
    return optax.scale_by_rss(initial_accumulator_value, eps)


def adadelta(rho: Fraction = 0.9, eps: Positive = 1e-6) -> optax.GradientTransformation:
    """g sqrt(u + eps) / sqrt(v + eps), v and u averages of g^2 and of squared steps: Zeiler 2012.

    It has the scale of the parameters; the learning rate is 1 in the paper.
    """
    return optax.scale_by_adadelta(rho=rho, eps=eps)


def adafactor(
    eps: Positive = 1e-30,
    momentum: Fraction = 0.0,
    decay_rate: NonNegative = 0.8,
    clipping_threshold: Positive | None = 1.0,
    multiply_by_parameter_scale: bool = True,
    min_dim_size_to_factor: Count = 128,
) -> optax.GradientTransformation:
    """RMSProp that keeps rows and columns of g^2 of large matrices: Shazeer & Stern 2018.

    v <- b v + (1 - b) (g^2 + eps) with b = 1 - t^-decay_rate; of arrays whose two longest axes
    have `min_dim_size_to_factor` or more, the outer product of v's means along each stands for v.
    g / sqrt(v) has its root mean square clipped in each array, is multiplied by that of the array,
    1e-3 at least, and averaged by `momentum`. The weight decay is that of all optimizers here.
    """
    parts = [
        optax.scale_by_factored_rms(
            decay_rate=decay_rate, min_dim_size_to_factor=min_dim_size_to_factor, epsilon=eps
        )
    ]
    if clipping_threshold is not None:
        parts.append(optax.clip_by_block_rms(clipping_threshold))
    if multiply_by_parameter_scale:
        parts.append(optax.scale_by_param_block_rms())
    if not is_zero(momentum):
        parts.append(optax.ema(momentum, debias=False))
    return optax.chain(*parts)


def lamb(
    b1: Fraction = 0.9,
    b2: Fraction = 0.999,
    eps: Positive = 1e-6,
    weight_decay: NonNegative = 0.0,
) -> optax.GradientTransformation:
    """AdamW's step u of each array p, times |p| / |u|: You et al. 2020, Algorithm 2.

    Where a norm is 0 the step is u.
    """
    return optax.chain(
        optax.scale_by_adam(b1=b1, b2=b2, eps=eps),
        optax.add_decayed_weights(weight_decay),
        optax.scale_by_trust_ratio(),
    )


def lars(
    momentum: Fraction = 0.9,
    weight_decay: NonNegative = 0.0,
    trust_coefficient: Positive = 0.001,
    nesterov: bool = False,
) -> optax.GradientTransformation:
    """u = g + weight_decay p of each array p, times trust_coefficient |p| / |u|; then momentum.

    You et al. 2017, "Large batch training of convolutional networks", Algorithm 1; the learning
    rate is that of the step, not of each u. Where a norm is 0 it is u.
    """
    return optax.chain(
        optax.add_decayed_weights(weight_decay),
        optax.scale_by_trust_ratio(trust_coefficient=trust_coefficient),
        optax.trace(decay=momentum, nesterov=nesterov),
    )


def muon(
    momentum: Fraction = 0.95,
    nesterov: bool = True,
    ns_steps: Count = 5,
    consistent_rms: Positive | None = None,
    b1: Fraction = 0.9,
    b2: Fraction = 0.999,
    eps: Positive = 1e-8,
) -> optax.GradientTransformation:
    """The averaged gradient of each matrix made orthogonal: Jordan et al. 2024.

    M = U S V^T becomes about U V^T, by `ns_steps` steps of Newton and Schulz, times sqrt(max(1,
    columns / rows)), or with `consistent_rms` that times sqrt(max(rows, columns)): 0.2 makes steps
    as large as AdamW's (Liu et al. 2025), so that a learning rate of Adam's will do. All that is
    not a matrix, kernels of convolutions included, is left to Adam (b1, b2), with Nesterov's
    momentum where `nesterov` says so.
    """
    step = contrib.muon(
        1.0,
        ns_steps=ns_steps,
        beta=momentum,
        eps=eps,
        nesterov=nesterov,
        adam_b1=b1,
        adam_b2=b2,
        consistent_rms=consistent_rms,
    )
    return optax.chain(step, optax.scale(-1.0))  # it descends by itself


def schedule_free(
    b1: Inside = 0.9,
    b2: Fraction = 0.999,
    eps: Positive = 1e-8,
    weight_lr_power: NonNegative = 2.0,
) -> Around:
    """Adam without momentum, averaged instead of a decaying rate: Defazio et al. 2024.

    z takes the steps of RMSProp (bias corrected), x is the average of all z, weighted by the
    largest learning rate so far to the power `weight_lr_power`. Gradients are those at
    y = (1 - b1) z + b1 x, the parameters that are trained; x is evaluated.
    """

    def around(
        step: optax.GradientTransformation, rate: optax.Schedule
    ) -> optax.GradientTransformation:
        # Optax counts its own steps from 1, those of the rate inside `step` from 0.
        free = contrib.schedule_free(step, lambda t: rate(t - 1), b1, weight_lr_power)
        return with_evaluated(
            free, lambda x, y, t, state: contrib.schedule_free_eval_params(state, y)
        )

    rms = optax.scale_by_rms(decay=b2, eps=eps, eps_in_sqrt=False, bias_correction=True)
    return Around(rms, around)
