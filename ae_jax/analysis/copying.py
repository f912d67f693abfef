"""What an over-complete or a too powerful autoencoder learns: to copy, or to memorise.

With more code numbers than the data need, nothing stops a plain autoencoder from passing anything
through, noise and images of another world included; noise in training, or a contractive penalty,
does. At the other end, one number is enough for a powerful network to store its training set.
"""

from typing import Any

import jax
import numpy as np

from ae_jax.analysis.finding import Finding, Study, mse
from ae_jax.figures import image_rows
from ae_jax.panels import grouped_bars

STEPS = 1200
WIDE = {  # the course notes' over-complete model
    "data": {"scale": "sym"},
    "encoder": {"code_activation": "tanh"},
    "decoder": {"output": "tanh"},
    "model": {"code_size": 500},
    "optim": {"learning_rate": 1e-3, "schedule": "cosine"},
    "train": {"batch_size": 128},
}
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "denoising": {"corruption": {"name": "dropout", "rate": 0.5}},
    "contractive": {"penalties": {"contractive": {"weight": 1e-2}}},
}
MEMORISED, MEMORY_STEPS = 16, 3000
MEMORISER = {
    "encoder": {"hidden": (256, 256), "activation": "relu"},
    "decoder": {"hidden": (256, 256), "output": "sigmoid"},
    "model": {"code_size": 1, "init": "he"},
    "optim": {"learning_rate": 2e-3, "schedule": "cosine"},
    "train": {"batch_size": MEMORISED},
}


def shuffled_blocks(images: np.ndarray, key: jax.Array, size: int = 4) -> np.ndarray:
    """Images cut into size x size blocks that change places: their pixels, but not their shapes.

    [n, H, W, C]; rows and columns beyond the last whole block stay.
    """
    n, H, W, C = images.shape
    h, w = H // size, W // size
    kept = images[:, : h * size, : w * size]
    blocks = kept.reshape(n, h, size, w, size, C).swapaxes(2, 3).reshape(n, h * w, size, size, C)
    order = np.asarray(
        jax.vmap(lambda k: jax.random.permutation(k, h * w))(jax.random.split(key, n))
    )
    moved = np.take_along_axis(blocks, order[:, :, None, None, None], 1)
    out = images.copy()
    out[:, : h * size, : w * size] = (
        moved.reshape(n, h, w, size, size, C).swapaxes(2, 3).reshape(n, h * size, w * size, C)
    )
    return out


def inner(train: np.ndarray) -> tuple[slice, slice]:
    """(rows, columns) of the smallest box outside of which fewer than 2 % of the images are lit.

    Lit is a pixel over 0.05, of images [n, H, W, C] in [0,1]. What no training image lights cannot
    be copied, whatever the model.
    """
    lit = (np.asarray(train) > 0.05).mean(0).max(-1) > 0.02
    spans = [np.flatnonzero(lit.any(axis)) for axis in (1, 0)]
    rows, columns = (slice(int(v[0]), int(v[-1]) + 1) for v in spans)
    return rows, columns


def copied(outputs: np.ndarray, images: np.ndarray) -> float:
    """Share of the images' variance (over all of them and their pixels) that comes back.

    1 - mse / variance: 1 for a copy, below 0 where a plain grey would be nearer.
    """
    return 1 - mse(outputs, images) / float(np.var(np.asarray(images, np.float64)))


def analyse(study: Study, key: jax.Array) -> Finding:
    """500 tanh units without noise, with noise, with a contractive penalty; one number.

    Three models (the plain one is the course notes'), trained for about 1,200 x effort steps on all
    training images, copy 500 test images, their 4 x 4 blocks shuffled, uniform noise and, where the
    study has them, outsiders. A fourth, of one number, is trained for about 3,000 x effort steps on
    16 images. The run itself is not looked at.

    Returns:
      numbers: 'copied': {world: {'denoising', 'contractive'}}, see `copied`; 'memoriser':
        {'train_mse' of the 16, 'test_mse' of 200 test images}, per pixel in [0,1] units.
      control: 'copied_by_the_plain_model': {world: share}; 'mean_image_of_the_few', the mse of the
        mean of the 16 on the 200 test images.

    Raises:
      NotApplicable: the data are not images of 8 x 8 pixels or more.
    """
    study.need_images()
    test = study.test.images[:500]
    k_noise, k_blocks, k_fit, k_memory = jax.random.split(key, 4)
    box = (slice(None), *inner(study.train.images))
    shuffled, noise = np.zeros_like(test), np.zeros_like(test)
    shuffled[box] = shuffled_blocks(test[box], k_blocks)
    noise[box] = jax.random.uniform(k_noise, test[box].shape)
    worlds = {"test images": test, "shuffled blocks": shuffled, "uniform noise": noise}
    if study.strange is not None:
        worlds["another data set"] = study.strange[:500]
    runs = {
        name: study.fit(jax.random.fold_in(k_fit, i), STEPS, WIDE, change)
        for i, (name, change) in enumerate(KINDS.items())
    }
    table = {
        world: {name: copied(run.reconstruct(images), images) for name, run in runs.items()}
        for world, images in worlds.items()
    }
    memory, figure = _memoriser(study, k_memory)
    strange = "shuffled blocks"
    shares = table[strange]
    tamed = [name for name in ("denoising", "contractive") if shares[name] < shares["plain"]]
    win = "win" if len(tamed) > 1 else "wins"
    sentence = (
        f"{' and '.join(tamed) or 'plain'} {win}: {100 * shares['plain']:.0f} % of {strange} come "
        f"back from the plain model, {100 * shares['denoising']:.0f} % from the denoising, "
        f"{100 * shares['contractive']:.0f} % from the contractive one; one number for "
        f"{MEMORISED} images: train mse {memory['train_mse']:.4f}, test {memory['test_mse']:.4f}"
    )
    numbers = {
        "copied": {
            w: {n: row[n] for n in ("denoising", "contractive")} for w, row in table.items()
        },
        "memoriser": memory,
    }
    control = {
        "copied_by_the_plain_model": {w: row["plain"] for w, row in table.items()},
        "mean_image_of_the_few": memory.pop("mean_image_mse"),
    }
    bars = {w: {n: 100 * max(v, -0.5) for n, v in row.items()} for w, row in table.items()}
    rows = {}
    for i, (world, images) in enumerate(worlds.items()):
        rows[world] = images[:10]
        rows |= {f"{name}{' ' * i}": run.reconstruct(images[:10]) for name, run in runs.items()}
    made = {
        "": grouped_bars(bars, "What 500 units let through", "variance that comes back (%)"),
        "images": image_rows(rows, "Inputs and what comes back"),
        "memoriser": figure,
    }
    return Finding(numbers, control, sentence, made)


def _memoriser(study: Study, key: jax.Array) -> tuple[dict[str, float], Any]:
    """One number for 16 images: what of them, and of others, comes back."""
    few = study.train.images[:MEMORISED]
    run = study.fit(key, MEMORY_STEPS, MEMORISER, images=few)
    test = study.test.images[:200]
    numbers = {
        "train_mse": mse(run.reconstruct(few), few),
        "test_mse": mse(run.reconstruct(test), test),
        "mean_image_mse": mse(np.broadcast_to(few.mean(0), test.shape), test),
    }
    rows = {
        "training image": few[:12],
        "comes back": run.reconstruct(few[:12]),
        "test image": test[:12],
        "comes back as": run.reconstruct(test[:12]),
    }
    return numbers, image_rows(rows, f"One number for each of {MEMORISED} images: a memory")
