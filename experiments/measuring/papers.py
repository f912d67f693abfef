"""How papers measured: the images they had, what they trained, and what they counted.

`classification` is their pre-training and fine-tuning, `reconstruction` the squared error of an
image, `probe` logistic regression on codes. Whatever is chosen, is chosen on held-out images; the
test images are looked at once.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

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
    for done in (*range(SEGMENT, total, SEGMENT), total):
        if done < known:
            continue
        part = config.replace(**{"train.epochs": done})
        before = run and run.state and int(run.state.step)
        run = ae_jax.fit(part, data, key, progress=False, start=run, whole=True)
        if run.state is not None and int(run.state.step) != before:
            run.save(workdir)
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


def classification(
    config: Resolved,
    data: Dataset,
    key: jax.Array,
    workdir: Path | None = None,
    *,
    parts: str,
    widths: Sequence[int],
    rates: Sequence[float],
    batch_size: int,
    epochs: int,
    patience: float,
) -> dict[str, float]:
    """Test error (%) of encoders, pre-trained layer by layer, then trained on labels.

    By gradient descent at a constant rate, without momentum. The rate and the epoch are those with
    the lowest error on the validation images. What is said of the first layer is measured on these
    before fine-tuning.
    """
    from ae_jax import pretraining

    train, valid, test = PARTS[parts](data)
    k_layers, k_labels = jax.random.split(key)

    def within(what: str, which: float) -> Path | None:
        return workdir and workdir / what / str(which)

    def fit(config: Resolved, data: Dataset, key: jax.Array, i: int) -> Run:
        return kept_fit(config, data, key, within("layer", i))

    layers = pretraining.greedy(
        config, widths, Dataset(data.name, train, valid), k_layers, train=fit
    )
    tried = {
        rate: pretraining.fine_tune(
            layers,
            train,
            valid,
            k_labels,
            epochs,
            rate,
            batch_size,
            progress=False,
            momentum=0.0,
            schedule="constant",
            patience=patience,
            workdir=within("rate", rate),
        )
        for rate in rates
    }
    rate, found = min(tried.items(), key=lambda item: min(item[1].valid_errors))
    best = max(i for i, e in enumerate(found.valid_errors) if e == min(found.valid_errors))
    return {
        "test error (%)": 100 * found.error(test),
        "held-out error (%)": 100 * min(found.valid_errors),
        "rate": rate,
        "updates": len(train.images) // batch_size * (best + 1),
        "test images": len(test.images),
        **layer_numbers(layers[0], valid.images),
    }


def layer_numbers(run: Run, images: np.ndarray) -> dict[str, float]:
    """Of the codes h: the mean of (dh_j/dx_i)^2 over i, j and images; the share near 0 or 1 (%).

    Near: below 0.05 or above 0.95. Rifai et al. 2011, table 1, print numbers like the first, times
    10^4, as "average norm of the Jacobian", and the second as the saturation.
    """
    h = run.encode(images)
    squares = squared_norms(run, images).mean() / (h.shape[1] * images[0].size)
    return {
        "mean J^2 (1e-4)": 1e4 * float(squares),
        "saturated (%)": 100 * float(((h < 0.05) | (h > 0.95)).mean()),
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


def squared_norms(run: Run, images: np.ndarray) -> np.ndarray:
    """||dh/dx||_F^2 of a run's encoder for every image [n]."""
    from ae_jax.model import scaling
    from ae_jax.objective import contractive

    J = contractive.jacobian(run.model, run.variables)
    parts = (images[i : i + 1000] for i in range(0, len(images), 1000))
    return np.concatenate(
        [J.squared(J.of(scaling.to_network(part, run.model.scale))) for part in parts]
    )


def probe(
    config: Resolved,
    data: Dataset,
    key: jax.Array,
    workdir: Path | None = None,
    *,
    kept: Sequence[int],
    strengths: Sequence[float],
    steps: int,
) -> dict[str, float]:
    """Test error (%) of logistic regression on k-sparse codes as they are, and on pixels.

    By L-BFGS, so many `steps` of it. How many units are `kept` for the classifier, and the strength
    C of its regularization, are those with the lowest error on the validation images.
    """
    from ae_jax.evaluate.baselines import unit_rows

    parts = published(data)
    run = kept_fit(config, Dataset(data.name, parts.train, parts.valid), key, workdir)
    codes = {k: with_k(run, k).encode for k in kept}
    held_out, k, strength, error = _best_logistic(codes, parts, strengths, steps)
    return {
        "test error (%)": error,
        "held-out error (%)": held_out,
        "kept": k,
        "C": strength,
        "test images": len(parts.test.images),
        "error on pixels (%)": _best_logistic({0: unit_rows}, parts, strengths, steps)[-1],
    }


def _best_logistic(
    features: Mapping[int, Callable[[np.ndarray], np.ndarray]],
    parts: Parts,
    strengths: Sequence[float],
    steps: int,
) -> tuple[float, int, float, float]:
    """(validation error (%), features, C, test error (%)) of the lowest validation error."""
    found = []
    for name, of in features.items():
        X, V = of(parts.train.images), of(parts.valid.images)
        for C in strengths:
            fitted = _logistic(X, parts.train.labels, C, steps)
            found.append((100 * (1 - fitted.score(V, parts.valid.labels)), name, C, fitted))
    error, name, C, fitted = min(found, key=lambda one: one[0])
    X = features[name](parts.test.images)
    return error, name, C, 100 * (1 - fitted.score(X, parts.test.labels))


def with_k(run: Run, k: int) -> Run:
    """The run with another number of units kept."""
    from ae_jax.model import pipeline

    config = run.config.replace(**{"bottleneck.k": k})
    return run._replace(
        config=config, model=pipeline.build(config, run.model.shape), code_mean=None, code_cov=None
    )


def _logistic(X: np.ndarray, labels: np.ndarray | None, strength: float, steps: int) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():  # that it could go on: the steps are a budget
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=strength, max_iter=steps).fit(X, labels)


PARTS: dict[str, Callable[[Dataset], Parts]] = {"published": published, "basic": basic}
