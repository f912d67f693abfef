"""Hidden entries of rows: other methods by their own libraries, verdicts of hand-made numbers."""

import jax
import numpy as np
import pytest
from sklearn.impute import KNNImputer

import ae_jax
from ae_jax.analysis import APPLICATIONS, NotApplicable, Study, imputation
from ae_jax.analysis.finding import Measured
from ae_jax.analysis.judge import Estimate
from ae_jax.run.ready import ready

NAMES = ("column means", "PCA, 2 numbers", "k nearest rows", "chained regressions")


REFUSING = {"data": {"missing": "refuse"}, "train": {"epochs": 0, "batch_size": 9}}


def low_rank(n=300, seed=0):
    """Rows of rank 2 about a mean: nothing but two numbers of a row is to be known."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2)) @ rng.normal(size=(2, 6)) * 3 + 10
    return x + 0.01 * rng.normal(size=x.shape)


@pytest.fixture(scope="module")
def study():
    data = ae_jax.from_arrays(low_rank(), name="low rank")
    config = {
        "data": {"scale": "standard", "indicator": True},
        "corruption": {"name": "hide", "rate": 0.3},
        "model": {"code_size": 2},
        "train": {"batch_size": 27, "epochs": 2},
    }
    run = ae_jax.fit(config, data, 0, progress=False)
    return Study(run.inner, ready(run.config, data)[1], jax.random.key(0))


def test_the_other_methods_are_those_of_their_libraries_on_the_same_entries(study):
    found = imputation.APPLICATION.measure(study, jax.random.key(1))
    test = study.test.images.reshape(-1, 6)
    train = study.train.images.reshape(-1, 6)
    u = np.asarray(jax.random.uniform(jax.random.key(1), study.test.images.shape)).reshape(-1, 6)
    hidden = u < 0.2
    asked = np.where(hidden, np.nan, test)
    assert found.numbers["hidden"] == hidden.sum()
    assert tuple(found.control["mse"]) == NAMES
    near = KNNImputer().fit(train).transform(asked)
    expected = {
        "column means": np.square(train.mean(0) - test)[hidden].mean(),
        "k nearest rows": np.square(near - test)[hidden].mean(),
    }
    for name, mse in expected.items():
        assert found.control["mse"][name] == pytest.approx(mse, rel=1e-4)
    # Two components are all there is: what they say of the holes is right where a row shows two.
    enough = hidden.sum(axis=1) <= 3
    pca = imputation.others(train, asked, 2)["PCA, 2 numbers"]
    off = np.abs(pca - test)[hidden & enough[:, None]]
    assert off.mean() < 0.03 < 0.5 < np.abs(test[hidden] - train.mean(0).mean()).mean()


@pytest.mark.parametrize(
    "mse, gain, said",
    [
        (0.1, Estimate(0.2, 0.01), "the run wins"),
        (0.3, Estimate(-0.1, 0.01), "PCA, 2 numbers wins"),
        (0.2, Estimate(0.01, 0.01), "the run and PCA, 2 numbers tie"),
        (1.5, Estimate(0.2, 0.01), "the run does not work"),
    ],
)
def test_the_best_of_the_others_is_the_rival(mse, gain, said):
    others = {"column means": 1.0, "PCA, 2 numbers": 0.2, "k nearest rows": 0.6}
    gains = {name: Estimate(9.0, 0.1) for name in others} | {"PCA, 2 numbers": gain}
    numbers = {"mse": mse, "gain": gains, "hidden": 1234}
    sentence = imputation.judge(numbers, {"mse": others})
    assert sentence.startswith(f"{said}: mse {mse:.3f} on 1,234 hidden entries")


def test_bars_end_at_the_errors():
    measured = Measured(
        {"mse": 0.25, "gain": {}, "hidden": 1},
        {"mse": {"column means": 1.0, "k nearest rows": 0.5}},
        imputation.Shown("rows"),
    )
    axes = imputation.draw(measured)[""].axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.25, 1.0, 0.5]


def test_it_is_for_rows_with_holes_and_others_are_for_images(study):
    data = ae_jax.from_arrays(low_rank(60), name="low rank")
    run = ae_jax.fit(REFUSING, data, 0, progress=False)
    bare = Study(run.inner, ready(run.config, data)[1], jax.random.key(0))
    with pytest.raises(NotApplicable, match="without holes"):
        imputation.APPLICATION(bare, jax.random.key(0))
    with pytest.raises(NotApplicable, match="is for images, and these are rows"):
        APPLICATIONS["pca"](study, jax.random.key(0))
