"""A run, and it after export to each format."""

import pytest

import ae_jax
from tests.export.runs import FORMATS, OPENED
from tests.run.doors import X, fit


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """(the run, the folder of the artefacts); the tenth of its examples is strange."""
    run, folder = fit(X), tmp_path_factory.mktemp("made")
    for format in FORMATS:
        run.export(folder / format, format, normal=X, false_alarms=0.1)
    return run, folder


@pytest.fixture(scope="session")
def found(made):
    """Format -> what was opened."""
    return {format: ae_jax.load_exported(made[1] / format) for format in OPENED}
