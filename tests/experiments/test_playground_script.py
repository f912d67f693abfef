"""The playground's script: the numbers of Python's, noise, strokes, keys and what they change."""

import numpy as np
import pytest

from ae_jax.export.description import Threshold
from ae_jax.run import playing
from ae_jax.run.ready import ready
from experiments.pages import playground
from tests.experiments.browser import chromium, needs_chromium, needs_node, node
from tests.experiments.pages import floats, sheet_of
from tests.export.runs import run_of
from tests.export.test_round_trip import networks
from tests.resolve.small import small

QUICK = ("rows", "signal")
SLOW = ("conv_strided", "vae", "impute", "vq")
NETWORKS = [
    pytest.param(p, marks=() if p in QUICK else pytest.mark.slow if p in SLOW else pytest.mark.long)
    for p in {**dict.fromkeys(QUICK), **dict.fromkeys(SLOW), **dict.fromkeys(networks())}
]
COMPUTE = """
  const run = opened(given.sheet);
  return given.rows.map((row, i) => {
    const x = Float32Array.from(row, (v) => v ?? NaN);
    const z = run.encode(x), y = run.decode(z, given.labels[i]);
    return { z: [...z], y: [...y], score: run.score(x, y) };
  });
"""


@needs_node
@pytest.mark.parametrize("path", NETWORKS)
def test_the_numbers_are_pythons(path):
    run, x, labels = run_of(path)
    seen = run.door.checked("images", x)[:3]
    seen = seen / np.float32(255) if seen.dtype == np.uint8 else seen
    rows = [[None if np.isnan(v) else float(v) for v in row.ravel()] for row in seen]
    told = [0] * 3 if labels is None else np.asarray(labels[:3]).tolist()
    found = node(COMPUTE, {"sheet": playing.sheet(run, None, None), "rows": rows, "labels": told})
    given = None if labels is None else labels[:3]
    z = run.inner.encode(seen)
    ours = {"z": z, "y": run.inner.decode(z, given), "score": run.inner.score(seen, given)}
    for name, numbers in ours.items():
        theirs = np.array([one[name] for one in found]).reshape(numbers.shape)
        assert np.abs(theirs - numbers).max() <= 1e-5 * max(np.abs(numbers).max(), 1e-30)


@needs_node
def test_the_table_of_steps_is_read_rightly():
    assert set(node("return Object.keys(OPS)")) <= playground.known_steps()


@needs_node
def test_float16_is_read_as_numpy_reads_it():
    half = np.array([0, 1, -2.5, 6e-8, 6.1e-5, 65504, np.inf], np.float16)
    bits = half.view(np.uint16).tolist()
    found = node("return given.map(ofHalf).map(String)", bits)
    assert [float(v.replace("Infinity", "inf")) for v in found] == half.astype(float).tolist()


NOISE = """
  const shape = [1, 1, 20000], usual = { bounds: [0, 1], shape, layout: [] };
  const run = { corruption: given.name, ...usual, ...given };
  const x = new Float32Array(run.shape.reduce((a, b) => a * b, 1)).fill(0.25);
  const noisy = corrupted(x, given.level, given.seed || 1, run);
  return [...noisy].map((v) => (Number.isNaN(v) ? null : v));
"""


@needs_node
@pytest.mark.parametrize(
    ("name", "level", "shares"),
    [
        ("mask", 0.3, {0.0: 0.3, 0.25: 0.7}),
        ("dropout", 0.5, {0.0: 0.5, 0.5: 0.5}),
        ("salt_and_pepper", 0.2, {0.0: 0.1, 1.0: 0.1, 0.25: 0.8}),
        ("hide", 0.4, {None: 0.4, 0.25: 0.6}),
    ],
)
def test_noise_has_the_distribution_of_the_corruption(name, level, shares):
    found = node(NOISE, {"name": name, "options": {}, "level": level})
    assert set(found) == set(shares)
    for value, share in shares.items():
        assert found.count(value) / len(found) == pytest.approx(share, abs=0.02)


@needs_node
def test_gaussian_noise_boxes_and_columns():
    x = np.array(node(NOISE, {"name": "gaussian", "options": {}, "level": 0.5}))
    assert (x.mean(), x.std()) == (pytest.approx(0.25, abs=0.02), pytest.approx(0.5, rel=0.03))
    box = {"name": "box", "options": {"level": 1.0}, "level": 3, "shape": [6, 7, 2]}
    painted = np.array(node(NOISE, box)).reshape(6, 7, 2) == 1
    rows, columns, _ = np.nonzero(painted)
    assert painted.sum() == 18 and np.ptp(rows) == np.ptp(columns) == 2
    whole = {"name": "hide", "options": {}, "level": 0.5, "shape": [1, 1, 5], "layout": [1, 3, 0]}
    for seed in range(8):
        hidden = [v is None for v in node(NOISE, {**whole, "seed": seed})]
        assert len(set(hidden[1:4])) == 1, "a category is hidden whole"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The page of a conditional variational run."""
    run, _, _ = run_of("cvae")
    _, data = ready(*small("cvae"))
    out = tmp_path_factory.mktemp("drawn") / "page.html"
    return playground.write(run, out, data, Threshold(1.0, 0.05, 99))


@needs_chromium
@pytest.mark.slow
@pytest.mark.parametrize("pointer", ["mouse", "touch"])
def test_a_stroke_goes_through_the_network(drawn, pointer):
    found = chromium(drawn, f"stroke('{pointer}')")
    assert found["empty"] == found["hovered"] == found["corner"] == found["lifted"] == 0
    assert found["middle"] > 0.9 and found["moved"] and found["inverted"] == 1


@needs_chromium
@pytest.mark.slow
def test_keys_draw_and_move_the_code(drawn):
    found = chromium(drawn, "keys()")
    assert found["line"] > 3 and found["erases"] == "true" and found["cleared"] == 0
    np.testing.assert_allclose(found["steps"], [found["step"], 0, 0], atol=1e-4)


@needs_chromium
@pytest.mark.slow
def test_every_way_through_the_codes_leads_where_it_says(drawn):
    found = chromium(drawn, "walks()")
    np.testing.assert_allclose(found["corner"], found["ends"], atol=1e-4)
    codes = sheet_of(drawn)["codes"]
    mean = floats(codes["mean"])
    moved = floats(codes["vectors"], -1, len(mean)) @ (np.array(found["code"]) - mean)
    np.testing.assert_allclose(moved[1], found["end_of_slider"], atol=1e-4)
    assert found["sampled"] and found["back"] < 1e-6
    assert found["told"] and found["end"] < 1e-6 and found["chosen"] == 0


@needs_chromium
@pytest.mark.slow
def test_colors_names_and_width(drawn):
    found = chromium(drawn, "looks()", width=500)
    assert (found["light"], found["dark"]) == ("rgb(255, 255, 255)", "rgb(20, 23, 26)")
    assert found["unnamed"] == []
    assert found["fits"], "nothing is wider than the screen"


@needs_chromium
@pytest.mark.slow
def test_a_picture_can_be_chosen_and_another_file_is_refused(drawn):
    found = chromium(drawn, "picture()")
    np.testing.assert_allclose(found["gray"], 0.299, atol=2e-3)
    assert found["trouble"] == "this file is no picture that the browser can read"
