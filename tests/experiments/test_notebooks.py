"""The notebooks run from top to bottom, and what is kept of them is what their text says."""

import base64
import io
import runpy
from pathlib import Path

import jupytext
import matplotlib
import numpy as np
import pytest
from PIL import Image

from ae_jax.model.corruption import CORRUPTIONS
from ae_jax.objective.penalties import PENALTIES
from experiments.pages import kept_notebooks

FOLDER = Path(__file__).parents[2] / "experiments" / "notebooks"
NAMES = sorted(file.stem for file in FOLDER.glob("*.py"))
SLOW = {"linear_is_pca", "sweep", "your_own_data", "your_own_variant"}  # the others take longer
MOST_BYTES = 400_000
MODELS = {  # of the tutorials, in their order
    "linear_is_pca": ("linear", "linear:optimum,centred"),
    "denoising_and_contraction": ("spiral", "spiral:unroll", "contractive"),
    "standard_and_denoising": ("undercomplete", "denoise"),
    "codes_and_dropout": ("dropout:zero", "dropout:two", "dropout", "dropout:denoise"),
    "dense_conv_and_the_code_space": ("dense", "conv_pool"),
    "variational": ("vae:keras,limited", "vae:deep", "cvae"),
    "convolutions_and_interpolation": ("deep:published", "conv_strided:published"),
}


@pytest.fixture
def slots_as_they_were():
    """What a notebook registers is forgotten after it."""
    before = [(slot, dict(slot)) for slot in (CORRUPTIONS, PENALTIES)]
    yield
    for slot, entries in before:
        slot.clear()
        slot.update(entries)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow if n in SLOW else pytest.mark.long) for n in NAMES],
)
def test_a_notebook_finds_what_it_says(name, slots_as_they_were, capsys):
    """Each asserts its own claims: PCA's error, who is better than whom."""
    runpy.run_path(str(FOLDER / f"{name}.py"))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_kept_was_run_and_is_of_the_same_text(name):
    file = FOLDER / f"{name}.ipynb"
    text, kept = (jupytext.read(f).cells for f in (FOLDER / f"{name}.py", file))
    assert [(c.cell_type, c.source) for c in kept] == [(c.cell_type, c.source) for c in text]
    counts = [c.execution_count for c in kept if c.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert not [o for c in kept for o in c.get("outputs", []) if o.output_type == "error"]
    assert file.stat().st_size < MOST_BYTES


@pytest.mark.parametrize("name", MODELS)
def test_a_tutorial_is_told_on_its_own_models(name):
    text = (FOLDER / f"{name}.py").read_text()
    places = [text.find(f'"{model}"') for model in MODELS[name]]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("colors", ["gray", "RdBu_r"])
def test_a_picture_is_kept_as_it_looks(colors):
    levels = np.random.default_rng(0).integers(256, size=(100, 100))
    picture = (255 * matplotlib.colormaps[colors](levels)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="png")
    before = base64.b64encode(buffer.getvalue()).decode()
    after = kept_notebooks.smaller(before)
    kept = Image.open(io.BytesIO(base64.b64decode(after))).convert("RGB")
    difference = np.asarray(kept, float) - picture[..., :3]
    assert np.abs(difference).max() <= 5  # half a step of 31
    assert len(after) < len(before)
    assert kept_notebooks.smaller(after) == after
