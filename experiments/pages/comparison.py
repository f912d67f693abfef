"""The page that compares several finished runs: numbers, curves, configs, images."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ae_jax.evaluate.advice import advise
from ae_jax.files import atomic
from ae_jax.resolve.config import flat

from ..workdirs.finished import Record, baselines
from . import page

LINES = 8  # a chart has so many colors
# column -> (where in summary.json, whether the least, the most or none is best)
COLUMNS: dict[str, tuple[str, Callable[..., float] | None]] = {
    "mse after denoising": ("denoise.denoised_mse", min),
    "linear denoiser": ("denoise.linear_denoiser_mse", None),
    "mse, clean images": ("test.mse", min),
    "dB": ("test.psnr", max),
    "cross-entropy, nats": ("test.bce", min),
    "PCA, equal code size": ("controls.pca", None),
    "parameters": ("params", None),
    "epochs": ("epochs", None),
    "seconds": ("timing.wall_s", None),
    "images/s": ("timing.train_images_per_s", None),
    "seed": ("seed", None),
}


def write(runs: Sequence[Record], out: str | None = None) -> Path:
    """Writes the page; returns where."""
    names = names_of([run.path for run in runs])
    sets = {(r.summary["dataset"], r.summary["n_train"], r.summary["n_test"]) for r in runs}
    listed = "; ".join(f"{name}, {a:,} training and {b:,} test images" for name, a, b in sets)
    lead = page.paragraph(f"{listed}. Errors are `mse` per pixel in [0,1] units.", "soft")
    if len(sets) > 1:
        lead = page.join(
            [
                lead,
                page.paragraph("The runs used different images, so their errors do not compare."),
            ]
        )
    sections = [
        page.Section("numbers", "Numbers", numbers(names, runs, mark=len(sets) == 1)),
        page.Section("curves", "Curves", curves(names, runs)),
        page.Section("differences", "Differences", differences(names, runs)),
        page.Section("images", "Images", images(names, runs)),
        page.Section("advice", "Advice", advice(names, runs)),
    ]
    content = page.document(f"{len(runs)} runs compared", lead, sections)
    return atomic.write(out or runs[0].path / "comparison.html", content)


def names_of(paths: Sequence[Path]) -> list[str]:
    """The directories' names, or where two are the same, their whole paths."""
    short = [path.resolve().name for path in paths]
    return short if len(set(short)) == len(short) else [str(path) for path in paths]


def numbers(names: Sequence[str], runs: Sequence[Record], mark: bool) -> page.Markup:
    """A row for every run; the best of a column is marked where `mark` says that they compare."""
    known = [_numbers(run.summary) for run in runs]
    columns = {title: c for title, c in COLUMNS.items() if any(c[0] in k for k in known)}
    cells: list[list[Any]] = [[name] for name in names]
    for field, better in columns.values():
        values = [k.get(field) for k in known]
        present = [v for v in values if isinstance(v, int | float)]
        best = better(present) if better and mark and len(present) > 1 else None
        for row, value in zip(cells, values, strict=True):
            shown = page.number(value) if isinstance(value, int | float) else ""
            marked = best is not None and value == best
            row.append(page.best(shown) if marked else shown)
    for row, run in zip(cells, runs, strict=True):
        row.insert(1, f"{run.config.name}, code {run.config.model.code_size}")
    return page.table(["run", "config", *columns], cells)


def _numbers(summary: dict[str, Any]) -> dict[str, Any]:
    """Every number of a summary by its path; of the controls those that compare."""
    return dict(flat({**summary, "controls": baselines(summary)}))


def curves(names: Sequence[str], runs: Sequence[Record]) -> page.Markup:
    """The test error of every run against the epoch, in the same units whatever it minimized."""
    from ae_jax import figures
    from ae_jax.figures import panels

    titles = {"mse": "On clean images", "denoised_mse": "After denoising"}
    drawn = []
    for field, title in titles.items():
        lines = {name: _line(run, field) for name, run in zip(names, runs, strict=True)}
        lines = {name: xy for name, xy in list(lines.items())[:LINES] if len(xy[0])}
        if lines:
            drawn.append(panels.Panel(title, "epoch", "mse per pixel", lines, log_y=True))
    if not drawn:
        return page.Markup()
    figure = panels.line_panels(drawn, "Error on the test set")
    more = f"The first {LINES} of {len(runs)} runs." if len(runs) > LINES else ""
    return page.chart(figures.svg(figure) or b"", "test error against the epoch", "curves", more)


def _line(run: Record, field: str) -> tuple[np.ndarray, np.ndarray]:
    pairs = [(r.get("epoch"), r.get(field)) for r in run.rows if r.get("split") == "test"]
    known = [pair for pair in pairs if all(isinstance(v, int | float) for v in pair)]
    points = np.array(known, np.float64).reshape(-1, 2)
    points = points[np.isfinite(points).all(axis=1) & (points[:, 1] > 0)]
    return points[:, 0], points[:, 1]


def differences(names: Sequence[str], runs: Sequence[Record]) -> page.Markup:
    """The config fields in which the runs are not all alike."""
    configs = [dict(flat(run.config.to_dict())) for run in runs]
    fields = sorted({field for c in configs for field in c} - {"name"})
    rows = [
        [page.text(f"`{f}`"), *(page.setting(c[f]) if f in c else "" for c in configs)]
        for f in fields
        if any(c.get(f, _ABSENT) != configs[0].get(f, _ABSENT) for c in configs)
    ]
    if not rows:
        return page.paragraph("The configs are the same.")
    return page.table(["field", *names], rows)


_ABSENT = object()


def images(names: Sequence[str], runs: Sequence[Record]) -> page.Markup:
    """What every run makes of the test images."""
    return page.pictures(
        page.picture(run.path / "figures" / f"{figure}.png", f"{figure} of {name}", "data", name)
        for figure in ("denoising", "reconstructions", "field")
        for name, run in zip(names, runs, strict=True)
    )


def advice(names: Sequence[str], runs: Sequence[Record]) -> page.Markup:
    """What every run's own numbers suggest, and where its own page is."""
    return page.join(
        page.join(
            [
                page.heading(name),
                page.bullets(advise(run.config, run.summary, run.rows))
                or page.paragraph("No issues found.", "soft"),
            ]
        )
        for name, run in zip(names, runs, strict=True)
    )
