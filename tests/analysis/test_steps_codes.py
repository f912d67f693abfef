"""Steps of applications about codes: figures of given numbers, sentences of given numbers."""

import jax
import numpy as np
import pytest

import ae_jax
from ae_jax.analysis import (
    Study,
    caption,
    code_space,
    copying,
    curve,
    dense_vs_conv,
    filters,
    generation,
    looks,
    looks_scored,
    manifold,
    off_manifold,
    transformations,
    worlds,
)
from ae_jax.analysis.finding import Measured
from ae_jax.analysis.judge import Estimate
from ae_jax.figures.charts import Figure
from tests.analysis.tiny import CANDIDATES, TINY

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(size=(12, 8, 8, 1)).astype(np.float32)
APPLICATIONS = {
    "transformations": transformations.APPLICATION,
    "generation": generation.APPLICATION,
    "code_space": code_space.APPLICATION,
    "off_manifold": off_manifold.APPLICATION,
    "filters": filters.APPLICATION,
    "manifold": manifold.APPLICATION,
    "curve": curve.APPLICATION,
    "copying": copying.APPLICATION,
    "caption": caption.APPLICATION,
    "dense_vs_conv": dense_vs_conv.APPLICATION,
}


def line(axes, label):
    """The heights of a named line."""
    [found] = [drawn for drawn in axes.lines if drawn.get_label() == label]
    return found.get_ydata()


def bars(axes, label):
    """The heights of a named series of bars."""
    [found] = [drawn for drawn in axes.containers if drawn.get_label() == label]
    return [bar.get_height() for bar in found]


def given_transformations():
    change = np.linspace(-3, 3, 9)
    ways = transformations.Ways(0.5 * change, 0 * change, 0.9 * change, change)
    strip = np.broadcast_to(IMAGES[:2, None], (2, 9, 8, 8, 1))
    shown = transformations.Shown(7, {"zoom": ways}, {"zoom": strip})
    figures = transformations.draw(Measured({}, {}, shown))
    assert "median of 7 test images" in figures["measures"].get_suptitle()
    return line(figures["measures"].axes[0], "learned moves"), 0.5 * change


def _judged(ones):
    share = Estimate(ones, 0.01)
    return {"recognizable": share, "ones": share, "class_shares": [1 - ones, ones]}


def given_generation():
    numbers = {
        "run": "VAE",
        "sampler": "box",
        "other": "AE: box",
        "VAE: box": _judged(0.25),
        "AE: box": _judged(0.5),
        "tutorial": {"dense": _judged(0.1), "conv_pool": _judged(0.2)},
    }
    rows = dict.fromkeys(("VAE: box", "AE: box"), IMAGES)
    shown = generation.Shown(rows, dict.fromkeys(("dense", "conv_pool"), IMAGES))
    figures = generation.draw(Measured(numbers, {"test_images": _judged(0.4)}, shown))
    axes = figures["classes"].axes[0]
    assert bars(axes, "test images") == pytest.approx([60, 40])
    return bars(axes, "VAE: box"), [75, 25]


def given_code_space():
    names = ["PCA", *code_space.KERNELS, "t-SNE"]
    views = {name: RNG.normal(size=(30, 2 if name == "t-SNE" else 3)) for name in names}
    shares = {name: Estimate(0.01 * (60 + i), 0.01) for i, name in enumerate(names)}
    shown = code_space.Shown(
        RNG.normal(size=(30, 3)), np.arange(30) % 3, views, code_space.flat(views)
    )
    control = {"pixels, PCA": shares, "pixels, same view": {"PCA": Estimate(0.3, 0.01)}}
    figures = code_space.draw(Measured({"purity": shares}, control, shown))
    assert set(figures) == {"", "histograms", "3d_poly2", "3d_poly5", "3d_rbf0.18"}
    panels = figures[""].axes[:6]
    titles = [*(f"{name}: {60 + i} %" for i, name in enumerate(names)), "pixels, PCA: 30 %"]
    assert [axes.get_title("left") for axes in panels] == titles
    drawn = np.concatenate([c.get_offsets() for c in panels[4].collections])
    return np.array(sorted(map(tuple, drawn))), np.array(sorted(map(tuple, views["t-SNE"])))


def given_off_manifold():
    sizes, scales = {2: 0.5, 32: 0.25}, {1.0: 0.75, 3.0: 0.125}
    by_size, by_scale = (
        {k: Estimate(v, 0.01) for k, v in table.items()} for table in (sizes, scales)
    )
    numbers = {
        "by_size": by_size,
        "by_scale": by_scale,
        "test_codes_by_scale": by_scale,
        "distance_by_scale": {1.0: 4.0, 3.0: 5.0},
        "random_distance_by_scale": {1.0: 6.0, 3.0: 9.0},
    }
    blocks = dict.fromkeys(scales, IMAGES)
    shown = off_manifold.Shown(dict.fromkeys(sizes, IMAGES), blocks, blocks)
    control = {"reconstructions_by_size": by_size}
    figures = off_manifold.draw(Measured(numbers, control, shown))
    size, scale, distance = figures[""].axes
    assert list(line(scale, "random codes")) == [75, 12.5]
    assert list(line(distance, "random codes")) == [6, 9]
    return line(size, "random codes"), [50, 25]


def given_filters():
    shown = filters.Shown("mine", np.full((4, 5, 5, 1), 0.25), np.full((4, 5, 5, 1), -0.5))
    figures = filters.draw(Measured({"noise": "without"}, {"noise": "with"}, shown))
    left, right = figures[""].axes[:2]
    assert left.get_title("left") == "with noise (its twin)"
    assert right.get_title("left") == "without noise (the run)"
    return [np.nanmin(left.images[0].get_array()), np.nanmax(right.images[0].get_array())], [
        -0.5,
        0.25,
    ]


def given_manifold():
    shown = manifold.Shown(
        "mine",
        np.linspace(1, 0, 5),
        np.linspace(0.5, 0, 5),
        IMAGES[:2],
        RNG.normal(size=(2, 6, 8, 8, 1)),
        {0: IMAGES, 2: IMAGES},
    )
    walk = {"walk_distance": [9.0, 5.0, 4.0]}
    figures = manifold.draw(Measured(walk, {"test_image_distance": 3.0}, shown))
    assert set(figures) == {"", "tangents", "walk"}
    spectra, walked = figures[""].axes
    assert list(line(walked, "median over chains")) == [9, 5, 4]
    assert list(line(walked, "test images")) == [3, 3]
    still = manifold.draw(Measured({}, {}, shown._replace(walk={})))
    assert set(still) == {"", "tangents"} and len(still[""].axes) == 1
    return line(spectra, "at uniform noise"), np.linspace(0.5, 0, 5)


def given_curve():
    t = np.linspace(0, 1, 50)
    shown = curve.Shown(1 + t, 2 - t, curve.Pictured("mine", None, None))
    figures = curve.draw(Measured({}, {}, shown))
    assert list(line(figures[""].axes[0], "across the curve")) == pytest.approx(2 - t)
    return line(figures[""].axes[0], "along the curve"), 1 + t


def given_copying():
    shares = {worlds.TEST: 0.9, worlds.STRANGE: 0.75}
    numbers = {"copied": {w: {"denoising": v, "contractive": -7.0} for w, v in shares.items()}}
    control = {"copied_by_the_plain_model": dict.fromkeys(shares, 0.95)}
    world = copying.World(IMAGES, dict.fromkeys(copying.KINDS, IMAGES))
    shown = copying.Shown(dict.fromkeys(shares, world), copying.Memory(*[IMAGES] * 4))
    figures = copying.draw(Measured(numbers, control, shown))
    axes = figures[""].axes[0]
    assert bars(axes, "plain") == [95, 95]
    assert bars(axes, "contractive") == [-50, -50], "cut off"
    return bars(axes, "denoising"), [90, 75]


def _caption(words=None):
    """(numbers, control) of captions of which 90 % come out, with words or with a reason."""
    numbers = {"agreement": 0.9, "agreement_error": 0.02, "agreement_gain": [0.85, 0.02]}
    control = {"other_captions": 0.05, "other_captions_error": 0.01}
    if words is None:
        return {**numbers, "words_skipped": "too few"}, control
    numbers |= {"words": words, "both_words": 0.6, "both_words_error": 0.03}
    numbers |= {"words_gain": [0.3, 0.02]}
    alone = {"words": dict.fromkeys(words, 0.25), "both_words": 0.1, "both_words_error": 0.01}
    return numbers, {**control, **alone}


def given_caption():
    words = {word: 0.5 + 0.01 * i for i, word in enumerate(looks.LOOKS)}
    shown = looks_scored.Shown(IMAGES[:3], dict.fromkeys(words, IMAGES[:3]))
    pages = caption.Shown(["a one", "a two"], np.stack([IMAGES, IMAGES]), shown)
    figures = caption.draw(Measured(*_caption(words), pages))
    assert set(figures) == {"", "words", "looks"}
    assert set(caption.draw(Measured(*_caption(), pages._replace(looks=None)))) == {""}
    axes = figures["words"].axes[0]
    assert bars(axes, "the class alone") == [25] * len(words)
    return bars(axes, "the caption with words"), [100 * v for v in words.values()]


def given_dense_vs_conv():
    loss = np.linspace(4, 1, 60)
    names = list(dense_vs_conv.CANDIDATES)
    shown = dense_vs_conv.Shown(
        IMAGES, dict.fromkeys(names, IMAGES), {n: loss / (1 + i) for i, n in enumerate(names)}
    )
    numbers = {name: {"psnr_db": 20.0} for name in names}
    figures = dense_vs_conv.draw(Measured(numbers, {}, shown))
    means = [loss[i : i + 20].mean() / 4 for i in (0, 20, 40)]
    return line(figures[""].axes[0], names[3]), means


GIVEN = {
    "transformations": given_transformations,
    "generation": given_generation,
    "code_space": given_code_space,
    "off_manifold": given_off_manifold,
    "filters": given_filters,
    "manifold": given_manifold,
    "curve": given_curve,
    "copying": given_copying,
    "caption": given_caption,
    "dense_vs_conv": given_dense_vs_conv,
}


@pytest.mark.parametrize("name", APPLICATIONS)
def test_figures_are_drawn_of_given_numbers(name):
    drawn, given = GIVEN[name]()
    np.testing.assert_allclose(drawn, given)


def test_dimensions_and_walks_are_said():
    numbers = {"dimension": 5.04, "followed_directions": 7.96}
    control = {"nearest_neighbors_dimension": 9.1, "pca_dimension": 30.2, "code_size": 32}
    said = manifold.judge(numbers, control)
    assert said == (
        "locally 5.0 dimensions out of 32 numbers in the code (nearest neighbors 9.1, all of the "
        "data 30.2); 8.0 directions pass the reconstruction by more than half"
    )
    walk, near = {"walk_distance": [9.0, 5.0, 4.25]}, {"test_image_distance": 3.5}
    assert manifold.judge({**numbers, **walk}, {**control, **near}) == (
        f"{said}; a walk from noise at 9.0 from the nearest training image ends at 4.2, "
        "test images are at 3.5"
    )


def test_captions_win_and_words_are_said_or_why_not():
    said = caption.judge(*_caption())
    assert said == (
        "the caption wins: the classifier agrees with 90.0 ± 2.0 % of the drawings "
        "(another caption 5.0 ± 1.0 %); no words for looks: too few"
    )
    numbers, control = _caption({"thin": 0.5, "wide": 0.75})
    said = caption.judge(numbers, control).partition("; ")[2]
    assert said == (
        "the caption with words wins: of the drawings for a word so many per cent are in its "
        "third: thin 50, wide 75 (the class alone 25 to 25); both of two words 60.0 ± 3.0 % "
        "(10.0 ± 1.0 %)"
    )
    numbers |= {"words_gain": [0.3, 0.2], "agreement_gain": [-0.3, 0.1]}
    said = caption.judge(numbers, control)
    assert said.startswith("another caption wins")
    assert "the caption with words and the class alone tie" in said


@pytest.fixture(scope="module")
def studies(digits):
    """A small run of images, and one of points of a curve."""
    data = ae_jax.data.load.subset(digits, 120, 40)
    points = ae_jax.data.load.subset(ae_jax.load_data("spiral"), 100, 20)
    flat = {**TINY, "corruption": {"name": "gaussian", "sigma": 0.1}}
    runs = (
        ae_jax.fit(config, part, jax.random.key(0), progress=False)
        for config, part in ((TINY, data), (flat, points))
    )
    images, curved = (
        Study(run, part, jax.random.key(1), effort=0.01, sizes=(2, 4))
        for run, part in zip(runs, (data, points), strict=True)
    )
    return {**dict.fromkeys(APPLICATIONS, images), "curve": curved}


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n == "filters" else pytest.mark.long) for n in APPLICATIONS],
)
def test_measuring_draws_nothing(name, studies, monkeypatch):
    def drawing(*arguments, **options):
        raise AssertionError("a figure")

    small = {"encoder": {"hidden": (16,)}, "model": {"code_size": 2}}
    monkeypatch.setattr(dense_vs_conv, "candidates", lambda: dict.fromkeys(CANDIDATES, small))
    monkeypatch.setattr(Figure, "__init__", drawing)
    application, study = APPLICATIONS[name], studies[name]
    found = application.measure(study, study.key_for(name))
    assert application.judge(found.numbers, found.control)
    with pytest.raises(AssertionError, match="a figure"):
        application.draw(found)
