"""What comes in from Python: right answers, or one line that says what to do; never a guess."""

import time
from collections import Counter
from pathlib import Path

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import pytest

import ae_jax
from ae_jax import ConfigError, DataError, from_arrays

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (60, 8, 6, 1)).astype(np.uint8)
X[:2, 0, :2, 0] = 0, 255  # so that any two have the range of all
UNIT = (X / 255).astype(np.float32)
SMALL = {"model": {"code_size": 4}, "train": {"batch_size": 20, "epochs": 1}}


def fit(data, config=SMALL, key=KEY, **options):
    return ae_jax.fit(config, data, key, progress=False, **options)


@pytest.fixture(scope="module")
def run():
    return fit(X)


@pytest.fixture(scope="module")
def told():
    """A run whose decoder is told one of three labels."""
    config = {**SMALL, "model": {"code_size": 4, "classes": 3}}
    return fit(from_arrays(X, X, np.arange(60) % 3, np.arange(60) % 3), config)


def one_line(error, *parts):
    text = str(error.value)
    assert len(text.splitlines()) == 1, text
    for part in parts:
        assert part in text, text


# images

DOORS = {
    "fit": lambda run, x: fit(x),
    "from_arrays": lambda run, x: from_arrays(x),
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
    "NaN": (np.where(UNIT > 0.9, np.nan, UNIT), "no NaN", ""),
    "infinite": (np.where(UNIT > 0.9, np.inf, UNIT), "inf", ""),
    "overflow": (UNIT.astype(np.float64) * 1e300, "inf", ""),
    "masked": (np.ma.masked_where(X > 100, X), "masked", "x.filled(0)"),
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


@pytest.mark.slow
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


# labels


def test_a_conditional_decoder_knows_its_classes(told):
    z = told.encode(X[:3])
    right = told.decode(z, [0, 1, 2])
    for same in ([0.0, 1.0, 2.0], np.array([[0], [1], [2]]), jnp.arange(3), np.uint8([0, 1, 2])):
        np.testing.assert_array_equal(told.decode(z, same), right)
    for wrong, *said in (
        ([0, 1, 3], "labels: 3;", "0 to 2", "model.classes is 3"),
        ([0, 1, -1], "labels: -1;", "0 to 2", "model.classes is 3"),
        ([0, 1, 1.7], "labels: 1.7;", "whole numbers", "0 to 2"),
        ([0, 1, np.nan], "labels: nan;", "whole numbers", "0 to 2"),
        ([0, 1], "labels: shape (2,); must be (3,)"),
        (1, "labels: shape (); must be (3,)"),
        (np.eye(3), "labels: shape (3, 3)", "y.argmax(1)"),
        (None, "labels: this decoder is conditioned on them"),
        (["a", "b", "c"], "labels: 'a'; must be whole numbers, 0 to 2"),
        ([None, 1, 2], "labels: object"),
        (np.ma.masked_equal([0, 1, 2], 1), "labels: a masked array"),
    ):
        for door in (
            lambda y: told.decode(z, y),
            lambda y: told.reconstruct(X[:3], y),
            lambda y: told.score(X[:3], y),
            lambda y: told.sample(KEY, 3, y),
            lambda y: told.interpolate(X[0], X[1], 3, y),
            lambda y: told.plot_reconstructions(X[:3], y),
        ):
            with pytest.raises(DataError) as error:
                door(wrong)
            one_line(error, *said)


def test_codes_are_checked(run):
    for z, said in (
        (np.zeros((2, 5)), "codes: shape (2, 5); must be [n, 4]"),
        (np.zeros(4), "of one code: z[None]"),
        (np.full((2, 4), np.nan), "finite"),
        (np.full((2, 4), 1e300), "finite"),
        (np.zeros((2, 4), complex), "complex128; must be numbers"),
        (np.zeros((2, 4), str), "must be numbers"),
        ([[1, 2, 3, 4], [1, 2]], "codes: not an array"),
        (np.ma.masked_less(np.zeros((2, 4)), 1), "masked"),
    ):
        with pytest.raises(DataError) as error:
            run.decode(z)
        one_line(error, said)
    z = run.encode(X[:5])
    for same in (z.astype(np.float64), z.astype(">f4"), z.tolist(), jnp.asarray(z), z[::-1][::-1]):
        np.testing.assert_array_equal(run.decode(same), run.decode(z))
    np.testing.assert_array_equal(run.decode(np.ones((1, 4), int)), run.decode(np.ones((1, 4))))


def test_labels_are_numbered_and_keep_their_names():
    y = np.arange(60) % 3
    for given, names in (
        (np.array(["cat", "ant", "bee"])[y], ("ant", "bee", "cat")),
        (np.array([b"cat", b"ant", b"bee"])[y], ("ant", "bee", "cat")),
        (np.array(["cat", "ant", "bee"], object)[y], ("ant", "bee", "cat")),
        (np.array([20_000, 3, 700])[y], ("3", "700", "20000")),
        (np.array([2e4, 3.0, 700.0])[y], ("3", "700", "20000")),
    ):
        data = from_arrays(X, X[:6], given, given[:6])
        text = [str(v) for v in given.astype(int if given.dtype.kind in "if" else str)]
        assert data.label_names == names
        for part, expected in ((data.train, text), (data.test, text[:6])):
            assert part.labels.dtype == np.int32
            assert [data.label_names[i] for i in part.labels] == expected
        few = ae_jax.data.load.subset(data, 10, 4)
        assert few.label_names == names == data._replace(name="other").label_names
    for plain in (y, y.astype(float), y.astype(np.uint8), y + 1, y > 0):
        data = from_arrays(X, X[:6], plain, plain[:6])
        assert data.label_names is None
        np.testing.assert_array_equal(data.train.labels, np.asarray(plain, np.int32))


def test_labels_that_cannot_be_meant():
    y = np.arange(60) % 3
    for given, said in (
        (y + 0.5, "0.5; must be whole numbers"),
        (np.where(y == 1, np.nan, y), "nan; must be whole numbers"),
        (y - 1, "must be >= 0"),
        (y * 1e12, "fit int32"),
        (np.eye(3)[y], "y.argmax(1)"),
        (np.array([None, "a", 3], object)[y], "object"),
        (y[:50], "(60,), one label an image"),
    ):
        with pytest.raises(DataError) as error:
            from_arrays(X, X, given, y)
        one_line(error, "arrays: train_labels: ", said)
    with pytest.raises(DataError) as error:
        from_arrays(X, X, y, y.astype(str))
    one_line(error, "train_labels", "test_labels", "numbers and text")


def test_ids_cost_no_more_than_classes(tmp_path):
    """A decoder told one of three ids of a thousand million."""
    ids = np.array([2_000_000_000, 17, 90_000])[np.arange(60) % 3]
    np.savez(tmp_path / "ids.npz", train=X, test=X[:9], train_labels=ids, test_labels=ids[:9])
    started = time.perf_counter()
    config = {**SMALL, "model": {"code_size": 4, "classes": 3}}
    run = fit(tmp_path / "ids.npz", config)
    assert time.perf_counter() - started < 30
    z = run.encode(X[:3])
    assert run.label_names == ("17", "90000", "2000000000")
    by_name = run.decode(z, ["2000000000", "17", "90000"])
    np.testing.assert_array_equal(by_name, run.decode(z, [2, 0, 1]))
    with pytest.raises(DataError) as error:
        run.decode(z, [17, 17, 17])
    one_line(error, "labels: 17;", "0 to 2", "or a name: 17, 90000, 2000000000")


def test_the_labels_of_both_parts_are_checked():
    y = np.arange(60) % 3
    config = {**SMALL, "model": {"code_size": 4, "classes": 3}}
    with pytest.raises(DataError) as error:
        fit(from_arrays(X, X[:9], y, y[:9] + 1), config)
    one_line(error, "test_labels: 3 is among them", "0 to 2")
    with pytest.raises(DataError) as error:
        fit(from_arrays(X, X[:9], y, np.full(9, 37)), config)
    one_line(error, "test_labels: ", "37", "0 to 2")
    with pytest.raises(ConfigError) as error:
        fit(from_arrays(X, X[:9], y + 1, y[:9]), config)
    one_line(error, "model.classes: 3", "labels up to 3")
    by_hand = ae_jax.Dataset("hand", ae_jax.Split(X, y - 1), ae_jax.Split(X[:0], None))
    with pytest.raises(DataError) as error:
        fit(by_hand, config)
    one_line(error, "hand: train_labels: -1 to 1; must be >= 0")


def test_plot_codes_names_the_labels(run, told):
    kinds = np.array(["cat", "ant", "bee"])[np.arange(60) % 3]

    def legend(figure):
        return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]

    assert legend(run.plot_codes(X, kinds)) == ["ant", "bee", "cat"]
    assert legend(run.plot_codes(X, np.arange(60) % 3 - 1)) == ["-1", "0", "1"]
    named = told._replace(label_names=("ant", "bee", "cat"))
    assert legend(named.plot_codes(X, np.arange(60) % 3, 3)) == ["ant", "bee", "cat"]
    assert run.plot_codes(X, RNG.random(60)).axes  # a number an image
    for wrong, said in (
        ([0, 1] * 10, "labels: shape (20,); must be (60,)"),
        ([None] * 60, "labels: object"),
    ):
        with pytest.raises(DataError) as error:
            run.plot_codes(X, wrong)
        one_line(error, said)
    with pytest.raises(ConfigError, match="dims: must be 2 or 3"):
        run.plot_codes(X, dims=4)


# keys, configs, data


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


def same(a, b):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(np.asarray(x), np.asarray(y))


def longer(epochs, **fields):
    return {**SMALL, "train": {"batch_size": 20, "epochs": epochs}, **fields}


def test_going_on_has_the_bits_of_not_stopping(run):
    more, whole = fit(X, longer(3), start=run), fit(X, longer(3))
    same(more.state, whole.state)
    np.testing.assert_array_equal(more.history["loss"], whole.history["loss"])
    same(fit(X, longer(3), key=0, start=run).state, whole.state)


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
    with pytest.raises(ConfigError) as error:
        fit(X, {**longer(1), "model": {"code_size": 5}}, init_from=run)
    one_line(error, "init_from: params/", "[4", "[5")
    with pytest.raises(ConfigError) as error:
        fit(X, {**longer(1), "encoder": {"bias": False}}, init_from=run)
    one_line(error, "init_from: params/encoder/layer_0/bias is not there in this config")
    with pytest.raises(ConfigError, match="give one of them"):
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
