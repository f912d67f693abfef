"""An empty folder for images, and a cache of its own."""

import pytest


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AE_JAX_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def root(tmp_path, cache):
    (tmp_path / "pictures").mkdir()
    return tmp_path / "pictures"
