"""Trains every default config on its embedded data and compares it with its baselines.

    python -m experiments.defaults
    python -m experiments.defaults --only=conv_pool,sparse_top_k:revive --seeds=1

Writes experiments/results/defaults.json after every training; rows already in the file are not
trained again. `experiments.tables` writes them to the results page and to the docstrings of the
configs. Exit codes: 0 done, 2 bad input or environment, 3 a training diverged, 130 interrupted.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from absl import flags

from ae_jax.config.sections import Config
from ae_jax.model import scaling
from ae_jax.resolve.config import load_config
from ae_jax.run.trained import Run

from . import cli
from .measuring import measured
from .measuring.classified import squared_norms
from .measuring.measured import RUN, BySeed, Measurement, Row, Task
from .measuring.said import sentence

# What a config turns off or on, measured beside the config itself.
COMPARED = (
    "contractive:plain",
    "contractive_deep:plain",
    "contractive_hessian:first_order",
    "denoise_contractive_tied:plain",
    "sparse_kl:plain",
    "sparse_l1:plain",
    "sparse_l1:l1_only",
    "sparse_top_k:revive",
    "nested:averaged",
    "fsq:plain",
    "wae:plain",
    "vq:plain",
    "irmae:plain",
    "least_volume:plain",
    "isometric:plain",
    "isometric:volume",
    "dictionary",
    "dictionary:top_k",
    "dictionary:jump_relu",
    "dictionary:l1",
    "shapes",
    "shapes:plain",
    "shapes:tc",
    "linear:optimum",
    "spiral:contractive",
)

FEW = 100  # numbers in a code; PCA of many more makes no error that could be smaller


class Threshold(NamedTuple):
    """An error that should be at most `share` of a baseline's."""

    error: str
    baseline: str
    share: float


def names() -> list[str]:
    """Every config of digits and what is compared with it, in the order of the table."""
    from ae_jax.data.bundled import BUNDLED
    from ae_jax.data.load import is_path

    files = [path.stem for path in (Path(__file__).parents[1] / "configs").glob("*.py")]
    data = {name: load_config(name).data.name for name in files}
    of_images = [n for n in files if data[n] not in BUNDLED and not is_path(data[n])]
    return sorted([*of_images, *COMPARED])


def thresholds(config: Config) -> Iterator[Threshold]:
    """The thresholds of a default config on images.

    All of them half of the mean image's error; nine tenths of the best linear denoiser's where
    noise is to be taken away, and of PCA's of as many numbers where a smaller error by few numbers
    is the idea.
    """
    yield Threshold("mse", "mean_image", 0.5)
    if config.corruption.name in ("dropout", "mask", "gaussian"):
        yield Threshold("denoised_mse", "linear_denoiser_mse", 0.9)
    if config.model.code_size > FEW:
        return
    free = config.corruption.name == "none" and config.bottleneck.name == "identity"
    free = free and not config.encoder.get("linear_layers")  # which charge the rank of a code
    layers = (config.encoder, config.decoder)
    bent = config.encoder.code_activation != "linear" or any(c.get("hidden") for c in layers)
    if free and not config.penalties and (bent or config.encoder.name != "dense"):
        yield Threshold("mse", "pca", 0.9)


def missed(config: Config, numbers: Mapping[str, float]) -> list[str]:
    """The thresholds that a run's numbers miss, in words."""
    return [
        f"{t.error} {numbers[t.error]:.4f} is not {t.share:g} of {t.baseline} "
        f"{numbers[t.baseline]:.4f}"
        for t in thresholds(config)
        if not numbers[t.error] <= t.share * numbers[t.baseline]
    ]


def outcome(name: str, seed: int) -> dict[str, Any]:
    """One training: test mse in [0,1] units, baselines, and what the idea changes."""
    import ae_jax
    from ae_jax.data import load
    from ae_jax.evaluate import baselines, metrics
    from ae_jax.objective import objective
    from ae_jax.streams import stream

    begun = time.perf_counter()
    config, key = ae_jax.load_config(name), jax.random.key(seed)
    dataset = load.of_config(config)
    run = ae_jax.fit(config, dataset, key, progress=False, whole=True)
    evaluate = metrics.evaluator(objective.build(config, run.model), config.eval.batch_size)
    train, test = dataset.train.images, dataset.test.images
    found = evaluate(run.variables, dataset.test, stream(key, "summary"))
    drawn = baselines.drawn(run.model, train, test, stream(key, "pixels"))
    numbers = {
        "mse": found["mse"],
        "pca": baselines.pca_mse(drawn[0], drawn[1], config.model.code_size),
        "mean_image": baselines.mean_image_mse(*drawn),
    }
    if "denoised_mse" in found:
        linear = baselines.linear_denoiser_mse(
            run.model, train, test, stream(key, "linear_denoiser")
        )
        numbers |= {"denoised_mse": found["denoised_mse"]}
        numbers |= {} if linear is None else {"linear_denoiser_mse": linear}
    if config.loss.name == "bernoulli_nll":
        numbers["loss (nats)"] = found["loss"]
    more = MEASURES.get(name.partition(":")[0], lambda run, images: {})(run, test)
    return {**numbers, **more, **measured.timed(begun)}


def _jacobian(run: Run, images: np.ndarray) -> dict[str, float]:
    return {"||dh/dx||_F": float(np.sqrt(squared_norms(run, images)).mean())}


def _turning(run: Run, images: np.ndarray) -> dict[str, float]:
    """How far the Jacobian turns, as `contractive_hessian` measures it with noise of 0.1."""
    from ae_jax.model.pipeline import Batch
    from ae_jax.objective.contractive import contractive_hessian

    p = run.model.run(run.variables, Batch(scaling.to_network(images, run.model.scale)), None)
    change = contractive_hessian(p, run.model, run.variables, jax.random.key(0), 0.1, 1)
    return {**_jacobian(run, images), "E ||J(x) - J(x + e)||_F^2": float(change.mean())}


def _activity(run: Run, images: np.ndarray) -> dict[str, float]:
    means = run.encode(images).mean(axis=0)
    return {
        "mean activation": float(means.mean()),
        "least of a unit": float(means.min()),
        "largest": float(means.max()),
    }


def _support(run: Run, images: np.ndarray) -> dict[str, float]:
    on = np.abs(run.encode(images)) > 0
    unused = float((~on.any(axis=0)).sum())
    return {"units not 0 (%)": float(100 * on.mean()), "units never used": unused}


def _recovered(run: Run, images: np.ndarray) -> dict[str, float]:
    """How many of the known features the decoder has."""
    from ae_jax.analysis import recovery
    from ae_jax.data import bundled
    from ae_jax.model.weights import linear_decoder

    units = linear_decoder(run.config, run.variables)
    assert units is not None, "its decoder is one linear layer"
    cosines, _ = recovery.matches(bundled.features(), units)
    return {
        "largest cosine with a feature": float(cosines.mean()),
        "features found": float((cosines >= recovery.FOUND).sum()),
        "units not 0 in a row": float((run.inner.encode(images) != 0).sum(1).mean()),
    }


def _disentangled(run: Run, images: np.ndarray) -> dict[str, float]:
    """The mutual information gap of known factors, of fresh images."""
    from ae_jax.analysis import disentanglement_scores as scores
    from ae_jax.data import shapes

    values = shapes.factors(np.random.default_rng(0), 10_000)
    gaps = scores.mig(run.encode(shapes.images(values)), values)
    return {"mutual information gap": float(gaps.mean())}


def _dimensions(run: Run, images: np.ndarray) -> dict[str, float]:
    """Directions of the code with more than a thousandth of the largest variance."""
    from ae_jax.evaluate.code_statistics import dimensions

    return {"dimensions of the code": float(dimensions(run.encode(images)))}


def _distortion(run: Run, images: np.ndarray) -> dict[str, float]:
    from ae_jax.model.pipeline import Batch
    from ae_jax.objective import geometry

    x = Batch(scaling.to_network(images, run.model.scale))
    of = run.model.run(run.variables, x, None), run.model, run.variables, jax.random.key(0)
    return {
        "distortion of lengths": float(geometry.isometric(*of, eta=0.0)[0]),
        "variance of volumes": float(geometry.geometric(*of)[0]),
    }


def _curve(run: Run, images: np.ndarray) -> dict[str, float]:
    from ae_jax.evaluate import manifold

    c = run.config
    return manifold.summary(run.model, run.variables, c.data.name, c.corruption, jax.random.key(0))


MEASURES: dict[str, Callable[[Any, np.ndarray], dict[str, float]]] = {
    "contractive": _jacobian,
    "contractive_deep": _jacobian,
    "contractive_hessian": _turning,
    "denoise_contractive_tied": _jacobian,
    "dictionary": _recovered,
    "irmae": _dimensions,
    "isometric": _distortion,
    "shapes": _disentangled,
    "least_volume": _dimensions,
    "rank_reduced": _dimensions,
    "sparse_kl": _activity,
    "sparse_l1": _support,
    "sparse_top_k": _support,
    "spiral": _curve,
}


def row_of(name: str, runs: dict[str, BySeed]) -> Row:
    """Means and deviations over seeds; the thresholds each seed misses (None: it has none)."""
    import ae_jax

    by_seed = runs[RUN]
    kinds = [k for k in next(iter(by_seed.values())) if k not in ("seconds", "date")]
    values = {kind: [numbers[kind] for numbers in by_seed.values()] for kind in kinds}
    config = ae_jax.load_config(name)
    judged = ":" not in name and config.data.name == "mnist5k"
    said = {s: missed(config, numbers) for s, numbers in by_seed.items()} if judged else None
    return {
        "mean": {kind: float(np.mean(v)) for kind, v in values.items()},
        "std": {kind: measured.deviation(v) for kind, v in values.items()},
        "missed": said and {seed: sentences for seed, sentences in said.items() if sentences},
    }


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    a = measured.asked(names(), "config")
    tasks = [Task(name, RUN, seed) for seed in range(a.seeds) for name in a.names]
    m = Measurement(
        protocol=lambda task: {"config": measured.fields_of(task.row, {})},
        take=lambda task: outcome(task.row, task.seed),
        row=row_of,
        said=lambda task, row: sentence(task.row, row),
    )
    measured.fill(a, tasks, m)
    return 0


if __name__ == "__main__":
    measured.define_flags("defaults.json")
    flags.adopt_module_key_flags(measured)  # --help shows them
    flags.FLAGS.set_default("data", "mnist5k")
    cli.run(main)
