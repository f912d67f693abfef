"""The figures of a run: which arrays go into which file."""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from ae_jax import api, controls, figures, manifold, training
from ae_jax.api import linear_maps
from experiments import workdir

SHOWN = 10
FILM_FRAMES = 60


def draw(s: Any, path: Path, run: api.Run, rows: list[dict[str, Any]], summary: Any) -> None:
    """Draws every figure this model has, into `path`/figures."""
    images = _point_figures if s.dataset.name in manifold.CURVES else _image_figures
    made = images(s, path, run, rows, summary)
    test = s.dataset.test
    pca = summary["controls"]["pca"]
    made["curves"] = figures.curves(
        [row for row in rows if row["split"] in ("train", "test")],
        f"{s.config.name} on {s.dataset.name}",
        # With as many numbers as pixels PCA makes no error: no line for that on a log axis.
        controls={"PCA, same code size": pca} if pca > 1e-9 else {},
    )
    codes = run.encode(test.images)
    made["code_histograms"] = figures.code_histograms(codes)
    for dims in (2, 3):
        if codes.shape[1] >= dims:
            made[f"code_scatter_{dims}d"] = figures.code_view(codes, test.labels, dims)
    for name, figure in made.items():
        figures.save(figure, path / "figures" / f"{name}.png")


def _image_figures(s: Any, path: Path, run: api.Run, rows: Any, summary: Any) -> dict[str, Any]:
    test = s.dataset.test
    clean = controls.unit_rows(test.images[:SHOWN]).reshape(-1, *run.model.shape)
    labels = None if test.labels is None else test.labels[:SHOWN]
    title = f"{s.config.name} on {s.dataset.name}: test images, mse {summary['test']['mse']:.4f}"
    made = {
        "reconstructions": figures.reconstructions(
            clean, run.reconstruct(test.images[:SHOWN], labels), title
        ),
        "filters": figures.filters(api.first_filters(run.model, run.variables)),
    }
    if run.model.corrupts:
        key = jax.random.fold_in(training.split_keys(s.key).evaluation, SHOWN)
        noisy = run.corrupt(test.images[:SHOWN], key)
        title = f"{s.config.name}: mse {summary['denoise']['denoised_mse']:.4f} after denoising"
        made["denoising"] = figures.denoising(noisy, run.reconstruct(noisy, labels), clean, title)
    if (maps := linear_maps(s.config, run.variables)) is not None:
        made["linear_maps"] = figures.linear_maps(*maps)
    frames = workdir.load_frames(path, summary["epochs"])
    if frames:
        originals = controls.unit_rows(test.images[: len(next(iter(frames.values())))])
        originals = originals.reshape(-1, *run.model.shape)
        losses = {row["epoch"]: row["mse"] for row in rows if row["split"] == "test"}
        made["progress"] = figures.progress_strip(originals, frames, losses)
        # Geometrically spaced: most happens early, and a film of 300 frames is a long one.
        chosen = np.unique(np.geomspace(1, len(frames), FILM_FRAMES).round().astype(int)) - 1
        film = {epoch: frames[epoch] for epoch in (sorted(frames)[i] for i in chosen)}
        figures.progress_gif(path / "figures" / "progress.gif", originals, film, losses)
    return made


def _point_figures(s: Any, path: Path, run: api.Run, rows: Any, summary: Any) -> dict[str, Any]:
    """Points of a curve: where they go, and a code of one number as a line."""
    from ae_jax.analysis import curve  # with all applications: not for runs of images

    key = jax.random.fold_in(training.split_keys(s.key).evaluation, SHOWN)
    return curve.figures(run, s.dataset.name, key)
