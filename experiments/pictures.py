"""The figures of a run: which arrays go into which file."""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from ae_jax import api, controls, figures, training
from experiments import workdir

SHOWN = 10


def draw(s: Any, path: Path, run: api.Run, rows: list[dict[str, Any]], summary: Any) -> None:
    """Draws every figure this model has, into `path`/figures."""
    test = s.dataset.test
    clean = controls.unit_rows(test.images[:SHOWN]).reshape(-1, *run.model.shape)
    labels = None if test.labels is None else test.labels[:SHOWN]
    mse = summary["test"]["mse"]
    made: dict[str, Any] = {
        "reconstructions": figures.reconstructions(
            clean,
            run.reconstruct(test.images[:SHOWN], labels),
            f"{s.config.name} on {s.dataset.name}: test images, mse {mse:.4f}",
        ),
        "curves": figures.curves(
            [row for row in rows if row["split"] in ("train", "test")],
            f"{s.config.name} on {s.dataset.name}",
            {"PCA, same code size": summary["controls"]["pca"]},
        ),
    }
    if run.model.corrupts:
        key = jax.random.fold_in(training.split_keys(s.key).evaluation, SHOWN)
        noisy = run.corrupt(test.images[:SHOWN], key)
        title = f"{s.config.name}: mse {summary['denoise']['denoised_mse']:.4f} after denoising"
        made["denoising"] = figures.denoising(noisy, run.reconstruct(noisy, labels), clean, title)
    codes = run.encode(test.images)
    made["code_histograms"] = figures.code_histograms(codes)
    for dims in (2, 3):
        if codes.shape[1] >= dims:
            made[f"code_scatter_{dims}d"] = figures.code_scatter(codes, test.labels, dims)
    made["filters"] = figures.filters(api.first_filters(run.model, run.variables))
    if (maps := linear_maps(s.config, run.variables)) is not None:
        made["linear_maps"] = figures.linear_maps(*maps)
    frames = workdir.load_frames(path, summary["epochs"])
    if frames:
        originals = controls.unit_rows(test.images[: len(next(iter(frames.values())))])
        originals = originals.reshape(-1, *run.model.shape)
        losses = {row["epoch"]: row["mse"] for row in rows if row["split"] == "test"}
        made["progress"] = figures.progress_strip(originals, frames, losses)
        figures.progress_gif(path / "figures" / "progress.gif", originals, frames, losses)
    for name, figure in made.items():
        figures.save(figure, path / "figures" / f"{name}.png")


def linear_maps(config: Any, variables: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """(x -> x^ as one matrix [D, D], z -> z as one matrix [k, k]) of a linear dense model.

    At the optimum the first is a projector of rank k and the second the identity.
    """
    encoder, decoder = config.encoder, config.decoder
    if encoder.name != "dense" or encoder.hidden or encoder.code_activation != "linear":
        return None
    if decoder.output != "linear" or decoder.name not in ("dense", "tied"):
        return None
    params = variables["params"]
    W = np.asarray(params["encoder"]["layer_0"]["kernel"])
    if decoder.name == "tied":
        return W @ W.T, W.T @ W
    if decoder.hidden:
        return None
    V = np.asarray(params["decoder"]["layer_0"]["kernel"])
    return W @ V, V @ W
