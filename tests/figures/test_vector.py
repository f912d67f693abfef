"""Charts as SVG: the same bytes again, and at every mark the value that was drawn there."""

import io
import re
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageFont

from ae_jax import figures
from ae_jax.figures import panels

DEJAVU = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"
ROWS = [
    {"step": e, "epoch": e, "split": split, "loss": 8.0 / e + k, "mse": 0.5 / e}
    for e in range(1, 21)
    for k, split in enumerate(("train", "test"))
]
RNG = np.random.default_rng(0)
CODES, LABELS = RNG.normal(size=(300, 3)), RNG.permutation(np.repeat([0, 1, 2], 100))


def read(figure):
    """The panels of a chart: [(box, [[(x, y, words, example), ...] of every series], element)]."""
    root = ElementTree.fromstring(figures.svg(figure))
    found = []
    for panel in root.iterfind("./{*}g/{*}g[@class='panel']"):
        series = [
            [
                (float(c.get("cx")), float(c.get("cy")), c[0].text, c.get("data-example"))
                for c in group
            ]
            for group in panel.iterfind("./{*}g[@class='values']/{*}g")
        ]
        found.append((tuple(map(float, panel.get("data-box").split())), series, panel))
    return found


def numbers(words):
    return [float(word) for word in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?(?![\w)%])", words)]


@pytest.mark.parametrize(
    "make",
    [
        lambda: figures.curves(ROWS, "A run", {"PCA": 0.1}),
        lambda: figures.code_scatter(CODES, LABELS, 3),
        lambda: figures.code_histograms(CODES),
    ],
)
def test_the_same_figure_is_the_same_file(make):
    one, other = figures.svg(make()), figures.svg(make())
    assert one == other
    text = one.decode()
    assert not re.search(r"20\d\d-\d\d-\d\d|matplotlib v|<metadata|<!DOCTYPE", text)
    assert "<title>" in text and "<text" in text, "text is text"


def test_curves_say_every_value_where_it_is_drawn():
    figure = figures.curves(ROWS, "A run", {"PCA": 0.1})
    loss, mse = read(figure)
    assert [len(series) for series in loss[1]] == [20, 20]
    for series, split, more in zip(loss[1], ("train", "test"), (0, 1), strict=True):
        for e, (_, _, words, _) in enumerate(series, start=1):
            assert words == f"{split}: epoch {e}, loss {8 / e + more:.4g}"
        xs, ys = np.array([point[:2] for point in series]).T
        # the horizontal axis is linear in the epoch, the vertical one in the logarithm of the loss
        assert np.polyfit(np.arange(1, 21), xs, 1, full=True)[1][0] < 1e-3
        losses = np.log(8 / np.arange(1, 21) + more)
        slope, _ = np.polyfit(losses, ys, 1)
        assert slope < 0 and np.ptp(ys - slope * losses) < 0.05
    assert [series[0][2] for series in mse[1]][-1] == "PCA: 0.1"
    for box, series, _ in (loss, mse):
        for x, y, *_ in (point for one in series for point in one):
            assert box[0] <= x <= box[0] + box[2] and box[1] <= y <= box[1] + box[3]


def test_a_mark_of_a_line_is_where_matplotlib_draws_it():
    figure = figures.curves(ROWS[:10])
    drawn = read(figure)[0][2]
    marks = [(float(use.get("x")), float(use.get("y"))) for use in drawn.iter() if
             use.tag.endswith("use") and float(use.get("x")) > 0]  # fmt: skip
    said = [point[:2] for series in read(figure)[0][1] for point in series]
    assert len(said) == 10
    for place in said:
        assert min(np.hypot(*(np.array(place) - mark)) for mark in marks) < 0.05


@pytest.mark.parametrize("dims", [2, 3])
def test_points_say_their_class_their_code_and_their_example(dims):
    panel = read(figures.code_scatter(CODES, LABELS, dims, label_names=("ant", "bee", "cow")))[0]
    assert [len(series) for series in panel[1]] == [100, 100, 100]
    for series, label in zip(panel[1], ("ant", "bee", "cow"), strict=True):
        for _, _, words, example in series:
            i = int(example)
            assert words.startswith(f"{label}: z_0 ") and ("ant", "bee", "cow")[LABELS[i]] == label
            shown = [float(part.split()[-1]) for part in words.split(", ")]
            np.testing.assert_allclose(shown, CODES[i, :dims], rtol=6e-3)
    if dims == 2:  # left to right is up and down the coordinate
        by_x = sorted(((x, CODES[int(i), 0]) for s in panel[1] for x, _, _, i in s))
        assert [code for _, code in by_x] == sorted(code for _, code in by_x)


def test_bars_say_their_heights():
    heights, edges = np.histogram(CODES[:, 0], 20, density=True)
    ((_, (series,), _), *_) = read(figures.code_histograms(CODES))
    for (_, _, words, _), low, height in zip(series, edges, heights, strict=False):
        assert words.startswith(f"z_0 {low:.3g} to ") and words.endswith(f"density {height:.3g}")
    groups = {"a": {"ours": 1.0, "theirs": 2.0}, "b": {"ours": 3.0, "theirs": 4.0}}
    words = [p[2] for s in read(panels.grouped_bars(groups, "t", "y"))[0][1] for p in s]
    assert words == ["a, ours: 1", "b, ours: 3", "a, theirs: 2", "b, theirs: 4"]
    words = [p[2] for s in read(figures.bars({"x": 0.25, "y": 0.5}, "t", "n"))[0][1] for p in s]
    assert words == ["x: 0.25", "y: 0.5"]


@pytest.mark.parametrize("panel", range(8))
def test_a_panels_text_is_within_its_box(panel):
    """As wide as DejaVu Sans is, of which readers' fonts are narrower."""
    codes = np.tanh(2 * RNG.normal(size=(1000, 8)))
    (left, top, wide, high), _, drawn = read(figures.code_histograms(codes))[panel]
    words = [e for e in drawn.iter() if e.tag.endswith("text") and e.get("x")]
    assert len(words) > 6
    for word in words:
        size = ImageFont.truetype(DEJAVU, 85).getlength(word.text) / 10  # of 8.5 points
        start = float(word.get("x")) - size * (1.0 if "end" in word.get("style") else 0.5)
        assert left <= start and start + size <= left + wide
        assert top <= float(word.get("y")) <= top + high


def test_a_long_line_says_some_of_its_values():
    rows = [{"step": e, "epoch": e, "split": "train", "loss": float(e)} for e in range(1, 5001)]
    ((_, (series,), _),) = read(figures.curves(rows))
    said = [numbers(words)[0] for _, _, words, _ in series]
    assert len(said) == 500 and (said[0], said[-1]) == (1, 5000)


def test_a_color_bar_belongs_to_its_panel_and_a_legend_is_one():
    (panel,) = read(figures.code_scatter(CODES, CODES[:, 0] + 0.5))
    assert any(e.tag.endswith("image") for e in panel[2].iter()), "the bar"
    maps = panels.scatter_panels({"one": CODES[:, :2], "two": CODES[:, 1:]}, LABELS, "maps")
    assert [len(series) for _, series, _ in read(maps)] == [1, 1, 0]


def test_images_are_no_chart(tmp_path):
    images = np.zeros((2, 4, 4, 1))
    assert figures.svg(figures.reconstructions(images, images)) is None
    (tmp_path / "f.svg").write_text("of another figure")
    assert figures.save_both(figures.filters(images), tmp_path / "f.png") == tmp_path / "f.png"
    assert [file.name for file in tmp_path.iterdir()] == ["f.png"]
    figures.save_both(figures.curves(ROWS), tmp_path / "c.png")
    assert {file.name for file in tmp_path.iterdir()} == {"f.png", "c.png", "c.svg"}


def test_a_figure_looks_the_same_after_it_was_an_svg():
    figure = figures.curves(ROWS)
    before, _, after = figure._repr_png_(), figures.svg(figure), figure._repr_png_()
    one, other = (np.asarray(Image.open(io.BytesIO(p)), int) for p in (before, after))
    assert one.shape == other.shape
    assert (one != other).mean() < 0.01  # of drawing a layout again
