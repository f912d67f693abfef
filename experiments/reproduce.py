"""Trains the published configs on full MNIST and compares with the printed numbers.

    python -m experiments.reproduce
    python -m experiments.reproduce --only=dense,vae --seeds=1
    python -m experiments.reproduce --weights
    python -m experiments.reproduce --fine_tuning

Trains each in its own protocol, over several seeds, then with one changed config of the same
parameter count and epochs. Writes experiments/results/reproduce.json after every training; rows
already in the file are not trained again. `experiments.tables` writes them to the results page.

With --weights it makes the weights that come with the package (`ae_jax.pretrained`) instead: trains
the recommended configs in --workdir, packs them in half precision into ae_jax/weights, and lists
them in experiments/results/weights.json. A training that is interrupted resumes; what is packed
already is not made again. With --fine_tuning it trains these weights on, and new ones beside them,
on few images of another set: see `experiments.measuring.fine_tuning`.

Exit codes: 0 done, 2 bad input or environment, 3 a training diverged, 130 interrupted.
"""

import time
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl import flags

from ae_jax.data.load import Dataset

from . import cli
from .measuring import measured
from .measuring.measured import RUN, BySeed, Measurement, Row, Task
from .measuring.published import ROWS, Published
from .measuring.recommended import WEIGHTS
from .measuring.said import plus_minus, seeds_of

KINDS = ("published", "better")
STUCK = 0.98  # a test error above so much of the mean image's: nothing of the image was learned


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    if flags.FLAGS.weights:
        return make_weights()
    if flags.FLAGS.fine_tuning:
        return fine_tune()
    a = measured.asked(ROWS, "row")
    kinds = KINDS if flags.FLAGS.better else KINDS[:1]
    # Seed by seed: the first table is there after one third of the time.
    tasks = [Task(n, kind, seed) for seed in range(a.seeds) for n in a.names for kind in kinds]
    measured.fill(a, tasks, measurement(a.dataset))
    return 0


def make_weights() -> int:
    """Makes what `ae_jax.pretrained` opens."""
    from ae_jax.data import load
    from ae_jax.run import pretrained

    from .running import weights

    names = cli.chosen(list(WEIGHTS), "run")
    file = Path(flags.FLAGS.json).with_name("weights.json")
    cli.check_writable(str(file), str(pretrained.FOLDER))
    dataset = load.load_data(flags.FLAGS.data)
    return weights.make(names, dataset, pretrained.FOLDER, Path(flags.FLAGS.workdir), file)


def fine_tune() -> int:
    """Measures what weights that come with the package are good for on other images."""
    from .measuring import fine_tuning

    F = flags.FLAGS
    for flag, value in fine_tuning.DEFAULTS.items():  # where the flag is not given
        F.set_default(flag, value)
    a = measured.asked(fine_tuning.ROWS, "row")
    tasks = [Task(name, RUN, seed) for seed in range(a.seeds) for name in a.names]
    measured.fill(a, tasks, fine_tuning.measurement(a.dataset))
    return 0


def measurement(dataset: Dataset) -> Measurement:
    """Trainings on a data set, as published and changed."""
    controls = cache(lambda name: baselines_of(ROWS[name], dataset))

    def take(task: Task) -> dict[str, Any]:
        controls(task.row)  # before the training, which is not to be lost with them
        return outcome(ROWS[task.row], task.kind, task.seed, dataset)

    def row(name: str, runs: dict[str, BySeed]) -> Row:
        return {"controls": controls(name), **verdict(ROWS[name], runs, controls(name))}

    return Measurement(
        protocol=lambda task: protocol(task, dataset.name),
        take=take,
        row=row,
        said=lambda task, row: brief(task.row, row),
        kinds=KINDS,
    )


def protocol(task: Task, data: str) -> dict[str, Any]:
    """What a row's numbers depend on."""
    published = ROWS[task.row]
    config = measured.fields_of(*_config_of(published, task.kind, data))
    return {"config": config, "measure": published.measure}


def _config_of(published: Published, kind: str, data: str) -> tuple[str, dict[str, Any]]:
    """(config, changes to it) of a row, as published or changed."""
    return published.config, {**(published.better if kind == "better" else {}), "data.name": data}


def config_of(published: Published, kind: str, data: str) -> Any:
    """The resolved config of a row, as published or changed."""
    import ae_jax

    path, changes = _config_of(published, kind, data)
    return ae_jax.load_config(path, **changes)


def outcome(published: Published, kind: str, seed: int, dataset: Dataset) -> dict[str, Any]:
    """One training: the number in the published meaning, and the test error."""
    import ae_jax
    from ae_jax.evaluate import metrics
    from ae_jax.objective import objective
    from ae_jax.streams import stream

    begun = time.perf_counter()
    config, key = config_of(published, kind, dataset.name), jax.random.key(seed)
    run = ae_jax.fit(config, dataset, key, progress=False, whole=True)
    evaluate = metrics.evaluator(objective.build(config, run.model), 1000)
    test = evaluate(run.variables, dataset.test, stream(key, "summary"))
    losses = run.history["loss"]
    epoch = losses[-(len(losses) // config.train.epochs) :]
    # One printed batch is the last of an epoch, which has fewer images and so spreads more.
    size = config.train.batch_size
    last = (len(dataset.train.images) - 1) % size + 1
    value = {"test": test["loss"], "last batch": epoch[-1], "last epoch": epoch.mean()}
    return {
        "value": float(value[published.measure]),
        "batch_std": float(epoch.std() * np.sqrt(size / last)),
        "test_mse": test["mse"],
        **measured.timed(begun),
    }


def baselines_of(published: Published, dataset: Dataset) -> dict[str, float]:
    """Test errors `mse` of PCA with as many numbers, the mean image, the untrained network."""
    from ae_jax.evaluate import baselines, metrics
    from ae_jax.objective import objective
    from ae_jax.train import setup

    config = config_of(published, "published", dataset.name)
    train, test = dataset.train.images, dataset.test.images
    trainer = setup.prepare(config, train.shape[1:], len(train))
    mean = setup.mean_image(train, trainer.model)
    evaluate = metrics.evaluator(objective.build(config, trainer.model), 1000)
    variables = trainer.init(jax.random.key(0), mean).variables
    return {
        "pca": baselines.pca_mse(train, test, config.model.code_size),
        "mean_image": baselines.mean_image_mse(train, test),
        "untrained": evaluate(variables, dataset.test, jax.random.key(1))["mse"],
    }


def verdict(
    published: Published, runs: dict[str, Any], controls: dict[str, float]
) -> dict[str, Any]:
    """Means, deviations over seeds, and whether the number is beaten, met, or missed.

    Met: no further from the printed number than half a unit of its last digit or the spread, which
    is the deviation over seeds, or of single batches where a single batch is printed; beaten: lower
    still. Seeds that learned nothing are counted and stand in no mean, unless there is no other.
    """
    row: dict[str, Any] = {
        "config": published.config,
        "published": published.number,
        "printed": published.printed,
        "measure": published.measure,
        "unit": published.unit,
    }
    for kind, by_seed in runs.items():
        found = over_seeds(published, list(by_seed.values()), controls["mean_image"])
        if kind == "published":
            over = found["mean"] - published.number
            allowed = max(found["spread"], published.rounding)
            word = "beaten" if over < -allowed else "met" if over <= allowed else "missed"
            row |= {"ours": found, "verdict": word}
        else:
            gain = 1 - found["mean"] / published.number
            changes = dict(published.better)
            row["better"] = {**found, "gain": gain, "changes": changes, "why": published.why}
    return row


def over_seeds(
    published: Published, runs: list[dict[str, float]], mean_image: float
) -> dict[str, Any]:
    """Mean, deviation and number of the seeds that learned something, and how many did not."""
    learned = [r for r in runs if r["test_mse"] < STUCK * mean_image]
    counted = learned or runs
    values = [r["value"] for r in counted]
    std = measured.deviation(values)
    batch = float(np.mean([r["batch_std"] for r in counted]))
    return {
        "mean": float(np.mean(values)),
        "std": std,
        "spread": max(std, batch) if published.measure == "last batch" else std,
        "seeds": len(runs),
        "stuck": len(runs) - len(learned),
        "test_mse": float(np.mean([r["test_mse"] for r in counted])),
    }


def brief(name: str, row: dict[str, Any]) -> str:
    """One line for the terminal."""
    better = row.get("better")
    return (
        f"{name}: published {row['printed']}, ours {plus_minus(row['ours'])} "
        f"({row['verdict']}; seeds: {seeds_of(row['ours'])})"
        + (f"; better {plus_minus(better)}, {100 * better['gain']:.0f} % lower" if better else "")
    )


if __name__ == "__main__":
    measured.define_flags("reproduce.json")
    flags.adopt_module_key_flags(measured)  # --help shows them
    flags.DEFINE_bool("better", True, "Also train the changed config of each row.")
    flags.DEFINE_bool("weights", False, "Make the weights that come with the package instead.")
    flags.DEFINE_bool("fine_tuning", False, "Measure what these weights are good for instead.")
    cli.define_path("workdir", "runs/weights", "With --weights: where the runs are trained.")
    cli.run(main)
