"""The figures of a run: which arrays go into which file."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ae_jax import figures
from ae_jax.evaluate import baselines, manifold
from ae_jax.figures import Figure
from ae_jax.inputs.scaler import Scaler
from ae_jax.model.weights import first_filters, linear_maps
from ae_jax.run import plots
from ae_jax.run.trained import Run
from ae_jax.streams import stream

from ..workdirs import finished, place, words, workdir
from . import generated, stages
from .prepared import Session
from .progress import see_few

SHOWN = 10
FILM_FRAMES = 60
TERMS = 6  # of the loss, that are drawn
Figures = dict[str, Callable[[], Any]]  # name of a file -> what makes its figure


def draw(
    s: Session, path: Path, run: Run, rows: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]
) -> None:
    """Draws every figure this model has, into `path`/figures."""
    test = s.dataset.test
    codes, names = run.encode(test.images), s.dataset.label_names or ()
    of_points = s.dataset.name in manifold.CURVES
    of_images = s.dataset.examples.kind == "image" and not of_points
    made: Figures = _image_figures(s, run, summary) if of_images else {}
    if s.dataset.scaler is not None:
        made = _column_figures(s, run, summary, s.dataset.scaler)
    for name, figure in (_point_figures(s, path, run, rows, summary) if of_points else {}).items():
        made[name] = partial(_as_it_is, figure)
    made["curves"] = lambda: _curves(s, rows, summary)
    made["code_histograms"] = lambda: figures.code_histograms(codes)
    some = _some(len(codes))
    labels = None if test.labels is None else test.labels[some]
    if codes.shape[1] >= 2:
        made["code_scatter_2d"] = lambda: figures.code_view(codes[some], labels, 2, names)
    if codes.shape[1] >= 3:
        made["code_scatter_3d"] = lambda: figures.code_view(codes[some], labels, 3, names)
    if "kl" in summary:
        made["kl"] = lambda: generated.kl_bars(summary["kl"], s.config.name)
    if s.config.penalties:
        made["terms"] = lambda: _terms(s, rows)

    def saved(name: str, make: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: figures.save_both(make(), path / "figures" / f"{name}.png")

    tasks = {name: saved(name, make) for name, make in made.items()}
    if of_images:
        sheet = path / "figures" / "examples.png"
        tasks["examples"] = lambda: figures.contact_sheet(sheet, _clean(s, some))
        tasks["progress"] = lambda: _progress(s, path, run, rows, summary)
    for _ in stages.done("drawing", tasks):
        pass


def _some(n: int) -> np.ndarray:
    """Which of n test examples are drawn as points: all, or some of them at random, in order."""
    return np.sort(np.random.default_rng(0).permutation(n)[: figures.POINTS])


def _as_it_is(figure: Figure) -> Any:
    return figure


def _curves(s: Session, rows: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]) -> Any:
    """Loss and error; a denoiser's error is the one after denoising."""
    title = f"{s.config.name} on {place.short(s.dataset.name)}"
    shown = [row for row in rows if row["split"] in ("train", "valid", "test")]
    said = words.of_summary(summary)
    per = "pixel" if said is words.IMAGES else "number"
    if d := summary.get("denoise"):
        shown = [{**r, "mse": r["denoised_mse"]} if "denoised_mse" in r else r for r in shown]
        linear = d["linear_denoiser_mse"]
        beside = {} if linear is None else {"best linear denoiser": linear}
        return figures.curves(shown, title, beside, f"Error after denoising, mse per {per}")
    beside = {"PCA, same code size": finished.baselines(summary).get("pca")}
    known = {n: v for n, v in beside.items() if v is not None}
    error = "Mean squared error per pixel, [0, 1] units"
    if said is not words.IMAGES:
        error = f"Mean squared error {said.mse}"
    return figures.curves(shown, title, known, error)


def _terms(s: Session, rows: Sequence[Mapping[str, Any]]) -> Any:
    """Every term of the loss as it stands, without its weight."""
    from ae_jax.figures import panels

    drawn = []
    for name in ["reconstruction", *s.config.penalties][:TERMS]:
        lines = {}
        for split in ("train", "valid", "test"):
            known = [(r["epoch"], r[name]) for r in rows if r["split"] == split and name in r]
            if known:
                lines[split] = tuple(np.array(known).T)
        drawn.append(panels.Panel(name.replace("_", " "), "epoch", name, lines))
    return panels.line_panels(drawn, f"{s.config.name}: terms of the loss, unweighted")


def _image_figures(s: Session, run: Run, summary: Mapping[str, Any]) -> Figures:
    test = s.dataset.test
    images, labels = test.images[:SHOWN], None if test.labels is None else test.labels[:SHOWN]
    clean, name = _clean(s, slice(SHOWN)), place.short(s.dataset.name)
    title = f"{s.config.name} on {name}: test images, mse {summary['test']['mse']:.4f}"
    made: Figures = {
        "reconstructions": lambda: figures.reconstructions(
            clean, run.reconstruct(images, labels), title
        ),
        "filters": lambda: figures.filters(first_filters(run.model, run.variables)),
    }
    if run.model.corrupts:
        after = f"{s.config.name}: mse {summary['denoise']['denoised_mse']:.4f} after denoising"
        made["denoising"] = lambda: figures.denoising(
            *see_few(s, run.variables, SHOWN), clean, after
        )
    if run.model.prior is not None:
        made["samples"] = lambda: generated.samples(run)
        made["traversals"] = lambda: generated.traversals(run, test, summary.get("kl"))
    if (maps := linear_maps(s.config, run.variables)) is not None:
        made["linear_maps"] = lambda: figures.linear_maps(*maps)
    return made


def _column_figures(s: Session, run: Run, summary: Mapping[str, Any], scaler: Scaler) -> Figures:
    """Signals as lines over lines; of both what is left of every column."""
    found, name = summary["columns"], place.short(s.dataset.name)
    names = [column["name"] for column in found]
    left = np.array([column.get("unexplained", np.nan) for column in found])
    title = f"{s.config.name} on {name}: test error by column"
    made: Figures = {"columns": lambda: figures.columns(names, left, title)}
    if s.dataset.examples.kind == "signal":
        images, numbers = s.dataset.test
        test, labels = images[:8], None if numbers is None else numbers[:8]
        back = run.reconstruct(test, labels)
        many = f"{s.config.name} on {name}: test signals"
        made["signals"] = lambda: plots.signals(test, back, scaler, many)
    return made


def _clean(s: Session, which: slice | np.ndarray) -> np.ndarray:
    """Some of the test images, in [0,1] units."""
    images = np.asarray(s.dataset.test.images[which])
    return baselines.unit_rows(images).reshape(images.shape)


def _progress(
    s: Session, path: Path, run: Run, rows: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]
) -> None:
    """The same images after some epochs, as a strip and as a film; a denoiser's are corrupted."""
    frames = workdir.load_frames(path, summary["epochs"])
    if not frames:
        return
    originals, field, title = (
        _clean(s, slice(len(next(iter(frames.values()))))),
        "mse",
        "Reconstructions",
    )
    corrupted = None
    if run.model.corrupts:
        corrupted = see_few(s, run.variables, len(originals))[0]
        field, title = "denoised_mse", "Outputs for corrupted images"
    losses = {row["epoch"]: row[field] for row in rows if row["split"] == "test"}
    title += " during training"
    strip = figures.progress_strip(originals, frames, losses, title, corrupted)
    figures.save(strip, path / "figures" / "progress.png")
    # Geometrically spaced: most happens early, and a film of 300 frames is a long one.
    chosen = np.unique(np.geomspace(1, len(frames), FILM_FRAMES).round().astype(int)) - 1
    film = {epoch: frames[epoch] for epoch in (sorted(frames)[i] for i in chosen)}
    figures.progress_gif(path / "figures" / "progress.gif", originals, film, losses, corrupted)


def _point_figures(
    s: Session, path: Path, run: Run, rows: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]
) -> dict[str, Any]:
    """Points of a curve: where they go, and a code of one number as a line."""
    from ae_jax.analysis import curve  # with all applications: not for runs of images

    return curve.figures(run, s.dataset.name, stream(s.key, "curve_figures"))
