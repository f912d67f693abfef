"""The error of every code size: that of PCA where the code is PCA, and who wins in words.

Codes of low rank: of sets of a known rank, and PCA's code in other axes.
"""

from types import SimpleNamespace

import jax
import numpy as np
import pytest

import ae_jax
from ae_jax.analysis import Study, code_size, dimension
from ae_jax.analysis import judge as judging
from ae_jax.analysis.finding import NotApplicable
from ae_jax.data.arrays import Split
from ae_jax.evaluate import code_statistics
from ae_jax.model.bottleneck.low_rank import TruncatedBottleneck
from ae_jax.model.bottleneck.ordered import NestedBottleneck
from ae_jax.model.bottleneck.plain import IdentityBottleneck
from ae_jax.model.bottleneck.quantized import FiniteBottleneck
from ae_jax.model.networks.dense import DenseEncoder
from ae_jax.resolve.config import load_config

SHAPE, K = (2, 3, 1), 4


def images():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((200, 6)) * np.array([9, 6, 4, 2, 1, 0.5]) / 60 + 0.5
    return np.float32(np.clip(rows @ np.linalg.qr(rng.standard_normal((6, 6)))[0], -2, 2) / 4 + 0.5)


PLAIN = DenseEncoder(K, "torch")


def study(rows, bottleneck, encoder=PLAIN, turn=None, offset=0.0):
    """A run whose code is PCA's, or that turned by an orthogonal matrix and moved by `offset`."""
    mean = rows.mean(0)
    V = np.linalg.svd(rows - mean, full_matrices=False)[2][:K]
    V = V if turn is None else turn @ V
    module = SimpleNamespace(bottleneck=bottleneck, encoder=encoder)
    run = SimpleNamespace(
        config=SimpleNamespace(name="pca", model=SimpleNamespace(code_size=K), penalties={}),
        model=SimpleNamespace(shape=SHAPE, conditional=False, module=module),
        encode=lambda x: (x.reshape(len(x), -1) - mean) @ V.T + offset,
        decode=lambda z, labels=None: ((z - offset) @ V + mean).reshape(-1, *SHAPE),
    )
    split = Split(rows.reshape(-1, *SHAPE), None)
    return SimpleNamespace(run=run, train=split, test=split)


def test_a_code_that_is_pca_has_its_error_at_every_size():
    """What k components leave is the sum of the other eigenvalues."""
    rows = images()
    found = code_size.measure(study(rows, NestedBottleneck()), jax.random.key(0))
    assert "dimension" not in found.numbers, "its own axes are kept"
    s = np.linalg.svd(rows - rows.mean(0), compute_uv=False)
    left = np.cumsum((s**2)[::-1])[::-1][1 : K + 1] / rows.size
    np.testing.assert_allclose(found.numbers["mse"], left, rtol=1e-3)
    np.testing.assert_allclose(found.control["pca_mse"], left, rtol=1e-3)
    assert found.control["mean_image_mse"] == pytest.approx(np.sum(s**2) / rows.size, rel=1e-3)
    assert found.numbers["enough"] == K
    (axes,) = code_size.draw(found)[""].axes
    assert [line.get_linestyle() for line in axes.lines[:2]] == ["-", "--"], "the run, PCA"
    marked = {line.get_label(): line.get_xdata()[0] for line in axes.lines[2:]}
    local = found.control["local_dimension"]
    assert marked == {
        f"within 10 % of the whole code: {K}": K,
        f"local dimension of the images: {local.text()}": local.value,
    }


def test_who_wins_at_how_many_sizes():
    numbers = {"sizes": [1, 2, 3], "mse": [0.05, 0.02, 0.019], "enough": 2,
               "gain_db": [(1.0, 0.1), (2.0, 0.1), (-1.0, 0.1)]}  # fmt: skip
    control = {"pca_mse": [0.06, 0.03, 0.015], "enough": 3, "mean_image_mse": 0.04}
    said = code_size.judge(numbers, control)
    assert "wins over PCA at 1 of 3 sizes and loses at 1, -1.00 ± 0.10 dB with all 3" in said
    assert said.endswith("2 numbers are within 10 % of the error of all (PCA 3)")
    said = code_size.judge(
        {**numbers, "dimension": (2.0, 0.5)}, {**control, "local_dimension": (1.52, 0.04)}
    )
    assert "first 1 to 3 principal axes, the code wins over PCA at 1 of 3" in said
    assert "the training codes span 2.0 ± 0.5 dimensions" in said
    assert "training images span 1.5 ± 0.0 dimensions by a linear estimate" in said


LOW = [
    (TruncatedBottleneck(2), PLAIN),
    (IdentityBottleneck(), DenseEncoder(K, "torch", linear_layers=2)),
]


@pytest.mark.parametrize(("bottleneck", "encoder"), LOW)
def test_a_code_of_low_rank_is_cut_along_its_principal_axes(bottleneck, encoder):
    """However PCA's code is turned and moved, every size has PCA's error."""
    rows = images()
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((K, K)))[0]
    found = code_size.measure(study(rows, bottleneck, encoder, turn, 3.0), jax.random.key(0))
    np.testing.assert_allclose(found.numbers["mse"], found.control["pca_mse"], rtol=1e-3)
    assert found.numbers["dimension"] == (K, 0.0)
    (axes,) = code_size.draw(found)[""].axes
    assert "dimension of the codes: 4.0 ± 0.0" in [line.get_label() for line in axes.lines]


def of_rank(r, n=400):
    """Images [n, 2, 4] that span r dimensions of like variance about 0.5."""
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.standard_normal((8, 8)))[0][:r]
    return np.float32(0.5 + 0.1 * rng.uniform(-1, 1, (n, r)) @ axes).reshape(-1, 2, 4)


FOUND = {  # changes to a linear network of 6 numbers, and what it finds of a set of rank 3
    "rank above the set's": ({"bottleneck": {"name": "truncated_svd", "rank": 5}}, 3),
    "rank below the set's": ({"bottleneck": {"name": "truncated_svd", "rank": 2}}, 2),
    "linear layers": ({"encoder": {"bias": True, "linear_layers": 2}}, 3),
    "least volume": (
        {
            "decoder": {"bias": True, "spectral_norm": True},
            "penalties": {"least_volume": {"weight": 0.01}},
        },
        3,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", FOUND)
def test_a_trained_code_spans_the_dimensions_of_the_set(case):
    """So many, with nothing but rounding beyond, and so many are enough."""
    changes, dimension = FOUND[case]
    x = of_rank(3)
    config = load_config(
        "linear",
        **{
            "data": {"scale": "unit", "center": True},
            "model": {"code_size": 6},
            "optim": {"name": "adam", "learning_rate": 2e-2, "schedule": "cosine", "momentum": 0.0},
            "train": {"batch_size": 100, "epochs": 60},
            **changes,
        },
    )
    data = ae_jax.from_arrays(x, x)
    run = ae_jax.fit(config, data, jax.random.key(0), progress=False)
    found = code_size.measure(Study(run, data, jax.random.key(1)), jax.random.key(0))
    assert found.numbers["dimension"] == (dimension, 0.0)
    assert found.numbers["enough"] == dimension
    # 30 points of d dimensions alike: 30 d / (30 + d), and less of a box than of a ball
    assert 2.2 < found.control["local_dimension"].value < 3


def test_the_dimensions_of_codes_and_their_spread():
    """By the variances themselves; the jackknife of a mean is its standard error."""
    codes = np.random.default_rng(0).standard_normal((5000, 4)) * np.sqrt([1, 0.5, 2e-3, 5e-4])
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((4, 4)))[0]
    assert code_statistics.dimensions(codes @ turn) == 3
    assert code_statistics.dimensions(codes[:, :1]) == 1
    x = codes[:200, 0]
    found = judging.jackknifed(np.mean, x, parts=200)
    np.testing.assert_allclose(found, judging.mean(x), rtol=1e-9)
    assert judging.jackknifed(np.mean, x).error == pytest.approx(found.error, rel=0.6)


def test_the_local_dimension_of_a_line_and_of_a_cloud():
    """1; and nearly n d / (n + d + 1) where all n = 30 points are Gaussian in d dimensions."""
    rng = np.random.default_rng(0)
    along = rng.uniform(size=(200, 1)) @ np.ones((1, 6))
    found = dimension.local_dimension(np.float32(along[:20]), np.float32(along))
    np.testing.assert_allclose(found, (1, 0), atol=1e-5)
    clouds = [rng.standard_normal((30, 5)) for _ in range(100)]
    found = [dimension.local_dimension(cloud[:1], cloud).value for cloud in clouds]
    assert np.mean(found) == pytest.approx(29 * 5 / (29 + 5 + 1), rel=0.02)


@pytest.mark.parametrize("bottleneck", [IdentityBottleneck(), FiniteBottleneck()])
def test_a_code_without_order_is_not_cut(bottleneck):
    with pytest.raises(NotApplicable, match=r"bottleneck\.name=nested"):
        code_size.measure(study(images(), bottleneck), jax.random.key(0))


def test_the_smallest_size_that_is_enough():
    assert code_size.enough(np.array([4.0, 1.2, 1.09, 1.0])) == 3
    assert code_size.enough(np.array([1.0, 2.0, 1.0])) == 1
