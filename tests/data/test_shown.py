"""A data set in a notebook: what is said is counted here, and pictures are decoded again."""

import numpy as np
import pytest

from ae_jax.data.arrays import from_arrays, hold_out
from ae_jax.data.load import load_data
from ae_jax.data.scales import scaled
from tests.page import Page

RNG = np.random.default_rng(0)
EVIL = "<script>alert('&')</script>"


def images(*shape, n=12):
    return RNG.integers(0, 256, (n, *shape), dtype=np.uint8)


@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 1), (5, 9, 3), (4, 4, 4), (6, 6, 2)])
def test_the_first_images_are_there_pixel_by_pixel(shape):
    x = images(*shape)
    found = Page(from_arrays(x, x[:3])._repr_html_()).pictures
    channel = x.shape[-1] if x.ndim == 4 else 1
    pixels = x if channel in (3, 4) else x.reshape(len(x), *shape[:2], -1)[..., 0]
    assert len(found) == 8
    for picture, wanted in zip(found, pixels, strict=False):
        np.testing.assert_array_equal(picture, wanted)


def test_floats_become_the_nearest_levels_and_missing_ones_black():
    levels = np.clip(images(5, 5), 1, 254)
    x = (levels + RNG.uniform(-0.4, 0.4, levels.shape).astype(np.float32)) / 255
    x[0, 1, 2] = np.nan
    levels[0, 1, 2] = 0
    for picture, wanted in zip(
        Page(from_arrays(x, x)._repr_html_()).pictures, levels, strict=False
    ):
        np.testing.assert_array_equal(picture, wanted)


def test_large_images_are_made_small():
    (picture,) = Page(
        from_arrays(images(300, 150, n=2)[:1], images(300, 150))._repr_html_()
    ).pictures
    assert picture.shape == (96, 48)


def test_images_are_told_with_counts_classes_and_scale():
    x, y = images(6, 4, n=60), np.arange(60) % 3
    data = from_arrays(x[:50], x[50:], y[:50], y[50:], name=EVIL)
    assert repr(data) == (
        f"Dataset({EVIL}: images 6 x 4 x 1, 50 training, 10 test, 3 classes)"
    )  # fmt: skip
    page = Page(data._repr_html_())
    assert page.captions == [f"Dataset {EVIL}", *(str(i % 3) for i in range(8))]
    assert page.said == {
        "examples": "images 6 x 4 x 1, uint8", "training": "50", "test": "10",
        "labels": "3 classes", "scale": "0 to 255",
    }  # fmt: skip
    held = hold_out(data, 10, 0)
    assert "40 training, 10 validation, 10 test" in repr(held)
    assert Page(held._repr_html_()).said["validation"] == "10"


def test_whatever_text_a_name_is_it_stays_text():
    names = [EVIL, 'a "quoted" one', "b"]
    data = from_arrays(images(4, 4, n=9), images(4, 4, n=3), names * 3, names, name=EVIL)
    text = data._repr_html_()
    page = Page(text)
    assert "script" not in page.tags and "<script" not in text
    assert page.said["labels"] == "3 classes: " + ", ".join(sorted(names))
    assert page.captions[1:4] == names


def test_rows_show_their_first_numbers_in_their_own_units():
    x = RNG.normal(50, 20, (30, 10))
    x[1, 0] = np.nan
    names = [f"c{i}" for i in range(9)] + [EVIL]
    data = from_arrays(x, kind="rows", columns=names)
    for shown, scale in ((data, "own units"), (scaled(data, "standard"), "own units below")):
        page = Page(shown._repr_html_())
        assert page.said["examples"].startswith("rows 10, float")
        assert page.said["scale"].startswith(scale) and page.said["labels"] == "no labels"
        start = page.rows.index(names[:8])
        first = page.rows[start + 1 :]
        kept = data.train.images.reshape(-1, 10)[:8, :8]
        assert len(first) == 8
        for told, numbers in zip(first, kept, strict=True):
            told = [np.nan if t == "missing" else float(t) for t in told]
            np.testing.assert_allclose(told, numbers, rtol=6e-4)
    assert "rows 10, 27 training, 3 test, no labels" in repr(data)


def test_signals_show_the_start_of_their_first_channel():
    x = RNG.normal(size=(20, 12, 2))
    data = from_arrays(x[:16], x[16:], kind="signal", columns=["left", "right"])
    page = Page(data._repr_html_())
    start = page.rows.index([f"left at {i}" for i in range(8)])
    told = np.array(page.rows[start + 1 :], float)
    np.testing.assert_allclose(told, x[:8, :8, 0], rtol=6e-4)
    assert "signals 12 x 2, 16 training, 4 test" in repr(data)


def test_what_is_on_disk_is_read_a_few_at_a_time(tmp_path, monkeypatch):
    x = RNG.normal(size=(40, 5))
    np.save(tmp_path / "x.npy", x)
    data = load_data(str(tmp_path / "x.npy"), kind="rows", streaming=True)
    asked = []
    read = type(data.train.images).__getitem__
    spied = lambda self, chosen: asked.append(chosen) or read(self, chosen)  # noqa: E731
    monkeypatch.setattr(type(data.train.images), "__getitem__", spied)
    page = Page(data._repr_html_())
    assert asked == [slice(None, 8)] and page.said["training examples are"] == "on disk"
