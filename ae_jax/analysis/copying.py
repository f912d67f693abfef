"""What an over-complete or a too powerful autoencoder learns: to copy, or to memorise.

With more code numbers than the data need, nothing stops a plain autoencoder from passing anything
through, noise and images of another world included; noise in training, or a contractive penalty,
does. At the other end, one number is enough for a powerful network to store its training set.
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from ae_jax.analysis import judge
from ae_jax.analysis.finding import Finding, Study, image_errors, mse
from ae_jax.analysis.judge import Estimate
from ae_jax.figures import image_rows
from ae_jax.figures.panels import grouped_bars

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
TAMED = ("denoising", "contractive")
STRANGE = "shuffled blocks"
Errors = Mapping[str, Mapping[str, np.ndarray]]
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


def measure(errors: Errors, worlds: Mapping[str, np.ndarray]) -> tuple[Any, Any]:
    """('copied', 'refuses'; 'copied_by_the_plain_model') as `analyse` returns them.

    Args:
      errors: world -> model -> squared error per pixel of each image [n].
      worlds: world -> images.
    """
    shares = {  # of a world's variance, by which errors of its images are divided
        world: {name: v / float(np.var(worlds[world], dtype=np.float64)) for name, v in row.items()}
        for world, row in errors.items()
    }
    familiar, strange = shares["test images"], shares[STRANGE]
    table = {w: {name: float(1 - v.mean()) for name, v in row.items()} for w, row in shares.items()}
    numbers = {
        "copied": {w: {name: row[name] for name in TAMED} for w, row in table.items()},
        "refuses": {
            name: judge.gain(strange[name] - strange["plain"], familiar[name] - familiar["plain"])
            for name in TAMED
        },
    }
    return numbers, {"copied_by_the_plain_model": {w: row["plain"] for w, row in table.items()}}


def sentence(numbers: Mapping[str, Any], control: Mapping[str, Any]) -> str:
    """Who tells shuffled blocks from images, from what `analyse` returns."""
    plain, mean = control["copied_by_the_plain_model"], control["copied_by_the_mean_image"]
    needed = 1 - 0.5 * (1 - mean)  # half of the mean image's error
    words = [
        f"of {STRANGE} {100 * plain[STRANGE]:.0f} % come back from the plain model "
        f"(of test images {100 * plain['test images']:.0f} %)"
    ]
    for name in TAMED:
        row = {w: numbers["copied"][w][name] for w in ("test images", STRANGE)}
        gain = Estimate(*numbers["refuses"][name])
        who = f"{name} does not work"
        if row["test images"] > needed:
            who = judge.verdict(name, "plain", gain, theirs_works=plain["test images"] > needed)
        words.append(
            f"{who}: {name} {100 * row[STRANGE]:.0f} % ({100 * row['test images']:.0f} %), "
            f"losing {gain.text(100, sign=True)} points more of them than of test images"
        )
    memory, others = numbers["memoriser"], control["mean_image_of_the_few"]
    kept = (
        "are kept" if memory["train_mse"] < 0.5 * control["mean_image_of_them"] else "are not kept"
    )
    return (
        f"{'; '.join(words)}; {MEMORISED} images {kept} in one number: train mse "
        f"{memory['train_mse']:.4f}, test {memory['test_mse']:.4f}, their mean image {others:.4f}"
    )


def analyse(study: Study, key: jax.Array) -> Finding:
    """500 tanh units without noise, with noise, with a contractive penalty; one number.

    Three models (the plain one is the course notes'), trained for about 1,200 x effort steps on all
    training images, copy 500 test images, their 4 x 4 blocks shuffled, uniform noise and, where the
    study has them, outsiders. A fourth, of one number, is trained for about 3,000 x effort steps on
    16 images. The run itself is not looked at.

    A model that copies nothing refuses strange images, too. So a tamed one wins by how much more of
    the shuffled blocks than of the test images it loses against the plain one, and only if its
    error on the test images is below half of the mean image's.

    Returns:
      numbers: 'copied': {world: {'denoising', 'contractive'}}, see `copied`; 'refuses':
        {'denoising', 'contractive'}: [share of the variance of shuffled blocks that it lets through
        less than the plain model, minus that of test images; its standard error]; 'memoriser':
        {'train_mse' of the 16, 'test_mse' of 200 test images}, per pixel in [0,1] units.
      control: 'copied_by_the_plain_model': {world: share}; 'copied_by_the_mean_image', of test
        images; 'mean_image_of_the_few', the mse of the mean of the 16 on the 200 test images, and
        'mean_image_of_them' on the 16.

    Raises:
      NotApplicable: the data are not images of 8 x 8 pixels or more.
    """
    study.need_images()
    k_worlds, k_fit, k_memory = jax.random.split(key, 3)
    worlds = _worlds(study, k_worlds)
    runs = {
        name: study.fit(jax.random.fold_in(k_fit, i), STEPS, WIDE, change)
        for i, (name, change) in enumerate(KINDS.items())
    }
    outputs = {
        world: {name: run.reconstruct(images) for name, run in runs.items()}
        for world, images in worlds.items()
    }
    errors = {
        world: {name: image_errors(made, worlds[world]) for name, made in row.items()}
        for world, row in outputs.items()
    }
    numbers, control = measure(errors, worlds)
    numbers["memoriser"], beside, figure = _memoriser(study, k_memory)
    test = worlds["test images"]
    blank = np.broadcast_to(study.train.images.mean(0), test.shape)
    control |= {"copied_by_the_mean_image": copied(blank, test), **beside}
    made = {**_figures(worlds, outputs, numbers, control), "memoriser": figure}
    return Finding(numbers, control, sentence(numbers, control), made)


def _worlds(study: Study, key: jax.Array) -> dict[str, np.ndarray]:
    """World -> images [n, H, W, C] that are to be copied."""
    k_noise, k_blocks = jax.random.split(key)
    test = study.test.images[:500]
    box = (slice(None), *inner(study.train.images))
    shuffled, noise = np.zeros_like(test), np.zeros_like(test)
    shuffled[box] = shuffled_blocks(test[box], k_blocks)
    noise[box] = jax.random.uniform(k_noise, test[box].shape)
    worlds = {"test images": test, STRANGE: shuffled, "uniform noise": noise}
    if study.strange is not None:
        worlds["another data set"] = study.strange[:500]
    return worlds


def _figures(
    worlds: Mapping[str, np.ndarray],
    outputs: Mapping[str, Mapping[str, np.ndarray]],
    numbers: Mapping[str, Any],
    control: Mapping[str, Any],
) -> dict[str, Any]:
    plain = control["copied_by_the_plain_model"]
    bars = {
        world: {
            name: 100 * max(share, -0.5)
            for name, share in {"plain": plain[world], **numbers["copied"][world]}.items()
        }
        for world in worlds
    }
    rows = {}
    for i, (world, images) in enumerate(worlds.items()):
        rows[world] = images[:10]
        rows |= {f"{name}{' ' * i}": made[:10] for name, made in outputs[world].items()}
    return {
        "": grouped_bars(bars, "What 500 units let through", "variance that comes back (%)"),
        "images": image_rows(rows, "Inputs and what comes back"),
    }


def _memoriser(study: Study, key: jax.Array) -> tuple[dict[str, float], dict[str, float], Any]:
    """One number for 16 images: what of them, and of others, comes back; their mean's; a figure."""
    few, test = study.train.images[:MEMORISED], study.test.images[:200]
    run = study.fit(key, MEMORY_STEPS, MEMORISER, images=few)
    numbers = {
        "train_mse": mse(run.reconstruct(few), few),
        "test_mse": mse(run.reconstruct(test), test),
    }
    mean = few.mean(0)
    control = {"mean_image_of_the_few": mse(mean, test), "mean_image_of_them": mse(mean, few)}
    rows = {
        "training image": few[:12],
        "comes back": run.reconstruct(few[:12]),
        "test image": test[:12],
        "comes back as": run.reconstruct(test[:12]),
    }
    return (
        numbers,
        control,
        image_rows(rows, f"One number for each of {MEMORISED} images: a memory"),
    )
