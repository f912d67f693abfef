"""Whether the features that rows were made of are those of the decoder: a sparse code's truth."""

from typing import Any, NamedTuple, TypedDict

import jax
import numpy as np

from ae_jax.analysis import judge as judging
from ae_jax.analysis.finding import Application, Measured, NotApplicable, Study
from ae_jax.analysis.judge import Estimate
from ae_jax.data import bundled
from ae_jax.figures.panels import Panel, line_panels
from ae_jax.model.weights import linear_decoder

FOUND = 0.9  # the cosine from which on a feature counts as found


class Numbers(TypedDict):
    """Of the run."""

    cosine: Estimate  # mean over the features of the largest cosine with a unit, standard error
    found: int  # features with a cosine of FOUND or more
    f1: Estimate  # of a feature's presence by its unit's, on test rows; mean and error
    active: float  # units that are not 0, a row


class Control(TypedDict):
    """Of what is known, and of directions drawn at random."""

    cosine: Estimate  # of as many random directions
    features: int
    active: float  # features in a row


class Shown(NamedTuple):
    """The largest cosine of each feature [features]."""

    run: str  # its config's name
    ours: np.ndarray
    random: np.ndarray


def matches(features: np.ndarray, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(largest cosine with a unit, which unit) [features], of features and units [..., numbers].

    The mean of the first is the mean max cosine similarity of Sharkey, Braun & Millidge 2022
    ("Taking features out of superposition with sparse autoencoders").
    """
    units, features = (
        v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (units, features)
    )
    cosines = features @ units.T
    return cosines.max(1), cosines.argmax(1)


def f1(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """2 TP / (2 TP + FP + FN) of each column [k] of truth values [n, k]; 0 where nothing is."""
    return 2 * (found & true).sum(0) / np.maximum(found.sum(0) + true.sum(0), 1)


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """The decoder's units against the features; see APPLICATION."""
    run = study.run
    if study.data.name != bundled.DICTIONARY:
        raise NotApplicable(f"needs data.name '{bundled.DICTIONARY}', whose features are known")
    units = linear_decoder(run.config, run.variables)
    if units is None:
        raise NotApplicable("needs a linear decoder (decoder.hidden=(), decoder.output=linear)")
    features = bundled.features()
    x, a = bundled.combined(len(study.data.test.images), seed=bundled.TEST_SEED)
    ours, which = matches(features, units)
    drawn = np.asarray(jax.random.normal(key, units.shape))
    random = matches(features, drawn)[0]
    codes = run.inner.encode(np.float32(x).reshape(len(x), *run.model.shape))
    agreement = f1(codes[:, which] > 0, a > 0)
    numbers: Numbers = {
        "cosine": judging.mean(ours),
        "found": int((ours >= FOUND).sum()),
        "f1": judging.mean(agreement),
        "active": float((codes != 0).sum(1).mean()),
    }
    control: Control = {
        "cosine": judging.mean(random),
        "features": len(features),
        "active": float((a > 0).sum(1).mean()),
    }
    return Measured(numbers, control, Shown(run.config.name, ours, random))


def judge(numbers: Numbers, control: Control) -> str:
    """How many features were found, and how well their presence is told."""
    ours, random, agreement = (
        Estimate(*v) for v in (numbers["cosine"], control["cosine"], numbers["f1"])
    )
    return (
        f"{numbers['found']:.0f} of {control['features']:.0f} features are found (cosine of "
        f"{FOUND} or more); the largest cosine is {ours.text(digits=3)} on average, "
        f"{random.text(digits=3)} with random directions; the F1 of a feature's presence is "
        f"{agreement.text(digits=3)}, with {numbers['active']:.1f} active units a row for "
        f"{control['active']:.1f} features"
    )


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """The features by their largest cosine."""
    shown = measured.shown
    share = (np.arange(len(shown.ours)) + 1) / len(shown.ours)
    lines = {
        "the run": (np.sort(shown.ours), share),
        "random directions": (np.sort(shown.random), share),
    }
    axes = ("largest cosine with a unit", "share of the features at or below")
    panel = Panel("Features and units", *axes, lines, ["random directions"])
    return {"": line_panels([panel], f"{shown.run}: known features")}


APPLICATION = Application(measure, judge, draw, kinds=("rows",))
"""The features of the bundled rows `dictionary` against the units of a linear decoder.

Raises:
  NotApplicable: other data, or a decoder that is not linear.
"""
