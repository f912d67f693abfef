"""The applications on full MNIST, over several seeds, beside their controls and their bars.

    python -m experiments.applications
    python -m experiments.applications --only=anomaly,caption --seeds=1

Writes experiments/results/applications.json: for every application the mean and the standard
deviation over seeds of its numbers and of its control's, the run it was given, and whether it holds
what it should. Applications that are not in --only keep what the file says of them. Each seed
trains the runs it needs and everything an application trains anew. Exit codes: 0 done, 2 bad input
or environment.
"""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from absl import flags

from ae_jax.errors import ConfigError, DataError
from experiments import cli

RUNS: dict[str, tuple[str, dict[str, Any]]] = {  # application -> the config whose run it is given
    "pca": ("linear:optimum,centred", {}),
    "denoising": ("denoise:published", {}),
    "super_resolution": ("denoise:published", {}),
    "classification": ("warp", {"train.epochs": 12}),
    "copying": ("denoise:published", {}),
    "filters": ("denoise:published", {}),
    "manifold": ("denoise:published", {}),
}
OTHERS: tuple[str, dict[str, Any]] = (
    "vae:published",
    {
        "encoder.hidden": (500, 250),
        "decoder.hidden": (250, 500),
        "model": {"code_size": 10, "init": "he"},
        "optim.learning_rate": 2e-3,
        "optim.schedule": "cosine",
        "train.epochs": 30,
    },
)


class Bar(NamedTuple):
    """What an application should hold: `value` of its entry is at least `least`."""

    what: str
    value: Callable[[Any], float]  # (numbers, control's numbers) -> a number
    least: float


def _gain(e: Any, kind: str, way: str) -> float:
    """dB of a learnt way over the best classical one."""
    numbers, control = e
    return numbers[kind][way]["psnr_db"] - max(v["psnr_db"] for v in control[kind].values())


def _gap(e: Any, kind: str, way: str) -> float:
    """dB of the minimum of the energy over another learnt way."""
    return e[0][kind]["energy"]["psnr_db"] - e[0][kind][way]["psnr_db"]


BARS: dict[str, list[Bar]] = {
    "inpainting": [
        Bar(
            "scattered pixels in one pass, dB over the best classical method",
            lambda e: _gain(e, "scattered pixels", "denoiser, one pass"),
            3.0,
        ),
        Bar(
            "box by energy, dB over the best classical method",
            lambda e: _gain(e, "grey box", "energy"),
            0.0,
        ),
        Bar(
            "box by energy, dB over one feed-forward pass of the same network",
            lambda e: _gap(e, "grey box", "the run, one pass"),
            0.0,
        ),
        Bar(
            "box by energy, dB over the denoiser's pass",
            lambda e: _gap(e, "grey box", "denoiser, one pass"),
            0.0,
        ),
    ],
    "super_resolution": [
        Bar("14 to 28, dB over bicubic", lambda e: e[0]["14 x 14"]["gain_db"], 2.0),
        Bar("7 to 28, dB over bicubic", lambda e: e[0]["7 x 7"]["gain_db"], 4.0),
    ],
    "anomaly": [
        Bar("one class, mean AUROC (%)", lambda e: 100 * e[0]["one_class"]["mean"], 95.5),
        Bar("one class, digit 8 (%)", lambda e: 100 * e[0]["one_class"]["8"], 90.0),
    ],
    "classification": [
        Bar(
            "nearest neighbours, points over PCA",
            lambda e: 100 * (e[0]["nearest_neighbours"] - e[1]["pca"]["nearest_neighbours"]),
            0.0,
        ),
        Bar(
            "linear probe, points over PCA",
            lambda e: 100 * (e[0]["linear_probe"] - e[1]["pca"]["linear_probe"]),
            5.0,
        ),
    ],
    "interpolation": [
        Bar(
            "confidence half-way, points over pixels",
            lambda e: (
                100 * (e[0]["code"]["midpoint_confidence"] - e[1]["pixels"]["midpoint_confidence"])
            ),
            5.0,
        ),
    ],
    "generation": [
        Bar(
            "recognisable share of the best sampler (%)",
            lambda e: (
                100 * max(row["recognisable"] for row in e[0].values() if isinstance(row, dict))
            ),
            80.0,
        ),
    ],
    "caption": [Bar("agreement (%)", lambda e: 100 * e[0]["agreement"], 95.0)],
    "compression": [
        Bar(
            "least dB over PCA at any size",
            lambda e: min(
                e[0]["psnr_db"][k][-1] - e[1]["pca_psnr_db"][k][-1] for k in e[0]["psnr_db"]
            ),
            0.0,
        ),
    ],
}


def define_flags() -> None:
    """Not on import: other commands have flags of the same names."""
    flags.DEFINE_list("only", None, "Names of applications, separated by commas; default all.")
    flags.DEFINE_integer("seeds", 3, "How many.")
    flags.DEFINE_float(
        "effort", 5.0, "Models that an application trains take so many times as long."
    )
    flags.DEFINE_string("data", "mnist", "The data set.")
    flags.DEFINE_string("json", "experiments/results/applications.json", "The file to write.")
    flags.DEFINE_bool("markdown", False, "Only print the file as the README's table.")


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    F = flags.FLAGS
    from ae_jax import data as data_lib
    from ae_jax.analysis import APPLICATIONS
    from experiments import workdir

    names = cli.chosen(APPLICATIONS, "application")
    if F.seeds < 1 or F.effort <= 0:
        raise ConfigError("--seeds, --effort: must be at least 1, and above 0")
    file = Path(F.json)
    results = json.loads(file.read_text()) if file.exists() else {}
    if F.markdown:
        print(markdown(results))
        return 0
    dataset = data_lib.load_data(F.data)
    found: dict[str, list[Any]] = {name: [] for name in names}
    for seed in range(F.seeds):
        runs: dict[str, Any] = {}
        for name in names:
            entry = one(name, dataset, seed, F.effort, runs)
            if entry is not None:
                found[name].append(entry)
                results[name] = summary(name, found[name], F.effort)
                workdir.write_json(file, results)  # after each: a long command may be ended
    return 0


def one(name: str, dataset: Any, seed: int, effort: float, runs: dict[str, Any]) -> Any:
    """One application at one seed; None where it does not apply."""
    import ae_jax
    from ae_jax.analysis import APPLICATIONS, NotApplicable, Study
    from experiments.analyse import outsiders, plain

    config, changes = RUNS.get(name, OTHERS)
    begun = time.perf_counter()
    called = description(config, changes)
    if called not in runs:
        changes = {**changes, "data.name": dataset.name}
        runs[called] = ae_jax.fit(
            ae_jax.load_config(config, **changes), dataset, jax.random.key(seed), progress=False
        )
    run = runs[called]
    whole = (len(dataset.train.images), len(dataset.test.images))
    try:
        strange = outsiders(run)
    except DataError:
        strange = None
    key = jax.random.key(1000 + seed)
    study = Study(run, dataset, key, effort, outsiders=strange, most=whole)
    try:
        finding = APPLICATIONS[name](study, study.key_for(name))
    except NotApplicable as reason:
        print(f"{name}: skipped, {reason}")
        return None
    seconds = time.perf_counter() - begun
    print(f"seed {seed}, {name} ({seconds:.0f} s): {finding.sentence}", flush=True)
    return {
        "numbers": plain(finding.numbers),
        "control": plain(finding.control),
        "sentence": finding.sentence,
        "seconds": seconds,
    }


def summary(name: str, entries: list[Any], effort: float) -> dict[str, Any]:
    """Means and deviations over seeds, and the bars."""
    parts = {part: [e[part] for e in entries] for part in ("numbers", "control")}
    mean = {part: over(np.mean, values) for part, values in parts.items()}
    config, changes = RUNS.get(name, OTHERS)
    record: dict[str, Any] = {
        "run": description(config, changes),
        "effort": effort,
        "seeds": len(entries),
        "sentence": entries[0]["sentence"],
        "numbers": mean["numbers"],
        "control": mean["control"],
        "std": {part: over(np.std, values) for part, values in parts.items()},
        "seconds": round(float(np.mean([e["seconds"] for e in entries])), 1),
    }
    pairs = [(e["numbers"], e["control"]) for e in entries]
    if name in BARS:
        record["bars"] = [_held(bar, pairs) for bar in BARS[name]]
    return record


def description(config: str, changes: dict[str, Any]) -> str:
    """A run in words."""
    return config + "".join(f" {field}={value}" for field, value in changes.items())


def _held(bar: Bar, pairs: list[Any]) -> dict[str, Any]:
    values = [bar.value(pair) for pair in pairs]
    mean, least = float(np.mean(values)), bar.least
    return {
        "what": bar.what,
        "at_least": least,
        "mean": round(mean, 4),
        "std": round(float(np.std(values)), 4),
        "holds": mean >= least,
    }


def markdown(results: dict[str, Any]) -> str:
    """The table for the README."""
    lines = [("application", "found (first seed)", "over seeds, and what it should be at least")]
    lines.append(("---",) * 3)
    for name, entry in results.items():
        bars = [
            f"{b['what']}: **{b['mean']:.1f}** ± {b['std']:.1f} (≥ {b['at_least']:g})"
            + ("" if b["holds"] else ", missed")
            for b in entry.get("bars", [])
        ]
        lines.append((f"`{name}`", entry["sentence"], "; ".join(bars) or "-"))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def over(statistic: Any, values: list[Any]) -> Any:
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
    define_flags()
    cli.run(main)
