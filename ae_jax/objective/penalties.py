"""Penalty slot: what is added to the reconstruction, one number per image.

Every penalty is `f(p, model, variables, key, ...) -> [batch]` of a forward pass `p`; the objective
averages it over the batch and multiplies it by `config.penalties.<name>.weight`. One that learns is
a Linen module whose `__call__` is such a function: its parameters are trained with the network's,
at 'penalties' / name in `variables["params"]`; 'batch_stats' holds its statistics likewise.
"""

from collections.abc import Callable
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from jax.scipy.special import rel_entr

from ae_jax.config.schema import Count, Rule, SomeWidths
from ae_jax.model.bottleneck.sparse import largest
from ae_jax.model.pipeline import Forward, Model, Variables
from ae_jax.objective import geometry
from ae_jax.objective.adversarial import AdversarialPenalty
from ae_jax.objective.codes import commitment, l0
from ae_jax.objective.contractive import contractive, contractive_hessian
from ae_jax.objective.divergence import mmd, total_correlation
from ae_jax.objective.variational import gaussian_kl, importance

Rate = Annotated[float, Rule("a number in (0, 1)", lambda v: 0 < v < 1)]


def weight_l2(p: Forward, model: Model, variables: Variables, key: jax.Array) -> jax.Array:
    """sum over the kernels W of mean(W^2), biases left alone; the same number for every image.

    Those of encoder and decoder, a tied kernel once; the mean is over the entries of W.
    """
    network = {name: tree for name, tree in variables["params"].items() if name != "penalties"}
    leaves = jax.tree_util.tree_leaves_with_path(network)
    kernels = [W for path, W in leaves if path[-1].key == "kernel"]
    return jnp.full(len(p.x), sum(jnp.mean(jnp.square(W)) for W in kernels))


def l1(p: Forward, model: Model, variables: Variables, key: jax.Array) -> jax.Array:
    """sum_j |h_j| per image, h [batch, code_size] the code before the bottleneck."""
    return jnp.sum(jnp.abs(p.h), axis=1)


def sparsity_kl(
    p: Forward, model: Model, variables: Variables, key: jax.Array, rho: Rate = 0.05
) -> jax.Array:
    """sum_j KL(rho || rho^_j), rho^_j the mean of the code's unit j over the batch, in nats.

    KL(rho || q) = rho log(rho / q) + (1 - rho) log((1 - rho) / (1 - q)), for units in (0, 1): a
    sigmoid code (Ng 2011, CS294A notes, section 3). The same number for every image; as it is a
    function of the batch's mean, evaluation gives the mean over its batches.
    """
    # A unit saturated on the whole batch has a mean of exactly 0 or 1 in float32.
    rate = jnp.clip(jnp.mean(p.h, axis=0), 1e-7, 1 - 1e-7)
    divergence = jnp.sum(rel_entr(rho, rate) + rel_entr(1 - rho, 1 - rate))
    return jnp.broadcast_to(divergence, p.x.shape[:1])


def revive(
    p: Forward, model: Model, variables: Variables, key: jax.Array, k: Count = 32
) -> jax.Array:
    """||r - (g(u) - g(0))||^2 per image: units the batch left unused explain what is missing.

    r = x - x^ is taken as given, g is the decoder and u has the `k` largest h_j among the units
    that are 0 in the code z of every image of the batch. Only those units receive a gradient; a
    batch that used every unit costs 0. It needs units that respond although unused, as those
    `top_k` leaves out do. In squared units of the network's scale; evaluation decides by its own
    batches.

    The auxiliary loss of Gao et al. 2024 ("Scaling and evaluating sparse autoencoders", A.2),
    whose decoder is linear, so that g(u) - g(0) = W u. Theirs counts a unit as dead after 10
    million inputs without use; here the batch alone decides, so that there is no state to keep,
    and a unit that is merely rare is pulled along as well.
    """
    unused = jnp.all(p.z == 0, axis=0)
    h = jnp.where(unused[None, :], p.h, -jnp.inf)
    u = jnp.where(largest(h, k) & unused[None, :], p.h, 0.0)
    explained = model.decode(variables, u) - model.decode(variables, jnp.zeros_like(u[:1]))
    residual = jax.lax.stop_gradient(p.x - p.x_hat)
    square = jnp.square(residual - explained)
    if p.observed is not None:
        square = jnp.where(p.observed, square, 0.0)
    return jnp.any(unused) * jnp.sum(square, axis=(1, 2, 3))


def prefixes(
    p: Forward,
    model: Model,
    variables: Variables,
    key: jax.Array,
    sizes: SomeWidths = (1, 2, 4, 8, 16),
) -> jax.Array:
    """mean over k in `sizes` of ||x - x^(z_1 ... z_k)||^2 per image: a code that can be cut short.

    x^ is what is decoded where the numbers behind the first k are 0. In squared units of the
    network's scale, summed over what was observed. With all sizes and a linear network its minimum
    is PCA, component by component; what nested dropout (bottleneck `nested`) does by chance, one
    size an image, this does for several sizes at once, at as many decodings. The sum over sizes is
    that of Kusupati et al. 2022 ("Matryoshka representation learning").
    """

    def error(size: int) -> jax.Array:
        z = jnp.where(jnp.arange(p.z.shape[1])[None, :] < size, p.z, 0.0)
        square = jnp.square(p.x - model.decode(variables, z))
        if p.observed is not None:
            square = jnp.where(p.observed, square, 0.0)
        return jnp.sum(square, axis=(1, 2, 3))

    return sum((error(size) for size in sizes[1:]), error(sizes[0])) / len(sizes)


PENALTIES: dict[str, Callable[..., Any]] = {
    "gaussian_kl": gaussian_kl,
    "weight_l2": weight_l2,
    "contractive": contractive,
    "contractive_hessian": contractive_hessian,
    "l1": l1,
    "sparsity_kl": sparsity_kl,
    "revive": revive,
    "mmd": mmd,
    "adversarial": AdversarialPenalty,
    "total_correlation": total_correlation,
    "importance": importance,
    "prefixes": prefixes,
    "commitment": commitment,
    "l0": l0,
    "isometric": geometry.isometric,
    "geometric": geometry.geometric,
    "orthogonal": geometry.orthogonal,
    "least_volume": geometry.least_volume,
}
# See `ae_jax.config.numbers`; the weights are open as well.
OPEN = {
    "contractive_hessian": ("sigma",),
    "sparsity_kl": ("rho",),
    "gaussian_kl": ("free_bits",),
    "isometric": ("eta",),
    "least_volume": ("eta",),
}

# Penalties that draw the codes to the bottleneck's prior, to N(0, I) where it has none.
TO_PRIOR = ("mmd", "adversarial")
ORDERS = ("prefixes",)  # penalties by which the first numbers of a code say most
LOW_RANK = ("least_volume",)  # by which codes span fewer dimensions than they have numbers
