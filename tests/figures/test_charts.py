"""Charts against the numbers they draw: data of lines, bars, points and arrows, and the words."""

import itertools

import numpy as np
import pytest
from matplotlib.axes import Axes
from sklearn.decomposition import PCA

from ae_jax import figures

HISTORY = [
    {"step": 10, "epoch": 1, "split": "test", "loss": 55.0, "mse": 0.07},
    {"step": 10, "epoch": 1, "split": "train", "loss": 50.0, "mse": 0.06},
    {"step": 20, "epoch": 2, "split": "train", "loss": float("nan"), "mse": None},
    {"step": 20, "epoch": 2, "split": "test", "loss": 22.0, "mse": 0.03},
    {"step": 30, "epoch": 3, "split": "train", "loss": 20.0, "mse": 0.02},
    {"step": 30, "epoch": 3, "split": "test", "loss": 21.0},
]


def lines(axes: Axes) -> dict[str, list[list[float]]]:
    return {line.get_label(): line.get_xydata().tolist() for line in axes.lines}


def points(axes: Axes) -> tuple[np.ndarray, np.ndarray]:
    """(places, colors) of all that is scattered."""
    drawn = [c for c in axes.collections if len(c.get_offsets())]
    places = [
        np.stack(c._offsets3d, axis=1) if hasattr(c, "_offsets3d") else np.asarray(c.get_offsets())
        for c in drawn
    ]
    colors = [
        np.broadcast_to(c.get_facecolor(), (len(p), 4)) for c, p in zip(drawn, places, strict=True)
    ]
    return np.concatenate(places), np.concatenate(colors)[:, :3]


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
    colors = {line.get_label(): line.get_color() for line in left.lines}
    assert colors == {"train": "#0072B2", "test": "#D55E00"}  # whichever was logged first
    assert figure.get_suptitle() == "A run"
    assert [axes.get_xlabel() for axes in (left, right)] == ["epoch", "epoch"]
    assert [axes.get_ylabel() for axes in (left, right)] == ["loss", "mse"]
    assert "[0, 1] units" in right.get_title(loc="left")
    assert left.get_yscale() == right.get_yscale() == "log"


def test_names_at_the_line_ends_keep_their_order_and_do_not_touch():
    controls = {"second": 0.0201, "third": 0.0202, "far": 0.2}
    figure = figures.curves(HISTORY, controls=controls)
    figure._repr_png_()  # the layout is settled by drawing
    right = figure.axes[1]
    names = [(text.get_window_extent().y0, text) for text in right.texts]
    assert [text.get_text() for _, text in sorted(names, key=lambda name: name[0])] == [
        "train", "second", "third", "test", "far",
    ]  # fmt: skip
    boxes = sorted((text.get_window_extent() for _, text in names), key=lambda box: box.y0)
    assert all(below.y1 <= above.y0 for below, above in itertools.pairwise(boxes))
    assert all(box.x1 <= figure.bbox.x1 for box in boxes)


def test_several_rows_an_epoch_are_drawn_against_the_step():
    rows = [{"step": s, "epoch": s // 4, "split": "train", "loss": s - 3.0} for s in range(8)]
    figure = figures.curves(rows)
    assert lines(figure.axes[0])["train"] == [[s, s - 3.0] for s in range(8)]
    assert figure.axes[0].get_xlabel() == "step"
    assert figure.axes[0].get_yscale() == "linear"  # the logarithm of -3 is no number
    assert len(figure.axes) == 1  # no mse, no panel for it


@pytest.mark.parametrize("rows", [[], HISTORY[:1], HISTORY[2:3]])
def test_short_histories_draw_without_a_warning(rows):
    assert figures.curves(rows, controls={"zero": 0.0})._repr_png_()


def test_histograms_are_densities_of_twenty_bins_on_one_axis():
    codes = np.random.default_rng(5).normal(size=(500, 18)) * np.arange(1, 19)
    codes[:, 2], codes[3, 1] = 0.25, np.inf
    codes[:, 4] = np.linspace(3.0, 4.0, 500)  # of about 100 that the axis has
    codes[:, 6] = np.linspace(0.0, 1.0, 500)  # and one value far away
    codes[499, 6] = 40.0
    figure = figures.code_histograms(codes)
    assert len(figure.axes) == 16 and "first 16 of 18" in figure.get_suptitle()
    for i in (0, 1, 15):
        heights, edges = np.histogram(codes[np.isfinite(codes[:, i]), i], 20, density=True)
        bars = figure.axes[i].patches
        np.testing.assert_allclose([bar.get_height() for bar in bars], heights)
        np.testing.assert_allclose([bar.get_x() for bar in bars], edges[:-1])
    finite = codes[:, :16][np.isfinite(codes[:, :16])]
    shared = finite.min(), finite.max()
    for i, words in ((2, "constant 0.25"), (4, "3 to 4"), (6, "80 % in 0.1 to 0.9")):
        assert figure.axes[i].get_title(loc="left") == words
        heights = np.histogram(codes[:, i], 20, shared, density=True)[0]
        np.testing.assert_allclose([bar.get_height() for bar in figure.axes[i].patches], heights)
        widest = max(figure.axes[i].patches, key=lambda bar: bar.get_height())
        assert widest.get_window_extent().width > 5, "pixels: what can be seen"
    assert figure.axes[0].get_title(loc="left") == "", "what is spread needs no words"
    assert {axes.get_xlim() for axes in figure.axes} == {figure.axes[0].get_xlim()}
    assert "densities" in figure.get_suptitle()
    for axes in figure.axes:  # each may be seen alone
        assert any(label.get_visible() for label in axes.get_xticklabels())
    assert figures.code_histograms(codes[:, :1]).axes[0].get_title(loc="right") == "$z_{0}$"


@pytest.mark.parametrize("dims", [2, 3])
def test_scatter_shows_codes_in_the_color_the_legend_gives_their_label(dims):
    rng = np.random.default_rng(6)
    codes, labels = rng.normal(size=(200, 4)), rng.permutation(np.repeat([2, 4, 5, 9], 50))
    codes[7, 3] = np.nan
    figure = figures.code_scatter(codes, labels, dims)
    figure._repr_png_()
    axes = figure.axes[0]
    drawn, faces = points(axes)
    finite = np.delete(codes, 7, axis=0)[:, :dims]
    assert sorted(map(tuple, drawn)) == sorted(map(tuple, finite))
    legend = axes.get_legend()
    entries = zip(legend.get_texts(), legend.legend_handles, strict=True)
    color = {int(text.get_text()): handle.get_facecolor()[0, :3] for text, handle in entries}
    assert sorted(color) == [2, 4, 5, 9]
    label_of = {tuple(code): label for code, label in zip(codes[:, :dims], labels, strict=True)}
    for point, face in zip(drawn, faces, strict=True):
        np.testing.assert_allclose(face, color[label_of[tuple(point)]])
    axis_names = [getattr(axes, f"get_{axis}label")() for axis in "xyz"[:dims]]
    assert axis_names == ["$z_0$", "$z_1$", "$z_2$"][:dims]


@pytest.mark.parametrize("dims", [2, 3])
def test_codes_of_many_coordinates_are_drawn_by_their_principal_components(dims):
    codes = np.random.default_rng(6).normal(size=(50, 5)) * [1, 1, 1, 1, 9]
    axes = figures.code_view(codes, dims=dims).axes[0]
    assert axes.get_xlabel().startswith("component 1 (9")  # 81 of 85
    drawn, _ = points(axes)
    expected = PCA(dims).fit_transform(codes)
    for ours, theirs in zip(drawn.T, expected.T, strict=True):
        np.testing.assert_allclose(sorted(abs(ours)), sorted(abs(theirs)), atol=1e-9)
    few = figures.code_view(codes[:, :3], dims=dims).axes[0]  # as they are
    assert few.get_xlabel() == "$z_0$"


def test_scatter_of_many_points_one_coordinate_and_labels_that_are_not_whole():
    codes = np.linspace(-1, 1, 5000)[:, None]
    spread = figures.code_scatter(codes, dims=3).axes[0]
    x, y = points(spread)[0].T
    assert len(x) == 2000 and set(x) <= set(codes[:, 0])
    assert np.ptp(y) > 0 and spread.get_xlabel() == "$z_0$"
    strips = figures.code_scatter(codes, np.repeat([3, 8], 2500)).axes[0]
    assert [tick.get_text() for tick in strips.get_yticklabels()] == ["3", "8"]
    angle = figures.code_scatter(np.c_[codes, codes], codes[:, 0])
    assert angle.axes[1].get_ylabel() == "label"  # a color bar
    dots = angle.axes[0].collections[0]
    np.testing.assert_array_equal(dots.get_array(), np.asarray(dots.get_offsets())[:, 0])


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_scatter_of_a_single_point(dims):
    assert figures.code_scatter(np.zeros((1, dims)), np.array([4]), dims)._repr_png_()


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
    heat, arrows, curve = right.collections
    np.testing.assert_allclose(curve.get_offsets(), points)
    # rows are x_1 = 0, 1, 2 from the bottom; columns x_0 = 0, 1
    np.testing.assert_allclose(heat.get_array(), [[0.0, 0.5], [0.2, 2.0], [0.13, 1.0]])
    assert heat.get_clim() == (0.0, 1.0) and bar.get_ylabel() == "distance traveled"
    # A hundredth is a tenth of the way from dark to light.
    np.testing.assert_allclose(heat.norm([0.0, 0.01, 0.25, 1.0]), [0.0, 0.1, 0.5, 1.0])
    place = {tuple(xy): i for i, xy in enumerate(grid)}
    drawn = moves[[place[tuple(xy)] for xy in arrows.XY]]
    lengths = np.hypot(*drawn.T)
    shown = np.stack([arrows.U, arrows.V], -1)
    np.testing.assert_allclose(shown * lengths[:, None], drawn, atol=1e-12)  # all over a tenth long
    assert left.get_aspect() == right.get_aspect() == 1.0
    assert [axes.get_xlabel() for axes in (left, right)] == ["$x_0$", "$x_0$"]


def test_arrows_of_small_moves_are_short():
    grid = np.stack(np.meshgrid([0.0, 1.0], [0.0, 1.0]), -1).reshape(-1, 2)
    moves = np.array([[0.0, 0.0], [0.025, 0.0], [0.0, 0.1], [-1.0, 0.0]])
    arrows = figures.point_field(grid, grid, grid, grid, moves).axes[1].collections[1]
    # the root of the share of a tenth, at most 1
    np.testing.assert_allclose(arrows.U, [0.0, 0.5, 0.0, -1.0], atol=1e-12)
    np.testing.assert_allclose(arrows.V, [0.0, 0.0, 1.0, 0.0], atol=1e-12)


def test_the_best_denoiser_has_a_line_of_its_own():
    points = np.array([[0.0, 0.0], [0.5, 0.5]])
    grid = np.stack(np.meshgrid([0.0, 1.0], [0.0, 1.0]), -1).reshape(-1, 2)
    best = (points + 0.2, np.full((4, 2), 0.3))
    figure = figures.point_field(points, points, points, grid, np.zeros((4, 2)), best=best)
    _, first, left, right = figure.axes[:4]
    clouds = {c.get_label(): np.asarray(c.get_offsets()) for c in left.collections}
    np.testing.assert_allclose(clouds["output"], points + 0.2)
    np.testing.assert_allclose(right.collections[0].get_array(), 0.3 * np.sqrt(2))
    assert not first.collections[0].get_array().any()


def test_an_unrolled_curve_is_colored_by_its_code():
    t = np.linspace(0, 1, 30)
    points, codes = np.stack([np.cos(t), np.sin(t), t], -1), 2 * t - 1
    line = np.linspace(-2, 2, 41)
    decoded = np.stack([line, line, line], -1)
    space, strip, chart = figures.unrolled_curve(points, codes, line, decoded, t).axes
    for cloud in (space.collections[0], strip.collections[0], chart.collections[0]):
        np.testing.assert_array_equal(cloud.get_array(), codes)
    within, before, after = (np.array(curve.get_data_3d())[0] for curve in space.lines)
    assert (within.min(), within.max()) == pytest.approx((-1, 1))
    assert before.max() < -1 and after.min() > 1
    np.testing.assert_allclose(chart.collections[0].get_offsets(), np.stack([codes, t], -1))
