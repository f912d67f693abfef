"""Strict mode: a rank promoted silently is an error, and so is every warning (see pyproject).

The tests need no accelerator. Compiled programs are kept for the session in a temporary directory
that all its processes share, since many tests train the same small network again: compiling takes
two thirds of the time. $AE_JAX_TEST_PROGRAMS is a directory that several sessions share.
"""

import atexit
import os
import shutil
import tempfile

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import pytest

# Of slow tests the cases that are long; a quicker one of the same test runs in the gate.
LONG = {
    "test_a_masked_code_is_the_single_run_of_a_small_network": ("vmap", "map"),
    "test_a_notebook_finds_what_it_says": ("sweep", "your_own_data", "your_own_variant"),
    "test_against_xla": ("4-2", "5-3"),
    "test_any_block_size_gives_the_same_map": (
        "conv-channels0",
        "conv_transpose-channels0",
        "upsample_conv-channels0",
    ),
    "test_bfloat16_multiplies_and_float32_adds_up": ("conv_strided:batchnorm",),
    "test_both_lowerings_give_one_gradient": ("conv_pool",),
    "test_combination": (
        "none-conv",
        "mask-conv",
        "hide-conv",
        "dropout-conv",
        "downscale-conv",
        "gaussian-patches",
        "gaussian-resnet",
        "mask-resnet",
    ),
    "test_config_trains_end_to_end": (
        "burda2016",
        "contractive",
        "conv_pool",
        "conv_strided",
        "counts",
        "cvae",
        "deep",
        "denoise",
        "dense",
        "dictionary",
        "dropout",
        "fsq",
        "hinton2006",
        "impute",
        "irmae",
        "isometric",
        "least_volume",
        "nested",
        "photos",
        "rank_reduced",
        "rifai2011",
        "shapes",
        "signal",
        "sparse",
        "spiral",
        "tabular",
        "undercomplete",
        "vae",
        "vincent",
        "vq",
        "wae",
        "warp",
    ),
    "test_conv_equals_xla": (
        "3-2-1-100-",
        "5-1-SAME-100-",
        "5-1-SAME-2-",
        "6-3-SAME-100-",
        "6-3-SAME-2-",
    ),
    "test_conv_transpose_is_the_gradient_of_conv": ("100-", "2-"),
    "test_denoiser_is_the_score_of_the_smoothed_density": ("gaussian",),
    "test_every_application_finds_numbers_and_its_controls_numbers": (
        "denoising",
        "inpainting",
        "interpolation",
        "off_manifold",
    ),
    "test_first_batch_follows": ("conv",),
    "test_members_are_the_single_runs": ("map", "loop"),
    "test_members_begin_with_other_weights": ("map", "loop"),
    "test_no_count_of_rows_compiles_anew": ("sample", "corrupt"),
    "test_nothing_is_lost": ("R16", "R17"),
    "test_nothing_is_lost_in_a_quick_case": ("R12", "R13"),
    "test_the_numbers_are_those_of_these_weights_on_all_of_mnist": (
        "contractive",
        "conv_pool",
        "conv_strided",
        "deep",
        "denoise",
        "dense",
        "tied",
        "undercomplete",
    ),
    "test_resume_is_bit_exact": ("conv_strided:batchnorm",),
    "test_rates_of_a_sweep_are_those_of_single_runs": ("muon", "adafactor"),
    "test_same_bits_as_in_memory": ("vae", "dropout"),
    "test_upsample_conv_is_upsample_then_conv": ("5-100-", "5-2-", "6-100-", "6-2-"),
}

pytest.register_assert_rewrite(
    "tests.data.folders", "tests.data.tables", "tests.experiments.pages", "tests.run.doors"
)  # its assertions say what they saw, too
jax.config.update("jax_numpy_rank_promotion", "raise")

_cache = tempfile.mkdtemp(prefix="ae_jax_tests_")
atexit.register(shutil.rmtree, _cache, ignore_errors=True)
_programs = os.path.join(_cache, "programs")  # where commands look for them, too
if _shared := os.environ.get("AE_JAX_TEST_PROGRAMS"):
    os.makedirs(_shared, exist_ok=True)
    os.symlink(_shared, _programs)
else:
    os.mkdir(_programs)
    os.environ["AE_JAX_TEST_PROGRAMS"] = _programs  # of the processes that this one starts
jax.config.update("jax_compilation_cache_dir", _programs)
os.environ["AE_JAX_CACHE"] = _cache  # and so do the commands that tests start
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@pytest.fixture(scope="session")
def digits():
    """4,000 and 1,000 real digits."""
    from ae_jax.data.load import load_data

    return load_data("mnist5k")


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items):
    for item in items:
        name, _, case = item.name.partition("[")
        slow = item.get_closest_marker("slow") is not None
        if slow and any(case.startswith(start) for start in LONG.get(name, ())):
            item.add_marker(pytest.mark.long)
