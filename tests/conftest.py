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

# Slow tests that take more than a quarter of a minute and have a quicker sibling, which the gate
# runs: test -> its cases, or all. `.ci/run all` runs them.
ALL = ("",)
LONG = {
    "test_a_denoiser_takes_the_noise_it_was_trained_with": ALL,
    "test_a_flag_file_holds_flags_and_fields_and_other_flag_files": ALL,
    "test_a_masked_code_is_the_single_run_of_a_small_network": ("vmap", "map"),
    "test_a_notebook_finds_what_it_says": ("sweep", "your_own_data", "your_own_variant"),
    "test_a_penalty_that_draws_disturbs_no_other_stream": ALL,
    "test_a_slot_that_looks_at_its_number_can_be_swept": ALL,
    "test_another_seed_has_other_noise": ALL,
    "test_bfloat16_multiplies_and_float32_adds_up": ("conv_strided:batchnorm",),
    "test_both_lowerings_give_one_gradient": ("conv_pool",),
    "test_combination": ("none-conv", "mask-conv", "hide-conv", "dropout-conv", "downscale-conv"),
    "test_config_trains_end_to_end": (
        "contractive",
        "conv_pool",
        "cvae",
        "deep",
        "denoise",
        "dense",
        "dropout",
        "hinton2006",
        "impute",
        "photos",
        "rifai2011",
        "signal",
        "sparse",
        "spiral",
        "tabular",
        "undercomplete",
        "vincent",
        "warp",
    ),
    "test_denoiser_is_the_score_of_the_smoothed_density": ("gaussian",),
    "test_elbo_below_importance_weighted_below_exact": ALL,
    "test_every_application_finds_numbers_and_its_controls_numbers": (
        "denoising",
        "inpainting",
        "interpolation",
        "off_manifold",
    ),
    "test_first_batch_follows": ("conv",),
    "test_floors_of_full_mnist": ALL,
    "test_full_mnist": ALL,
    "test_going_on_gives_the_bits_of_the_whole_run": ALL,
    "test_members_are_the_single_runs": ("map", "loop"),
    "test_members_see_rows_as_single_runs_do": ALL,
    "test_memory_is_flat_in_the_size_of_the_set": ALL,
    "test_no_count_of_rows_compiles_anew": ("sample", "corrupt"),
    "test_nothing_is_lost_in_a_quick_case": ("R12", "R13"),
    "test_our_side_trains_what_the_source_trains": ALL,
    "test_output_that_nobody_reads_ends_a_command_without_a_word": ALL,
    "test_ridges_stand_between_the_branches": ALL,
    "test_same_bits_as_in_memory": ("vae", "dropout"),
    "test_scattered_ids_cost_no_more_than_their_number": ALL,
    "test_squared_error_is_per_image_and_pca_beside_it": ALL,
    "test_statistics_of_batchnorm_and_the_mean_image_are_the_members_own": ALL,
    "test_the_commands_open_what_was_saved": ALL,
    "test_the_fastest_of_the_measured_methods_is_chosen": ALL,
    "test_the_frames_of_a_denoiser_are_outputs_for_corrupted_images": ALL,
    "test_the_home_directory_is_found_in_every_path": ALL,
    "test_the_judge_reads_digits": ALL,
    "test_the_order_of_penalties_changes_no_bit": ALL,
    "test_the_run_command_goes_on_with_what_was_saved": ALL,
    "test_the_worst_default_learns_in_200_steps": ALL,
    "test_training_ends_where_patience_does_and_keeps_the_best": ALL,
    "test_trials_are_counted_and_the_others_results_kept": ALL,
    "test_what_comes_back_is_the_run_and_goes_on_as_it_would": ALL,
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
