"""The cost of a step against the closed form of dense networks."""

import itertools

import jax
import numpy as np
import pytest

from ae_jax import load_config
from ae_jax.data.arrays import Split
from ae_jax.train import cost, setup


@pytest.mark.parametrize("name, widths", [("denoise", (784, 500, 784)), ("linear", (784, 32, 784))])
def test_flops_and_parameters_of_dense_networks(
    name: str, widths: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "SECONDS", 0.05)
    config = load_config(name, **{"train.batch_size": 64, "train.epochs": 3})
    images = np.zeros((160, 28, 28, 1), np.uint8)
    trainer = setup.prepare(config, (28, 28, 1), 160)
    c = cost.measure(trainer, Split(images, None), jax.random.key(0))
    products = [a * b for a, b in itertools.pairwise(widths)]
    biases = sum(widths[1:]) if name == "denoise" else 0
    assert c.params == sum(products) + biases
    # 2 a product forward, 2 for each gradient; the first layer needs none of its input. Adam,
    # noise and activations come on top: some 12 a parameter and 30 a pixel.
    least = 2 * 64 * (3 * sum(products) - products[0])
    assert least < c.flops < least + 20 * c.params + 60 * 64 * 784
    assert c.memory > images.nbytes + 3 * 4 * c.params  # weights and Adam's two averages
    assert c.steps == 9
    assert c.seconds == pytest.approx(c.compile_s + 9 * c.step_s)
