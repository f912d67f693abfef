"""The applications on full MNIST, over several seeds, beside their baselines and thresholds.

    python -m experiments.applications
    python -m experiments.applications --only=anomaly,caption --seeds=1

Writes experiments/results/applications.json. Each application has the mean and the standard
deviation over seeds of its numbers and of its baseline's numbers, the run it used, and whether it
reaches its thresholds. The file is written after every application and seed. Rows already in the
file are not measured again, and rows outside --only are kept. Every seed trains its runs, and what
an application trains, from scratch. Exit codes: 0 done, 2 bad input or environment, 3 a training
diverged, 130 interrupted.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from absl import flags
from tqdm import tqdm

from ae_jax.data.load import Dataset
from ae_jax.errors import ConfigError

from . import cli
from .measuring import expected, measured, provenance
from .measuring.expected import OF_ONE_MODEL, OTHERS, RUNS, THRESHOLDS, VERSION, Threshold
from .measuring.measured import RUN, Measurement, Task


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    from ae_jax.analysis import OF_IMAGES

    effort = flags.FLAGS.effort
    if effort <= 0:
        raise ConfigError(f"--effort: must be above 0, not {effort:g}")
    a = measured.asked(expected.rows_of(OF_IMAGES), "application")
    for name, row in measured.rows_of(a.file, a.dataset.name).items():
        if name in a.names and row.get("effort") != effort:
            other = f"{name} was measured with {row.get('effort')}, not {effort:g}"
            raise ConfigError(f"--effort: {a.file}: {other}; name another --json")
    tasks = [Task(name, RUN, seed) for seed in range(a.seeds) for name in a.names]
    measured.fill(a, tasks, measurement(a.dataset, effort))
    return 0


def measurement(dataset: Dataset, effort: float) -> Measurement:
    """The applications on a data set; the runs of a seed are trained once."""
    runs: dict[Any, Any] = {}
    return Measurement(
        protocol=lambda task: protocol(task.row, dataset, effort),
        take=lambda task: one(dataset, effort, runs, task),
        row=lambda name, by_kind: summary(name, by_kind[RUN], effort),
        said=said,
        keyed=True,
    )


def protocol(name: str, dataset: Dataset, effort: float) -> dict[str, Any]:
    """What an application's numbers depend on."""
    config = measured.fields_of(*config_of(name, dataset))
    return {"config": config, "effort": effort, "version": VERSION}


def said(task: Task, row: dict[str, Any]) -> str:
    """What an application found at a seed."""
    entry = row["measured"][RUN]["by_seed"][str(task.seed)]
    return f"{task.row}, seed {task.seed} ({entry['seconds']:.0f} s): {entry['sentence']}"


def one(dataset: Dataset, effort: float, runs: dict[Any, Any], task: Task) -> dict[str, Any] | None:
    """What an application finds at a seed; `runs` are kept for the next."""
    from ae_jax.analysis import APPLICATIONS, NotApplicable, Study

    from .analyse import outsiders, plain

    name, _, seed = task
    begun = time.perf_counter()
    if (run_of(name), seed) not in runs:
        for other in [r for r in runs if r[1] != seed]:
            del runs[other]
        runs[run_of(name), seed] = trained(name, dataset, seed)
    run = runs[run_of(name), seed]
    whole = (len(dataset.train.images), len(dataset.test.images))
    key = jax.random.key(1000 + seed)
    study = Study(run, dataset, key, effort, outsiders=outsiders(run), most=whole)
    try:
        application = expected.application_of(name)
        finding = APPLICATIONS[application](study, study.key_for(application))
    except NotApplicable as reason:
        tqdm.write(f"{name}: skipped, {reason}")
        return None
    return {
        "numbers": plain(finding.numbers),
        "control": plain(finding.control),
        "sentence": finding.sentence,
        **measured.timed(begun),
    }


def config_of(name: str, dataset: Dataset) -> tuple[str, dict[str, Any]]:
    """(config, changes to it) of the run an application is given."""
    config, changes = given(name)
    return config, {**changes, "data.name": dataset.name}


def trained(name: str, dataset: Dataset, seed: int) -> Any:
    """The run an application is given."""
    import ae_jax

    path, changes = config_of(name, dataset)
    config = ae_jax.load_config(path, **changes)
    return ae_jax.fit(config, dataset, jax.random.key(seed), progress=False, whole=True)


def summary(name: str, by_seed: dict[str, Any], effort: float) -> dict[str, Any]:
    """Means and deviations over seeds, and the thresholds."""
    found = list(by_seed.values())
    parts = {part: [e[part] for e in found] for part in ("numbers", "control")}
    mean = {part: over(np.mean, values) for part, values in parts.items()}
    record: dict[str, Any] = {
        "run": run_of(name),
        "date": provenance.where()["date"],
        "effort": effort,
        "seeds": len(found),
        "sentence": found[0]["sentence"],
        "numbers": mean["numbers"],
        "control": mean["control"],
        "std": {part: over(measured.deviation, values) for part, values in parts.items()},
        "seconds": round(float(np.mean([e["seconds"] for e in found])), 1),
    }
    pairs = [(e["numbers"], e["control"]) for e in found]
    if name in THRESHOLDS:
        record["bars"] = [_held(threshold, pairs) for threshold in THRESHOLDS[name]]
    return record


def given(row: str) -> tuple[str, dict[str, Any]]:
    """The config whose run a row is measured on, and changes to it."""
    return OF_ONE_MODEL.get(row) or RUNS.get(row, OTHERS)


def run_of(name: str) -> str:
    """The run an application is given, in words."""
    config, changes = given(name)
    return config + "".join(f" {field}={value}" for field, value in changes.items())


def _held(threshold: Threshold, pairs: list[Any]) -> dict[str, Any]:
    values = [threshold.value(pair) for pair in pairs]
    mean, least = float(np.mean(values)), threshold.least
    return {
        "what": threshold.what,
        "at_least": least,
        "mean": round(mean, 4),
        "std": round(measured.deviation(values), 4),
        "holds": least is None or mean >= least,
    }


def over(statistic: Callable[..., Any], values: list[Any]) -> Any:
    """A statistic of every number in equal nested structures; anything else is kept as it is."""
    first = values[0]
    if isinstance(first, Mapping):
        return {k: over(statistic, [v[k] for v in values if k in v]) for k in first}
    if isinstance(first, list):
        return [over(statistic, list(v)) for v in zip(*values, strict=True)]
    if isinstance(first, (int, float)) and not isinstance(first, bool):
        return float(f"{float(statistic(values)):.6g}")
    return first


if __name__ == "__main__":
    measured.define_flags("applications.json")
    flags.adopt_module_key_flags(measured)  # --help shows them
    flags.DEFINE_float("effort", 5.0, "Factor on the training time of an application's own models.")
    cli.run(main)
