"""The page of the applications of a run: verdicts, figures, numbers and baselines."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ae_jax.files import atomic, json_file

from ..workdirs import finished, place, words
from . import page

UNDONE = ("failed", "skipped")  # what an application without numbers may be


def write(path: Path, names: Sequence[str]) -> Path:
    """Writes gallery.html from analysis/*.json and figures/analysis, in the order of `names`."""
    found = records(path, names)
    sections = [
        page.Section(name, name.replace("_", " "), shown(path, name, record))
        for name, record in done(found).items()
    ]
    sections += [page.Section(why, why.capitalize(), undone(found, why)) for why in UNDONE]
    content = page.document(f"Applications of {path.name}", _headline(path), sections)
    return atomic.write(path / "gallery.html", content)


def records(path: Path, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What `experiments.analyse` wrote about the applications `names`, where it did."""
    files = {name: path / "analysis" / f"{name}.json" for name in names}
    return {name: json_file.read(file) for name, file in files.items() if file.exists()}


def shown(path: Path, name: str, record: dict[str, Any]) -> page.Markup:
    """One application: who won, its pictures, its numbers."""
    folder = path / "figures" / "analysis"
    files = [folder / Path(str(file)).name for file in record.get("figures", [])]
    numbers = {part: record.get(part) for part in ("numbers", "control")}
    return page.join(
        [
            page.paragraph(record.get("sentence", "")),
            page.pictures(page.figure(file, name.replace("_", " ")) for file in files),
            page.details(
                "numbers, and those of the baseline",
                page.preformatted(json.dumps(numbers, indent=1)),
            ),
        ]
    )


def line(record: dict[str, Any]) -> str:
    """What came of an application, in a line: its sentence, or why there is none."""
    reasons = [f"{why}, {record[why]}" for why in UNDONE if why in record]
    return reasons[0] if reasons else record.get("sentence", "")


def done(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The applications that have numbers."""
    return {name: r for name, r in found.items() if not any(why in r for why in UNDONE)}


def undone(found: dict[str, dict[str, Any]], why: str) -> page.Markup:
    """The applications that 'failed' or were 'skipped', and the reasons."""
    return page.bullets(f"{name}: {r[why]}" for name, r in found.items() if why in r)


def _headline(path: Path) -> page.Markup:
    """What the run is, from summary.json where there is one."""
    file = path / "summary.json"
    if not file.exists():
        return page.Markup()
    s = json_file.read(file)
    what = f"{s['config_name']} on {place.short(s['dataset'])}"
    error, others = s["test"]["mse"], {}
    if "pca" in (shown := finished.baselines(s)):
        others["PCA of equal size"] = shown["pca"]
    if noise := s.get("denoise"):  # what is clean is no task for a denoiser
        error, others = noise["denoised_mse"], {"not denoised": noise["noisy_mse"]}
        if linear := noise.get("linear_denoiser_mse"):  # None of images too large for it
            others = {"the best linear map": linear, **others}
    beside = "".join(f", {name} {mse:.5f}" for name, mse in others.items())
    return page.paragraph(
        f"{what}, {s['params']:,} parameters, {s['epochs']} epochs: test mse {error:.5f} "
        f"{words.of_summary(s).mse}{beside}."
    )
