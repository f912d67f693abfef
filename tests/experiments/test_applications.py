"""The rows of `experiments.applications`: which run each is measured on, and what makes it old."""

from types import SimpleNamespace

import pytest

from ae_jax.analysis import OF_IMAGES
from ae_jax.resolve.config import load_config
from experiments import applications
from experiments.measuring import expected, measured

MNIST = SimpleNamespace(name="mnist")


def test_rows_of_the_tutorials_stand_behind_their_application():
    assert expected.rows_of(["pca", "interpolation", "caption"]) == [
        "pca",
        "interpolation",
        "interpolation/conv_strided",
        "caption",
    ]
    rows = expected.rows_of(OF_IMAGES)
    assert len(rows) == len(set(rows)) == len(OF_IMAGES) + len(expected.OF_ONE_MODEL)
    assert set(expected.THRESHOLDS) <= set(rows)


@pytest.mark.parametrize("row", expected.rows_of(OF_IMAGES))
def test_every_row_has_a_run_that_its_words_name(row):
    config, changes = applications.config_of(row, MNIST)
    resolved = load_config(config, **changes)
    assert resolved.data.name == "mnist"
    name, *fields = applications.run_of(row).split()
    assert (name, fields) == (config, [f"{k}={v}" for k, v in applications.given(row)[1].items()])
    if row in expected.TUTORIALS:
        assert resolved.bottleneck.name == "identity", "the tutorials' models are plain"


@pytest.mark.parametrize("changed", [{}, {"effort": 1.0}, {"version": expected.VERSION - 1}])
def test_numbers_of_another_effort_or_version_do_not_count(changed):
    protocol = applications.protocol("pca", MNIST, 5.0)
    row = {"measured": {measured.RUN: {"protocol": {**protocol, **changed}}}}
    said = measured.changes(row, measured.RUN, protocol)
    assert [text.split(":")[0] for text in said] == list(changed)
