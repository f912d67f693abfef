"""Strict mode: a rank promoted silently is an error, and so is every warning (see pyproject).

The tests need no accelerator. Programs compiled once are kept for the session in a temporary
directory, since many tests train the same small network again.
"""

import atexit
import os
import shutil
import tempfile

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import pytest

pytest.register_assert_rewrite(
    "tests.data.folders", "tests.data.tables", "tests.experiments.pages", "tests.run.doors"
)  # its assertions say what they saw, too
jax.config.update("jax_numpy_rank_promotion", "raise")

_cache = tempfile.mkdtemp(prefix="ae_jax_tests_")
atexit.register(shutil.rmtree, _cache, ignore_errors=True)
jax.config.update("jax_compilation_cache_dir", _cache)
os.environ["AE_JAX_CACHE"] = _cache  # and so do the commands that tests start
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@pytest.fixture(scope="session")
def digits():
    """4,000 and 1,000 real digits."""
    from ae_jax.data.load import load_data

    return load_data("mnist5k")
