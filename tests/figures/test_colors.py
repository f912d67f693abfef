"""The colors of classes: apart for every eye, seen on any paper; and classes of any number."""

import matplotlib
import numpy as np
import pytest

from ae_jax.figures import charts, code_scatter
from ae_jax.figures.classes import MOST, classes
from tests.figures.colors import EYES, ciede2000, contrast, lab, least

OURS = [matplotlib.colors.to_rgb(color) for color in charts._TEN]


def test_the_distance_is_that_of_the_published_pairs():
    """Of Sharma, Wu and Dalal 2005, table 1: pairs 1, 7, 13, 16, 17, 21, 25, 30 and 34."""
    pairs = [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, -0.001, 2.49), (50, 0.0009, -2.49), 4.8045),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((50, 2.5, 0), (50, 3.1736, 0.5854), 1.0),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((90.8027, -2.0831, 1.441), (91.1528, -1.6435, 0.0447), 1.4441),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ]
    one, other, published = (np.array(v, float) for v in zip(*pairs, strict=True))
    np.testing.assert_allclose(ciede2000(one, other), published, atol=5e-5)
    np.testing.assert_allclose(lab((1.0, 0, 0)), (53.24, 80.09, 67.20), atol=0.02)


@pytest.mark.parametrize("eye", EYES)
def test_any_two_classes_are_apart(eye):
    assert least(OURS, eye) > 16
    for name in ("tab10", "petroff10"):  # matplotlib's default, and its safest ten
        assert least(OURS, eye) > least(matplotlib.color_sequences[name], eye)


def test_no_class_is_gray_and_each_is_seen_on_the_page():
    assert len(set(OURS)) == 10
    for color in OURS:
        assert np.hypot(*lab(color)[1:]) > 25
        for paper in ("#ffffff", "#14171a"):  # of templates/style.css.j2
            assert contrast(color, matplotlib.colors.to_rgb(paper)) > 1.6


@pytest.mark.parametrize("n", [1, 10, 11, 26, 40])
def test_each_class_has_a_look_of_its_own_and_its_name(n):
    names = [f"class {i}" for i in range(n)]
    found = classes(np.arange(n)[::-1], names)
    assert found.names == names and found.rank.tolist() == list(range(n))[::-1]
    assert len(set(found.looks)) == n
    assert {shape for _, shape in found.looks[:10]} == set("os^Dv<>PXp"[:n])
    axes = code_scatter(
        np.random.default_rng(0).normal(size=(n, 2)), np.arange(n), label_names=names
    ).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == names


def test_of_too_many_classes_the_rarest_are_one():
    counts = np.r_[np.full(30, 5), np.arange(1, 31)]
    labels, names = np.repeat(np.arange(60), counts), [f"class {i}" for i in range(60)]
    found = classes(labels, names)
    common = [i for i in range(60) if counts[i] > 5] + list(range(30))
    assert len(found.names) == MOST and found.names[-1] == "others"
    shown = [int(name.split()[1]) for name in found.names[:-1]]
    assert shown == sorted(shown) and {i for i in common if counts[i] > 5} <= set(shown)
    for label, rank in zip(labels, found.rank, strict=True):
        assert found.names[rank] == (f"class {label}" if label in shown else "others")


def test_what_is_no_class_has_none():
    assert classes(np.array([0.5, 1.0])) is None
    assert classes(np.arange(MOST + 1)) is None, "numbers, such as ages: a scale shows them"
    assert classes(np.array([])) is None
