"""TFDS data sets that others prepared, and names that nobody knows."""

import io
import json
import shutil
import time

import numpy as np
import PIL.Image
import pytest
import tensorflow_datasets as tfds

from ae_jax.data import on_disk, tfds_builders
from ae_jax.data.load import load_data
from ae_jax.errors import ConfigError, DataError


class Blobs(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Color images as TFDS stores them (PNG), as anyone might have prepared them."""

    VERSION = tfds.core.Version("1.2.0")
    splits: dict[str, np.ndarray]
    key = "image"

    def _info(self):
        features = {
            self.key: tfds.features.Image(),
            "label": tfds.features.ClassLabel(num_classes=3),
        }
        return tfds_builders.LocalInfo(
            builder=self, features=tfds.features.FeaturesDict(features), disable_shuffling=True
        )

    def _split_generators(self, dl_manager):
        return {name: self._generate_examples(images) for name, images in self.splits.items()}

    def _generate_examples(self, images):
        for i, image in enumerate(images):
            png = io.BytesIO()
            PIL.Image.fromarray(image).save(png, "PNG")
            yield i, {self.key: png.getvalue(), "label": i % 3}


@pytest.fixture
def prepared(tmp_path):
    """Prepares 'blobs' with the given splits; the images are random and known."""

    def prepare(**splits):
        builder = Blobs(data_dir=tmp_path / "tfds", file_format="array_record")
        builder.splits = splits
        tfds_builders._download_and_prepare(builder)
        return tmp_path / "tfds/blobs/1.2.0"

    return prepare


COLOR = np.random.default_rng(2).integers(0, 256, (20, 7, 6, 3), np.uint8)


@pytest.mark.parametrize("test, cut", [("test", 15), ("validation", 15), (None, 18)])
def test_prepared_elsewhere(test, cut, prepared, tmp_path):
    splits = {"train": COLOR} if test is None else {"train": COLOR[:cut], test: COLOR[cut:]}
    prepared(**splits)
    for name in ("blobs", "blobs:1.2.0"):
        data = load_data(name, cache_dir=str(tmp_path))
        np.testing.assert_array_equal(data.train.images, COLOR[:cut])
        np.testing.assert_array_equal(data.test.images, COLOR[cut:])
        assert data.train.labels.tolist() == [i % 3 for i in range(cut)]
    with pytest.raises(DataError, match="unknown data set"):
        load_data("blobs:1.0.0", cache_dir=str(tmp_path))


def test_options_of_tables_are_not_for_images(prepared, tmp_path):
    prepared(train=COLOR)
    for field, what in (("columns", "table"), ("label", "table"), ("kind", "file of arrays")):
        with pytest.raises(ConfigError, match=rf"data\.{field}: is for a {what}, and 'blobs'"):
            load_data("blobs", cache_dir=str(tmp_path), **{field: "image"})
        with pytest.raises(DataError, match="unknown data set 'frame'"):  # of a saved run
            load_data("frame", cache_dir=str(tmp_path), **{field: "image"})


def test_streaming_reads_a_block_at_a_time(prepared, tmp_path, monkeypatch):
    """Of 2,500 images no more than 1,000 are decoded at once, and all arrive in order."""
    many = np.random.default_rng(3).integers(0, 256, (2_500, 4, 5, 3), np.uint8)
    prepared(train=many, test=many[:7])
    sizes = []
    write = on_disk.write

    def watched(folder, blocks, n, test):
        write(folder, (sizes.append(len(b.images)) or b for b in blocks), n, test)

    monkeypatch.setattr(on_disk, "write", watched)
    disk = load_data("blobs", cache_dir=str(tmp_path), streaming=True)
    assert sizes == [1_000, 1_000, 500]
    np.testing.assert_array_equal(disk.train.images[:], many)
    assert disk.train.labels.tolist() == [i % 3 for i in range(2_500)]
    np.testing.assert_array_equal(disk.test.images, many[:7])
    load_data("blobs", cache_dir=str(tmp_path), streaming=True)
    assert len(sizes) == 3  # opened, not written again
    prepared_info = tmp_path / "tfds/blobs/1.2.0/dataset_info.json"
    prepared_info.write_text(prepared_info.read_text() + "\n")
    load_data("blobs", cache_dir=str(tmp_path), streaming=True)
    assert len(sizes) == 6  # prepared anew


def test_prepared_but_unusable(prepared, tmp_path, monkeypatch):
    def refused(*parts):
        with pytest.raises(DataError) as error:
            load_data("blobs", cache_dir=str(tmp_path))
        assert len(str(error.value).splitlines()) <= 3
        assert all(part in str(error.value) for part in ("blobs", *parts))
        shutil.rmtree(tmp_path / "tfds")

    prepared(train=[COLOR[0], COLOR[1, :3]], test=COLOR)
    refused("differ in size")
    prepared(only=COLOR)
    refused("'train'", "only")
    folder = prepared(train=COLOR, test=COLOR)
    records = next(folder.glob("*-test.array_record*"))
    records.write_bytes(records.read_bytes()[:1000])
    refused(str(folder))
    info = prepared(train=COLOR, test=COLOR) / "dataset_info.json"
    info.write_text(json.dumps(json.loads(info.read_text()) | {"fileFormat": "tfrecord"}))
    refused("array_record")
    monkeypatch.setattr(Blobs, "key", "picture")
    prepared(train=COLOR, test=COLOR)
    refused("'image'", "picture")


@pytest.mark.parametrize(
    "name, said",
    [
        ("mnsit", "did you mean 'mnist'"),
        ("MNIST5K", "did you mean 'mnist5k'"),
        ("cifar10", "ae_jax[tf]"),
        ("cifar_10", "did you mean 'cifar10'"),
        ("../../etc", "unknown data set"),
        ("", "unknown data set"),
    ],
)
def test_unknown_names(name, said, tmp_path, monkeypatch):
    monkeypatch.setattr(tfds_builders, "find_spec", lambda package: None)
    monkeypatch.chdir(tmp_path)  # which has no folder ../../etc
    start = time.monotonic()
    with pytest.raises(DataError) as error:
        load_data(name, cache_dir=str(tmp_path))
    assert time.monotonic() - start < 2
    assert said in str(error.value) and len(str(error.value).splitlines()) <= 3
