"""Words for looks: measures of bars and discs, and a decoder whose drawings are known."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest

from ae_jax.analysis import NotApplicable, caption, looks, looks_scored, strokes

KEY = jax.random.key(0)
STROKE, SLANT, WIDTH, SIZE = range(4)
Y, X = np.mgrid[:40, :40]


def bar(width, height=24.0, slant=0.0, center=19.5):
    """A bar `width` pixels across, gray where its edge crosses a pixel; slant in degrees."""
    across = np.abs(X - center + np.tan(np.radians(slant)) * (Y - 19.5))
    along = np.abs(Y - 19.5)
    inside = [
        np.clip(half + 0.5 - away, 0, 1)
        for half, away in ((width / 2, across), (height / 2, along))
    ]
    return (inside[0] * inside[1])[None, ..., None]


def one(image):
    return strokes.measure(np.asarray(image, np.float32))[0]


@pytest.mark.parametrize("width", [2.0, 3.0, 4.0, 6.0])
def test_stroke_of_a_bar_is_its_width(width):
    # Ink at the two ends is nearer to paper: 4 / (w h) times the integral of the distance.
    assert one(bar(width, 34.0))[STROKE] == pytest.approx(width - width**2 / 102, rel=0.05)


def test_strokes_of_a_ring_are_those_of_its_line():
    radius = np.hypot(X - 19.5, Y - 19.5)
    for width in (2.0, 4.0):
        ring = np.clip(width / 2 + 0.5 - np.abs(radius - 12), 0, 1)[None, ..., None]
        assert one(ring)[STROKE] == pytest.approx(width, rel=0.1)


@pytest.mark.parametrize("degrees", [-30.0, -10.0, 0.0, 20.0])
def test_slant_is_the_angle_of_the_bar(degrees):
    assert one(bar(3.0, slant=degrees))[SLANT] == pytest.approx(degrees, abs=1.0)


def test_width_is_that_of_the_box_over_its_height():
    assert one(bar(6.0, 24.0))[WIDTH] == pytest.approx(0.25, abs=0.01)
    assert one(bar(24.0, 12.0))[WIDTH] == pytest.approx(2.0, abs=0.05)


def test_size_of_a_disc_is_its_radius_over_root_two():
    radius = np.hypot(X - 19.5, Y - 19.5)
    for r in (6.0, 12.0):
        disc = (radius <= r)[None, ..., None]
        assert one(disc)[SIZE] == pytest.approx(r / np.sqrt(2), rel=0.03)


def test_neither_place_nor_paper_matters():
    at = one(bar(3.0))
    np.testing.assert_allclose(one(bar(3.0, center=11.5)), at, atol=1e-6)
    np.testing.assert_allclose(one(1 - bar(3.0)), at, atol=1e-6)  # dark on light
    np.testing.assert_allclose(one(np.repeat(bar(3.0), 3, -1)), at, atol=1e-6)


def test_without_ink_nothing_is_measured_and_nothing_in_a_third():
    empty = strokes.measure(np.zeros((2, 8, 8, 1)))
    assert np.isnan(empty).all()
    assert (looks.third(empty, np.zeros((2, 4))) == looks.UNSAID).all()


def test_images_measured_together_are_measured_alone():
    several = np.concatenate([bar(w, slant=s) for w, s in ((2, 0), (5, 20), (3, -10))])
    each = np.concatenate([strokes.measure(i[None]) for i in several])
    np.testing.assert_allclose(strokes.measure(several), each, atol=1e-9)


def test_captions_ask_for_every_word_and_every_two():
    asked = looks.captions(caption.ASKED, caption.DIGITS)
    learned = looks.captions(caption.TEMPLATES, caption.DIGITS)
    assert not set(asked.texts) & set(learned.texts)
    # 9 words; in both orders the pairs of different measures, 36 - 1 - 3 - 1 - 1
    assert len(asked.texts) == 10 * (9 + 2 * 30)
    for text, label, thirds in zip(*asked, strict=True):
        words = {w for w in looks.LOOKS if w in text.replace(",", " ").split()}
        assert {looks.LOOKS[w] for w in words} == {(m, t) for m, t in enumerate(thirds) if t >= 0}
        assert text.split()[-1].strip(",") in (*caption.DIGITS[label], "please")
    assert looks.reader(learned).score(asked.texts, np.column_stack(asked[1:])) == 1.0


class Bars:
    """A 'run' whose code is (width, slant, height) of a bar, in units of their spread."""

    config = SimpleNamespace(model=SimpleNamespace(code_size=3))
    middle, spread = np.array([4.0, 25.0, 20.0]), np.array([0.8, 8.0, 3.0])

    def decode(self, codes, labels):
        """Every label draws the same."""
        rows = self.middle + self.spread * np.clip(codes, -2.5, 2.5)
        return np.concatenate([bar(w, h, s) for w, s, h in rows]).astype(np.float32)

    def encode(self, images):
        """Of the images that `images` made, in their order."""
        return self.codes[: len(images)]

    def images(self, n):
        """n images and labels of two classes."""
        self.codes = np.random.default_rng(1).normal(size=(n, 3)).astype(np.float32)
        return self.decode(self.codes, None), np.arange(n) % 2


@pytest.fixture(scope="module")
def bars():
    run = Bars()
    images, labels = run.images(300)
    return run, images, labels, looks.learn(run, images, labels)


def test_slopes_of_a_decoder_are_found(bars):
    _, _, _, styles = bars
    for style in styles.values():
        assert style.A[SLANT] == pytest.approx([0, 8.0, 0], abs=0.6)
        # a thin bar's root mean square distance from its middle is h / sqrt(12) / cos(slant)
        assert style.A[SIZE, 2] == pytest.approx(3 / np.sqrt(12) / np.cos(np.radians(25)), rel=0.05)
        assert 0.4 < style.A[STROKE, 0] < 0.8  # thinner across than along a row, and at its ends
        share = (style.thirds == 0).mean(0), (style.thirds == 2).mean(0)
        np.testing.assert_allclose(share, 1 / 3, atol=0.01)


@pytest.mark.long
def test_words_come_out_as_they_were_asked_and_else_by_chance(bars):
    run, _, _, styles = bars
    start = np.random.default_rng(2).normal(size=(120, 3))
    labels = np.arange(120) % 2
    for word, (measure, _) in looks.LOOKS.items():
        asked = np.repeat(looks.thirds_of(word)[None], 120, axis=0)
        hits = [
            looks.come_out(styles, labels, asked, run.decode(z, labels))[:, measure].mean()
            for z in (looks.codes(styles, labels, asked, start, KEY), start)
        ]
        assert hits[0] > 0.75 and 0.2 < hits[1] < 0.47, word


def test_a_code_moves_no_farther_than_it_must(bars):
    *_, styles = bars
    asked = looks.thirds_of("right-slanted")[None]
    start = np.zeros((1, 3))
    moved = looks.codes(styles, np.array([0]), asked, start, KEY)[0]
    slope = styles[0].A[SLANT]
    np.testing.assert_allclose(moved, slope * (moved @ slope) / (slope @ slope), atol=1e-5)
    unasked = looks.codes(styles, np.array([0]), np.full((1, 4), -1), start, KEY)
    np.testing.assert_array_equal(unasked, start)


@pytest.mark.long
def test_scores_are_those_of_the_drawings(bars):
    run, images, labels, _ = bars
    probabilities = np.tile([0.8, 0.2], (2 * 69 * looks_scored.EACH, 1))
    study = SimpleNamespace(
        train=SimpleNamespace(images=images, labels=labels),
        classifier=SimpleNamespace(probabilities=lambda images: probabilities[: len(images)]),
    )
    named = caption.nouns("mine", 2)
    found = looks_scored.score(study, run, (caption.TEMPLATES, caption.ASKED), named, KEY)
    assert set(found.numbers["words"]) == set(looks.LOOKS) == set(found.control["words"])
    assert found.numbers["words_reader"] == 1.0
    assert found.numbers["words_agreement"] == 0.5  # the judge says 0, half are 1
    assert found.numbers["both_words"] > 2 * found.control["both_words"]
    said = looks_scored.judge(found.numbers, found.control)
    assert said.startswith("the caption with words wins")
    assert set(looks_scored.draw(found)) == {"words", "looks"}


def test_too_few_images_of_a_class_are_a_reason(bars):
    run, images, *_ = bars
    with pytest.raises(NotApplicable, match="15 images of each label; 1 has 5"):
        looks.learn(run, images[:60], np.r_[np.zeros(55, int), np.ones(5, int)])


def test_classes_have_names():
    assert caption.nouns("fashion_mnist", 10)[9] == ("ankle boot", "boot")
    assert caption.nouns("mine", 12)[10:] == [("10",), ("11",)]
    read = caption.reader(caption.CLOTHES)
    texts, classes = caption.captions(caption.ASKED, str, caption.CLOTHES)
    assert (read.predict(texts) == classes).all()
