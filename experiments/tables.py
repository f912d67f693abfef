"""Writes the tables of README.md and experiments/results/README.md from the results files.

Also writes the numbers in the docstrings of the configs (see `experiments.measuring.docstrings`).

    python -m experiments.tables
    python -m experiments.tables --check

Text between `<!-- NAME -->` and `<!-- /NAME -->` is replaced by the table NAME. `--check` writes
nothing. Exit codes: 0 done, 2 a missing file, or with `--check` a page or a docstring that
disagrees with the files.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from absl import flags

from ae_jax.errors import DataError
from ae_jax.evaluate.baselines import COPIES
from ae_jax.files import json_file
from ae_jax.resolve.config import flat

from . import anomalies, cli, imputation
from .benchmarks import report
from .measuring import docstrings, fine_tuning, measured, orders
from .measuring.expected import THRESHOLDS, application_of
from .measuring.measured import RUN
from .measuring.published import ROWS
from .measuring.said import plus_minus, seeds_of
from .pages.table import markdown as table

RESULTS = Path("experiments/results")
PAGES = (Path("README.md"), RESULTS / "README.md")
CONFIGS = Path("configs")

ROUNDING = 1e-9  # of an error in [0,1]


def days(rows: Iterable[measured.Row]) -> Iterator[str]:
    """The dates of single measurements."""
    for row in rows:
        for kind in row["measured"].values():
            yield from (numbers["date"] for numbers in kind["by_seed"].values())


def provenance(result: dict[str, Any], dates: Iterable[str] = ()) -> str:
    """When (`dates`: of its single measurements), where and with what a file was measured."""
    all_dates = sorted({*dates, result["date"]})
    when = all_dates[0] if len(all_dates) == 1 else f"{all_dates[0]} to {all_dates[-1]}"
    machine, versions = result["machine"], result["versions"]
    cores = "1 core" if machine["cores"] == 1 else f"{machine['cores']} cores"
    return f"{when}, {machine['cpu']}, {cores}, Python {versions['python']}, jax {versions['jax']}."


def published(result: dict[str, Any]) -> str:
    """Printed numbers and their location, next to ours."""
    head = ("config", "published", "in the", "here", "seeds", "verdict", "test mse", "PCA",
            "untrained", "better")  # fmt: skip
    lines: list[tuple[str, ...]] = [head]
    for row in result["rows"]:
        ours, controls, changed = row["ours"], row["controls"], row.get("better")
        name, printed = f"`{row['config']}`", row["printed"]
        errors = (f"{v:.4f}" for v in (ours["test_mse"], controls["pca"], controls["untrained"]))
        gain = f"{plus_minus(changed)} ({-100 * changed['gain']:+.0f} %)" if changed else "-"
        here = (plus_minus(ours), seeds_of(ours), row["verdict"])
        lines.append((name, printed, ROWS[row["name"]].where, *here, *errors, gain))
    return "\n\n".join([table(lines), provenance(result, days(result["rows"]))])


def better(result: dict[str, Any]) -> str:
    """The changed configs: the changes, and the reasons."""
    lines = [("config", "printed number is", "better", "test mse", "by")]
    for row in result["rows"]:
        if changed := row.get("better"):
            what = ", ".join(f"{k}={v}" for k, v in flat(changed["changes"]))
            name, meaning = f"`{row['config']}`", f"{row['measure']}, {row['unit']}"
            error, why = f"{changed['test_mse']:.4f}", f"{changed['why']} (`{what}`)"
            lines.append((name, meaning, plus_minus(changed), error, why))
    return table(lines)


def literature(result: dict[str, Any]) -> str:
    """The measurement of each row, the number of its paper, and how the protocol differs."""
    head = ("row", "measured", "published", "here", "seeds", "minutes", "beside it")
    lines: list[tuple[str, ...]] = [head]
    for row in result["rows"]:
        (what, printed), *others = row["published"].items()
        beside = [
            f"{kind} {row['mean'][kind]:.4g}" + ("" if known is None else f" (printed {known:g})")
            for kind, known in others
        ]
        if images := row["mean"].get("test images"):
            width = orders.sampling(row["mean"][what], images)
            beside.append(f"± {width:.2f} by the choice of {images:,.0f} test images")
        here = f"{row['mean'][what]:.2f}"
        by_seed = list(row["measured"][RUN]["by_seed"].values())
        if drawn := by_seed[0].get("search"):
            chosen = (f"{name} {row['mean'][name]:g}" for name in drawn[0] if name in row["mean"])
            beside.append(f"of {len(drawn)} settings {', '.join(chosen)}")
        here += f" ± {row['std'][what]:.2f}" if len(by_seed) > 1 else ""
        known = "-" if printed is None else f"{printed:g}"
        minutes = f"{max(numbers['seconds'] for numbers in by_seed) / 60:.0f}"
        counted = (here, str(len(by_seed)), minutes)
        lines.append((f"`{row['name']}`", what, known, *counted, ", ".join(beside)))
    same: dict[str, list[str]] = {}
    for row in result["rows"]:
        same.setdefault(row["differs"], []).append(f"`{row['name']}`")
    notes = "\n".join(f"- {', '.join(names)}: {note}." for note, names in same.items())
    parts = [table(lines), notes]
    if compared := orders.lines(result["rows"]):
        parts.append(table([("difference", "of", "here"), *compared]))
    return "\n\n".join([*parts, provenance(result, days(result["rows"]))])


def defaults(result: dict[str, Any]) -> str:
    """The results of the default configs, next to their baselines."""
    head = ("config", "seeds", "test mse", "PCA", "mean image", "denoised", "best linear", "holds")
    lines: list[tuple[str, ...]] = [head]
    for row in result["rows"]:
        kinds = ("mse", "pca", "mean_image", "denoised_mse", "linear_denoiser_mse")
        errors = (
            _spread(row["mean"][k], row["std"][k]) if k in row["mean"] else "-" for k in kinds
        )
        seeds = len(row["measured"][RUN]["by_seed"])
        missed = row["missed"]
        holds = "-" if missed is None else f"{seeds - len(missed)} of {seeds}"
        lines.append((f"`{row['name']}`", str(seeds), *errors, holds))
    return "\n\n".join([table(lines), provenance(result, days(result["rows"]))])


def _spread(mean: float, deviation: float) -> str:
    """An error and its deviation, both where they say something: not what rounding left."""
    if mean < ROUNDING:
        return "0"
    shown = f"{mean:.4f}" if mean >= 1e-3 else f"{mean:.2g}"
    return shown + (f" ± {deviation:.1g}" if deviation > ROUNDING * mean else "")


def uses(result: dict[str, Any]) -> str:
    """The thresholds of the applications and the results."""
    lines = [("application", "run", "measured", "found", "seeds", "should be at least")]
    for name in [n for n in result if n in THRESHOLDS]:
        entry = result[name]
        for held in entry["bars"]:
            spread = f" ± {held['std']:.1f}" if entry["seeds"] > 1 else ""
            found = f"{held['mean']:.1f}{spread}" + ("" if held["holds"] else ", missed")
            least = "-" if held["at_least"] is None else f"{held['at_least']:g}"
            where = (f"`{application_of(name)}`", f"`{entry['run'].partition(' ')[0]}`")
            lines.append((*where, held["what"], found, str(entry["seeds"]), least))
    return table(lines)


def uses_in_full(result: dict[str, Any]) -> str:
    """Every application in a sentence, of the first seed."""
    lines = [("application", "run", "seeds", "first seed")]
    for name, entry in result.items():
        seeds = f"{entry['seeds']}, {max(days([entry]))}"
        lines.append((f"`{name}`", f"`{entry['run']}`", seeds, entry["sentence"]))
    return table(lines)


def outliers(result: dict[str, Any]) -> str:
    """The area under ROC of every method on every table."""
    seeds = sorted({row["seeds"] for row in result.values()})
    note = f"Area under ROC in percent, seeds: {', '.join(map(str, seeds))}."
    return "\n\n".join([table(anomalies.lines(result), all_numbers=True), note])


def holes(result: dict[str, Any]) -> str:
    """The error of every method on the hidden entries of every table, and the wins."""
    rows = {row["name"]: row for row in result["rows"]}
    counts = "\n".join(f"- {said}" for said in imputation.counts(rows))
    where = provenance(result, days(rows.values()))
    return "\n\n".join([table(imputation.lines(rows)), counts, where])


def weights(result: dict[str, Any]) -> str:
    """What comes with the package: names, protocols, errors, sizes, digests."""
    head = ("name", "trained as", "epochs", "code", "test mse", "PCA", "denoised", "best linear",
            "MB", "SHA-256 of the weights", "date")  # fmt: skip
    lines: list[tuple[str, ...]] = [head]
    for row in result["rows"]:
        changes = "".join(f" {field}={value}" for field, value in row["changes"].items())
        noise = row.get("denoise", {})
        baselines = row["controls"]
        copies = baselines["pca"] < COPIES * baselines["mean_image"]  # by so many numbers
        shown = [
            _spread(row["test"]["mse"], 0.0),
            "-" if copies else _spread(baselines["pca"], 0.0),
        ]
        shown += [
            f"{noise[k]:.4f}" if noise else "-" for k in ("denoised_mse", "linear_denoiser_mse")
        ]
        about = (f"`{row['name']}`", f"`{row['config']}{changes}`", str(row["epochs"]))
        ends = (f"{row['bytes'] / 1e6:.2f}", f"`{row['params_sha256'][:12]}`", row["date"])
        lines.append((*about, str(row["code_size"]), *shown, *ends))
    total = sum(row["bytes"] for row in result["rows"]) / 1e6
    return "\n\n".join([table(lines), f"Together {total:.2f} MB. {provenance(result)}"])


def fine_tuned(result: dict[str, Any]) -> str:
    """Errors of weights that come with the package trained on, beside new ones."""
    lines: list[tuple[str, ...]] = [("training", "epochs", "rates chosen", "test mse")]
    for row in result["rows"]:
        needed = [n for n in row["anew_epochs"] if n != fine_tuning.NEVER]
        epochs = {"as they are": "0", "PCA": "-"}
        epochs |= dict.fromkeys(("fine-tuned", "anew"), str(row["epochs"]))
        if needed:
            epochs["anew, longer"] = f"{min(needed)} to {max(needed)}"
        for kind, mean in row["mean"].items():
            rates = ", ".join(f"{rate:g}" for rate in row["rates"].get(kind, ())) or "-"
            error = _spread(mean, row["std"][kind])
            lines.append((f"`{row['config']}`, {kind}", epochs[kind], rates, error))
    said = "\n".join(f"- {fine_tuning.sentence(row)}" for row in result["rows"])
    return "\n\n".join([table(lines), said, provenance(result, days(result["rows"]))])


def reliability(result: dict[str, Any]) -> str:
    """The number of trials and of failures."""
    numbers = sorted((k for k in result if re.fullmatch(r"R\d+", k)), key=lambda k: int(k[1:]))
    rows = [
        (k, result[k]["what"], f"{result[k]['tried']:,}", str(result[k]["failed"])) for k in numbers
    ]
    lines = [("", "what is tried", "tried", "failed"), *rows]
    return "\n\n".join([table(lines), provenance(result)])


# Name -> the file, or the files as a pattern, and what they say.
TABLES: dict[str, tuple[str, Callable[..., str]]] = {
    "published": ("reproduce.json", published),
    "better": ("reproduce.json", better),
    "literature": ("literature.json", literature),
    "defaults": ("defaults.json", defaults),
    "applications": ("applications.json", uses),
    "applications in full": ("applications.json", uses_in_full),
    "anomalies": ("anomalies.json", outliers),
    "imputation": ("imputation.json", holes),
    "speed": ("bench*.json", report.summary),
    "speed in full": ("bench*.json", report.markdown),
    "growth": ("growth.json", report.growth_page),
    "weights": ("weights.json", weights),
    "fine tuning": ("fine_tuning.json", fine_tuned),
    "reliability": ("reliability.json", reliability),
}


def filled(text: str, results: Path = RESULTS) -> str:
    """A page with the tables its files say.

    Raises:
      DataError: of an unknown table, a file that is missing or of another form.
      CheckpointError: a file is damaged.
    """

    def replacement(found: re.Match[str]) -> str:
        name = found[1]
        if name not in TABLES:
            raise DataError(f"<!-- {name} -->: no such table; there are {', '.join(TABLES)}")
        file, write = TABLES[name]
        known = [json_file.read(path) for path in sorted(results.glob(file))]
        if not known:
            raise DataError(f"{results / file}: not found; table {name!r} is made from it")
        try:
            content = write(*sorted(known, key=lambda result: str(result.get("date"))))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{results / file}: not in the form of table {name!r}: {error!r}"
            ) from error
        return f"<!-- {name} -->\n{content}\n<!-- /{name} -->"

    return re.sub(r"<!-- ([\w ]+) -->\n.*?<!-- /\1 -->", replacement, text, flags=re.DOTALL)


def define_flags() -> None:
    """Not on import: other commands have flags of the same names."""
    flags.DEFINE_bool("check", False, "Only check whether the pages agree with the files.")


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    for page in PAGES:
        if not page.is_file():
            raise DataError(f"{page}: not found; run this in the top folder of the project")
    for file in (*PAGES, *sorted(CONFIGS.glob("*.py"))):
        old = file.read_text()
        new = docstrings.filled(file.stem, old, RESULTS) if file.suffix == ".py" else filled(old)
        if not flags.FLAGS.check:
            file.write_text(new)
        elif new != old:
            raise DataError(f"{file}: disagrees with the files; run python -m experiments.tables")
        print(file)
    return 0


if __name__ == "__main__":
    define_flags()
    cli.run(main)
