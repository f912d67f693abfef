"""Dense against convolutional, at the tutorial's sizes and at equal code size.

The tutorial compares a dense model of 10 numbers with a convolutional one of 64, which PCA would
decide too: 64 components leave a quarter of the error of 10. With equal codes, and at 64 of them
nearly equal numbers of parameters, the comparison is one of architectures.
"""

from typing import Any

import jax
import numpy as np

from ae_jax import controls
from ae_jax.analysis.finding import Finding, NotApplicable, Study, mse
from ae_jax.config import load_config
from ae_jax.evaluation import psnr
from ae_jax.figures import image_rows
from ae_jax.panels import Panel, line_panels

STEPS = 700
SIZES = {"dense": 10, "convolutional": 64}  # the tutorial's
SOURCES = {"dense": "deep", "convolutional": "conv_strided"}


def candidates() -> dict[str, dict[str, Any]]:
    """'dense, 10' and so on -> its config: both architectures at both code sizes."""
    found = {}
    for kind, name in SOURCES.items():
        config = load_config(name).to_dict()
        for size in sorted(set(SIZES.values())):
            changed = {**config, "model": {**config["model"], "code_size": size}}
            if kind == "dense" and size > SIZES["dense"]:
                # Layers of 12 on either side of 64 numbers would be the bottleneck themselves.
                for part in ("encoder", "decoder"):
                    widths = tuple(w for w in config[part]["hidden"] if w > 12)
                    changed[part] = {**config[part], "hidden": widths}
            found[f"{kind}, {size}"] = changed
    return found


def analyse(study: Study, key: jax.Array) -> Finding:
    """Four models, the same number of steps of the same batch.

    Each is trained for about 700 x effort steps of 64 images, on all training images; errors are of
    the study's test images. Sizes and layers are the dense or conv tutorial's.

    Returns:
      numbers: 'dense, 10', 'dense, 64', 'convolutional, 10', 'convolutional, 64': {'mse' per pixel
        in [0,1] units, 'psnr_db' in dB, 'params', how many}.
      control: 'pca_mse': {'10', '64'}, of PCA of equal size.

    Raises:
      NotApplicable: the data are points, or images under 16 x 16 pixels.
    """
    study.need_images()
    if min(study.run.model.shape[:2]) < 16:
        raise NotApplicable("images of at least 16 x 16 pixels are needed for three convolutions")
    test = study.test.images
    table: dict[str, dict[str, Any]] = {}
    rows = {"original": test[:12]}
    curves = {}
    for i, (name, config) in enumerate(candidates().items()):
        raw = {part: v for part, v in config.items() if part not in ("data", "eval", "seed")}
        run = study.fit(jax.random.fold_in(key, i), STEPS, raw)
        outputs = run.reconstruct(test)
        params = sum(leaf.size for leaf in jax.tree.leaves(run.variables["params"]))
        error = mse(outputs, test)
        table[name] = {"mse": error, "psnr_db": psnr(error), "params": params}
        rows[f"{name}, {psnr(error):.1f} dB"] = outputs[:12]
        curves[name] = _smooth(run.history["loss"])
    pca = {str(k): controls.pca_mse(study.train.images, test, k) for k in sorted(SIZES.values())}
    seed = [f"{kind}, {size}" for kind, size in SIZES.items()]
    words = [
        f"{'conv' if table[b]['mse'] < table[a]['mse'] else 'dense'} wins {what}: "
        f"{table[b]['psnr_db']:.1f} dB, dense {table[a]['psnr_db']:.1f}"
        for what, a, b in (
            ("at the tutorial's sizes (64 against 10)", *seed),
            ("at 10 each", "dense, 10", "convolutional, 10"),
            ("at 64 each", "dense, 64", "convolutional, 64"),
        )
    ]
    panel = Panel("", "step", "training loss, mean of 20 steps", curves, log_y=True)
    made = {
        "": line_panels([panel], "Dense and convolutional, by the size of the code"),
        "images": image_rows(rows, "Test images and reconstructions"),
    }
    return Finding(table, {"pca_mse": pca}, "; ".join(words), made)


def _smooth(loss: np.ndarray, width: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """(steps, means over `width` steps)."""
    width = max(1, min(width, len(loss)))
    kept = loss[: len(loss) // width * width].reshape(-1, width)
    return (np.arange(len(kept)) + 1) * width, kept.mean(1)
