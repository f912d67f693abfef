"""What becomes of image files: Pillow's own pixels; and files that are damaged."""

import logging
import warnings

import numpy as np
import pytest
from PIL import Image, ImageOps

from ae_jax.data.arrays import from_arrays
from ae_jax.data.load import load_data
from ae_jax.errors import DataError
from tests.data.folders import every, noise, of_noise, one, opened, pillow, refused, same, save


def test_sixteen_bits_are_rounded_to_eight(root, tmp_path):
    values = np.array([[0, 128, 129, 257], [32767, 32896, 65535, 65406]], np.uint16)
    expected = np.array([[0, 0, 1, 1], [127, 128, 255, 254]], np.uint8)  # v / 257, rounded
    for name in ("x.png", "x.tif"):
        found = one(root, save(tmp_path / name, values))
        np.testing.assert_array_equal(found, expected[..., None])


def test_floats_in_the_unit_interval_and_others(root, tmp_path):
    values = np.array([[0, 0.25, 1.0]], np.float32)
    found = one(root, save(tmp_path / "x.tif", values))
    np.testing.assert_array_equal(found[..., 0], [[0, 64, 255]])
    file = save(tmp_path / "y.tif", values * 2)
    with pytest.raises(DataError, match=r"values 0 to 2; must be in \[0, 1\]"):
        one(root, file)


def test_palette_is_colors(root, tmp_path):
    image = Image.new("P", (3, 2))
    image.putpalette([255, 0, 0, 0, 128, 0, 7, 8, 9])
    image.putdata([0, 1, 2, 2, 1, 0])
    red, green, dark = (255, 0, 0), (0, 128, 0), (7, 8, 9)
    expected = np.array([[red, green, dark], [dark, green, red]])
    for name in ("x.png", "x.gif"):
        np.testing.assert_array_equal(one(root, save(tmp_path / name, image)), expected)
    found = one(root, save(tmp_path / "y.png", image, transparency=1))
    np.testing.assert_array_equal(found[..., :3], expected)
    np.testing.assert_array_equal(found[..., 3], [[255, 0, 255], [255, 0, 255]])


def test_gif_is_its_first_frame(root, tmp_path):
    frames = [Image.new("RGB", (4, 3), color) for color in ("red", "blue")]
    file = save(tmp_path / "x.gif", frames[0], save_all=True, append_images=frames[1:])
    assert (one(root, file) == [255, 0, 0]).all()


def test_one_bit_is_black_and_white(root, tmp_path):
    found = one(root, save(tmp_path / "x.png", np.array([[True, False]])))
    assert found[..., 0].tolist() == [[255, 0]]


def test_cmyk_is_rgb(root, tmp_path):
    file = save(tmp_path / "x.jpg", Image.new("CMYK", (8, 8), (255, 0, 0, 0)), quality=95)
    red, green, blue = one(root, file).reshape(-1, 3).mean(0)
    assert red < 10 and min(green, blue) > 245  # cyan


def test_transparency(root, tmp_path):
    pixels = np.array([[[10, 20, 30, 255], [200, 100, 0, 0], [0, 0, 0, 51]]], np.uint8)
    file = save(tmp_path / "x.png", pixels)
    np.testing.assert_array_equal(one(root, file), pixels)
    white = np.array([[[10, 20, 30], [255, 255, 255], [204, 204, 204]]])  # 0.8 of it for 51 / 255
    np.testing.assert_array_equal(one(root, file, color="rgb"), white)
    gray = np.rint(white @ [0.299, 0.587, 0.114])[..., None]
    np.testing.assert_array_equal(one(root, file, color="gray"), gray)
    gray_alpha = save(tmp_path / "y.png", Image.fromarray(pixels).convert("LA"))
    level = int(np.rint(pixels[0, 0, :3] @ [0.299, 0.587, 0.114]))
    assert one(root, gray_alpha)[0, :2].tolist() == [[level] * 3 + [255], [118] * 3 + [0]]
    assert one(root, gray_alpha, color="gray")[0, :, 0].tolist() == [level, 255, 204]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation, root, tmp_path):
    rows = np.array([[1, 2, 3], [4, 5, 6]], np.uint8) * 40
    upright = {  # the EXIF standard: where row 0 and column 0 of the file are
        1: rows, 2: rows[:, ::-1], 3: rows[::-1, ::-1], 4: rows[::-1],
        5: rows.T, 6: rows.T[:, ::-1], 7: rows.T[::-1, ::-1], 8: rows.T[::-1],
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name, image in (("x.png", rows), ("x.tif", rows), ("y.png", rows.astype(np.uint16) * 257)):
        file = save(tmp_path / name, image, exif=exif)
        np.testing.assert_array_equal(one(root, file)[..., 0], upright)


def test_orientation_of_a_jpeg(root, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    file = save(tmp_path / "x.jpg", noise(0, 16, 8, 3), exif=exif, quality=95)
    expected = np.asarray(ImageOps.exif_transpose(opened(file)))
    assert expected.shape == (8, 16, 3)
    np.testing.assert_array_equal(one(root, file), expected)


@pytest.mark.parametrize(
    "options, size, box",
    [
        ({"resize": 4}, (4, 4), None),
        ({"resize": (4, 7)}, (7, 4), None),
        ({"crop": 5}, None, (4, 2, 9, 7)),
        ({"crop": (4, 6)}, None, (3, 2, 9, 6)),
        ({"resize": 6, "crop": (6, 5)}, (9, 6), (2, 0, 7, 6)),  # 13 * 6 / 9 = 8.67
        ({"resize": (8, 20), "crop": 8}, (20, 8), (6, 0, 14, 8)),
        ({"resize": 4, "color": "gray"}, (4, 4), None),
        ({"color": "rgba", "resize": [30]}, (30, 30), None),
    ],
)
def test_size_and_color_are_pillows(options, size, box, root):
    files = of_noise(root, 3, (9, 13, 3))
    mode = {"gray": "L", "rgba": "RGBA"}.get(options.get("color"), "RGB")
    expected = []
    for image in (opened(file).convert(mode) for file in files):
        image = image.resize(size, Image.Resampling.LANCZOS) if size else image
        image = np.asarray(image.crop(box) if box else image)
        expected.append((image if image.ndim == 3 else image[..., None]).tobytes())
    data = load_data(str(root), **options)
    assert every(data) == sorted(expected)
    assert data.train.images.shape[1:3] == (image.shape[0], image.shape[1])


def test_mixed_colors_become_rgb(root):
    files = [*of_noise(root, 3), save(root / "z.png", noise(7, 6, 5))]
    assert every(load_data(str(root))) == sorted(x.tobytes() for x in pillow(files))
    clear = np.dstack([noise(8), np.zeros((6, 5), np.uint8)])
    save(root / "zz.png", clear)
    expected = [*pillow(files), np.full((6, 5, 3), 255, np.uint8)]
    assert every(load_data(str(root))) == sorted(x.tobytes() for x in expected)


def test_mixed_sizes_name_two_files_and_the_option(root):
    of_noise(root, 12)
    save(root / "05.png", noise(0, 7, 5, 3))
    refused(root, "05.png: 7 x 5", ".png: 6 x 5", "data.resize")
    assert load_data(str(root), resize=5).train.images.shape == (11, 5, 5, 3)
    refused(root, "smaller than data.crop, 7 x 7", crop=7)


@pytest.fixture
def damaged(root):
    good = of_noise(root / "a", 12, (20, 20, 3))
    whole = save(root / "x.png", noise(1, 20, 20, 3)).read_bytes()
    (root / "x.png").rename(root / "a" / "x.png")
    (root / "a" / "x.png").write_bytes(whole[: len(whole) // 2])
    (root / "a" / "y.png").write_bytes(b"")
    (root / "a" / "z.jpg").write_text("no image")
    lossy = save(root / "w.jpg", noise(1, 20, 20, 3)).read_bytes()
    (root / "w.jpg").rename(root / "a" / "w.jpg")
    (root / "a" / "w.jpg").write_bytes(lossy[: len(lossy) // 2])
    return good


def test_files_that_cannot_be_read_are_named(damaged, root):
    refused(
        root, "4 of 16 files", "a/w.jpg (", "a/x.png (", "a/y.png (empty)", "...", "skip_bad=True"
    )


@pytest.mark.parametrize("streaming", [False, True])
def test_or_skipped_and_counted(damaged, root, caplog, streaming):
    expected = from_arrays(pillow(damaged), train_labels=["a"] * 12)
    for _ in range(2):  # read, and from the cache
        caplog.clear()
        assert same(load_data(str(root), skip_bad=True, streaming=streaming), expected)
        (line,) = [r.message for r in caplog.records if r.levelno == logging.WARNING]
        assert "4 of 16 files" in line and "skipped" in line


def test_a_part_of_which_nothing_can_be_read(damaged, root):
    of_noise(root / "train", 3)
    (root / "test").mkdir()
    (root / "test" / "x.png").write_bytes(b"")
    for file in (root / "a").iterdir():
        file.unlink()
    (root / "a").rmdir()
    refused(root, "1 of 4", "leaves a part without any", skip_bad=True)


@pytest.mark.parametrize("most, said", [(25, "30 pixels"), (10, "decompression bomb")])
def test_decompression_bombs_are_refused(most, said, root, monkeypatch):
    of_noise(root, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused(root, "3 of 3 files", said)
