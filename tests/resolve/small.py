"""Every config and variant, and a few examples of what each is for."""

from pathlib import Path

import numpy as np

from ae_jax.data import load
from ae_jax.data.arrays import from_arrays
from ae_jax.resolve import config

CONFIGS = sorted(p.stem for p in (Path(__file__).parents[2] / "configs").glob("*.py"))
ALL_VARIANTS = [f"{name}:{variant}" for name in CONFIGS for variant in config.variants(name)]
VARIANTS = [
    path for path in ALL_VARIANTS if path.partition(":")[2] not in ("published", "makhzani")
]
FULL = ("mnist", "fashion_mnist")  # images as those of mnist5k


def small(path):
    """(the config with batches of 16 and two epochs, some examples)."""
    c = config.load_config(
        path, **{"train": {"epochs": 2, "batch_size": 16}, "data.n_train": 112, "data.n_test": 50}
    )
    if not c.encoder.name.startswith(("conv", "patches")):  # compiling those once is long enough
        c = config.resolve({**c.to_dict(), "data": {**c.data.to_dict(), "n_train": 120}})
    return c, load.subset(whole_of(c), c.data.n_train, c.data.n_test)


def whole_of(c):
    """What the config is for: rows with holes, photographs of noise, or what it names."""
    if c.data.name == "breast_cancer":
        return table()
    if c.data.name == "./photos":
        shape = (170, c.data.resize[0], c.data.resize[0], 3)
        photos = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        return from_arrays(photos[:120], photos[120:])
    return load.load_data("mnist5k" if c.data.name in FULL else c.data.name)


def table():
    """Rows of four factors, a tenth of the entries missing."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(170, 4)) @ rng.normal(size=(4, 9)) + 0.1 * rng.normal(size=(170, 9))
    x[rng.random(x.shape) < 0.1] = np.nan
    return from_arrays(100 * x[:120] + 7, 100 * x[120:] + 7)
