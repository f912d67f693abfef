"""The rows that are reconstructed worst, by hand."""

import numpy as np
import pytest

from ae_jax.evaluate import columns
from ae_jax.inputs.examples import Column, Examples
from ae_jax.inputs.scaler import Scaler

NAMED = (
    Column("age"),
    Column("job", "category", ("baker", "miner", "nurse")),
    Column("member", "boolean"),
    Column("income"),
)


def inside(rows):
    return np.array(rows, float).reshape(len(rows), 1, 1, -1)


def test_the_strangest_rows_and_why():
    shift, spread = np.array([40.0, 0, 0, 0, 0, 100.0]), np.array([10.0, 1, 1, 1, 1, 50.0])
    scaler = Scaler(Examples("rows", NAMED), shift, spread)
    test = inside([[0, 1, 0, 0, 1, 0], [3, 1, 0, 0, 1, np.nan], [0, 0, 0, 1, 0, 2]])
    back = inside([[0, 1, 0, 0, 1, 0.1], [0, 1, 0, 0, 1, 9], [0, 0, 1, 0, 0, 1]])
    first, second = columns.strangest(scaler, test, back, n=2)
    # 3 deviations of 10 years; the income was not observed, so it is no reason.
    assert first == (1, 9.0, (columns.Reason("age", 70.0, 40.0, 1.0),))
    # A category that is wrong costs two squares, the income one.
    assert (second.row, second.score) == (2, 3.0)
    assert second.reasons[0] == ("job", "nurse", "miner", pytest.approx(2 / 3))
    assert second.reasons[1] == ("income", 200.0, 150.0, pytest.approx(1 / 3))
    assert len(second.reasons) == 2


def test_columns_without_names_are_numbered():
    scaler = Scaler(Examples("rows"), np.zeros(3), np.ones(3))
    (found,) = columns.strangest(scaler, inside([[1, 2, 3]]), inside([[1, 0, 0]]), top=1)
    assert found.reasons == (columns.Reason("2", 3.0, 0.0, 9 / 13),)
