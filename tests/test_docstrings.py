"""The examples in docstrings run, and print what they say."""

import doctest
import importlib
import pkgutil

import pytest

import ae_jax


def examples():
    """Every docstring of the package that has an example."""
    for found in pkgutil.walk_packages(ae_jax.__path__, "ae_jax."):
        module = importlib.import_module(found.name)
        for test in doctest.DocTestFinder(exclude_empty=True).find(module):
            if test.examples:
                yield pytest.param(test, id=test.name)


@pytest.mark.slow
@pytest.mark.parametrize("example", list(examples()))
def test_an_example_prints_what_it_says(example):
    said = []
    failed = doctest.DocTestRunner().run(example, out=said.append).failed
    assert not failed, "".join(said)
