"""Penalty slot: what is added to the reconstruction, one number per image.

Every penalty is `f(p, model, variables, key, ...) -> [batch]` of a forward pass `p`; the objective
averages it over the batch and multiplies it by `config.penalties.<name>.weight`. One that learns is
a Linen module whose `__call__` is such a function: its parameters are trained with the network's,
at 'penalties' / name in `variables["params"]`; 'batch_stats' holds its statistics likewise.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from jax.scipy.special import rel_entr

from ae_jax.config.schema import Count, Rule, SomeWidths
from ae_jax.errors import ConfigError
from ae_jax.model.bottleneck import BOTTLENECKS
from ae_jax.model.bottleneck.sparse import largest
from ae_jax.model.pipeline import Forward, Model, Variables
from ae_jax.objective import geometry
from ae_jax.objective.adversarial import AdversarialPenalty
from ae_jax.objective.codes import commitment, l0
from ae_jax.objective.contractive import contractive, contractive_hessian
from ae_jax.objective.divergence import mmd, total_correlation
from ae_jax.objective.variational import LIKELIHOODS, gaussian_kl, importance

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


# What a penalty asks of the bottleneck: an attribute of `Bottleneck`.
NEEDS = {
    "gaussian_kl": "prior",
    "importance": "prior",
    "total_correlation": "factorized",
    "commitment": "nearest",
    "l0": "gated",
}
ORDERS = ("prefixes",)  # penalties by which the first numbers of a code say most
OF_THE_CODE = ("l1", "sparsity_kl", "revive", "least_volume")  # penalties that read the code itself


def check_needs(c: Mapping[str, Any]) -> None:
    """Raises ConfigError where the rest of a resolved config cannot serve one of its penalties."""
    encoder, size = c["encoder"], c["model"]["code_size"]
    for name, options in c["penalties"].items():
        geometry.check(name, c)
        bottleneck = c["bottleneck"]["name"]
        variational = [n for n, kind in BOTTLENECKS.items() if kind.prior is not None]
        wanted = "factorized" if options.get("free_bits") else NEEDS.get(name)
        if wanted and not getattr(BOTTLENECKS[bottleneck], wanted):
            able = [n for n, kind in BOTTLENECKS.items() if getattr(kind, wanted)]
            raise ConfigError(f"penalties.{name}: needs bottleneck.name {_either(able)}")
        if (cycle := options.get("cycle_epochs", 0)) and not 0 < options["warmup_epochs"] <= cycle:
            raise ConfigError(
                f"penalties.{name}.warmup_epochs: must be from 1 to cycle_epochs, {cycle}, after "
                f"which the growth begins anew; not {options['warmup_epochs']}"
            )
        if name == "importance":
            _check_importance(c)
        if name == "adversarial" and (why := _never_like_a_prior(c)):
            raise ConfigError(
                f"{why}; with penalties.adversarial they are to be like draws of a prior, which "
                "takes all values"
            )
        if name in OF_THE_CODE and bottleneck in variational:
            raise ConfigError(
                f"penalties.{name}: needs a bottleneck.name other than '{bottleneck}', whose "
                "encoder delivers the parameters of a distribution, not a code"
            )
        if name.startswith("contractive") and encoder.get("batch_norm"):
            raise ConfigError(
                f"encoder.batch_norm: must be false with penalties.{name}; where the batch decides "
                "about the code, there is no Jacobian of one image"
            )
        if name == "sparsity_kl" and encoder["code_activation"] != "sigmoid":
            raise ConfigError(
                "encoder.code_activation: must be 'sigmoid' with penalties.sparsity_kl, whose "
                f"rates are in (0, 1), not '{encoder['code_activation']}'"
            )
        if name == "revive" and options["k"] > size:
            raise ConfigError(
                f"penalties.revive.k: must be at most model.code_size, {size}, not {options['k']}"
            )
        if name == "prefixes" and max(options["sizes"]) > size:
            raise ConfigError(
                f"penalties.prefixes.sizes: must be at most model.code_size, {size}, not "
                f"{max(options['sizes'])}"
            )
        if name in ("revive", "prefixes", "importance") and c["model"]["classes"]:
            raise ConfigError(
                f"model.classes: must be 0 with penalties.{name}, which has no labels"
            )


def _never_like_a_prior(c: Mapping[str, Any]) -> str:
    """The field by which codes differ from draws of a density on all numbers; '' if none does."""
    name, activation = c["bottleneck"]["name"], c["encoder"]["code_activation"]
    made = BOTTLENECKS[name](**{k: v for k, v in c["bottleneck"].items() if k != "name"})
    if made.bits is not None:
        return f"bottleneck.name: must not be '{name}', whose codes take a few values"
    if made.sparse or made.ordered:
        return f"bottleneck.name: must not be '{name}', whose codes have numbers that are exactly 0"
    if made.prior is None and activation != "linear":
        return f"encoder.code_activation: must be 'linear', for '{activation}' bounds the codes"
    return ""


def _check_importance(c: Mapping[str, Any]) -> None:
    """The bound on log p(x) needs a likelihood of whole images, and decodings of one by one."""
    loss = c["loss"]
    if loss["name"] not in LIKELIHOODS:
        raise ConfigError(
            f"loss.name: must be {_either(LIKELIHOODS)} with penalties.importance, not "
            f"'{loss['name']}'"
        )
    if loss["per"] != "image":
        raise ConfigError("loss.per: must be 'image' with penalties.importance, a likelihood's")
    if "gaussian_kl" not in c["penalties"]:
        raise ConfigError(
            "penalties.importance: needs penalties.gaussian_kl, with which it makes the bound"
        )
    if c["decoder"].get("batch_norm"):
        raise ConfigError(
            "decoder.batch_norm: must be false with penalties.importance, whose samples would be "
            "decoded by other statistics than the code"
        )


def _either(names: Iterable[str]) -> str:
    return " or ".join(f"'{name}'" for name in names)
