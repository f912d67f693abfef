"""Images from Python: right answers, or one line that says what to do; never a guess."""

import jax.numpy as jnp
import numpy as np
import pytest

import ae_jax
from ae_jax import ConfigError, DataError, from_arrays
from tests.run.doors import KEY, RNG, SMALL, UNIT, X, fit, one_line

DOORS = {
    "fit": lambda run, x: fit(x),
    "from_arrays": lambda run, x: from_arrays(x),
    "load_data": lambda run, x: ae_jax.load_data(x),
    "encode": lambda run, x: run.encode(x),
    "reconstruct": lambda run, x: run.reconstruct(x),
    "score": lambda run, x: run.score(x),
    "corrupt": lambda run, x: run.corrupt(x, KEY),
    "interpolate": lambda run, x: run.interpolate(x[0], x[1]),
    "plot_reconstructions": lambda run, x: run.plot_reconstructions(x),
    "plot_codes": lambda run, x: run.plot_codes(x),
}
MENDED = {
    "int64": (X.astype(np.int64), "int64; must be uint8", "x.astype(np.uint8)"),
    "uint16": (X.astype(np.uint16) * 257, "uint16; must be uint8", "x / 65535"),
    "0 to 255": (X.astype(np.float64), "values 0 to 255; floats must be in [", "x / 255"),
    "-1 to 1": (UNIT * 2 - 1, "values -1 to 1", "(x + 1) / 2"),
    "noisy": (UNIT + 0.3, "to 1.3; floats must be in [", "np.clip(x, 0, 1)"),
    "infinite": (np.where(UNIT > 0.9, np.inf, UNIT), "inf", ""),
    "overflow": (UNIT.astype(np.float64) * 1e300, "inf", ""),
    "complex": (UNIT.astype(complex), "complex128; must be uint8, or float in [0,1]", ""),
    "text": (X.astype(str), "must be uint8, or float in [0,1]", ""),
    "objects": (X.astype(object), "object; must be uint8, or float in [0,1]", ""),
}


@pytest.mark.parametrize("kind", MENDED)
@pytest.mark.parametrize("door", DOORS)
def test_every_door_refuses_alike(door, kind, run):
    x, said, mend = MENDED[kind]
    with pytest.raises(DataError) as error:
        DOORS[door](run, x)
    one_line(error, said, mend)


KEEP = ("from_arrays", "load_data")  # they do not know whether a config takes holes
UNKNOWN = {
    "NaN": (np.where(UNIT > 0.9, np.nan, UNIT), "no NaN"),
    "masked": (np.ma.masked_where(UNIT > 0.9, X), "x.filled(0)"),
}


@pytest.mark.parametrize("kind", UNKNOWN)
@pytest.mark.parametrize("door", [n for n in DOORS if n not in KEEP])
def test_what_was_not_observed_is_refused_where_it_is_not_asked_for(door, kind, run):
    x, said = UNKNOWN[kind]
    with pytest.raises(DataError) as error:
        DOORS[door](run, x)
    parts = ("train: NaN in image ", "data.missing", "'mask'") if door == "fit" else (said,)
    one_line(error, *parts)
    kept = from_arrays(x, X).train.images if kind == "masked" else from_arrays(x, UNIT).train.images
    np.testing.assert_array_equal(kept, np.where(UNIT > 0.9, np.nan, UNIT))
    assert kept.dtype == np.float32


@pytest.mark.parametrize("mended", [0, 1, 2, 3])
def test_the_line_that_is_named_mends_it(mended, run):
    x, _, line = list(MENDED.values())[mended]
    again = eval(line, {"x": x, "np": np})
    np.testing.assert_allclose(run.encode(again), run.encode(X), atol=1e-5)


SAME = {
    "float64": X / 255,
    "big-endian": UNIT.astype(">f4"),
    "big-endian float64": (X / 255).astype(">f8"),
    "long double": X.astype(np.longdouble) / 255,
    "float16": UNIT.astype(np.float16),
    "bfloat16": jnp.asarray(UNIT, jnp.bfloat16),
    "Fortran order": np.asfortranarray(UNIT),
    "reversed": UNIT[::-1].copy()[::-1],
    "strided": np.repeat(X, 2, axis=2)[:, :, ::2],
    "read-only": np.frombuffer(X.tobytes(), np.uint8).reshape(X.shape),
    "no channel": X[..., 0],
    "a list": list(X),
    "lists": UNIT.tolist(),
    "JAX": jnp.asarray(X),
    "masked nowhere": np.ma.masked_array(X, np.zeros(X.shape, bool)),
}


@pytest.mark.parametrize("kind", SAME)
def test_what_is_the_same_gives_the_same(kind, run):
    atol = {"float16": 1e-2, "bfloat16": 5e-2}.get(kind, 1e-5)
    x = SAME[kind]
    for name in ("encode", "reconstruct", "score"):
        right = getattr(run, name)(X)
        got = getattr(run, name)(x)
        assert got.dtype == np.float32 and got.dtype.isnative
        np.testing.assert_allclose(got, right, atol=atol * max(1, np.abs(right).max()))
    data = from_arrays(x)
    assert data.train.images.dtype.isnative and data.train.images.shape[1:] == (8, 6, 1)


def test_bool_is_black_and_white(run):
    np.testing.assert_array_equal(run.encode(X > 99), run.encode((X > 99) * np.uint8(255)))
    assert set(np.unique(from_arrays(X > 99).train.images)) == {0, 255}


@pytest.mark.slow
def test_nothing_in_nothing_out(run, told):
    for none in (X[:0], UNIT[:0], X[:0, ..., 0]):
        for values, shape in (
            (run.encode(none), (0, 4)),
            (run.reconstruct(none), (0, 8, 6, 1)),
            (run.score(none), (0,)),
            (run.corrupt(none, 0), (0, 8, 6, 1)),
            (run.decode(np.zeros((0, 4))), (0, 8, 6, 1)),
            (run.sample(0, 0), (0, 8, 6, 1)),
            (told.decode(np.zeros((0, 4)), []), (0, 8, 6, 1)),
            (told.reconstruct(none, np.zeros(0, int)), (0, 8, 6, 1)),
        ):
            assert (values.shape, values.dtype) == (shape, np.float32)
        for plot in (run.plot_codes, run.plot_reconstructions):
            with pytest.raises(DataError) as error:
                plot(none)
            one_line(error, "images: none")


def test_shapes_say_what_mends_them(run):
    color = fit(np.repeat(UNIT, 3, axis=3))
    for x, said in (
        (X[0], "of one image: x[None]"),
        (X[0, ..., 0], "of one image: x[None]"),
        (X[:, :7], "images must be [n, 8, 6, 1], not [60, 7, 6, 1]"),
        (X.reshape(60, -1), "[n, 8, 6, 1]"),
        (np.zeros(()), "[n, 8, 6, 1]"),
    ):
        with pytest.raises(DataError) as error:
            run.score(x)
        one_line(error, said)
    with pytest.raises(DataError) as error:
        color.encode(np.zeros((5, 3, 8, 6)))
    one_line(error, "np.moveaxis(x, 1, -1)")
    with pytest.raises(ValueError, match="images must be"):  # as NumPy's users expect
        run.encode(X[:, :7])


@pytest.mark.long
def test_a_denoiser_takes_the_noise_it_was_trained_with():
    for corruption in (
        {"name": "gaussian", "sigma": 1.0},
        {"name": "dropout", "rate": 0.8},
        {"name": "downscale"},
        {"name": "salt_and_pepper"},
    ):
        for scale in ("unit", "sym"):
            run = fit(X, {**SMALL, "corruption": corruption, "data": {"scale": scale}})
            noisy = run.corrupt(X, 1)
            assert np.isfinite(run.score(noisy)).all()
            with pytest.raises(DataError):
                run.encode(X.astype(float))
    plain = fit(X)
    with pytest.raises(DataError, match="clip"):
        plain.encode(UNIT + 0.5)
    wide = plain._replace(limits=(-1, 2))  # who means it says so
    assert wide.encode(UNIT + 0.5).shape == (60, 4)


def test_an_interpolation_of_two_types_is_one_of_two_images(run):
    right = run.interpolate(X[0], X[1], 5)
    for a, b in ((X[0], UNIT[1]), (UNIT[0, ..., 0], X[1]), (X[:1], X[1:2])):
        np.testing.assert_allclose(run.interpolate(a, b, np.int64(5)), right, atol=1e-5)
    for a, b, named in ((X[0], X[1] * 1.0, "b: values"), (X[:2], X[1], "a must be")):
        with pytest.raises(DataError) as error:
            run.interpolate(a, b)
        one_line(error, named)
    for steps in (0, 2.5, "3", True):
        with pytest.raises(ConfigError, match="steps: must be a whole number >= 1"):
            run.interpolate(X[0], X[1], steps)


# layout and scale


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (4, 16, 12), (3, 64, 48)])
def test_channels_first_is_noticed(shape):
    x = RNG.random((12, *shape))
    for door in (from_arrays, fit):
        with pytest.raises(DataError) as error:
            door(x)
        one_line(error, "channels first", "np.moveaxis(x, 1, -1)")
    assert from_arrays(np.moveaxis(x, 1, -1)).train.images.shape[1:] == (*shape[1:], shape[0])


@pytest.mark.parametrize("shape", [(32, 32, 3), (1, 30, 1), (3, 3, 64), (5, 9, 9), (1, 64, 8)])
def test_channels_last_is_not(shape):
    x = RNG.random((12, *shape))
    assert from_arrays(x).train.images.shape[1:] == shape


def test_who_has_three_rows_and_many_channels_says_so():
    x = RNG.random((20, 3, 8, 8)).astype(np.float32)
    by_hand = ae_jax.Dataset("rows", ae_jax.Split(x, None), ae_jax.Split(x[:0], None))
    assert fit(by_hand).model.shape == (3, 8, 8)


@pytest.mark.parametrize(
    ("x", "mend"),
    [
        ((X > 99).astype(np.uint8), "x * 255"),
        (X // 16, "x / 16.0"),
        (X // 64, "x / 16.0"),
    ],
)
def test_an_unlikely_scale_is_noticed(x, mend, tmp_path, run):
    np.savez(tmp_path / "x.npz", train=x, test=x)
    for door, data in ((from_arrays, x), (fit, x), (ae_jax.load_data, str(tmp_path / "x.npz"))):
        with pytest.raises(DataError) as error:
            door(data)
        one_line(error, "where 255 is white", mend, "x / 255.0")
    mended = from_arrays(eval(mend, {"x": x})).train.images
    assert mended.max() == {np.dtype(np.uint8): 255}.get(mended.dtype, x.max() / 16)
    assert from_arrays(x / 255.0).train.images.max() == np.float32(x.max() / 255)
    assert run.encode(x).shape == (60, 4)  # a dark image is no fault


def test_black_is_no_fault():
    black = np.zeros((20, 4, 4), np.uint8)
    assert from_arrays(black).train.images.max() == 0
    assert from_arrays(black + np.uint8(17)).train.images.max() == 17
