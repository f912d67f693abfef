"""The error of every code size: that of PCA where the code is PCA, and who wins in words."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest

from ae_jax.analysis import code_size
from ae_jax.analysis.finding import NotApplicable
from ae_jax.data.arrays import Split
from ae_jax.model.bottleneck.ordered import NestedBottleneck
from ae_jax.model.bottleneck.plain import IdentityBottleneck
from ae_jax.model.bottleneck.quantized import FiniteBottleneck

SHAPE, K = (2, 3, 1), 4


def images():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((200, 6)) * np.array([9, 6, 4, 2, 1, 0.5]) / 60 + 0.5
    return np.float32(np.clip(rows @ np.linalg.qr(rng.standard_normal((6, 6)))[0], -2, 2) / 4 + 0.5)


def study(rows, bottleneck, scale=1.0):
    """A run whose code is PCA's, times `scale` at decoding."""
    mean = rows.mean(0)
    _, _, V = np.linalg.svd(rows - mean, full_matrices=False)
    run = SimpleNamespace(
        config=SimpleNamespace(name="pca", model=SimpleNamespace(code_size=K), penalties={}),
        model=SimpleNamespace(
            shape=SHAPE, conditional=False, module=SimpleNamespace(bottleneck=bottleneck)
        ),
        encode=lambda x: (x.reshape(len(x), -1) - mean) @ V[:K].T,
        decode=lambda z, labels=None: (scale * z @ V[:K] + mean).reshape(-1, *SHAPE),
    )
    split = Split(rows.reshape(-1, *SHAPE), None)
    return SimpleNamespace(run=run, train=split, test=split)


def test_a_code_that_is_pca_has_its_error_at_every_size():
    """What k components leave is the sum of the other eigenvalues."""
    rows = images()
    found = code_size.measure(study(rows, NestedBottleneck()), jax.random.key(0))
    s = np.linalg.svd(rows - rows.mean(0), compute_uv=False)
    left = np.cumsum((s**2)[::-1])[::-1][1 : K + 1] / rows.size
    np.testing.assert_allclose(found.numbers["mse"], left, rtol=1e-3)
    np.testing.assert_allclose(found.control["pca_mse"], left, rtol=1e-3)
    assert found.control["mean_image_mse"] == pytest.approx(np.sum(s**2) / rows.size, rel=1e-3)
    assert found.numbers["enough"] == K
    (axes,) = code_size.draw(found)[""].axes
    assert [line.get_linestyle() for line in axes.lines[:2]] == ["-", "--"], "the run, PCA"


def test_who_wins_at_how_many_sizes():
    numbers = {"sizes": [1, 2, 3], "mse": [0.05, 0.02, 0.019], "enough": 2,
               "gain_db": [(1.0, 0.1), (2.0, 0.1), (-1.0, 0.1)]}  # fmt: skip
    control = {"pca_mse": [0.06, 0.03, 0.015], "enough": 3, "mean_image_mse": 0.04}
    said = code_size.judge(numbers, control)
    assert "wins over PCA at 1 of 3 sizes and loses at 1, -1.00 ± 0.10 dB with all 3" in said
    assert said.endswith("2 numbers are within 10 % of the error of all (PCA 3)")


@pytest.mark.parametrize("bottleneck", [IdentityBottleneck(), FiniteBottleneck()])
def test_a_code_without_order_is_not_cut(bottleneck):
    with pytest.raises(NotApplicable, match=r"bottleneck\.name=nested"):
        code_size.measure(study(images(), bottleneck), jax.random.key(0))


def test_the_smallest_size_that_is_enough():
    assert code_size.enough(np.array([4.0, 1.2, 1.09, 1.0])) == 3
    assert code_size.enough(np.array([1.0, 2.0, 1.0])) == 1
