"""The detector of strange rows: scikit-learn's own checks, p-values, reasons, holes, frames."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from ae_jax.errors import ConfigError
from ae_jax.evaluate.conformal import findings
from ae_jax.sklearn import AnomalyDetector

RNG = np.random.default_rng(0)


LAW = np.array([1, 2, -1, 0.5])


def bound(n, rng=RNG):
    """Rows [n, 4] that follow from one number, all but a little noise."""
    return rng.normal(size=(n, 1)) * [LAW] + 0.05 * rng.normal(size=(n, 4))


X = bound(400)
STRANGE = bound(40)
STRANGE[:, 3] = RNG.permutation(STRANGE[:, 3])  # each number is ordinary
QUICK = AnomalyDetector(steps=5, members=1, random_state=0)


@pytest.mark.long
@parametrize_with_checks([AnomalyDetector(steps=2, members=1)])
def test_what_scikit_learn_asks_of_an_estimator(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def fitted():
    return AnomalyDetector(steps=400, calibration=0.25, random_state=0).fit(X)


def test_rows_that_break_a_law_are_found_though_each_number_is_ordinary(fitted):
    new = bound(200)
    y = np.repeat([0, 1], [200, 40])
    both = np.concatenate([new, STRANGE])
    # What is permuted may be right by chance. Who knows the law has the Mahalanobis distance.
    precision = np.linalg.inv(np.outer(LAW, LAW) + 0.05**2 * np.eye(4))
    best = roc_auc_score(y, np.einsum("ni,ij,nj->n", both, precision, both))
    apart = roc_auc_score(y, np.square(both / LAW).max(1))
    assert apart < 0.7 < 0.85 < best
    assert roc_auc_score(y, -fitted.score_samples(both)) > best - 0.02
    np.testing.assert_allclose(
        fitted.decision_function(both), fitted.score_samples(both) - fitted.offset_, rtol=1e-12
    )
    np.testing.assert_array_equal(
        fitted.predict(both), np.where(fitted.decision_function(both) < 0, -1, 1)
    )


def test_rows_held_out_score_as_new_ones_do_and_findings_are_true(fitted):
    new = fitted.score_samples(bound(400, np.random.default_rng(5)))
    assert len(fitted.calibration_scores_) == 100
    # All p-values share the rows held out: whether both are of one distribution is the question.
    assert ks_2samp(fitted.calibration_scores_, new).pvalue > 0.01
    assert ks_2samp(fitted.calibration_scores_, fitted.score_samples(STRANGE)).pvalue < 1e-9
    both = np.concatenate([bound(200, np.random.default_rng(6)), STRANGE])
    found = findings(fitted.p_values(both), 0.2)
    assert found[200:].sum() > 20 and found[:200].sum() <= 0.4 * found.sum()


def test_reasons_name_the_column_its_value_and_what_was_expected(fitted):
    row = np.array([[1.0, 2.0, -1.0, -1.0]])  # the others say 0.5 in the last column
    (reasons,) = fitted.explain(row, top=2)
    assert reasons[0].column == "x3" and reasons[0].value == -1.0
    assert 0 < reasons[0].expected < 1 and reasons[0].by > reasons[1].by > 0
    assert [len(r) for r in fitted.explain(X[:3], top=9)] == [4, 4, 4]
    assert fitted.explain(X[:1], top=0) == [[]]


def test_parts_of_an_average_row_add_nothing(fitted):
    """Over the training rows reasons sum to 0 in each column: the score's own average is taken."""
    inside = clone(fitted).set_params(calibration=None, steps=50).fit(X)
    by = {c: [] for c in ("x0", "x1", "x2", "x3")}
    for reasons in inside.explain(X, top=4):
        for reason in reasons:
            by[reason.column].append(reason.by)
    assert all(len(b) == 400 and abs(np.mean(b)) < 1e-9 for b in by.values())


@pytest.mark.slow
def test_contamination_is_the_share_that_is_called_strange():
    few = clone(QUICK).set_params(contamination=0.05).fit(X)
    assert (few.predict(X) == -1).sum() == 20
    assert (clone(few).fit_predict(X) == few.predict(X)).all()
    auto = clone(QUICK).fit(X)
    scores = auto.score_samples(X)
    low, high = np.quantile(scores, (0.25, 0.75))
    assert auto.offset_ == pytest.approx(
        max(low - 1.5 * (high - low), np.sort(scores)[:2].mean()), rel=1e-12
    )
    assert (auto.predict(X) == -1).any()


def test_holes_and_frames_with_names():
    holes = X.copy()
    holes[RNG.random(X.shape) < 0.2] = np.nan
    frame = pd.DataFrame(holes, columns=["a", "b", "sum", "other"])
    fitted = clone(QUICK).set_params(steps=100).fit(frame)
    assert list(fitted.feature_names_in_) == ["a", "b", "sum", "other"]
    assert np.isfinite(fitted.score_samples(frame)).all()
    row = frame.iloc[:1].copy()
    row["sum"] = np.nan
    (reasons,) = fitted.explain(row, top=4)
    assert {r.column for r in reasons} <= {"a", "b", "other"}
    nothing = pd.DataFrame(np.full((1, 4), np.nan), columns=frame.columns)
    assert fitted.score_samples(nothing)[0] == pytest.approx(
        np.median(fitted.score_samples(frame)), abs=0.02
    )
    with pytest.raises(ValueError, match="feature names"):
        fitted.score_samples(frame[["b", "a", "sum", "other"]])


def test_rows_however_far_off_are_scored_and_are_strange(fitted):
    far = np.array([[1e300, 0, 0, 0], [-1e30, 1e30, 0, 0], [1e9, 1e9, 1e9, 1e9]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (fitted.predict(far) == -1).all()
        assert np.isfinite(fitted.score_samples(far)).all()


def test_pickles_and_clones_and_pipelines(fitted):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.score_samples(X), fitted.score_samples(X))
    model = make_pipeline(StandardScaler(), clone(QUICK)).fit(X)
    assert set(model.predict(X)) == {-1, 1}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"contamination": 0.7}, r"contamination: must be 'auto' or in \(0, 0.5\]"),
        ({"contamination": "few"}, "contamination"),
        ({"calibration": 1.5}, r"calibration: must be None or in \(0, 1\)"),
        ({"calibration": 0.9999}, "calibration: 400 rows held out leave none"),
    ],
)
def test_wrong_options_are_value_errors(options, said):
    with pytest.raises(ValueError, match=said):
        clone(QUICK).set_params(**options).fit(X)


def test_wrong_steps_rows_and_orders_of_calls_are_named(fitted):
    with pytest.raises(ConfigError, match="steps: must be a whole number >= 1"):
        clone(QUICK).set_params(steps=0).fit(X)
    with pytest.raises(NotFittedError):
        clone(QUICK).score_samples(X)
    with pytest.raises(ValueError, match="X: column x2 goes beyond 1e\\+150"):
        clone(QUICK).fit(np.where(np.arange(4) == 2, 1e200, X))
    with pytest.raises(ValueError, match="column 1: no number"):
        clone(QUICK).fit(np.where(np.arange(4) == 1, np.nan, X))
    with pytest.raises(ValueError, match="a masked array"):
        clone(QUICK).fit(np.ma.masked_where(X > 0.5, X))
    with pytest.raises(ValueError, match="infinity"):
        fitted.score_samples(np.full((1, 4), np.inf))
    plain = clone(QUICK).fit(X)
    with pytest.raises(ValueError, match="p_values: no rows were held out"):
        plain.p_values(X)


def test_the_score_is_the_mean_over_the_members():
    X = np.random.default_rng(0).normal(size=(60, 4))
    one, two = (clone(QUICK).set_params(members=n).fit(X) for n in (1, 2))
    alone = [run.score_hidden(X, two._seed, two.draws) for run in two.runs_]
    alone = [(found.parts + found.shown).mean(1) for found in alone]
    np.testing.assert_array_equal(one.score_samples(X), -alone[0])
    assert np.abs(alone[0] - alone[1]).max() > 0.01, "another start"
    mean = (alone[0] + alone[1]) / 2
    np.testing.assert_allclose(two.score_samples(X), -mean, rtol=1e-12)
    again = pickle.loads(pickle.dumps(two))
    np.testing.assert_array_equal(again.score_samples(X), two.score_samples(X))
