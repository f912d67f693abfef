"""The cost of a step against a count by hand, the arrays' bytes and a clock."""

import itertools
import time

import jax
import numpy as np
import pytest

from ae_jax import load_config
from ae_jax.data.arrays import Split
from ae_jax.train import cost, loop, setup

BATCH = 64
WIDTHS = {"denoise": (784, 500, 784), "linear": (784, 32, 784)}


def prepared(name: str, n: int, epochs: int) -> tuple[setup.Trainer, Split]:
    """A trainer for `n` images of zeros, and these."""
    config = load_config(name, **{"train.batch_size": BATCH, "train.epochs": epochs})
    images = np.zeros((n, 28, 28, 1), np.uint8)
    return setup.prepare(config, (28, 28, 1), n), Split(images, None)


@pytest.mark.slow
@pytest.mark.parametrize("name", WIDTHS)
def test_flops_and_memory_of_dense_networks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "SECONDS", 0.01)
    trainer, data = prepared(name, 160, epochs=3)
    c = cost.measure(trainer, data, jax.random.key(0))
    products = [a * b for a, b in itertools.pairwise(WIDTHS[name])]
    biases = sum(WIDTHS[name][1:]) if name == "denoise" else 0
    assert c.params == sum(products) + biases
    assert c.steps == 9, "three epochs of two full batches and a short one"
    # Two operations for each product: forward, for the weights' gradient, and for that of a
    # layer's input, which the first needs not. Noise, activations and Adam add under a tenth.
    by_hand = 2 * BATCH * (3 * sum(products) - products[0])
    assert by_hand < c.flops < 1.1 * by_hand
    # The images, the weights and Adam's two averages have to be there; the gradients and what a
    # batch leaves on its way do not double that.
    arrays = data.images.nbytes + 3 * 4 * c.params
    assert arrays < c.memory < 2 * arrays
    assert c.bytes > 4 * 4 * c.params, "weights and averages are read, and weights written"


@pytest.mark.slow
def test_the_seconds_foretold_are_those_of_a_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a factor of 3 of the quickest of three trainings; other work may run beside them."""
    monkeypatch.setattr(cost, "SECONDS", 0.5)
    trainer, data = prepared("denoise", 20 * BATCH, epochs=5)
    c = cost.measure(trainer, data, jax.random.key(0))
    foretold = c.seconds - c.compile_s
    ratio = foretold / min(clocked(trainer, data) for _ in range(3))
    assert 1 / 3 < ratio < 3


def clocked(trainer: setup.Trainer, data: Split) -> float:
    """Seconds of all steps of a training, compilation not counted."""
    state = trainer.init(jax.random.key(0), np.zeros((28, 28, 1), np.float32))
    chunks = loop.train(trainer, state, data, jax.random.key(0))
    first = next(chunks)  # it compiles
    begun, steps = time.perf_counter(), 0
    for chunk in chunks:
        steps += chunk.steps[1] - chunk.steps[0]
    seconds = time.perf_counter() - begun
    return seconds * (steps + first.steps[1]) / steps
