"""What is taken of another run's weights: listed exactly, and nothing else changes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_jax.errors import ConfigError
from ae_jax.export.weights import named
from ae_jax.resolve.config import resolve
from ae_jax.train import setup, taking

RAW = {
    "data": {"center": True},
    "encoder": {"hidden": (6,)},
    "decoder": {"hidden": (5,)},
    "model": {"code_size": 3},
    "optim": {"average": 0.5},
    "train": {"batch_size": 4},
}


def made(key=0, **changes):
    """(trainer, its state at step 0)."""
    config = resolve({**RAW, **changes})
    trainer = setup.prepare(config, (4, 3, 1), 8)
    return trainer, trainer.init(jax.random.key(key), jnp.full((4, 3, 1), 0.5))


THEIRS = named(made(1)[1].variables) | {"data/mean": np.ones((4, 3, 1), np.float32)}


def test_a_match_lists_exactly_what_fits_and_what_does_not():
    trainer, _ = made(encoder={"hidden": (6, 7)}, decoder={"hidden": (5,), "bias": False})
    found = taking.match(trainer.abstract().variables, THEIRS)
    assert set(found.taken) == {
        "params/encoder/layer_0/kernel",
        "params/encoder/layer_0/bias",
        "params/decoder/layer_0/kernel",
        "params/decoder/layer_1/kernel",
    }
    assert found.differing == {
        "params/encoder/layer_1/bias": ((7,), (3,)),
        "params/encoder/layer_1/kernel": ((6, 7), (6, 3)),
        "params/encoder/layer_2/bias": ((3,), None),
        "params/encoder/layer_2/kernel": ((7, 3), None),
    }
    assert found.unused == ("params/decoder/layer_0/bias", "params/decoder/layer_1/bias")
    assert not found.whole
    assert found.lines() == [
        "4 of 8 arrays taken",
        "params/encoder/layer_1/bias: [7] here, [3] there",
        "params/encoder/layer_1/kernel: [6, 7] here, [6, 3] there",
        "params/encoder/layer_2/bias: [3] here, absent there",
        "params/encoder/layer_2/kernel: [7, 3] here, absent there",
        "params/decoder/layer_0/bias: there alone",
        "params/decoder/layer_1/bias: there alone",
    ]
    many = taking.Match((), {f"a{i}": ((i,), None) for i in range(9)}, ())
    assert many.lines()[-2:] == ["a4: [4] here, absent there", "and 4 others"]


def test_what_fits_is_taken_and_the_rest_is_as_it_was_drawn():
    trainer, state = made(encoder={"hidden": (6, 7)})
    begun = taking.begun(trainer, state, THEIRS)
    taken = taking.match(state.variables, THEIRS).taken
    ours, drawn = named(begun.variables), named(state.variables)
    for name, value in ours.items():
        wanted = THEIRS[name] if name in taken else drawn[name]
        np.testing.assert_array_equal(value, wanted, err_msg=name)
    assert int(begun.step) == 0
    np.testing.assert_array_equal(ours["data/mean"], np.full((4, 3, 1), 0.5))  # of these data


def test_where_nothing_fits_the_field_is_named():
    trainer, _ = made(encoder={"name": "dense", "hidden": (9,), "bias": False},
                      decoder={"hidden": (9,), "bias": False}, model={"code_size": 2})  # fmt: skip
    found = taking.match(trainer.abstract().variables, THEIRS)
    assert found.taken == ()
    with pytest.raises(ConfigError) as error:
        taking.check(found, "train.init_from", "runs/a")
    assert str(error.value).splitlines() == [
        "train.init_from: none of the 4 arrays of this config has path and shape of one of runs/a",
        "the first, params/decoder/layer_0/kernel: [2, 9] here, [3, 5] there",
    ]
    taking.check(taking.match(made()[0].abstract().variables, THEIRS), "x", "y")
