"""Figures of images against the pixels of the saved file, row by row, and the words on them."""

import ast
import io
import os
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib import style
from PIL import Image

from ae_jax import figures
from ae_jax.errors import DataError

ORANGE = [213, 94, 0]


def levels(seed: int, *shape: int) -> np.ndarray:
    """8-bit gray levels; divided by 255 they are images whose every pixel has one right color."""
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def assert_same(shown: np.ndarray, expected: np.ndarray | list) -> None:
    """Equal 8-bit colors; matplotlib may round one level differently."""
    assert np.shape(shown) == np.shape(expected)
    assert np.abs(np.asarray(shown, int) - np.asarray(expected, int)).max() <= 1


def png(figure: figures.Figure) -> np.ndarray:
    """The figure as a reader of the file sees it, `[height, width, 3]`."""
    return np.asarray(Image.open(io.BytesIO(figure._repr_png_())).convert("RGB"))


def inside(figure: figures.Figure, axes: matplotlib.axes.Axes) -> np.ndarray:
    """The pixels of the file that lie within the axes."""
    canvas = png(figure)
    box = axes.get_window_extent()
    left, right = round(box.x0), round(box.x1)
    return canvas[canvas.shape[0] - round(box.y1) : canvas.shape[0] - round(box.y0), left:right]


def cells(figure: figures.Figure, rows: int, columns: int) -> np.ndarray:
    """Images cut out of a grid with gaps of 4 pixels: `[rows, columns, height, width, 3]`."""
    grid = inside(figure, figure.axes[0])
    height, width = (grid.shape[0] + 4) // rows - 4, (grid.shape[1] + 4) // columns - 4
    return np.stack(
        [
            [
                grid[i * (height + 4) :][:height, j * (width + 4) :][:, :width]
                for j in range(columns)
            ]
            for i in range(rows)
        ]
    )


def row_labels(figure: figures.Figure) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def enlarged(image: np.ndarray, factor: int) -> np.ndarray:
    return np.kron(image, np.ones((factor, factor), image.dtype))


def test_reconstructions_are_on_the_canvas_pixel_by_pixel():
    top, bottom = levels(0, 16, 28, 28, 1), levels(1, 16, 28, 28, 1)
    figure = figures.reconstructions(top / 255, bottom / 255, "Fourteen of sixteen")
    shown = cells(figure, 2, 14)
    for i, images in enumerate((top, bottom)):
        for j in range(14):
            for channel in range(3):
                assert_same(shown[i, j, :, :, channel], enlarged(images[j, :, :, 0], 3))
    assert row_labels(figure) == ["original", "reconstruction"]
    assert figure.get_suptitle() == "Fourteen of sixteen"


def test_denoising_has_corrupted_output_clean_from_top_to_bottom():
    noisy, output, clean = (np.full((2, 4, 4, 1), value) for value in (0.0, 0.6, 1.0))
    figure = figures.denoising(noisy, output, clean)
    assert row_labels(figure) == ["corrupted", "output", "clean"]
    assert_same(cells(figure, 3, 2)[:, 0, 5, 5, 0], [0, 153, 255])


def test_color_images_that_are_not_square():
    image = levels(2, 1, 6, 9, 3)
    shown = cells(figures.image_rows({"color": image / 255}), 1, 1)[0, 0]
    factor = 84 // 9
    assert shown.shape == (6 * factor, 9 * factor, 3)
    for channel in range(3):
        assert_same(shown[..., channel], enlarged(image[0, :, :, channel], factor))


def test_out_of_range_is_clipped_other_channels_averaged_and_nan_is_orange():
    gray = np.array([-1.0, 2.0, np.nan]).reshape(3, 1, 1, 1)
    two = np.array([[0.2, 0.6], [1.0, 1.0], [0.0, 0.0]]).reshape(3, 1, 1, 2)
    shown = cells(figures.image_rows({"gray": gray, "two channels": two}), 2, 3)[:, :, 40, 40]
    expected = [[[0] * 3, [255] * 3, ORANGE], [[102] * 3, [255] * 3, [0] * 3]]
    assert_same(shown, expected)


def test_a_row_of_lower_resolution_fills_the_same_cells():
    low, high = levels(3, 2, 14, 14, 1), levels(4, 2, 28, 28, 1)
    shown = cells(figures.image_rows({"low": low / 255, "high": high / 255}), 2, 2)[..., 0]
    assert_same(shown[0, 1], enlarged(low[1, :, :, 0], 6))
    assert_same(shown[1, 1], enlarged(high[1, :, :, 0], 3))


def test_images_larger_than_a_cell_are_averaged_down():
    checks = np.indices((168, 168)).sum(axis=0)[None, :, :, None] % 2  # every 2x2 block: mean 1/2
    shown = cells(figures.image_rows({"large": checks.astype(float)}), 1, 1)
    assert shown.shape[2:4] == (84, 84)
    assert_same(shown, np.full_like(shown, 128))


def test_every_word_of_a_narrow_figure_is_inside_it():
    figure = figures.image_rows({"a rather long row label": np.ones((1, 2, 2, 1))}, "T" * 60)
    words = [*figure.axes[0].get_yticklabels(), *figure.texts]
    assert len(words) == 2
    for word in words:
        box = word.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0
        assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1


@pytest.mark.parametrize(
    ("epochs", "drawn"),
    [
        (range(1, 21), [1, 5, 10, 15, 20]),
        (range(1, 51), [1, 13, 25, 38, 50]),
        ([2, 4, 8], [2, 4, 8]),
        ([7], [7]),
    ],
)
def test_progress_strip_chooses_epochs_and_shows_each_with_its_mse(epochs, drawn):
    frames = {epoch: np.full((2, 3, 3, 1), epoch / 255) for epoch in epochs}
    losses = {epoch: 0.1 / epoch for epoch in epochs}
    figure = figures.progress_strip(np.ones((2, 3, 3, 1)), frames, losses)
    expected = [f"epoch {epoch} · mse {0.1 / epoch:.4f}" for epoch in drawn]
    assert row_labels(figure) == ["original", *expected]
    shades = cells(figure, len(drawn) + 1, 2)[:, 1, 40, 40, 0]
    assert_same(shades, [255, *drawn])


@pytest.mark.parametrize(
    ("epochs", "drawn"),
    [(range(1, 21), [1, 5, 10, 20]), (range(1, 61), [1, 5, 10, 20, 50, 60]), ([2, 4], [2, 4])],
)
def test_progress_of_a_denoiser_stands_between_corrupted_and_clean(epochs, drawn):
    frames = {epoch: np.full((2, 3, 3, 1), epoch / 255) for epoch in epochs}
    corrupted = np.full((2, 3, 3, 1), 200 / 255)
    figure = figures.progress_strip(np.ones((2, 3, 3, 1)), frames, corrupted=corrupted)
    assert row_labels(figure) == ["corrupted", *(f"epoch {epoch}" for epoch in drawn), "clean"]
    shades = cells(figure, len(drawn) + 2, 2)[:, 1, 40, 40, 0]
    assert_same(shades, [200, *drawn, 255])


def test_filters_share_a_scale_that_is_symmetric_about_zero():
    kernels = np.zeros((3, 5, 5, 1))
    kernels[1], kernels[2] = -2.0, 0.5
    figure = figures.filters(kernels)
    shown = cells(figure, 1, 3)[0, :, 30, 30]
    assert_same(shown[0], [247, 247, 247])  # the white of ColorBrewer's RdBu
    assert_same(shown[1], [5, 48, 97])  # its last blue
    assert shown[2][0] > shown[2][2]  # reddish
    bar = figure.axes[1]
    assert [tick.get_text() for tick in bar.get_yticklabels()] == ["-2", "0", "2"]


def test_at_most_64_filters_and_color_filters_are_gray_at_zero():
    kernels = np.zeros((70, 2, 2, 3))
    kernels[0], kernels[1] = [1.0, -1.0, 0.0], [0.5, 0.0, -0.5]
    shown = cells(figures.filters(kernels), 8, 8)[:, :, 30, 30]
    assert_same(shown[0, :2], [[255, 0, 128], [191, 128, 64]])
    assert_same(shown[7, 7], [128, 128, 128])


def test_linear_maps_state_the_largest_deviation_from_the_identity():
    end_to_end = np.diag([0.5, -1.0, 2.0, 0.0])
    product = np.eye(3) + np.array([[0, 0, 0], [0.125, 0, 0], [0, 0, -0.375]])
    figure = figures.linear_maps(end_to_end, product)
    left, right = figure.axes[:2]
    assert "= 0.375" in right.get_title(loc="left")
    np.testing.assert_array_equal(left.images[0].get_array(), end_to_end)
    np.testing.assert_array_equal(right.images[0].get_array(), product)
    assert right.images[0].get_clim() == (-1.0, 1.0)
    assert (left.get_xlabel(), right.get_ylabel()) == ("input pixel", "code out")


def test_what_is_not_images_is_refused_in_words(tmp_path):
    images = np.zeros((2, 4, 4, 1))
    for draw, word in [
        (lambda: figures.reconstructions(images, images[..., 0]), "'reconstruction'"),
        (lambda: figures.image_rows({"empty": images[:0]}), "'empty'"),
        (lambda: figures.image_rows({}), "at least one row"),
        (lambda: figures.filters(np.zeros((4, 784))), "kernels"),
        (lambda: figures.progress_strip(images, {}), "'frames' is empty"),
        (lambda: figures.progress_gif(tmp_path / "p.gif", images, {}), "'frames' is empty"),
        (lambda: figures.point_field(*np.zeros((3, 2, 2)), np.eye(2), np.eye(2)), "'grid'"),
    ]:
        with pytest.raises(DataError, match=word) as caught:
            draw()
        assert str(caught.value).count("\n") < 3
    assert not list(tmp_path.iterdir())


def test_a_figure_is_saved_whole_or_not_at_all(tmp_path, monkeypatch):
    figure = figures.image_rows({"row": np.ones((1, 2, 2, 1))})
    path = figures.save(figure, tmp_path / "figures" / "f.png")
    before = path.read_bytes()
    with Image.open(path) as picture:
        assert picture.size == tuple(round(120 * inch) for inch in figure.get_size_inches())

    def full_disk(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="no space"):
        figures.save(figures.image_rows({"other": np.zeros((1, 2, 2, 1))}), path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_the_users_own_style_neither_changes_figures_nor_is_changed():
    codes = np.random.default_rng(7).normal(size=(50, 2))
    plain = figures.code_scatter(codes)._repr_png_()
    with style.context("dark_background"):
        before = dict(matplotlib.rcParams)
        assert figures.code_scatter(codes)._repr_png_() == plain
        assert dict(matplotlib.rcParams) == before


def test_one_file_imports_matplotlib_and_none_imports_pyplot():
    users = set()
    for path in Path(figures.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            if any(name.split(".")[0] == "matplotlib" for name in names):
                users.add(path.name)
            assert not any("pyplot" in name for name in names), path
    assert users == {"charts.py"}
