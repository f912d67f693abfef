"""What a penalty needs of the rest of a config."""

from collections.abc import Iterable, Mapping
from typing import Any

from ae_jax.errors import ConfigError
from ae_jax.model.bottleneck import BOTTLENECKS
from ae_jax.objective import geometry
from ae_jax.objective.variational import LIKELIHOODS

# What a penalty asks of the bottleneck: an attribute of `Bottleneck`.
NEEDS = {
    "gaussian_kl": "prior",
    "importance": "prior",
    "total_correlation": "factorized",
    "commitment": "nearest",
    "l0": "gated",
}
OF_THE_CODE = ("l1", "sparsity_kl", "revive", "least_volume")  # penalties that read the code itself
UNLABELED = ("revive", "prefixes", "importance")  # penalties that decode without labels


def check_needs(c: Mapping[str, Any]) -> None:
    """Raises ConfigError where the rest of a resolved config cannot serve one of its penalties."""
    for name, options in c["penalties"].items():
        geometry.check(name, c)
        _check_bottleneck(name, options, c)
        _check_networks(name, c)
        _check_options(name, options, c["model"]["code_size"])
        if name == "importance":
            _check_importance(c)


def _check_bottleneck(name: str, options: Mapping[str, Any], c: Mapping[str, Any]) -> None:
    """The code is what the penalty takes it to be."""
    bottleneck = BOTTLENECKS[c["bottleneck"]["name"]]
    wanted = "factorized" if options.get("free_bits") else NEEDS.get(name)
    if wanted and not getattr(bottleneck, wanted):
        able = [n for n, kind in BOTTLENECKS.items() if getattr(kind, wanted)]
        raise ConfigError(f"penalties.{name}: needs bottleneck.name {_either(able)}")
    if name in OF_THE_CODE and bottleneck.prior is not None:
        raise ConfigError(
            f"penalties.{name}: needs a bottleneck.name other than '{c['bottleneck']['name']}', "
            "whose encoder delivers the parameters of a distribution, not a code"
        )
    if name == "adversarial" and (why := _never_like_a_prior(c)):
        raise ConfigError(
            f"{why}; with penalties.adversarial they are to be like draws of a prior, which takes "
            "all values"
        )


def _check_networks(name: str, c: Mapping[str, Any]) -> None:
    """Encoder and decoder are what the penalty can be computed of."""
    encoder = c["encoder"]
    if name.startswith("contractive") and encoder.get("batch_norm"):
        raise ConfigError(
            f"encoder.batch_norm: must be false with penalties.{name}; where the batch decides "
            "about the code, there is no Jacobian of one image"
        )
    if name == "sparsity_kl" and encoder["code_activation"] != "sigmoid":
        raise ConfigError(
            "encoder.code_activation: must be 'sigmoid' with penalties.sparsity_kl, whose rates "
            f"are in (0, 1), not '{encoder['code_activation']}'"
        )
    if name in UNLABELED and c["model"]["classes"]:
        raise ConfigError(f"model.classes: must be 0 with penalties.{name}, which has no labels")


def _check_options(name: str, options: Mapping[str, Any], size: int) -> None:
    """The penalty's own fields go together, and with the size of the code."""
    if (cycle := options.get("cycle_epochs", 0)) and not 0 < options["warmup_epochs"] <= cycle:
        raise ConfigError(
            f"penalties.{name}.warmup_epochs: must be from 1 to cycle_epochs, {cycle}, after which "
            f"the growth begins anew; not {options['warmup_epochs']}"
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
