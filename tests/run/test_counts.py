"""Counts whose means are known, and what is no count."""

import jax
import numpy as np
import pytest

import ae_jax
from ae_jax.data import bundled


def test_the_bundled_counts_have_the_means_and_variances_they_say():
    x, means = bundled.counted(20_000)
    large = means > 5
    excess = (np.square(x - means) - means)[large] / np.square(means[large])
    assert excess.mean() == pytest.approx(bundled.DISPERSION, rel=0.05)
    np.testing.assert_allclose(x.mean(0), means.mean(0), rtol=0.05)


@pytest.mark.slow
def test_reconstructions_are_near_the_means_behind_the_counts():
    """Nearer than the counts are; most so with the likelihood that the counts have."""
    x, means = bundled.counted(1_000, seed=1)

    def error(y):
        return np.sqrt(np.mean(np.square(np.log(y) - np.log(means))))

    errors = {}
    for config in ("counts", "counts:poisson"):
        run = ae_jax.fit(config, "counts", jax.random.key(0), progress=False)
        errors[config] = error(run.reconstruct(x))
    assert errors["counts"] < 0.9 * errors["counts:poisson"]
    # 0.44; PCA of log(1 + x) with as many numbers as made the counts has 0.47.
    assert errors["counts"] < 0.6 * min(error(np.maximum(x, 0.5)), error(x.mean(0)[None]))


@pytest.mark.parametrize(
    ("wrong", "said"), [(0.5, "0.5 in row 3, column 1"), (-1.0, "-1 in row 3, column 1")]
)
def test_what_is_no_count_is_refused(wrong, said):
    x = np.ones((20, 4))
    x[3, 1] = wrong
    data = ae_jax.from_arrays(x, x[:2], kind="rows")
    with pytest.raises(ae_jax.DataError, match=f"train: {said}; loss.name"):
        ae_jax.fit("counts", data, 0, progress=False)


def test_what_counts_need_is_said():
    for change in ({"decoder.output": "linear"}, {"data.scale": "standard"}):
        with pytest.raises(ae_jax.ConfigError, match="of counts as they are"):
            ae_jax.load_config("counts", **change)
