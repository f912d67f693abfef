"""Labels and codes from Python: right answers, or one line that says what to do."""

import time

import jax.numpy as jnp
import numpy as np
import pytest

import ae_jax
from ae_jax import ConfigError, DataError, from_arrays
from tests.run.doors import KEY, RNG, SMALL, X, fit, one_line


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
        (None, "labels: this decoder is conditioned on labels"),
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
        (y[:50], "(60,), one label per image"),
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
    assert run.plot_codes(X, RNG.random(60)).axes  # one number per image
    for wrong, said in (
        ([0, 1] * 10, "labels: shape (20,); must be (60,)"),
        ([None] * 60, "labels: object"),
    ):
        with pytest.raises(DataError) as error:
            run.plot_codes(X, wrong)
        one_line(error, said)
    with pytest.raises(ConfigError, match="dims: must be 2 or 3"):
        run.plot_codes(X, dims=4)
