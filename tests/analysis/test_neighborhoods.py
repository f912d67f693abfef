"""Neighborhoods and distances that codes keep: against scikit-learn, SciPy and enumeration."""

import itertools
import json

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

from ae_jax.analysis import NotApplicable, Study, neighborhoods
from ae_jax.analysis import neighbor_scores as scores
from ae_jax.analysis.finding import Measured
from ae_jax.figures.charts import Figure

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5))
Z = X[:, :2] + 0.3 * RNG.normal(size=(60, 2))
x, z = scores.space(X), scores.space(Z)


@pytest.mark.parametrize("k", [1, 5, 12])
def test_trustworthiness_and_continuity_are_scikit_learns(k):
    assert scores.trustworthiness(x, z, k) == pytest.approx(trustworthiness(X, Z, n_neighbors=k))
    found = neighborhoods.measures(x, z, scores.drawn(RNG, 60), k)
    assert found["continuity"] == pytest.approx(trustworthiness(Z, X, n_neighbors=k))


def test_recall_triplets_and_correlation_by_loops_and_scipy():
    neighbors = NearestNeighbors(n_neighbors=4)
    near = [neighbors.fit(v).kneighbors(return_distance=False) for v in (X, Z)]
    shared = np.mean([len({*a} & {*b}) / 4 for a, b in zip(*near, strict=True)])
    assert scores.recall(x, z, 4) == pytest.approx(shared)
    some = np.array(list(itertools.permutations(range(8), 3)))
    kept = [
        (np.linalg.norm(X[a] - X[b]) < np.linalg.norm(X[a] - X[c]))
        == (np.linalg.norm(Z[a] - Z[b]) < np.linalg.norm(Z[a] - Z[c]))
        for a, b, c in some
    ]
    assert scores.triplet_accuracy(x, z, some) == pytest.approx(np.mean(kept))
    pairs = np.array(list(itertools.combinations(range(60), 2)))
    apart = [np.linalg.norm(v[pairs[:, 0]] - v[pairs[:, 1]], axis=1) for v in (X, Z)]
    by_scipy = spearmanr(*apart).statistic
    assert scores.distance_correlation(x, z, pairs) == pytest.approx(by_scipy)
    flat = scores.space(np.zeros((60, 2)))
    assert scores.triplet_accuracy(x, flat, some) == 0.5
    assert scores.distance_correlation(x, flat, pairs) == 0


def test_what_is_drawn_are_different_examples_each_as_often():
    drawn = scores.drawn(RNG, 70)
    assert all(len({*row}) == len(row) for rows in drawn for row in rows.tolist())
    assert len({frozenset(p) for p in drawn.pairs.tolist()}) == len(drawn.pairs) == 30 * 70
    assert set(np.bincount(drawn.pairs.ravel())) == {60}
    assert (np.bincount(drawn.triplets[:, 0], minlength=70) > 40).all()


def test_leaving_out_is_measuring_the_rest():
    gone = np.arange(60) % 7 == 2
    rest = scores.space(X[~gone])
    left = scores.without(x, gone)
    np.testing.assert_array_equal(left.near, rest.near)
    np.testing.assert_array_equal(left.ranks, rest.ranks)
    kept = scores.kept(scores.drawn(RNG, 60), gone)
    assert not gone[kept.triplets].any() and not gone[kept.pairs].any() and len(kept.pairs)


def test_equal_rotated_and_random_codes_have_the_values_they_must():
    rotated = 3 * X @ np.linalg.qr(RNG.normal(size=(5, 5)))[0] + 1
    found, gain = neighborhoods.compared(X, {"a": rotated, "b": X}, RNG)
    for name in neighborhoods.MEASURES:
        assert found["a"][name].value == pytest.approx(1)
        assert abs(gain[name].value) < 1e-9 and gain[name].error < 1e-9
    many = RNG.normal(size=(400, 5))
    noise = {"a": RNG.normal(size=(400, 2)), "b": many}
    found, _ = neighborhoods.compared(many, noise, RNG)
    for name, value in neighborhoods.chance(400, neighborhoods.NEAREST).items():
        assert found["a"][name].value == pytest.approx(value, abs=4 * found["a"][name].error)


def test_the_error_is_the_spread_over_other_examples():
    """Of the run's measures, and of the gain, over sets of examples drawn anew."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(30):
        v = rng.normal(size=(120, 4)) * [2, 1, 1, 1]
        codes = {"a": v[:, :2] + 0.2 * rng.normal(size=(120, 2)), "b": v[:, :2]}
        ours, gain = neighborhoods.compared(v, codes, rng)
        found.append([[*ours["a"].values()], [*gain.values()]])
    values, errors = np.moveaxis(np.array(found), -1, 0)  # [draws, of a or of the gain, measure]
    ratio = np.sqrt(np.mean(errors**2, axis=0)) / values.std(0, ddof=1)
    assert (ratio > 0.65).all() and (ratio[0] < 1.5).all() and (ratio[1] < 2.7).all(), ratio


def test_verdicts_need_more_than_the_error_and_than_chance():
    names = list(neighborhoods.MEASURES)
    table = {name: (0.9, 0.01) for name in names}
    gains = dict(
        zip(names, [(0.1, 0.01), (0.01, 0.01), (-0.1, 0.01), (0, 0), (0.1, 0.01)], strict=True)
    )
    numbers = {"measures": table, "gain_over_pca": gains, "neighbors": 10}
    chance = {**dict.fromkeys(names, 0.5), "distances": 0.95}
    said = neighborhoods.judge(numbers, {"pca": table, "chance": chance})
    assert said == (
        "of neighbors (the 10 nearest) and distances, the run wins: trustworthiness 0.900 ± 0.010 "
        "(PCA 0.900 ± 0.010, +0.100 ± 0.010); the run and PCA tie: continuity 0.900 ± 0.010 (PCA "
        "0.900 ± 0.010, +0.010 ± 0.010), triplet accuracy 0.900 ± 0.010 (PCA 0.900 ± 0.010, +0.000 "
        "± 0.000); PCA wins: recall of neighbors 0.900 ± 0.010 (PCA 0.900 ± 0.010, -0.100 ± "
        "0.010); the run does not work: correlation of distances 0.900 ± 0.010 (PCA 0.900 ± "
        "0.010, +0.100 ± 0.010)"
    )


def test_the_application_measures_judges_and_draws(untrained):
    found = neighborhoods.APPLICATION(untrained, untrained.key_for("neighborhoods"))
    stored = json.loads(json.dumps([found.numbers, found.control]))
    assert neighborhoods.judge(*stored) == found.sentence
    assert set(found.figures) == {"", "recall"}
    assert all(isinstance(figure, Figure) for figure in found.figures.values())
    assert list(found.numbers["recall_by_neighbors"]) == [1, 2, 5, 10]
    few = Study(untrained.run, untrained.data, untrained.key, most=(100, 30))
    with pytest.raises(NotApplicable, match="needs 40 test examples, and these are 30"):
        neighborhoods.measure(few, few.key)


def test_the_bars_are_the_measures():
    names = list(neighborhoods.MEASURES)
    ours, theirs = ({n: (v + 0.01 * i, 0.1) for i, n in enumerate(names)} for v in (0.8, 0.7))
    numbers = {"measures": ours, "recall_by_neighbors": {1: 0.5, 10: 0.75}}
    control = {"pca": theirs, "pca_recall_by_neighbors": {1: 0.25, 10: 0.5}}
    control["chance"] = dict.fromkeys(names, 0.125)
    shown = neighborhoods.Shown("mine", 8, 8, 101)
    figures = neighborhoods.draw(Measured(numbers, control, shown))
    bars = [[b.get_height() for b in c] for c in figures[""].axes[0].containers]
    expected = [[v[0] for v in ours.values()], [v[0] for v in theirs.values()], [0.125] * 5]
    np.testing.assert_allclose(bars, expected)
    lines = [line.get_ydata() for line in figures["recall"].axes[0].lines]
    np.testing.assert_allclose(lines, [[0.5, 0.75], [0.25, 0.5], [0.01, 0.1]])
