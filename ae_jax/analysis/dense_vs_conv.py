"""Dense against convolutional, at the tutorial's sizes and at equal code size.

The tutorial compares a dense model of 10 numbers with a convolutional one of 64, which PCA would
decide too: 64 components leave a quarter of the error of 10. With equal codes, and at 64 of them
nearly equal numbers of parameters, the comparison is one of architectures.
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from ae_jax.analysis import judge
from ae_jax.analysis.compression import pca_errors
from ae_jax.analysis.finding import Finding, NotApplicable, Study, image_errors
from ae_jax.analysis.judge import Estimate
from ae_jax.evaluate.metrics import psnr
from ae_jax.figures import image_rows
from ae_jax.figures.panels import Panel, line_panels
from ae_jax.resolve.config import load_config

STEPS = {"dense": 2800, "convolutional": 700}  # a convolutional one takes four times as long
SIZES = {"dense": 10, "convolutional": 64}  # the tutorial's
PAIRS = (  # (what is compared, dense, convolutional)
    ("the tutorial's sizes, 64 against 10", "dense, 10", "convolutional, 64"),
    ("10 each", "dense, 10", "convolutional, 10"),
    ("64 each", "dense, 64", "convolutional, 64"),
)
PROTOCOL = {  # of training, for all four
    "encoder": {"activation": "elu"},
    "decoder": {"activation": "elu"},
    "model": {"init": "he"},
    "optim": {"learning_rate": 2e-3, "schedule": "cosine", "weight_decay": 0.0},
    "train": {"batch_size": 128},
}
SOURCES = {"dense": "deep", "convolutional": "conv_strided"}


def candidates() -> dict[str, dict[str, Any]]:
    """'dense, 10' and so on -> its config: both architectures at both code sizes."""
    found = {}
    for kind, name in SOURCES.items():
        config = load_config(name).to_dict()
        for size in sorted(set(SIZES.values())):
            changed = {**config, "model": {**config["model"], "code_size": size}}
            if kind == "dense" and size > SIZES["dense"]:
                # Layers no wider than 64 numbers would be the bottleneck themselves.
                for part in ("encoder", "decoder"):
                    widths = tuple(w for w in config[part]["hidden"] if w > size)
                    changed[part] = {**config[part], "hidden": widths}
            found[f"{kind}, {size}"] = changed
    return found


def measure(errors: dict[str, np.ndarray], pca: dict[int, np.ndarray]) -> tuple[Any, Any]:
    """(numbers, control) as `analyse` returns them, of the errors of each test image [n].

    Args:
      errors: by candidate, 'dense, 10' and so on.
      pca: of PCA, by size.
    """
    numbers: dict[str, Any] = {}
    for name, values in errors.items():
        mse = float(values.mean())
        over = judge.decibels(values, pca[size_of(name)])
        numbers[name] = {"mse": mse, "psnr_db": psnr(mse), "over_pca_db": over}
    pairs = {what: judge.decibels(errors[conv], errors[dense]) for what, dense, conv in PAIRS}
    small, large = sorted(SIZES.values())
    control = {
        "pca_mse": {str(k): float(v.mean()) for k, v in pca.items()},
        "pca_gain_db": judge.decibels(pca[large], pca[small]),
    }
    return {**numbers, "gain_db": pairs}, control


def sentence(numbers: Mapping[str, Any], control: Mapping[str, Any]) -> str:
    """Who wins in each pair, from what `analyse` returns; both have to beat PCA."""
    words = []
    for what, dense, conv in PAIRS:
        gain = Estimate(*numbers["gain_db"][what])
        weak = [
            name
            for name in (dense, conv)
            if judge.beyond(Estimate(*numbers[name]["over_pca_db"])) <= 0
        ]
        if weak:
            who = f"not compared, PCA is no worse than {' and '.join(weak)}"
        else:
            who = judge.verdict("convolutional", "dense", gain)
        sizes = {size_of(dense), size_of(conv)}
        beside = [f"PCA {k}: {psnr(control['pca_mse'][str(k)]):.1f} dB" for k in sorted(sizes)]
        words.append(
            f"{what}: {who}, {gain.text(digits=2, sign=True)} dB ({numbers[conv]['psnr_db']:.1f} "
            f"and {numbers[dense]['psnr_db']:.1f} dB; {', '.join(beside)})"
        )
    return "; ".join(words)


def size_of(name: str) -> int:
    """The code size of a candidate, of its name."""
    return int(name.split(", ")[1])


def analyse(study: Study, key: jax.Array) -> Finding:
    """Four models, the same optimizer, the same batch, about the same time.

    The convolutional ones are trained for about 700 x effort steps of 128 images, the dense ones,
    whose steps are shorter, for 2,800 x effort, on all training images; errors are of the study's
    test images. Sizes and layers are the dense or conv tutorial's; He's weights,
    ELU, and a rate that decays to zero are not: with its own, the dense one of 10 numbers is little
    better than PCA for many epochs.

    Returns:
      numbers: 'dense, 10', 'dense, 64', 'convolutional, 10', 'convolutional, 64': {'mse' per pixel
        in [0,1] units, 'psnr_db' in dB, 'over_pca_db': [dB over PCA of equal size, its standard
        error], 'params', how many}; 'gain_db': {pair: [dB of the convolutional over the dense one,
        its standard error]}, image by image.
      control: 'pca_mse': {'10', '64'}, of PCA of equal size; 'pca_gain_db', of 64 over 10.

    Raises:
      NotApplicable: the data are points, or images under 16 x 16 pixels.
    """
    study.need_images()
    if min(study.run.model.shape[:2]) < 16:
        raise NotApplicable("images of at least 16 x 16 pixels are needed for three convolutions")
    test = study.test.images
    outputs, curves, params = {}, {}, {}
    for i, (name, config) in enumerate(candidates().items()):
        raw = {part: v for part, v in config.items() if part not in ("data", "eval", "seed")}
        run = study.fit(jax.random.fold_in(key, i), STEPS[name.split(",")[0]], raw, PROTOCOL)
        outputs[name] = run.reconstruct(test)
        params[name] = sum(leaf.size for leaf in jax.tree.leaves(run.variables["params"]))
        curves[name] = _smooth(run.history["loss"])
    pca = {k: pca_errors(study.train.images, test, k) for k in sorted(SIZES.values())}
    errors = {name: image_errors(made, test) for name, made in outputs.items()}
    numbers, control = measure(errors, pca)
    for name, count in params.items():
        numbers[name]["params"] = count
    panel = Panel("", "step", "training loss, mean of 20 steps", curves, log_y=True)
    rows = {f"{n}, {numbers[n]['psnr_db']:.1f} dB": v[:12] for n, v in outputs.items()}
    made = {
        "": line_panels([panel], "Dense and convolutional, by the size of the code"),
        "images": image_rows({"original": test[:12], **rows}, "Test images and reconstructions"),
    }
    return Finding(numbers, control, sentence(numbers, control), made)


def _smooth(loss: np.ndarray, width: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """(steps, means over `width` steps)."""
    width = max(1, min(width, len(loss)))
    kept = loss[: len(loss) // width * width].reshape(-1, width)
    return (np.arange(len(kept)) + 1) * width, kept.mean(1)
