"""Filling holes: entries of test examples are hidden, and filled by the run and by other methods.

The run fills with its reconstruction (`run.impute`). Beside it stand the mean of the column (of
images the mean image), PCA of equal code size (iterated), and scikit-learn's KNNImputer and
IterativeImputer.
"""

from typing import NamedTuple, TypedDict

import jax
import numpy as np

from ae_jax.analysis import judge as judging
from ae_jax.analysis.finding import Application, Measured, NotApplicable, Study
from ae_jax.analysis.judge import Estimate
from ae_jax.evaluate import incomplete
from ae_jax.evaluate.baselines import known_rows
from ae_jax.figures import Figure, bars

SHARE = 0.2  # of the observed entries, hidden
MOST_ROWS = 2000  # training rows for scikit-learn's methods
MOST_COLUMNS = 100  # above it IterativeImputer takes minutes
MEANS = {"column means": "a row", "the mean image": "an image"}  # what the mean is called, of what


class Numbers(TypedDict):
    """Of the run."""

    mse: float  # on what was hidden, in units of data.scale, of images in [0,1] units
    gain: dict[str, Estimate]  # each method's error minus the run's, a mean over examples
    hidden: int  # entries


class Control(TypedDict):
    """Of the other methods."""

    mse: dict[str, float]


class Shown(NamedTuple):
    """What the figure shows."""

    run: str  # its config's name


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """The run against the other methods, on the same hidden entries; see APPLICATION."""
    run, test = study.run.inner, np.asarray(study.test.images)
    if not run.model.holes:
        raise NotApplicable("the run was trained without holes (data.missing 'mask')")
    u = np.asarray(jax.random.uniform(key, test.shape))
    hidden = (u < SHARE) & ~np.isnan(test)
    if not hidden.any():
        raise NotApplicable("nothing was hidden: too little is there to hide")
    asked = np.where(hidden, np.nan, test)
    rows, holes = (v.reshape(len(test), -1) for v in (asked, hidden))
    filled = {"the run": run.impute(asked, study.test.labels).reshape(rows.shape)}
    train, of_images = known_rows(study.train.images), study.data.examples.kind == "image"
    filled |= others(train, rows, run.config.model.code_size, of_images)
    truth = test.reshape(rows.shape)
    errors = {name: _by_row(v, truth, holes) for name, v in filled.items()}
    mse = {
        name: float(np.mean(np.square(v - truth)[holes], dtype=np.float64))
        for name, v in filled.items()
    }
    ours, found = errors.pop("the run"), mse.pop("the run")
    gain = {name: judging.gain(theirs, ours) for name, theirs in errors.items()}
    numbers: Numbers = {"mse": found, "gain": gain, "hidden": int(hidden.sum())}
    return Measured(numbers, {"mse": mse}, Shown(run.config.name))


def others(
    train: np.ndarray, rows: np.ndarray, k: int, of_images: bool = False
) -> dict[str, np.ndarray]:
    """The methods that fill rows [n, D] from training rows [m, D], both with NaN."""
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401 (makes the next one)
    from sklearn.impute import IterativeImputer, KNNImputer

    train, rows = train.astype(np.float64), rows.astype(np.float64)
    mean = np.nanmean(train, axis=0)
    called = "the mean image" if of_images else "column means"
    filled = {called: np.where(np.isnan(rows), mean, rows)}
    k = min(k, train.shape[1] - 1, len(train) - 1)
    if k >= 1:
        filled[f"PCA, {k} numbers"] = incomplete.fill(rows, *incomplete.principal(train, k))
    few = train[:MOST_ROWS]
    near = "k nearest images" if of_images else "k nearest rows"
    filled[near] = KNNImputer(keep_empty_features=True).fit(few).transform(rows)
    if 1 < train.shape[1] <= MOST_COLUMNS:
        chained = IterativeImputer(random_state=0, keep_empty_features=True)
        filled["chained regressions"] = chained.fit(few).transform(rows)
    return filled


def _by_row(filled: np.ndarray, truth: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """The mean squared error of each example that has a hole."""
    squares = np.where(holes, np.square(filled - truth), 0.0).sum(axis=1)
    n = holes.sum(axis=1)
    return squares[n > 0] / n[n > 0]


def judge(numbers: Numbers, control: Control) -> str:
    """Who wins, against the best of the others on these entries."""
    best = judging.best({name: -mse for name, mse in control["mse"].items()})
    gain = Estimate(*numbers["gain"][best])
    mean, one = next((name, one) for name, one in MEANS.items() if name in control["mse"])
    works = numbers["mse"] < control["mse"][mean]
    who = judging.verdict("the run", best, gain, works)
    beside = ", ".join(f"{name} {mse:.3f}" for name, mse in control["mse"].items())
    return (
        f"{who}: mse {numbers['mse']:.3f} on {numbers['hidden']:,} hidden entries, {beside}; "
        f"{gain.text(digits=3, sign=True)} {one} over {best}"
    )


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Figure]:
    """A bar for every method."""
    numbers, control, shown = measured
    title = f"{shown.run}: error on hidden entries"
    return {"": bars({"the run": numbers["mse"], **control["mse"]}, title, "mean squared error")}


APPLICATION = Application(measure, judge, draw, kinds=("rows", "signal", "image"), holes=True)
"""The run's imputations against column means (the mean image), PCA, k-NN and chained regressions.

Nothing is trained. A fifth of the observed entries of the study's test examples are hidden, at
random.

Raises:
  NotApplicable: the run was trained without holes.
"""
