"""Folders of images, and what is asked of them."""

import numpy as np
import pytest
from PIL import Image

from ae_jax.data.load import load_data
from ae_jax.errors import DataError


def noise(seed, *shape):
    return np.random.default_rng(seed).integers(0, 256, shape or (6, 5, 3), np.uint8)


def save(file, image, **options):
    file.parent.mkdir(parents=True, exist_ok=True)
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(file, **options)
    return file


def of_noise(folder, n, shape=(6, 5, 3), seed=0):
    return [save(folder / f"{i:02}.png", noise(100 * seed + i, *shape)) for i in range(n)]


def opened(file):
    with Image.open(file) as image:
        return image.copy()


def pillow(files, mode="RGB"):
    x = np.stack([np.asarray(opened(file).convert(mode)) for file in files])
    return x if x.ndim == 4 else x[..., None]


def every(data):
    """All images of all parts, in a set that has no order: bytes, sorted."""
    parts = [p for p in (data.train, data.test, data.valid) if p is not None]
    return sorted(image.tobytes() for part in parts for image in part.images[:])


def same(a, b):
    for x, y in zip((a.train, a.test), (b.train, b.test), strict=True):
        np.testing.assert_array_equal(x.images[:], y.images[:])
        assert (x.labels is None) == (y.labels is None)
        assert x.labels is None or x.labels.tolist() == y.labels.tolist()
    assert a.label_names == b.label_names
    return True


def one(root, file, **options):
    """The one image of a folder in which there is another one like it."""
    for other in root.glob("*/*"):
        other.unlink()
    for part in ("train", "test"):
        (root / part).mkdir(exist_ok=True)
        (root / part / file.name).write_bytes(file.read_bytes())
    return load_data(str(root), **options).train.images[0]


def refused(root, *said, kind=DataError, **options):
    with pytest.raises(kind) as error:
        load_data(str(root), **options)
    text = str(error.value)
    assert len(text.splitlines()) <= 3
    for words in said:
        assert words in text, text
