"""The applications of a run on a page: every one's sentence, figures, numbers and control."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ae_jax import json_file
from ae_jax.animation import write_atomically
from experiments import finished, page, place


def write(path: Path, names: Sequence[str]) -> Path:
    """Writes gallery.html from analysis/*.json and figures/analysis, in the order of `names`."""
    found = records(path, names)
    sections = [
        page.Section(name, name.replace("_", " "), shown(path, name, record))
        for name, record in found.items()
        if "skipped" not in record
    ]
    sections.append(page.Section("skipped", "Skipped", skipped(found)))
    content = page.document(f"What {path.name} is good for", _headline(path), sections)
    return write_atomically(path / "gallery.html", content.encode())


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
            page.pictures(page.picture(file, name.replace("_", " ")) for file in files),
            page.details(
                "numbers, and those of the control",
                page.preformatted(json.dumps(numbers, indent=1)),
            ),
        ]
    )


def skipped(found: dict[str, dict[str, Any]]) -> page.Markup:
    """What does not apply, and why."""
    reasons = [f"{name}: {r['skipped']}" for name, r in found.items() if "skipped" in r]
    return page.bullets(reasons) if reasons else page.Markup()


def _headline(path: Path) -> page.Markup:
    """What the run is, from summary.json where there is one."""
    file = path / "summary.json"
    if not file.exists():
        return page.Markup()
    s = json_file.read(file)
    what = f"{s['config_name']} on {place.short(s['dataset'])}"
    errors = f"mse {s['test']['mse']:.5f} per pixel in [0,1] units on clean test images"
    if "pca" in (shown := finished.controls(s)):
        errors += f", PCA of equal size {shown['pca']:.5f}"
    if d := s.get("denoise"):
        errors = f"mse {d['denoised_mse']:.5f} after denoising, {errors}"
    return page.paragraph(f"{what}, {s['params']:,} parameters, {s['epochs']} epochs: {errors}.")
