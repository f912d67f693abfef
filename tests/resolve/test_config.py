"""Configs: what is allowed, and what is said when it is not."""

import pytest

from ae_jax.config.schema import Text
from ae_jax.errors import ConfigError
from ae_jax.resolve.config import changes, load_config, merge, nested, resolve

WRONG = {
    "train.epoch": (3, r"train\.epoch: unknown field 'epoch'; did you mean 'epochs'\?"),
    "trian.epochs": (3, r"trian: unknown section 'trian'; did you mean 'train'\?"),
    "train.epochs": (1.5, r"train\.epochs: must be a whole number, not 1\.5"),
    "train.batch_size": (True, r"train\.batch_size: must be a whole number"),
    "model.code_size": (0, r"model\.code_size: must be a whole number >= 1 and < 2\^31, not 0"),
    "model.init": ("xavier", r"allowed here: he, keras, sigmoid4, torch, zero"),
    "corruption.name": ("msk", r"did you mean 'mask'.*\n.*salt_and_pepper"),
    "corruption.rate": (1.0, r"corruption\.rate: must be a number in \[0, 1\), not 1\.0"),
    "corruption.sigma": (0.1, r"corruption\.sigma: unknown field.*\n.*rate"),
    "encoder.hidden": ((10, 0), r"encoder\.hidden: must be a tuple of whole numbers >= 1"),
    "decoder.output": ("softmax", r"allowed here: columns, linear, sigmoid, softplus, tanh"),
    "optim.learning_rate": (0.0, r"optim\.learning_rate: must be a number > 0"),
    "optim.clip_norm": ("big", r"optim\.clip_norm: must be a number, not 'big'"),
    "penalties.l3.weight": (1.0, r"penalties\.l3: unknown penalty"),
    "penalties.weight_l2.weight": (-1.0, r"weight_l2\.weight: must be a number >= 0"),
    "penalties.weight_l2.wight": (1.0, r"did you mean 'weight'"),
    "penalties.weight_l2": (0.1, r"penalties\.weight_l2: is a section"),
    "train": (3, r"train: is a section"),
    "data.scale": ("half", r"allowed here: none, robust, standard, sym, unit"),
    "data.center": (True, r"data\.center: needs decoder\.output 'linear'"),
    "loss.name": ("bernoulli_nll", r"bernoulli_nll needs decoder\.output 'sigmoid'"),
    "seed": ("x", r"seed: must be a whole number"),
}


@pytest.mark.parametrize("field", WRONG)
def test_wrong_value_is_named(field):
    value, message = WRONG[field]
    with pytest.raises(ConfigError, match=message) as error:
        load_config("denoise", **{field: value})
    assert len(str(error.value).splitlines()) <= 3


@pytest.mark.parametrize(
    "path, message",
    [("nope", "unknown config 'nope'"), ("denoise:x", r"unknown variant 'x'.*\n.*published")],
)
def test_wrong_file_or_variant(path, message):
    with pytest.raises(ConfigError, match=message):
        load_config(path)


def test_broken_config_file_is_named(tmp_path):
    (tmp_path / "a.py").write_text("CONFIG = {1/0}")
    with pytest.raises(ConfigError, match="ZeroDivisionError"):
        load_config(str(tmp_path / "a.py"))
    (tmp_path / "b.py").write_text("config = {}")
    with pytest.raises(ConfigError, match="no dict named CONFIG"):
        load_config(str(tmp_path / "b.py"))


def test_text_from_the_command_line_is_read_as_the_field_says():
    typed = {
        "train.epochs": "3",
        "optim.learning_rate": "1e-4",
        "encoder.hidden": "(64, 32)",
        "decoder.hidden": "7",
        "data.center": "false",
        "optim.clip_norm": "None",
        "data.name": "123",
    }
    raw = merge({"optim": {"clip_norm": 1.0}}, nested({k: Text(v) for k, v in typed.items()}))
    c = resolve(raw)
    assert (c.train.epochs, c.optim.learning_rate) == (3, 1e-4)
    assert (tuple(c.encoder.hidden), tuple(c.decoder.hidden)) == ((64, 32), (7,))
    assert (c.data.center, c.optim.clip_norm, c.data.name) == (False, None, "123")


def test_another_choice_starts_from_its_own_defaults():
    c = load_config("denoise", corruption={"name": "gaussian"})
    assert c.corruption.to_dict() == {"name": "gaussian", "sigma": 0.3, "lowest": None}


def test_what_every_choice_has_survives_another_choice():
    c = load_config("vae", loss={"name": "squared_error"})
    assert (c.loss.name, c.loss.per) == ("squared_error", "image")


def test_a_penalty_can_be_removed():
    assert load_config("dropout").penalties.weight_l2.weight == 1e-4
    assert load_config("dropout", **{"penalties.weight_l2": None}).penalties.to_dict() == {}


def test_changes_name_what_differs_and_ignore_what_may():
    old = load_config("denoise").to_dict()
    new = load_config("denoise", train={"epochs": 7}, optim={"learning_rate": 0.5}).to_dict()
    assert changes(old, new) == ["optim.learning_rate: 0.001 -> 0.5"]


def test_resolving_a_resolved_config_changes_nothing():
    c = load_config("conv_strided:batchnorm")
    assert resolve(c.to_dict()) == c


@pytest.mark.parametrize("kernels", [(), (5,), (5, 6), (5, 6, 7, 3)])
def test_a_decoder_has_one_kernel_more_than_upsamplings(kernels):
    with pytest.raises(ConfigError, match=rf"decoder\.kernels: must be 3, .*not {len(kernels)}"):
        load_config("conv_pool", **{"decoder.kernels": kernels})


def test_an_exponential_schedule_cannot_end_at_nothing():
    with pytest.raises(ConfigError, match=r"optim\.final_fraction: must be above 0"):
        load_config("denoise", optim={"schedule": "exponential", "final_fraction": 0.0})


def test_kernels_beyond_any_image_are_refused_before_a_table_of_their_taps_is_made():
    with pytest.raises(ConfigError, match=r"decoder\.kernels: must be a tuple of .* 1 to 255"):
        load_config("conv_pool", **{"decoder.kernels": (5, 6, 2_000_000_000)})
    with pytest.raises(ConfigError, match=r"encoder\.kernel: must be a whole number from 1 to 255"):
        load_config("conv_pool", **{"encoder.kernel": 256})
