"""Keys, configs and data from Python; going on with a run, and what a run says of itself."""

from collections import Counter
from pathlib import Path

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import pytest

import ae_jax
from ae_jax import ConfigError, DataError, from_arrays
from tests.run.doors import KEY, SMALL, UNIT, X, fit, one_line, same


@pytest.mark.slow
def test_a_whole_number_is_a_key(run):
    for key in (0, np.int64(0), np.uint8(0), jnp.int32(0), jax.random.PRNGKey(0)):
        again = fit(X, key=key)
        np.testing.assert_array_equal(again.encode(X), run.encode(X))
        np.testing.assert_array_equal(run.sample(key, 2), run.sample(KEY, 2))
    denoiser = fit(X, {**SMALL, "corruption": {"name": "mask"}})
    np.testing.assert_array_equal(denoiser.corrupt(X, 5), denoiser.corrupt(X, jax.random.key(5)))
    for wrong in (-1, 2**31, 1.0, "0", None, True, jax.random.split(KEY, 3), np.zeros(3)):
        for door in (
            lambda key: fit(X, key=key),
            lambda key: run.sample(key, 2),
            lambda key: run.corrupt(X, key),
        ):
            with pytest.raises(ConfigError) as error:
                door(wrong)
            one_line(error, "key: must be")


def test_a_config_may_be_any_mapping(run):
    lazy = ml_collections.ConfigDict(SMALL)
    for config in (lazy, ml_collections.FrozenConfigDict(SMALL), run.config, dict(SMALL)):
        np.testing.assert_array_equal(fit(X, config).encode(X), run.encode(X))
    for wrong in (None, 3, [SMALL]):
        with pytest.raises(ConfigError) as error:
            fit(X, wrong)
        one_line(error, "config: must be a name, a path or a dict")


def test_numbers_of_numpy_are_numbers():
    config = ae_jax.load_config(
        "undercomplete",
        model={"code_size": np.int64(3), "classes": np.uint8(0)},
        encoder={"hidden": np.array([7, 5])},
        optim={"learning_rate": np.float32(0.5), "b1": np.float64(0.25), "decoupled": np.bool_(1)},
        train={"epochs": np.array(2), "batch_size": np.arange(9)[4]},
        data={"name": Path("x.npz")},
        seed=np.int32(4),
    )
    assert config.model.code_size == 3 and type(config.model.code_size) is int
    assert config.encoder.hidden == (7, 5) and type(config.encoder.hidden[0]) is int
    assert (config.optim.learning_rate, config.optim.b1) == (0.5, 0.25)
    assert type(config.optim.learning_rate) is float and config.optim.decoupled is True
    assert (config.train.epochs, config.train.batch_size, config.seed) == (2, 4, 4)
    assert config.data.name == "x.npz"
    for field, value in (
        ("model.code_size", np.float64(3)),
        ("model.code_size", np.bool_(True)),
        ("model.code_size", np.array([3, 4])),
        ("optim.learning_rate", np.float32("nan")),
        ("optim.decoupled", np.int64(1)),
        ("model.code_size", None),
    ):
        with pytest.raises(ConfigError, match=field):
            ae_jax.load_config("undercomplete", **{field: value})


def test_a_resolved_config_resolves_to_itself():
    for path in sorted((Path(__file__).parents[2] / "configs").glob("*.py")):
        config = ae_jax.load_config(str(path))
        assert ae_jax.resolve.config.resolve(config.to_dict()).to_dict() == config.to_dict()


def test_pairs_of_images_and_labels_say_what_they_are():
    y = np.arange(60)
    for pair in ((X, y), ((X, y), (X[:5], y[:5])), (UNIT, np.eye(60)), (X, X[:5])):
        with pytest.raises(DataError) as error:
            fit(pair)
        assert "from_arrays(x, " in str(error.value) and "\n" not in str(error.value)
    for ragged in ([np.zeros((8, 8)), np.zeros((8, 9))] * 20, [[1, 2], [3]], object(), {"x": X}):
        with pytest.raises(DataError):
            fit(ragged)


# going on


def longer(epochs, **fields):
    return {**SMALL, "train": {"batch_size": 20, "epochs": epochs}, **fields}


def test_going_on_has_the_bits_of_not_stopping(run):
    more, whole = fit(X, longer(3), start=run), fit(X, longer(3))
    same(more.state, whole.state)
    np.testing.assert_array_equal(more.history["loss"], whole.history["loss"])
    same(fit(X, longer(3), key=0, start=run).state, whole.state)


@pytest.mark.slow
def test_going_on_is_refused_with_other_data_key_or_config(run):
    other = X.copy()
    other[7, 3, 3] ^= 1
    for error, said, data, config, key in (
        (DataError, "images_sha256", 255 - X, longer(2), KEY),
        (DataError, "images_sha256", other, longer(2), KEY),
        (DataError, "n_train: 54 -> 36", X[:40], longer(2), KEY),
        (DataError, "shape: (8, 6, 1) -> (6, 8, 1)", X.swapaxes(1, 2), longer(2), KEY),
        (ConfigError, "another key", X, longer(2), jax.random.key(1)),
        (ConfigError, "learning_rate", X, longer(2, optim={"learning_rate": 0.1}), KEY),
    ):
        with pytest.raises(error) as refused:
            fit(data, config, key, start=run)
        assert said in str(refused.value) and "init_from" in str(refused.value)
        assert len(str(refused.value).splitlines()) <= 3
    with pytest.raises(ConfigError, match=r"start: .*init_from=run"):
        fit(X, longer(2), start=run._replace(state=None))
    told = {**SMALL, "model": {"code_size": 4, "classes": 3}}
    y = np.arange(60) % 3
    first = fit(from_arrays(X, X, y, y), told)
    with pytest.raises(DataError, match="labels_sha256"):
        fit(from_arrays(X, X, y[::-1], y), told, start=first)


@pytest.mark.slow
def test_weights_may_be_taken_to_other_data(run):
    config = longer(0, optim={"learning_rate": 0.1}, data={"center": True})
    config["decoder"] = {"output": "linear"}
    other = fit(255 - X, config, key=1, init_from=run)
    same(other.variables["params"], run.variables["params"])
    mean = (255 - from_arrays(X).train.images.astype(float)).mean(0) / 255
    np.testing.assert_allclose(other.variables["data"]["mean"], mean, atol=1e-6)
    assert int(other.state.step) == 0 and not any(
        np.any(leaf) for leaf in jax.tree.leaves(other.state.optimizer)
    )
    before = jax.tree.map(np.array, run.variables)
    trained = fit(255 - X, longer(2), key=1, init_from=run)
    same(run.variables, before)  # which training did not consume
    moved = Counter(
        bool((np.asarray(a) != b).any())
        for a, b in zip(jax.tree.leaves(trained.variables), jax.tree.leaves(before), strict=True)
    )
    assert moved[True] == 4
    with pytest.raises(ConfigError, match="pass only one"):
        fit(X, longer(2), start=run, init_from=run)


# small surprises


def test_a_run_says_what_it_is_in_a_line(run):
    n = 2 * 48 * 4 + 4 + 48
    assert repr(run) == f"Run(unnamed: images 8 x 6 x 1, code of 4, {n} parameters, 3 steps)"
    assert "\n" not in repr(run) and len(repr(run._replace(state=None))) < 200


def test_one_training_image_has_codes_without_spread():
    run = fit(X[:2], {"model": {"code_size": 4}, "train": {"batch_size": 1, "epochs": 1}})
    np.testing.assert_array_equal(run.code_cov, np.zeros((4, 4)))
    mean = run.decode(run.code_mean[None])
    np.testing.assert_allclose(run.sample(0, 3), np.repeat(mean, 3, 0), atol=1e-5)


def test_no_epochs_no_curve():
    run = fit(X, {**SMALL, "train": {"batch_size": 20, "epochs": 0}})
    with pytest.raises(DataError) as error:
        run.plot_loss()
    one_line(error, "plot_loss: no step was recorded", "train.epochs")
    assert "0 steps" in repr(run)
