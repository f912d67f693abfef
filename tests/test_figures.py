"""Figures against what must be on them: pixels of the saved file, data of the lines, the words."""

import ast
import io
import os
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib import style
from PIL import Image

from ae_jax import animation, figures
from ae_jax.errors import DataError

ORANGE = [213, 94, 0]


def levels(seed: int, *shape: int) -> np.ndarray:
    """8-bit grey levels; divided by 255 they are images whose every pixel has one right colour."""
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


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
                expected = enlarged(images[j, :, :, 0], 3)
                np.testing.assert_array_equal(shown[i, j, :, :, channel], expected)
    assert row_labels(figure) == ["original", "reconstruction"]
    assert figure.get_suptitle() == "Fourteen of sixteen"


def test_denoising_has_corrupted_output_clean_from_top_to_bottom():
    noisy, output, clean = (np.full((2, 4, 4, 1), value) for value in (0.0, 0.6, 1.0))
    figure = figures.denoising(noisy, output, clean)
    assert row_labels(figure) == ["corrupted", "output", "clean"]
    assert cells(figure, 3, 2)[:, 0, 5, 5, 0].tolist() == [0, 153, 255]


def test_colour_images_that_are_not_square():
    image = levels(2, 1, 6, 9, 3)
    shown = cells(figures.image_rows({"colour": image / 255}), 1, 1)[0, 0]
    factor = 84 // 9
    assert shown.shape == (6 * factor, 9 * factor, 3)
    for channel in range(3):
        expected = enlarged(image[0, :, :, channel], factor).astype(int)
        assert np.abs(shown[..., channel] - expected).max() <= 1


def test_out_of_range_is_clipped_other_channels_averaged_and_nan_is_orange():
    grey = np.array([-1.0, 2.0, np.nan]).reshape(3, 1, 1, 1)
    two = np.array([[0.2, 0.6], [1.0, 1.0], [0.0, 0.0]]).reshape(3, 1, 1, 2)
    shown = cells(figures.image_rows({"grey": grey, "two channels": two}), 2, 3)[:, :, 40, 40]
    expected = [[[0] * 3, [255] * 3, ORANGE], [[102] * 3, [255] * 3, [0] * 3]]
    assert np.abs(shown.astype(int) - expected).max() <= 1


def test_a_row_of_lower_resolution_fills_the_same_cells():
    low, high = levels(3, 2, 14, 14, 1), levels(4, 2, 28, 28, 1)
    shown = cells(figures.image_rows({"low": low / 255, "high": high / 255}), 2, 2)[..., 0]
    np.testing.assert_array_equal(shown[0, 1], enlarged(low[1, :, :, 0], 6))
    np.testing.assert_array_equal(shown[1, 1], enlarged(high[1, :, :, 0], 3))


def test_images_larger_than_a_cell_are_averaged_down():
    checks = np.indices((168, 168)).sum(axis=0)[None, :, :, None] % 2  # every 2x2 block: mean 1/2
    shown = cells(figures.image_rows({"large": checks.astype(float)}), 1, 1)
    assert shown.shape[2:4] == (84, 84)
    assert set(np.unique(shown)) == {128}


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
        (range(1, 51), [1, 13, 26, 38, 50]),
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
    assert shades.tolist() == [255, *drawn]


def test_filters_share_a_scale_that_is_symmetric_about_zero():
    kernels = np.zeros((3, 5, 5, 1))
    kernels[1], kernels[2] = -2.0, 0.5
    figure = figures.filters(kernels)
    shown = cells(figure, 1, 3)[0, :, 30, 30].tolist()
    assert shown[0] == [247, 247, 247]  # the white of ColorBrewer's RdBu
    assert shown[1] == [5, 48, 97]  # its last blue
    assert shown[2][0] > shown[2][2]  # reddish
    bar = figure.axes[1]
    assert [tick.get_text() for tick in bar.get_yticklabels()] == ["-2", "0", "2"]


def test_at_most_64_filters_and_colour_filters_are_grey_at_zero():
    kernels = np.zeros((70, 2, 2, 3))
    kernels[0] = [1.0, -1.0, 0.0]
    shown = cells(figures.filters(kernels), 8, 8)[:, :, 30, 30].astype(int)
    assert np.abs(shown[0, 0] - [255, 0, 128]).max() <= 1
    assert np.abs(shown[7, 7] - 128).max() <= 1


HISTORY = [
    {"step": 10, "epoch": 1, "split": "test", "loss": 55.0, "mse": 0.07},
    {"step": 10, "epoch": 1, "split": "train", "loss": 50.0, "mse": 0.06},
    {"step": 20, "epoch": 2, "split": "train", "loss": float("nan"), "mse": None},
    {"step": 20, "epoch": 2, "split": "test", "loss": 22.0, "mse": 0.03},
    {"step": 30, "epoch": 3, "split": "train", "loss": 20.0, "mse": 0.02},
    {"step": 30, "epoch": 3, "split": "test", "loss": 21.0},
]


def lines(axes: matplotlib.axes.Axes) -> dict[str, list[list[float]]]:
    return {line.get_label(): line.get_xydata().tolist() for line in axes.lines}


def test_curves_draw_the_finite_numbers_of_the_rows():
    figure = figures.curves(HISTORY, "A run", {"PCA, same code size": 0.019, "broken": np.nan})
    left, right = figure.axes
    assert lines(left) == {
        "train": [[1, 50.0], [3, 20.0]],
        "test": [[1, 55.0], [2, 22.0], [3, 21.0]],
    }
    assert {k: v for k, v in lines(right).items() if k in ("train", "test")} == {
        "train": [[1, 0.06], [3, 0.02]],
        "test": [[1, 0.07], [2, 0.03]],
    }
    assert [y for _, y in lines(right)["PCA, same code size"]] == [0.019, 0.019]
    assert "broken" not in lines(right)
    assert figure.get_suptitle() == "A run"
    assert [axes.get_xlabel() for axes in (left, right)] == ["epoch", "epoch"]
    assert [axes.get_ylabel() for axes in (left, right)] == ["loss", "mse"]
    assert "[0, 1] units" in right.get_title(loc="left")
    assert left.get_yscale() == right.get_yscale() == "log"


def test_names_at_the_line_ends_keep_their_order_and_do_not_touch():
    controls = {"second": 0.0201, "third": 0.0202, "far": 0.2}
    figure = figures.curves(HISTORY, controls=controls)
    png(figure)  # the layout is settled by drawing
    right = figure.axes[1]
    names = [(text.get_window_extent().y0, text) for text in right.texts]
    assert [text.get_text() for _, text in sorted(names, key=lambda name: name[0])] == [
        "train", "second", "third", "test", "far",
    ]  # fmt: skip
    boxes = sorted((text.get_window_extent() for _, text in names), key=lambda box: box.y0)
    assert all(below.y1 <= above.y0 for below, above in zip(boxes[:-1], boxes[1:], strict=True))
    assert all(box.x1 <= figure.bbox.x1 for box in boxes)


def test_several_rows_an_epoch_are_drawn_against_the_step():
    rows = [{"step": s, "epoch": s // 4, "split": "train", "loss": s - 3.0} for s in range(8)]
    figure = figures.curves(rows)
    assert lines(figure.axes[0])["train"] == [[s, s - 3.0] for s in range(8)]
    assert figure.axes[0].get_xlabel() == "step"
    assert figure.axes[0].get_yscale() == "linear"  # the logarithm of -3 is no number
    assert figure.axes[1].texts[0].get_text() == "nothing logged"


@pytest.mark.parametrize("rows", [[], HISTORY[:1], HISTORY[2:3]])
def test_short_histories_draw_without_a_warning(rows):
    assert png(figures.curves(rows, controls={"zero": 0.0})).shape[2] == 3


def test_histograms_are_densities_of_twenty_bins_on_one_axis():
    codes = np.random.default_rng(5).normal(size=(500, 18)) * np.arange(1, 19)
    codes[:, 2], codes[3, 1] = 0.25, np.inf
    figure = figures.code_histograms(codes)
    assert len(figure.axes) == 16 and "first 16 of 18" in figure.get_suptitle()
    for i in (0, 1, 15):
        heights, edges = np.histogram(codes[np.isfinite(codes[:, i]), i], 20, density=True)
        bars = figure.axes[i].patches
        np.testing.assert_allclose([bar.get_height() for bar in bars], heights)
        np.testing.assert_allclose([bar.get_x() for bar in bars], edges[:-1])
    assert figure.axes[2].texts[0].get_text() == "constant 0.25"
    assert {axes.get_xlim() for axes in figure.axes} == {figure.axes[0].get_xlim()}
    assert (figure.get_supxlabel(), figure.get_supylabel()) == (
        "value of the coordinate",
        "density",
    )
    assert figures.code_histograms(codes[:, :1]).axes[0].get_title(loc="right") == "$z_{0}$"


@pytest.mark.parametrize("dims", [2, 3])
def test_scatter_shows_codes_in_the_colour_the_legend_gives_their_label(dims):
    rng = np.random.default_rng(6)
    codes, labels = rng.normal(size=(200, 4)), rng.permutation(np.repeat([2, 4, 5, 9], 50))
    codes[7, 3] = np.nan
    figure = figures.code_scatter(codes, labels, dims)
    png(figure)
    axes = figure.axes[0]
    dots = axes.collections[0]
    drawn = np.stack(dots._offsets3d, axis=1) if dims == 3 else np.asarray(dots.get_offsets())
    finite = np.delete(codes, 7, axis=0)[:, :dims]
    assert sorted(map(tuple, drawn)) == sorted(map(tuple, finite))
    legend = axes.get_legend()
    entries = zip(legend.get_texts(), legend.legend_handles, strict=True)
    colour = {int(text.get_text()): handle.get_facecolor()[0, :3] for text, handle in entries}
    assert sorted(colour) == [2, 4, 5, 9]
    if dims == 2:  # in space the colours are shaded with the depth
        label_of = {tuple(code): label for code, label in zip(codes[:, :2], labels, strict=True)}
        for point, face in zip(drawn, dots.get_facecolor(), strict=True):
            np.testing.assert_allclose(face[:3], colour[label_of[tuple(point)]])
    axis_names = [getattr(axes, f"get_{axis}label")() for axis in "xyz"[:dims]]
    assert axis_names == ["$z_0$", "$z_1$", "$z_2$"][:dims]


def test_scatter_of_many_points_one_coordinate_and_labels_that_are_not_whole():
    codes = np.linspace(-1, 1, 5000)[:, None]
    spread = figures.code_scatter(codes, dims=3).axes[0]
    x, y = np.asarray(spread.collections[0].get_offsets()).T
    assert len(x) == 3000 and set(x) <= set(codes[:, 0])
    assert np.ptp(y) > 0 and spread.get_xlabel() == "$z_0$"
    strips = figures.code_scatter(codes, np.repeat([3, 8], 2500)).axes[0]
    assert [tick.get_text() for tick in strips.get_yticklabels()] == ["3", "8"]
    angle = figures.code_scatter(np.c_[codes, codes], codes[:, 0])
    assert angle.axes[1].get_ylabel() == "label"  # a colour bar
    points = angle.axes[0].collections[0]
    np.testing.assert_array_equal(points.get_array(), np.asarray(points.get_offsets())[:, 0])


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_scatter_of_a_single_point(dims):
    assert png(figures.code_scatter(np.zeros((1, dims)), np.array([4]), dims)).shape[2] == 3


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
    assert inside(figure, right)[10, 10].tolist() == [103, 0, 31]  # 1 is RdBu's last red


def test_point_field_shows_points_moves_and_distances():
    points = np.array([[0.0, 0.0], [0.5, 0.5]])
    noisy, outputs = points + 0.1, points + 0.01
    grid = np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 2.0], [0.0, 2.0], [0.0, 1.0], [1.0, 1.0]])
    moves = np.array([[0.3, 0.4], [0.0, 0.0], [0.6, 0.8], [0.05, 0.12], [0.0, -0.2], [2.0, 0.0]])
    figure = figures.point_field(points, noisy.reshape(2, 1, 1, 2), outputs, grid, moves)
    left, right, bar = figure.axes
    clouds = {c.get_label(): np.asarray(c.get_offsets()) for c in left.collections}
    np.testing.assert_allclose(clouds["data"], points)
    np.testing.assert_allclose(clouds["noisy"], noisy)
    np.testing.assert_allclose(clouds["output"], outputs)
    heat, arrows = right.collections
    # rows are x_1 = 0, 1, 2 from the bottom; columns x_0 = 0, 1
    np.testing.assert_allclose(heat.get_array(), [[0.0, 0.5], [0.2, 2.0], [0.13, 1.0]])
    assert heat.get_clim() == (0.0, 1.0) and bar.get_ylabel() == "distance travelled"
    arrow_at = {tuple(xy): (u, v) for xy, u, v in zip(arrows.XY, arrows.U, arrows.V, strict=True)}
    assert arrow_at == {tuple(xy): tuple(move) for xy, move in zip(grid, moves, strict=True)}
    assert left.get_aspect() == right.get_aspect() == 1.0
    assert [axes.get_xlabel() for axes in (left, right)] == ["$x_0$", "$x_0$"]


def gif_frames(path: Path) -> tuple[list[np.ndarray], list[int]]:
    film = Image.open(path)
    pictures, durations = [], []
    for i in range(film.n_frames):
        film.seek(i)
        pictures.append(np.asarray(film.convert("RGB")).astype(int))
        durations.append(film.info["duration"])
    return pictures, durations


@pytest.mark.parametrize(("channels", "tolerance"), [(1, 3), (3, 12)])
def test_gif_holds_the_images_frame_by_frame(tmp_path, channels, tolerance):
    ramp = np.linspace(0, 1, 28, dtype=np.float32)
    original = np.broadcast_to(ramp[None, :, None, None], (2, 28, 28, channels))
    frames = {epoch: original[:, ::-1] * epoch / 10 for epoch in (10, 1, 5)}
    path = figures.progress_gif(tmp_path / "new" / "p.gif", original, frames, {5: 0.01234})
    pictures, durations = gif_frames(path)
    assert durations == [500, 500, 2000]
    for picture, epoch in zip(pictures, (1, 5, 10), strict=True):
        top, below = picture[4:60, 64:120], picture[64:120, 64:120]
        for shown, image in ((top, original[1]), (below, frames[epoch][1])):
            expected = np.repeat(np.repeat(image * 255, 2, axis=0), 2, axis=1)
            assert np.abs(shown - expected).max() <= tolerance
        assert (picture[120:] < 128).any()  # the epoch, in words


def test_a_film_of_fifty_epochs_is_small_and_lasts_five_seconds(tmp_path):
    x = np.linspace(-2, 2, 28)
    blob = np.exp(-(x[:, None] ** 2) - x**2)[None, :, :, None].repeat(8, axis=0)
    path = animation.progress_gif(
        tmp_path / "p.gif", blob, {epoch: blob * epoch / 50 for epoch in range(1, 51)}
    )
    _, durations = gif_frames(path)
    assert len(durations) == 50 and sum(durations[:-1]) == 4900 and durations[-1] == 2000
    assert path.stat().st_size < 500_000


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
    assert Image.open(path).size == tuple(round(120 * inch) for inch in figure.get_size_inches())

    def full_disk(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="no space"):
        figures.save(figures.curves(HISTORY), path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_the_user_s_own_style_neither_changes_figures_nor_is_changed():
    plain = figures.curves(HISTORY)._repr_png_()
    with style.context("dark_background"):
        before = dict(matplotlib.rcParams)
        assert figures.curves(HISTORY)._repr_png_() == plain
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
