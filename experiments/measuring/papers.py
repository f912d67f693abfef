"""How papers measured: the images they had, what they trained, and what they counted.

`reconstruction` is the squared error of an image, `likelihood` its bound. Classifiers are in
`classified`. Whatever is chosen, is chosen on held-out images; the test images are looked at once.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from tqdm import tqdm

from ae_jax.data.load import Dataset, Split
from ae_jax.errors import DataError
from ae_jax.resolve.config import Resolved
from ae_jax.run.trained import Run

SEGMENT = 5  # epochs between two saves
PART = 500  # test images whose likelihood is measured at once
DRAWS_OF = 2016  # seed of their pixels, and of the draws from their posteriors


class Parts(NamedTuple):
    """Images to train on, to choose by, and to count the errors of."""

    train: Split
    valid: Split
    test: Split


def published(data: Dataset) -> Parts:
    """The first 50,000 training images, the next 10,000, the test part."""
    from ae_jax.data.arrays import rows

    if len(data.train.images) < 60_000:
        raise DataError(f"{data.name}: 60,000 training images needed")
    first, others = slice(0, 50_000), slice(50_000, 60_000)
    return Parts(rows(data.train, first), rows(data.train, others), data.test)


def basic(data: Dataset) -> Parts:
    """10,000 training, 2,000 validation and 50,000 test images, drawn from all 70,000.

    As in Larochelle et al. 2007, whose files are another draw; the same for every seed.
    """
    from ae_jax.data.arrays import rows

    everything = Split(
        *(np.concatenate([getattr(data.train, a), getattr(data.test, a)]) for a in Split._fields)
    )
    if len(everything.images) < 62_000:
        raise DataError(f"{data.name}: 62,000 images needed, training and test together")
    order = np.random.default_rng(2007).permutation(len(everything.images))
    drawn = np.split(order[:62_000], [10_000, 12_000])
    return Parts(*(rows(everything, np.sort(chosen)) for chosen in drawn))


def kept_fit(config: Resolved, data: Dataset, key: jax.Array, workdir: Path | None) -> Run:
    """`fit`, kept in `workdir` every few epochs, where it goes on when called again.

    Raises:
      ConfigError, DataError: the directory holds a run of another config, key or data set.
    """
    import ae_jax
    from ae_jax.train import checkpoint

    total = config.train.epochs
    if workdir is None or not total:
        return ae_jax.fit(config, data, key, progress=False, whole=True)
    if config.optim.schedule != "constant" and not config.optim.decay_epochs:
        config = config.replace(**{"optim.decay_epochs": total})
    run = ae_jax.restore(workdir) if checkpoint.steps(workdir) else None
    known = 0 if run is None else run.config.train.epochs  # a kill may have come before these
    with tqdm(
        total=total, initial=known, unit="epoch", desc=config.name, disable=None, leave=None
    ) as bar:
        for done in (*range(SEGMENT, total, SEGMENT), total):
            if done < known:
                continue
            part = config.replace(**{"train.epochs": done})
            before = run and run.state and int(run.state.step)
            run = ae_jax.fit(part, data, key, progress=False, start=run, whole=True)
            if run.state is not None and int(run.state.step) != before:
                run.save(workdir)
            bar.update(done - bar.n)
    assert run is not None
    return run


def reconstruction(
    config: Resolved, data: Dataset, key: jax.Array, workdir: Path | None = None
) -> dict[str, float]:
    """Squared error a test image, and that of PCA with as many numbers."""
    from ae_jax.evaluate import baselines

    run = kept_fit(config, data, key, workdir)
    train, test = data.train.images, data.test.images
    pca = baselines.pca_mse(train, test, config.model.code_size)
    return {
        "sse": float(run.score(test).mean()),
        "train sse": float(run.score(train[:10_000]).mean()),
        "PCA": pca * test[0].size,
    }


def likelihood(
    config: Resolved,
    data: Dataset,
    key: jax.Array,
    workdir: Path | None = None,
    *,
    draws: int,
) -> dict[str, float]:
    """-log p(x) of a test image in nats, by `draws` from the posterior, and minus its ELBO.

    On black and white pixels that are drawn once, alike for all runs.
    """
    from ae_jax.model import scaling
    from ae_jax.model.pipeline import Batch
    from ae_jax.objective import variational

    run = kept_fit(config, data, key, workdir)

    @jax.jit
    def bounds(x: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        k_pixels, k_codes = jax.random.split(key)
        batch = run.model.drawn(Batch(x), k_pixels)
        of = (run.model, run.variables, batch, k_codes, draws)
        return variational.log_likelihood_bounds(*of, config.loss.name)

    x = scaling.to_network(data.test.images, run.model.scale)
    parts = np.split(x, range(PART, len(x), PART))
    keys = jax.random.split(jax.random.key(DRAWS_OF), len(parts))
    found = [bounds(*part) for part in zip(parts, keys, strict=True)]
    elbo, likelihood = (float(np.concatenate(v).mean()) for v in zip(*found, strict=True))
    updates = config.train.epochs * -(-len(data.train.images) // config.train.batch_size)
    return {"NLL (nats)": -likelihood, "-ELBO (nats)": -elbo, "updates": updates}


PARTS: dict[str, Callable[[Dataset], Parts]] = {"published": published, "basic": basic}
