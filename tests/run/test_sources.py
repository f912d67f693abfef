"""Whose weights a fit begins with, what stays as it is, and weights in half precision."""

import warnings

import jax
import numpy as np
import pytest

import ae_jax
from ae_jax import CheckpointError, ConfigError
from ae_jax.model.weights import params_sha256
from ae_jax.resolve.config import resolve
from ae_jax.run import pretrained, sources
from tests.run.doors import SMALL, UNIT, X, fit, one_line, same

NOT = {**SMALL, "train": {"batch_size": 20, "epochs": 0}}  # no training


@pytest.fixture(scope="module")
def places(run, tmp_path_factory):
    """The run, and where it was saved and exported to."""
    folder = tmp_path_factory.mktemp("places")
    run.save(folder / "work")
    run.export(folder / "artefact", "safetensors")
    return {"run": run, "work": folder / "work", "artefact": str(folder / "artefact")}


@pytest.mark.parametrize("where", ["run", "work", "artefact"])
def test_a_fit_of_no_epochs_has_the_errors_of_what_it_began_with(where, places, run):
    other = fit(255 - X, NOT, key=7, init_from=places[where])
    np.testing.assert_array_equal(other.errors(X), run.errors(X))
    assert other.origin.init_sha256 == params_sha256(run.variables["params"])
    said = other.config.train.init_from
    assert said == (None if where == "run" else str(places[where]))


def test_the_config_says_it_too_and_a_run_that_goes_on_does_not_look_again(places, tmp_path):
    raw = {**SMALL, "train": {**SMALL["train"], "init_from": places["artefact"]}}
    once = fit(X, raw)
    same(once.variables, fit(X, init_from=places["artefact"]).variables)
    longer = resolve(raw).replace(**{"train.epochs": 2})
    whole = fit(X, longer)
    gone = longer.replace(**{"train.init_from": str(tmp_path / "gone")})
    moved = once._replace(config=once.config.replace(**{"train.init_from": str(tmp_path / "gone")}))
    on = fit(X, gone, start=moved)
    same(on.variables, whole.variables)
    assert on.origin.init_sha256 == once.origin.init_sha256 is not None
    once.save(tmp_path / "kept")
    assert ae_jax.restore(str(tmp_path / "kept")).origin.init_sha256 == once.origin.init_sha256


def test_a_part_that_fits_is_taken_and_a_warning_lists_the_rest(run):
    wider = {**NOT, "encoder": {"hidden": (7,)}}
    with pytest.warns(UserWarning, match="init_from") as said:
        other = fit(X, wider, init_from=run)
    text = str(said[0].message).splitlines()
    assert text[0].endswith("2 of 6 arrays taken")
    assert text[1:] == [
        "  params/encoder/layer_0/bias: [7] here, [4] there",
        "  params/encoder/layer_0/kernel: [48, 7] here, [48, 4] there",
        "  params/encoder/layer_1/bias: [4] here, absent there",
        "  params/encoder/layer_1/kernel: [7, 4] here, absent there",
        "  made for another network: encoder.hidden: () -> (7,)",
    ]
    same(other.variables["params"]["decoder"], run.variables["params"]["decoder"])
    with pytest.warns(UserWarning, match="encoder/layer_0/bias: there alone"):
        fit(X, {**NOT, "encoder": {"bias": False}}, init_from=run)
    with warnings.catch_warnings():  # another rate, and what does not change what weights mean
        warnings.simplefilter("error")
        fit(X, {**NOT, "optim": {"learning_rate": 0.5}, "model": {"code_size": 4, "init": "he"}},
            init_from=run)  # fmt: skip


def test_what_cannot_be_begun_with_is_refused(places, run, tmp_path):
    others = {**NOT, "encoder": {"hidden": (7,), "bias": False},
              "decoder": {"hidden": (7,), "bias": False}}  # fmt: skip
    nothing = {**others, "model": {"code_size": 3}}
    both = {**NOT, "train": {**NOT["train"], "init_from": places["artefact"]}}
    run.export(tmp_path / "programs", "stablehlo")
    (tmp_path / "empty").mkdir()
    cases = [
        (nothing, run, r"^init_from: none of the 4 arrays"),
        (nothing, places["work"], r"^train\.init_from: none of the 4 arrays"),
        (NOT, tmp_path / "programs", "is of format 'stablehlo'; only 'safetensors' has weights"),
        (NOT, tmp_path / "nowhere", r"^train\.init_from: .*nowhere is not there\npretrained: unkn"),
        (NOT, tmp_path / "empty", "holds no run and no artefact"),
        (NOT, 3, "init_from: must be a Run, a path or a name, not 3"),
        (both, run, "pass only one"),
        (both, places["work"], "pass only one"),
    ]
    for config, given, said in cases:
        with pytest.raises(ConfigError, match=said) as error:
            fit(X, config, init_from=given)
        assert len(str(error.value).splitlines()) <= 3
    with pytest.raises(ConfigError, match="pass only one"):
        fit(X, SMALL, start=run, init_from=places["work"])
    (tmp_path / "empty" / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"^train\.init_from: ") as error:
        fit(X, NOT, init_from=tmp_path / "empty")
    one_line(error)


def test_a_name_means_the_same_everywhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pretrained, "names", lambda: ["vae"])
    (tmp_path / "vae").mkdir()
    assert sources.settled(None) is None
    assert sources.settled("vae") == "vae"
    assert sources.settled("./vae") == str(tmp_path / "vae")
    assert sources.settled("runs/a") == str(tmp_path / "runs" / "a")


@pytest.mark.slow
def test_a_frozen_encoder_makes_a_linear_decoder_the_least_squares_of_its_codes(run):
    """The closed form: [z, 1] A nearest to x, of the training images."""
    config = {
        **SMALL,
        "decoder": {"output": "linear"},
        "optim": {"learning_rate": 0.3, "schedule": "cosine"},
        "train": {"batch_size": 54, "epochs": 3000, "frozen": "encoder"},
    }
    data = ae_jax.load_data(X)
    x = data.train.images.reshape(len(data.train.images), -1) / 255
    tuned = fit(data, config, init_from=run)
    same(tuned.variables["params"]["encoder"], run.variables["params"]["encoder"])
    codes = np.column_stack([run.encode(data.train.images), np.ones(len(x))])
    best = codes @ np.linalg.lstsq(codes, x, rcond=None)[0]
    found = tuned.reconstruct(data.train.images).reshape(len(x), -1)
    assert np.abs(found - best).max() < 1e-3
    begun = run.reconstruct(data.train.images).reshape(len(x), -1)
    assert np.abs(begun - best).max() > 0.1, "else it shows nothing"


def test_configs_without_the_fields_are_as_they_were():
    plain = resolve(SMALL)
    assert not {"init_from", "frozen"} & plain.to_dict()["train"].keys()
    told = plain.replace(**{"train.init_from": "a", "train.frozen": ["encoder", "*/bias"]})
    assert told.to_dict()["train"]["frozen"] == ("encoder", "*/bias")
    assert resolve(told.to_dict()) == told
    back = told.replace(**{"train.init_from": None, "train.frozen": ()})
    assert back == plain and back.to_dict() == plain.to_dict()


def test_half_precision_takes_half_of_the_bytes_and_says_whose_weights_they_are(run, tmp_path):
    run.export(tmp_path / "whole", "safetensors")
    run.export(tmp_path / "half", "safetensors", half=True)
    whole, half = (ae_jax.load_exported(tmp_path / name) for name in ("whole", "half"))
    for a, b in zip(
        jax.tree.leaves(half.run.variables), jax.tree.leaves(run.variables), strict=True
    ):
        assert a.dtype == np.float32
        np.testing.assert_array_equal(a, np.asarray(b).astype(np.float16))  # rounded, no more
    assert half.params_sha256 == params_sha256(half.run.variables["params"]) != whole.params_sha256
    np.testing.assert_array_equal(half.run.code_cov, run.code_cov)
    sizes = [(tmp_path / n / "weights.safetensors").stat().st_size for n in ("whole", "half")]
    numbers = sum(leaf.size for leaf in jax.tree.leaves(run.variables))
    assert abs(sizes[0] - sizes[1] - 2 * numbers) < 64  # the header says F16, padded to 8
    np.testing.assert_allclose(half.reconstruct(UNIT), run.reconstruct(UNIT), atol=1e-2)


def test_half_precision_is_refused_where_there_is_none(run, tmp_path):
    with pytest.raises(ConfigError, match="half: is for safetensors; 'stablehlo' is of") as error:
        run.export(tmp_path / "a", "stablehlo", half=True)
    one_line(error)
    params = jax.tree.map(np.array, run.variables["params"])
    params["encoder"]["layer_0"]["bias"][0] = 70000.0
    large = run._replace(variables={**run.variables, "params": params})
    with pytest.raises(ConfigError, match=r"half: params/encoder/layer_0/bias .* 65,504") as error:
        large.export(tmp_path / "a", "safetensors", half=True)
    one_line(error)
    assert not (tmp_path / "a").exists()
