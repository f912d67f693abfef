"""Images of which not all pixels were observed: what the doors of a data set make of them."""

import jax.numpy as jnp
import numpy as np
import pytest

import ae_jax
from ae_jax.data.arrays import Split, has_holes
from ae_jax.errors import ConfigError, DataError
from ae_jax.resolve.config import load_config
from ae_jax.run.ready import ready

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (30, 5, 4, 3)).astype(np.uint8)
HIDDEN = RNG.random(BYTES.shape) < 0.2
UNIT = (BYTES / 255).astype(np.float32)
HOLED = np.where(HIDDEN, np.float32(np.nan), UNIT)
MASK = {"data": {"missing": "mask"}, "train": {"batch_size": 10}}


def refused(error, *parts):
    text = str(error.value)
    assert len(text.splitlines()) <= 2
    for part in parts:
        assert part in text, text


@pytest.mark.parametrize(
    "given",
    [
        HOLED,
        np.where(HIDDEN, -np.nan, UNIT.astype(np.float64)),
        jnp.asarray(HOLED),
        np.ma.masked_array(BYTES, HIDDEN),
        np.ma.masked_array(np.where(HIDDEN, 1e300, BYTES / 255), HIDDEN),
        np.ma.masked_array(HOLED, HIDDEN),
    ],
    ids=["NaN", "-NaN of float64", "JAX", "uint8", "huge below the mask", "NaN below the mask"],
)
def test_what_is_nan_or_masked_was_not_observed(given):
    data = ae_jax.from_arrays(given, UNIT)
    x = data.train.images
    assert x.dtype == np.float32 and has_holes(x) and not has_holes(data.test.images)
    np.testing.assert_array_equal(x, HOLED)
    assert x.tobytes() == HOLED.tobytes(), "hashes are of the bytes"
    by_hand = ae_jax.Dataset("mine", Split(given, None), Split(UNIT, None))
    run = ae_jax.fit({**MASK, "train": {"epochs": 0, "batch_size": 10}}, by_hand, 0, False)
    assert run.origin.images_sha256 == data.sha256("train")


def test_a_mask_alone_makes_no_other_type():
    """Whole numbers are floats in both parts as soon as something of one is masked."""
    masked = np.ma.masked_array(BYTES, HIDDEN)
    for train, test in ((masked, BYTES), (BYTES, masked), (masked, masked)):
        data = ae_jax.from_arrays(train, test)
        for part, given in ((data.train, train), (data.test, test)):
            expected = HOLED if given is masked else UNIT
            np.testing.assert_array_equal(part.images, expected)
    kept = ae_jax.from_arrays(np.ma.masked_array(BYTES, False), BYTES)
    assert kept.train.images.dtype == np.uint8
    black = np.ma.masked_array(BYTES > 99, HIDDEN)
    np.testing.assert_array_equal(
        ae_jax.from_arrays(black, HOLED).train.images, np.where(HIDDEN, np.nan, BYTES > 99)
    )


def test_a_file_with_a_mask_beside(tmp_path):
    path = str(tmp_path / "photos.npz")
    np.savez(path, train=BYTES, train_mask=~HIDDEN, test=BYTES)
    data = ae_jax.load_data(path)
    np.testing.assert_array_equal(data.train.images, HOLED)
    np.testing.assert_array_equal(data.test.images, UNIT)
    np.savez(path, train=BYTES, train_mask=~HIDDEN[..., 0], test=BYTES)
    with pytest.raises(DataError) as error:
        ae_jax.load_data(path)
    refused(error, "train_mask", "true where it was observed")
    np.save(tmp_path / "photos.npy", HOLED)
    assert has_holes(ae_jax.load_data(str(tmp_path / "photos.npy")).train.images)


@pytest.mark.parametrize(
    ("train", "said"),
    [
        (np.where(HIDDEN, np.nan, UNIT * 2), ("values 0 to 2", "[0,1], or NaN")),
        (np.where(HIDDEN, np.nan, UNIT - 0.5), ("values -0.5 to 0.5", "or NaN")),
        (np.where(HIDDEN, np.nan, BYTES.astype(float)), ("values 0 to 255", "x / 255")),
        (np.where(HIDDEN, np.nan, np.where(UNIT > 0.9, np.inf, UNIT)), ("to inf",)),
        (np.ma.masked_array(BYTES // 16, HIDDEN), ("uint8 of at most 15", "x / 16.0")),
        (np.ma.masked_array(BYTES.astype(int), HIDDEN), ("int64; must be uint8",)),
    ],
)
def test_what_was_observed_must_be_right(train, said):
    with pytest.raises(DataError) as error:
        ae_jax.from_arrays(train, UNIT)
    refused(error, "train", *said)


@pytest.mark.parametrize("missing", ["auto", "refuse"])
def test_holes_that_are_not_asked_for_are_named(missing):
    config = {"data": {"missing": missing}}
    one = UNIT.copy()
    one[7, 3, 2, 1] = np.nan
    for train, test, part in ((one, UNIT, "train"), (UNIT, one, "test")):
        with pytest.raises(DataError) as error:
            ae_jax.fit(config, ae_jax.from_arrays(train, test), 0, progress=False)
        refused(error, f"{part}: NaN in image 7, row 3, column 2; data.missing", "'mask'")
    data = ae_jax.from_arrays(UNIT, UNIT)._replace(valid=Split(one, None))
    with pytest.raises(DataError) as error:
        ready(load_config("dense", **config), data)
    refused(error, "valid: NaN in image 7, row 3, column 2")
    with pytest.raises(DataError) as error:
        ae_jax.fit(MASK, np.full_like(UNIT, np.nan), 0, progress=False)
    refused(error, "train: NaN everywhere")


def test_what_makes_no_sense_of_images_with_holes_is_refused(tmp_path):
    path = str(tmp_path / "photos.npz")
    for train, test in ((HOLED, UNIT), (UNIT, HOLED)):
        np.savez(path, train=train, test=test)
        with pytest.raises(ConfigError) as error:
            ae_jax.load_data(path, streaming=True, cache_dir=str(tmp_path))
        refused(error, "data.streaming", "without holes")
    even = ae_jax.from_arrays(HOLED[:, :4, :, :])
    with pytest.raises(ConfigError) as error:
        ae_jax.fit({**MASK, "corruption": {"name": "downscale"}}, even, 0, progress=False)
    refused(error, "corruption.name: 'downscale'", "use 'hide'")
    with pytest.raises(ConfigError) as error:
        load_config("dense", **{"data.indicator": True, "decoder": {"name": "tied"}})
    refused(error, "decoder.name: tied", "data.indicator")
