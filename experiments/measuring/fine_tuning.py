"""What weights that come with the package are good for on few images of another set.

From the weights of `ae_jax.pretrained` and from new ones the same network is trained on the same
images, for as many epochs, at a constant rate. The rate of either side is the one of the same grid
whose error is the lowest on other images of the training part. The test part is evaluated once for
each number. New weights are then given as many epochs as they need, at the rate that gets there
first, to have the error of the others on those other images.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from ae_jax.data.load import Dataset, Split
from ae_jax.errors import DataError
from ae_jax.resolve.config import Resolved, flat
from ae_jax.run.trained import Run

from . import measured
from .measured import RUN, BySeed, Measurement, Row

DEFAULTS: dict[str, Any] = {
    "data": "fashion_mnist",
    "seeds": 5,
    "json": "experiments/results/fine_tuning.json",
}
ROWS = ("conv_strided",)  # of `ae_jax.pretrained`
IMAGES, OTHERS = 500, 1000  # to train on; to choose by
EPOCHS, LONGEST = 5, 200  # of both sides; of new weights at most
RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
NEVER = LONGEST + 1  # epochs, where so many do not do


class Tried(NamedTuple):
    """Trainings on the same images, one a rate."""

    rates: Sequence[float]
    curves: np.ndarray  # the error on the other images after every epoch [rates, epochs]

    def best(self, epochs: int) -> tuple[float, float]:
        """(rate, error) of the lowest error after so many epochs."""
        row = int(np.argmin(self.curves[:, epochs - 1]))
        return self.rates[row], float(self.curves[row, epochs - 1])

    def reaching(self, error: float) -> tuple[float, int]:
        """(rate, epochs) of the first that has this error; NEVER where none has."""
        there = self.curves <= error
        first = np.where(there.any(1), there.argmax(1) + 1, NEVER)
        row = int(np.argmin(first))
        return self.rates[row], int(first[row])


def drawn(dataset: Dataset, seed: int) -> Dataset:
    """Images to train on and others to choose by, of the training part, and all test images.

    Raises:
      DataError: the training part has not so many.
    """
    images = dataset.train.images
    if len(images) < IMAGES + OTHERS:
        raise DataError(f"{dataset.name}: has {len(images)} images, {IMAGES + OTHERS} are needed")
    rows = np.random.default_rng(seed).permutation(len(images))[: IMAGES + OTHERS]
    train, valid = (
        Split(np.asarray(images[np.sort(part)]), None) for part in (rows[:IMAGES], rows[IMAGES:])
    )
    test = dataset.test._replace(labels=None)
    return Dataset(dataset.name, train, test, valid=valid)


def tried(config: Resolved, data: Dataset, key: jax.Array, start: Run | None) -> Tried:
    """The config with each of the rates, from `start` or new weights."""
    curves = []
    for rate in RATES:
        run = trained(config, data, key, start, rate, config.train.epochs)
        assert run.valid is not None, "images are held out"
        curves.append(run.valid.losses)
    return Tried(RATES, np.asarray(curves))


def trained(
    config: Resolved, data: Dataset, key: jax.Array, start: Run | None, rate: float, epochs: int
) -> Run:
    """One training."""
    import ae_jax

    changed = config.replace(**{"optim.learning_rate": rate, "train.epochs": epochs})
    return ae_jax.fit(changed, data, key, progress=False, whole=True, init_from=start)


def config_of(run: Run, epochs: int) -> Resolved:
    """The config of a pretrained run, at a constant rate."""
    return run.config.replace(**{"optim.schedule": "constant", "train.epochs": epochs})


def error(run: Run, images: np.ndarray) -> float:
    """Mean squared error per pixel, in [0,1] units."""
    return float(run.score(images).mean()) / images[0].size


def take(name: str, dataset: Dataset, seed: int) -> dict[str, Any]:
    """The numbers of a seed."""
    import ae_jax
    from ae_jax.evaluate import baselines

    begun = time.perf_counter()
    source, data, key = ae_jax.pretrained(name), drawn(dataset, seed), jax.random.key(seed)
    short, long = config_of(source, EPOCHS), config_of(source, LONGEST)
    on, anew = tried(short, data, key, source), tried(long, data, key, None)
    test = data.test.images
    (rate_on, goal), (rate_new, _) = on.best(EPOCHS), anew.best(EPOCHS)
    found = {
        "fine-tuned": error(trained(short, data, key, source, rate_on, EPOCHS), test),
        "anew": error(trained(short, data, key, None, rate_new, EPOCHS), test),
        "as they are": error(source, test),
        "PCA": baselines.pca_mse(data.train.images, test, source.config.model.code_size),
    }
    rate_long, epochs = anew.reaching(goal)
    if epochs < NEVER:
        found["anew, longer"] = error(trained(short, data, key, None, rate_long, epochs), test)
    rates = {"fine-tuned": rate_on, "anew": rate_new, "anew, longer": rate_long}
    return {"test mse": found, "rates": rates, "epochs": epochs, **measured.timed(begun)}


def measurement(dataset: Dataset) -> Measurement:
    """The rows on a data set."""
    return Measurement(
        protocol=lambda task: protocol(task.row),
        take=lambda task: take(task.row, dataset, task.seed),
        row=lambda name, runs: summary(name, runs[RUN]),
        said=lambda task, row: sentence(row),
    )


def protocol(name: str) -> dict[str, Any]:
    """What the numbers depend on."""
    import ae_jax
    from ae_jax.model.weights import params_sha256

    run = ae_jax.pretrained(name)
    config = flat(config_of(run, EPOCHS))
    return {
        "config": {f: v for f, v in config if f not in ("name", "seed", "data.name")},
        "weights": params_sha256(run.variables["params"]),
        **{"images": IMAGES, "others": OTHERS, "longest": LONGEST, "rates": list(RATES)},
    }


def summary(name: str, by_seed: BySeed) -> Row:
    """Means and deviations over seeds, and in how many of them the claim holds."""
    found = list(by_seed.values())
    errors = [numbers["test mse"] for numbers in found]
    kinds = [kind for kind in errors[0] if all(kind in e for e in errors)]
    return {
        "config": name,
        "images": IMAGES,
        "epochs": EPOCHS,
        "mean": {kind: float(np.mean([e[kind] for e in errors])) for kind in kinds},
        "std": {kind: measured.deviation([e[kind] for e in errors]) for kind in kinds},
        "rates": {k: sorted({n["rates"][k] for n in found}) for k in found[0]["rates"]},
        "anew_epochs": [numbers["epochs"] for numbers in found],
        "holds": sum(e["fine-tuned"] < e["anew"] for e in errors),
    }


def sentence(row: Mapping[str, Any]) -> str:
    """A row in words."""
    mean, std = row["mean"], row["std"]
    seeds = row["anew_epochs"]
    needed = ", ".join(f"more than {LONGEST}" if n == NEVER else str(n) for n in sorted(seeds))
    shown = {kind: f"{mean[kind]:.4f} ± {std[kind]:.1g}" for kind in ("fine-tuned", "anew")}
    return (
        f"`{row['config']}` on {row['images']} images, {row['epochs']} epochs: fine-tuned "
        f"{shown['fine-tuned']}, anew {shown['anew']}; lower in {row['holds']} of {len(seeds)} "
        f"seeds. Training anew needs {needed} epochs for the same error."
    )
