"""The programme of `python -m experiments.reliability` with small counts; six by marker."""

import warnings

import pytest

from tests.reliability import programme

LONG = {"R1", "R2", "R12", "R13", "R14", "R15"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.long if name in LONG else ())
        for name in programme.PROGRAMME
    ],
)
def test_nothing_is_lost(name, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)  # restore warns of what it passes over
        found = programme.attempt(name, True, tmp_path, lambda: None)
    assert found["tried"] > 0
    assert found["failed"] == 0, found["failures"]
