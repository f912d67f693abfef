"""Advice from the numbers of a finished run: one rule, one sentence.

Every rule is `f(config, summary, rows) -> sentence or None`, of a resolved config, the content of
`summary.json` and the lines of `metrics.jsonl`. A rule whose numbers are missing returns None. Code
in a sentence stands between backticks.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ae_jax.config.sections import Config
from ae_jax.model.bottleneck import BOTTLENECKS

Rows = Sequence[Mapping[str, Any]]
Summary = Mapping[str, Any]

NO_ERROR = 1e-9  # PCA with as many numbers as pixels makes none; nothing can be better
ENDING = 0.1  # share of the evaluated epochs that counts as the end of training
FALLING = 0.02  # a loss that falls by such a share from one such ending to the next still falls
RISEN = 0.05  # and one that ends so far above its lowest value overfits
FLOOR = 0.05  # a cross-entropy within such a share of its floor is at it
MANY = 0.1  # share of the units that is worth a sentence
ACTIVE = 0.01  # least variance of a latent unit's mean over the images (Burda et al. 2016, 5.2)


def advise(config: Config, summary: Summary, rows: Rows) -> list[str]:
    """The sentences of every rule of `RULES` that has something to say."""
    found = (rule(config, summary, rows) for rule in RULES.values())
    return [sentence for sentence in found if sentence]


def learned_nothing(config: Config, summary: Summary, rows: Rows) -> str | None:
    """Not below the error of the mean image."""
    mse, mean = _mse(summary), summary["controls"]["mean_image"]
    if mse < mean:
        return None
    baseline = "the mean image" if _one(summary) == "image" else "the means of the columns"
    return (
        f"Nothing was learned: the error {_short(mse)} is not below the error of {baseline}, "
        f"{_short(mean)}. Try another `optim.learning_rate`, more epochs, or a "
        "`decoder.output` that fits `data.scale`."
    )


def worse_than_pca(config: Config, summary: Summary, rows: Rows) -> str | None:
    """More error than PCA of equal code size, for models that are meant to copy.

    By more than 1 %. Noise is answered by `worse_than_linear_denoiser`, and k numbers of a sparse
    code are fewer than k numbers.
    """
    mse, pca = _mse(summary), summary["controls"]["pca"]
    if _sparse(config) or "denoise" in summary or mse >= summary["controls"]["mean_image"]:
        return None
    if pca < NO_ERROR or mse <= 1.01 * pca:
        return None
    price = [f"`penalties.{name}`" for name in config.penalties]
    price += [] if config.bottleneck.name == "identity" else [f"the {config.bottleneck.name} code"]
    part = f" Part of it is the price of {' and '.join(price)}." if price else ""
    return (
        f"PCA of equal code size does better: {_short(pca)} against {_short(mse)}. Train longer, "
        f"use hidden layers, or check whether a code of {config.model.code_size} leaves anything "
        f"to learn.{part}"
    )


def worse_than_linear_denoiser(config: Config, summary: Summary, rows: Rows) -> str | None:
    """More error on corrupted input than the best linear map, by more than 1 %."""
    d = summary.get("denoise", {})
    linear = d.get("linear_denoiser_mse")
    if linear is None or d["denoised_mse"] <= 1.01 * linear:
        return None
    return (
        f"The best linear map denoises better: {_short(linear)} against "
        f"{_short(d['denoised_mse'])}. Train longer, or give the network more units."
    )


def cross_entropy_at_its_floor(config: Config, summary: Summary, rows: Rows) -> str | None:
    """Gray pixels have an entropy that no reconstruction gets below."""
    bce, floor = summary["test"].get("bce"), summary["test"].get("bce_floor")
    if not bce or not floor or bce > (1 + FLOOR) * floor:
        return None
    return (
        f"The cross-entropy, {bce:.1f} nats per image, is at its floor: the gray pixels themselves "
        f"have {floor:.1f}, reached by a perfect copy. Compare runs by `mse`, or by what is above "
        "the floor."
    )


def dead_units(config: Config, summary: Summary, rows: Rows) -> str | None:
    """Units of the code that are the same for every image, and not because they are saturated."""
    code = summary.get("code", {})
    dead, size = code.get("dead_units", 0), config.model.code_size
    bottleneck = BOTTLENECKS[config.bottleneck.name]
    if bottleneck.prior is not None or dead < max(1, MANY * size):
        return None
    if saturated_units(config, summary, rows):
        return None
    if bottleneck.sparse:
        cure = "`penalties.revive` brings them back."
    elif config.encoder.code_activation == "relu":
        cure = "A lower `optim.learning_rate` or another `encoder.code_activation` keeps them."
    else:
        weaker = "; weaker penalties may revive them" if config.penalties else ""
        cure = f"A smaller `model.code_size` loses nothing{weaker}."
    of = _one(summary)
    return f"{dead} of {size} code units are dead: they have the same value for every {of}. {cure}"


def saturated_units(config: Config, summary: Summary, rows: Rows) -> str | None:
    """Units of a bounded code that stay at their bounds; a sparse code is to be near 0."""
    code = summary.get("code", {})
    stuck, size = code.get("saturated_units", 0), config.model.code_size
    if _sparse(config) or stuck < max(1, MANY * size):
        return None
    return (
        f"{stuck} of {size} code units are saturated: at a bound of "
        f"{config.encoder.code_activation} for nearly every {_one(summary)}, where no gradient "
        "passes. A lower `optim.learning_rate`, smaller initial weights (`model.init`) or "
        "BatchNorm help, unless you want a binary code."
    )


def posterior_collapse(config: Config, summary: Summary, rows: Rows) -> str | None:
    """Latent units whose posterior mean does not depend on the image."""
    collapsed, size = summary.get("code", {}).get("collapsed_units", 0), config.model.code_size
    if collapsed < max(1, MANY * size):
        return None
    return (
        f"Posterior collapse: {collapsed} of {size} latent units carry no information about the "
        f"{_one(summary)} (variance of their mean below {ACTIVE:g}). Lower "
        "`penalties.gaussian_kl.weight` or give it `warmup_epochs` to use them, or choose a "
        "smaller `model.code_size`."
    )


def still_falling(config: Config, summary: Summary, rows: Rows) -> str | None:
    """The test loss fell from one ending to the next."""
    losses = _losses(rows, "test")
    n = _ending(losses)
    if len(losses) < 2 * n or len(losses) < 3:
        return None
    before, last = losses[-2 * n : -n, 1].mean(), losses[-n:, 1].mean()
    if before <= 0 or last > (1 - FALLING) * before:
        return None
    epochs = config.train.epochs
    how = f"`--config.train.epochs={2 * epochs}` in the same work directory continues from here"
    if config.optim.schedule != "constant" and not config.optim.decay_epochs:
        how = f"a new run with `--config.train.epochs={2 * epochs}` stretches its schedule as well"
    fell = 100 * (before - last) / before
    return f"The test loss was still falling at epoch {epochs}, by {fell:.2g} % lately: {how}."


def overfitting(config: Config, summary: Summary, rows: Rows) -> str | None:
    """The loss on images held out, on the test set where there are none, ends above its lowest
    value while the training loss goes on falling."""
    part, how = "validation", "`ae_jax.restore(workdir, best=True)` opens the best weights, "
    if len(losses := _losses(rows, "valid")):
        how += "`--config.train.patience` ends there; "
    else:
        part, losses = "test", _losses(rows, "test")
        how = f"With {_one(summary)}s held out (`--config.data.n_valid=0.1`) the best weights are "
        how += "kept; "
    if len(losses) < 3:
        return None
    best = int(losses[:, 1].argmin())
    epoch, lowest = losses[best]
    last = losses[-_ending(losses) :, 1].mean()
    train = dict(_losses(rows, "train"))
    then, now = train.get(epoch), train.get(losses[-1, 0])
    if lowest <= 0 or last <= (1 + RISEN) * lowest or (then and now and now >= then):
        return None
    return (
        f"Overfitting: the {part} loss was lowest at epoch {epoch:.0f} and is "
        f"{100 * (last / lowest - 1):.2g} % higher at the end. {how}"
        f"fewer epochs, noise (`corruption`), `optim.weight_decay` or more {_one(summary)}s "
        "prevent it."
    )


RULES: dict[str, Callable[[Any, Summary, Rows], str | None]] = {
    "learned nothing": learned_nothing,
    "worse than PCA": worse_than_pca,
    "worse than the best linear denoiser": worse_than_linear_denoiser,
    "cross-entropy at its floor": cross_entropy_at_its_floor,
    "dead units": dead_units,
    "saturated units": saturated_units,
    "posterior collapse": posterior_collapse,
    "still falling at the last epoch": still_falling,
    "overfitting": overfitting,
}


def _mse(summary: Summary) -> float:
    return float(summary["test"]["mse"])


def _one(summary: Summary) -> str:
    """What an example is called: 'image', 'signal' or 'row'."""
    return str(summary.get("data", {}).get("kind", "image")).removesuffix("s")


def _sparse(config: Config) -> bool:
    bottleneck = BOTTLENECKS[config.bottleneck.name]
    return bottleneck.sparse or bool({"l1", "sparsity_kl"} & set(config.penalties))


def _short(mse: float) -> str:
    return f"{mse:.3g}"


def _losses(rows: Rows, split: str) -> np.ndarray:
    """(epoch, loss) of every epoch with a line [n, 2]; what is no finite number is left out."""
    pairs = [(r.get("epoch"), r.get("loss")) for r in rows if r.get("split") == split]
    known = [pair for pair in pairs if all(isinstance(v, int | float) for v in pair)]
    points = np.array(known, np.float64).reshape(-1, 2)
    return points[np.isfinite(points).all(axis=1)]


def _ending(losses: np.ndarray) -> int:
    """How many of the evaluated epochs are the end of training; at least one."""
    return max(1, round(ENDING * len(losses)))
