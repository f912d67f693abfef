"""The figures of a variational model of images: samples, traversals, the KL of each number."""

from typing import Any

import numpy as np

from ae_jax import figures
from ae_jax.data.arrays import Split
from ae_jax.evaluate.latent import STEPS, traversal
from ae_jax.figures.panels import image_blocks
from ae_jax.run.trained import Run

ACROSS, LINES = 10, 4  # samples
MOVED = 10  # numbers of the code
BARS = 40
TAIL = 0.01  # of the codes lie beyond either end of a traversal


def samples(run: Run) -> Any:
    """Images of codes drawn from the prior; where the decoder is told a label, ten of each."""
    title = f"{run.config.name}: images of random codes ({_prior(run)})"
    classes = run.config.model.classes
    if not classes:
        return image_blocks({"samples": run.sample(0, ACROSS * LINES)}, title, columns=ACROSS)
    told = np.repeat(np.arange(min(classes, ACROSS)), ACROSS)
    drawn = run.sample(0, len(told), told).reshape(-1, ACROSS, *run.model.shape)
    names = run.label_names or range(classes)
    return image_blocks({f"{n} " : row for n, row in zip(names, drawn, strict=False)}, title,
                        columns=ACROSS)  # fmt: skip


def traversals(run: Run, test: Split, kl: list[float] | None) -> Any:
    """The first test image, a number of its code at a time moved; those of the largest KL.

    Where that is not known, those that vary most.
    """
    codes = run.encode(test.images)
    low, high = np.quantile(codes, [TAIL, 1 - TAIL], axis=0)
    order = np.argsort(-(codes.var(axis=0) if kl is None else np.array(kl)), kind="stable")
    told = None
    if run.model.conditional and test.labels is not None:
        told = np.repeat(test.labels[:1], STEPS)
    rows = {
        f"number {j}": traversal(lambda z: run.decode(z, told), codes[0], j, (low[j], high[j]))
        for j in order[:MOVED]
    }
    title = f"{run.config.name}: a number of the code at a time, from its 1 % to its 99 % quantile"
    return image_blocks(rows, title, columns=STEPS, side=56)


def kl_bars(kl: list[float], name: str) -> Any:
    """The KL of every number, the largest first."""
    order = sorted(range(len(kl)), key=lambda j: -kl[j])[:BARS]
    some = f", the largest {BARS} of {len(kl)}" if len(kl) > BARS else ""
    title = f"{name}: KL of each number of the code{some}"
    return figures.bars({f"z_{j}": kl[j] for j in order}, title, "KL to the prior, nats per image")


def _prior(run: Run) -> str:
    assert run.model.prior is not None
    return run.model.prior.name
