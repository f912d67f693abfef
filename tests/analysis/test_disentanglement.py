"""Known factors: codes that are the factors have all scores, rotations few, noise chance."""

import json

import numpy as np
import pytest
from scipy.stats import ortho_group
from sklearn.metrics import mutual_info_score

import ae_jax
from ae_jax.analysis import NotApplicable, Study, disentanglement, judge
from ae_jax.analysis import disentanglement_scores as scores
from ae_jax.data import shapes
from ae_jax.figures.charts import Figure

RNG = np.random.default_rng(0)
VALUES = shapes.factors(RNG, 3000)
UNIT = (VALUES - VALUES.mean(0)) / VALUES.std(0)
ROTATED = UNIT @ ortho_group.rvs(5, random_state=0)
NOISE = RNG.normal(size=(3000, 5))


def test_the_gap_of_a_table_by_hand():
    """v has values 0 and 1, three each; z_0 tells four of six apart, z_1 none."""
    v = np.array([0, 0, 0, 1, 1, 1])[:, None]
    z = np.array([[0, 0, 1, 1, 2, 2], [0, 1, 0, 0, 1, 0]]).T
    # H(v) = log 2. Of z_0, H(v | z_0) = (2 0 + 2 log 2 + 2 0) / 6, so I = 2/3 log 2. Of z_1 both
    # values of v have it 1 once in three: I = 0.
    assert scores.mig(z, v) == pytest.approx([2 / 3])
    shared, whole = scores.information(z, v)
    np.testing.assert_allclose(shared[:, 0], [2 / 3 * np.log(2), 0], atol=1e-12)
    assert whole == pytest.approx([np.log(2)])


def test_information_is_scikit_learns():
    z, v = RNG.integers(0, 7, (200, 3)), RNG.integers(2, 5, (200, 2))
    z[:, 1] = v[:, 0] + z[:, 1] % 2
    shared, whole = scores.information(z, v)
    by_sklearn = [[mutual_info_score(a, b) for b in v.T] for a in z.T]
    np.testing.assert_allclose(shared, by_sklearn, atol=1e-12)
    np.testing.assert_allclose(whole, [mutual_info_score(b, b) for b in v.T])


def test_bins_are_numpys_histogram_and_few_values_are_kept():
    column = RNG.normal(size=500)
    found = scores.binned(np.stack([column, np.arange(500) % 3 * 7.5], axis=1))
    counts = np.bincount(found[:, 0], minlength=20)
    np.testing.assert_array_equal(counts, np.histogram(column, 20)[0])
    np.testing.assert_array_equal(found[:, 1], np.arange(500) % 3)


def test_the_gap_is_1_of_factors_and_almost_none_of_rotations_and_noise():
    assert scores.mig(UNIT * [1, -2, 3, 1, 1], VALUES).mean() > 0.96
    assert scores.mig(ROTATED, VALUES).mean() < 0.25
    assert abs(scores.mig(NOISE, VALUES).mean()) < 0.02
    twice = np.concatenate([UNIT, UNIT], axis=1)
    assert scores.mig(twice, VALUES).mean() == pytest.approx(0, abs=1e-9), "two numbers know each"


def test_shares_of_importance_by_hand():
    assert scores.disentangled(np.eye(4)) == pytest.approx(1)
    assert scores.disentangled(np.ones((3, 4))) == pytest.approx(0)
    # The first row matters twice as much and to one of two factors, the second to both.
    assert scores.disentangled(np.array([[2.0, 0], [0.5, 0.5]])) == pytest.approx(2 / 3)
    unused = np.array([[1.0, 0], [0, 1], [0, 0]])
    assert scores.disentangled(unused) == pytest.approx(1)
    # Each factor is in one number of three: complete as well.
    assert scores.disentangled(unused.T) == pytest.approx(1)


@pytest.mark.parametrize(
    ("codes", "low", "high"),
    [(UNIT, (0.95, 0.95, 0.98), (1, 1, 1)), (ROTATED, (0, 0, 0.4), (0.5, 0.5, 1)),
     (NOISE, (0, 0, -0.5), (0.1, 0.1, 0.05))],
)  # fmt: skip
def test_forests_find_the_factors_in_themselves_and_not_in_noise(codes, low, high):
    found = scores.dci((codes[:1500], VALUES[:1500]), (codes[1500:], VALUES[1500:]), seed=0)
    assert (np.array(low) <= found).all() and (np.array(found) <= high).all(), found


def test_a_code_in_which_nothing_matters_is_not_disentangled():
    assert scores.disentangled(np.zeros((3, 5))) == 0


def voted(code):
    rng = np.random.default_rng(1)
    scale = code(VALUES).std(0)
    train, test = (
        scores.votes(code, shapes.factors(rng, n * 16), 16, scale, rng) for n in (200, 300)
    )
    return scores.right(train, test, 5, len(scale)), scale


def test_votes_are_right_of_factors_and_by_chance_of_noise():
    # Noise in the small numbers: without the division by their deviation they had every vote.
    scales = np.array([20.0, 5.0, 1.0, 0.5, 0.2])
    hits, _ = voted(lambda v: scales * (v / v.std(0) + 0.05 * RNG.normal(size=v.shape)))
    assert hits.mean() > 0.95
    hits, _ = voted(lambda v: np.concatenate([3 * v, 0 * v[:, :1]], axis=1))
    assert hits.mean() == 1, "a number that never varies has no votes"
    hits, _ = voted(lambda v: RNG.normal(size=v.shape))
    assert judge.share(hits).value == pytest.approx(0.2, abs=0.08)


@pytest.fixture
def drawn(untrained):
    parts = shapes.images(VALUES[:200]), shapes.images(VALUES[200:240])
    return Study(untrained.run, ae_jax.from_arrays(*parts, name="shapes"), untrained.key)


def test_the_application_measures_judges_and_draws(drawn, monkeypatch):
    for name, less in (("IMAGES", 400), ("LEARNED", 25), ("TRAIN_VOTES", 20), ("TEST_VOTES", 20)):
        monkeypatch.setattr(disentanglement, name, less)
    monkeypatch.setattr(scores, "TREES", 2)
    found = disentanglement.APPLICATION(drawn, drawn.key_for("disentanglement"))
    stored = json.loads(json.dumps([found.numbers, found.control]))
    assert disentanglement.judge(*stored) == found.sentence
    assert set(found.figures) == {"", "factors"}
    assert all(isinstance(figure, Figure) for figure in found.figures.values())
    assert list(found.numbers["gap"]) == list(shapes.FACTORS)
    measures = {m: v.value for m, v in found.numbers["measures"].items()}
    assert measures["mig"] == pytest.approx(np.mean(list(found.numbers["gap"].values())))
    pca = {m: v.value for m, v in found.control["pca"].items()}
    gain = {m: v.value for m, v in found.numbers["gain_over_pca"].items()}
    assert gain == pytest.approx({m: measures[m] - pca[m] for m in measures})


def test_other_data_and_codes_of_one_number_are_refused(drawn, untrained):
    with pytest.raises(NotApplicable, match=r"needs data\.name 'shapes', whose factors are known"):
        disentanglement.measure(untrained, untrained.key)
    config = ae_jax.load_config("shapes", **{"model.code_size": 1})
    with pytest.raises(NotApplicable, match="two numbers or more"):
        disentanglement.measure(drawn.with_run(drawn.run._replace(config=config)), drawn.key)


def test_a_win_needs_more_than_noise_has():
    def table(value):
        return dict.fromkeys(disentanglement.MEASURES, (value, 0.01))

    numbers = {"measures": table(0.5), "gain_over_pca": table(0.3)}
    said = disentanglement.judge(numbers, {"pca": table(0.2), "noise": table(0.0)})
    assert said.startswith(
        "information gap (MIG) 0.500 ± 0.010: the run wins (PCA 0.200 ± 0.010, +0.300 ± 0.010; "
        "noise 0.000 ± 0.010); DCI disentanglement"
    )
    said = disentanglement.judge(numbers, {"pca": table(0.2), "noise": table(0.49)})
    assert "the run does not work" in said and "wins" not in said
