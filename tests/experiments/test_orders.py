"""Differences of rows, by hand."""

import math

import pytest

from experiments.measuring import orders

ONE = {"0": {"e": 1.0}, "1": {"e": 2.0}, "2": {"e": 4.0}, "4": {"e": 9.0}}
OTHER = {"0": {"e": 2.0}, "1": {"e": 4.0}, "2": {"e": 5.0}, "3": {"e": 0.0}}


def test_differences_are_paired_by_seed():
    found = orders.difference(ONE, OTHER, "e")  # -1, -2, -1
    assert found.mean == pytest.approx(-4 / 3) and found.seeds == 3
    assert found.deviation == pytest.approx(math.sqrt(1 / 3))
    t = 4.0  # of 2 degrees of freedom, whose law is known: P(|T| > t) = 1 - t / sqrt(2 + t^2)
    assert found.p == pytest.approx(1 - t / math.sqrt(2 + t**2))
    assert str(found) == "-1.33 ± 0.58 (3 seeds, p = 0.057)"


def test_what_one_seed_or_none_says():
    one = orders.difference({"0": {"e": 1.0}}, OTHER, "e")
    assert one.p is None and str(one) == "-1.00 (one seed)"
    assert orders.difference({"7": {"e": 1.0}}, OTHER, "e") is None
    same = {"0": {"e": 1.0}, "1": {"e": 1.0}}
    other = {"0": {"e": 1.3}, "1": {"e": 1.3}}
    for found in (orders.difference(same, same, "e"), orders.difference(same, other, "e")):
        assert found.p is None and str(found).endswith("(2 seeds)")


def test_the_sampling_error_of_a_test_set():
    # 1.14 % of 10,000 images: 1.96 sqrt(0.0114 0.9886 / 10,000) = 0.0021
    assert orders.sampling(1.14, 10_000) == pytest.approx(0.208, abs=0.001)
    assert orders.sampling(2.84, 50_000) == pytest.approx(0.146, abs=0.001)
