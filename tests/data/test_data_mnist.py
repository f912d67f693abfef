"""MNIST as TFDS itself prepares it: PNG records in a shuffled order, found, verified, reordered."""

import io

import numpy as np
import PIL.Image
import pytest
import tensorflow_datasets as tfds

from ae_jax.data import idx_files, tfds_builders
from ae_jax.data.idx_files import IdxFile, IdxSet
from ae_jax.data.load import load_data
from ae_jax.errors import DataError


class Mnist(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """As TFDS's own: keys 0 ... n-1, images as PNG, records dealt by the hash of their keys."""

    VERSION = tfds.core.Version("3.0.1")
    name = "mnist"
    arrays: dict[str, np.ndarray]

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(6, 5, 1)),
            "label": tfds.features.ClassLabel(num_classes=10),
        }
        return tfds_builders.LocalInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in ("train", "test")}

    def _generate_examples(self, split):
        images, labels = self.arrays[f"{split}_images"], self.arrays[f"{split}_labels"]
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            png = io.BytesIO()
            PIL.Image.fromarray(image).save(png, "PNG")
            yield i, {"image": png.getvalue(), "label": int(label)}


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Four small arrays, published as 'mnist' at an address that refuses; no files of it here."""
    rng = np.random.default_rng(5)
    arrays = {
        "train_images": rng.integers(0, 256, (30, 6, 5), np.uint8),
        "train_labels": rng.integers(0, 10, 30, np.uint8),
        "test_images": rng.integers(0, 256, (10, 6, 5), np.uint8),
        "test_labels": rng.integers(0, 10, 10, np.uint8),
    }
    files = {part: IdxFile("0" * 64, idx_files.idx_sha256(a)) for part, a in arrays.items()}
    monkeypatch.setitem(idx_files.IDX_SETS, "mnist", IdxSet("http://127.0.0.1:9/", files))
    monkeypatch.delenv("AE_JAX_MANUAL_DIR", raising=False)
    monkeypatch.setenv("AE_JAX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    return arrays


def prepare(arrays, tmp_path):
    """Prepares a set below TFDS_DATA_DIR; the images as they are stored there."""
    builder = Mnist(data_dir=tmp_path / "tfds", file_format="array_record")
    builder.arrays = arrays
    tfds_builders._download_and_prepare(builder)
    source = builder.as_data_source("train")
    return np.stack([record["image"][..., 0] for record in source])


def test_a_set_that_tfds_has_prepared_is_used_in_the_published_order(published, tmp_path):
    stored = prepare(published, tmp_path)
    assert not np.array_equal(stored, published["train_images"]), "TFDS deals anew"
    for _ in range(2):  # read, then from the cache
        data = load_data("mnist")
        np.testing.assert_array_equal(data.train.images[..., 0], published["train_images"])
        np.testing.assert_array_equal(data.train.labels, published["train_labels"])
        np.testing.assert_array_equal(data.test.images[..., 0], published["test_images"])
        np.testing.assert_array_equal(data.test.labels, published["test_labels"])


def test_streams_take_it_too(published, tmp_path):
    prepare(published, tmp_path)
    images = load_data("mnist", streaming=True).train.images
    np.testing.assert_array_equal(np.asarray(images[0:30])[..., 0], published["train_images"])


@pytest.mark.parametrize("part", ["train_images", "test_labels"])
def test_a_set_that_is_not_the_published_one_is_refused(part, published, tmp_path):
    wrong = {name: a.copy() for name, a in published.items()}
    wrong[part].flat[3] ^= 1
    prepare(wrong, tmp_path)
    with pytest.raises(DataError, match=r"tfds/mnist/3\.0\.1: is not mnist as published; remove"):
        load_data("mnist")


def test_files_named_by_hand_come_first(published, tmp_path):
    wrong = {name: a.copy() for name, a in published.items()}
    wrong["test_labels"][0] ^= 1
    prepare(wrong, tmp_path)
    with pytest.raises(DataError, match="4 of 4 files are missing"):
        load_data("mnist", manual_dir=str(tmp_path))
