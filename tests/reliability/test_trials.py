"""The trials of `python -m experiments.reliability` in small counts.

Those that start processes or train for minutes have a quick case beside, which every gate tries.
"""

import warnings
from functools import partial

import pytest

from tests.reliability import cost, kills, topology, trials
from tests.reliability.tally import Tally

QUICK = {
    "R1": partial(kills.sigkill, n=2, epochs=3),
    "R2": partial(kills.told_to_stop, n=2, epochs=4),
    "R12": partial(topology.processes, epochs=30),
    "R13": partial(topology.topologies, counts=(1, 2)),
    "R14": partial(cost.overhead, runs={"undercomplete": {"epochs": 60}}),
}
SLOW = ("R3", "R6", "R8", "R9", "R10", "R16", "R17")


def marks(name):
    """Of a trial in the counts of the suite."""
    return pytest.mark.long if name in (*QUICK, "R15") else pytest.mark.slow if name in SLOW else ()


@pytest.fixture(autouse=True)
def restore_may_warn():
    """Of what it passes over."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        yield


@pytest.mark.parametrize("name", [pytest.param(n, marks=marks(n)) for n in trials.TRIALS])
def test_nothing_is_lost(name, tmp_path):
    found = trials.attempt(name, True, tmp_path, lambda: None)
    assert found["tried"] > 0
    assert found["failed"] == 0, found["failures"]


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_nothing_is_lost_in_a_quick_case(name, tmp_path):
    tally = Tally()
    QUICK[name](tally, tmp_path)
    assert tally.tried > 0
    assert tally.failures == []
