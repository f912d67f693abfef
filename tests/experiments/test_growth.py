"""Growth: exponents of known powers, a point of every kind from a process of its own."""

import json

import numpy as np
import pytest

from ae_jax import figures
from experiments.benchmarks import growth, report


def test_exponents_of_known_powers():
    points = [(x, 3.0 * x**1.5) for x in (1, 10, 100, 1000)]
    assert growth.exponent(points) == 1.5
    # A constant cost bends the small end of a line; the larger half shows where it goes.
    bent = [(x, 1e4 + x**2.0) for x in (1, 10, 1e3, 1e4, 1e5)]
    assert growth.exponent(bent) == pytest.approx(2.0, abs=0.05)
    assert growth.exponent(bent[::-1]) == growth.exponent(bent)


@pytest.fixture
def measured(monkeypatch):
    """An axis whose time is the square of x and whose memory is x."""
    monkeypatch.setattr(
        growth, "_alone", lambda name, x: {"x": x, "ms": float(x) ** 2, "mib": float(x)}
    )
    told = []
    axis = growth.measure("batch", told.append)
    assert told[0] == "batch 16" and len(told) == len(axis["points"])
    return axis


def test_an_axis_says_its_powers(measured):
    assert measured["exponents"] == {"ms": 2.0, "mib": 1.0}
    _, cells = report.growth({"batch": measured})
    assert cells == ("batch", "denoise", "16", "4,096", "x^2.00", "x^1.00")


def test_processes_have_no_memory_of_their_own(monkeypatch):
    monkeypatch.setattr(growth, "_processes", lambda n: {"x": n, "ms": 8.0 / n})
    axis = growth.measure(growth.PROCESSES, lambda what: None)
    assert axis["exponents"] == {"ms": -1.0}
    assert report.growth({"processes": axis})[1][-2:] == ("x^-1.00", "-")


def test_the_figure_has_a_panel_for_each_axis(measured):
    panels = [measured, {**measured, "exponents": {"ms": 0.5}}]
    figure = figures.growth(panels)
    first, second = figure.axes[:2]
    assert [len(axes.lines) for axes in (first, second)] == [2, 1]
    np.testing.assert_array_equal(first.lines[0].get_ydata(), [p["ms"] for p in measured["points"]])
    assert first.get_legend().get_texts()[0].get_text() == "time of a step, ms: power 2.00"
    assert (first.get_xscale(), first.get_yscale()) == ("log", "log")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["code", "streaming", "members"])
def test_a_point_is_measured(name, monkeypatch):
    """The smallest point, in this process: seconds a step are positive and of the right order."""
    monkeypatch.setattr(growth, "SECONDS", 0.02)
    monkeypatch.setattr(growth, "ROUNDS", 1)
    value = growth.AXES[name].values[0]
    point = growth._measured(name, value)
    assert point["x"] == value and 1e-3 < point["ms"] < 1e3 and point["mib"] >= 1
    assert json.loads(json.dumps(point)) == point
