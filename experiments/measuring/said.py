"""Rows of measurements in words."""

from typing import Any

from .measured import RUN, Row

WORDS = {
    "pca": "PCA",
    "mean_image": "mean image",
    "denoised_mse": "denoised mse",
    "linear_denoiser_mse": "best linear denoiser",
}


def sentence(name: str, row: Row) -> str:
    """A row in words: its errors and baselines, then what the config's idea changes."""
    means, stds = row["mean"], row["std"]
    seeds = len(row["measured"][RUN]["by_seed"])
    numbers = [
        f"{WORDS.get(kind, kind)} {mean:.3g}"
        + (f" ± {stds[kind]:.1g}" if stds[kind] > 1e-9 * abs(mean) else "")
        for kind, mean in means.items()
    ]
    return f"`{name}` ({seeds} seed{'s' * (seeds > 1)}): {', '.join(numbers)}."


def seeds_of(found: dict[str, Any]) -> str:
    """How many there are, in words."""
    stuck = f", {found['stuck']} learned nothing" if found["stuck"] else ""
    return f"{found['seeds']}{stuck}"


def plus_minus(found: dict[str, Any]) -> str:
    """Mean and, of several seeds, deviation, in words."""
    mean = f"{found['mean']:.4g}"
    return mean if found["seeds"] - found["stuck"] < 2 else f"{mean} ± {found['std']:.1g}"
