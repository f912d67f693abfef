"""Known features: rows are their sums, a decoder that has them finds all, random ones do not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import f1_score

import ae_jax
from ae_jax.analysis import NotApplicable, Study, recovery
from ae_jax.data import bundled


def test_rows_are_sums_of_a_few_features():
    x, a = bundled.combined(20_000)
    D = bundled.features()
    np.testing.assert_allclose(np.linalg.norm(D, axis=1), 1)
    np.testing.assert_allclose(x[7], sum(a[7, j] * D[j] for j in np.flatnonzero(a[7])))
    present = (a > 0).sum(1)
    p = bundled.ACTIVE / bundled.N_FEATURES
    assert present.mean() == pytest.approx(4, abs=0.05), "binomial of 512 and 4/512"
    assert present.var() == pytest.approx(512 * p * (1 - p), rel=0.05)
    assert a[a > 0].min() >= 0.5 and a.max() <= 1.5
    assert not np.allclose(x[:5], bundled.combined(5, seed=1)[0])


def test_matches_and_f1_against_loops_and_scikit_learn():
    rng = np.random.default_rng(0)
    features, units = rng.standard_normal((4, 6)), rng.standard_normal((9, 6))
    found, which = recovery.matches(features, units)
    for i, feature in enumerate(features):
        cosines = [f @ feature / np.linalg.norm(f) / np.linalg.norm(feature) for f in units]
        assert found[i] == pytest.approx(max(cosines)) and which[i] == np.argmax(cosines)
    told, true = rng.random((50, 3)) < 0.4, rng.random((50, 3)) < 0.3
    by_sklearn = f1_score(true, told, average=None)
    np.testing.assert_allclose(recovery.f1(told, true), by_sklearn)


def trained(**fields):
    """A run whose decoder is the features, and its encoder their transpose."""
    few = {"train.epochs": 0, "model.code_size": bundled.N_FEATURES}
    config = ae_jax.load_config("dictionary", **{**few, **fields})
    data = ae_jax.load_data("dictionary")
    return ae_jax.fit(config, data, jax.random.key(0), progress=False), data


@pytest.mark.slow
def test_a_decoder_that_has_the_features_finds_all():
    run, data = trained()
    before = recovery.measure(Study(run, data, jax.random.key(1)), jax.random.key(1)).numbers
    assert before["found"] == 0 and before["cosine"].value < 0.6
    D = jnp.asarray(bundled.features(), jnp.float32)
    params = jax.tree.map(jnp.zeros_like, run.variables["params"])
    params["encoder"]["layer_0"]["kernel"], params["decoder"]["layer_0"]["kernel"] = D.T, D
    threshold = {"threshold": jnp.float32(0.45), "weight": jnp.float32(1.0)}
    statistics = {"batch_stats": {"bottleneck": threshold}}
    run = run._replace(variables={**run.variables, "params": params, **statistics})
    found = recovery.measure(Study(run, data, jax.random.key(1)), jax.random.key(1))
    numbers, control = found.numbers, found.control
    assert numbers["found"] == control["features"] == 512
    assert numbers["cosine"].value == pytest.approx(1) and control["cosine"].value < 0.5
    x, a = bundled.combined(len(data.test.images), seed=1)
    told = x @ np.asarray(D).T > 0.45
    by_sklearn = f1_score(a > 0, told, average="macro")
    assert numbers["f1"].value == pytest.approx(by_sklearn, abs=1e-3)
    assert numbers["active"] == pytest.approx(told.sum(1).mean(), abs=1e-2)
    said = recovery.judge(numbers, control)
    assert said.startswith("512 of 512 features are found (cosine of 0.9 or more); the largest cos")
    (axes,) = recovery.draw(found)[""].axes
    assert axes.get_xlabel() == "largest cosine with a unit" and len(axes.lines) == 2


def test_what_it_is_not_for():
    run, data = trained(**{"decoder.hidden": (8,)})
    with pytest.raises(NotApplicable, match="needs a linear decoder"):
        recovery.measure(Study(run, data, jax.random.key(1)), jax.random.key(1))
    other = ae_jax.from_arrays(data.train.images, name="other", kind="rows")
    with pytest.raises(NotApplicable, match=r"needs data\.name 'dictionary'"):
        recovery.measure(Study(run, other, jax.random.key(1)), jax.random.key(1))
