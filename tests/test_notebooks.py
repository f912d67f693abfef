"""The notebooks run from top to bottom, and what is kept of them is what their text says."""

import runpy
from pathlib import Path

import jupytext
import pytest

from ae_jax.corruption import CORRUPTIONS
from ae_jax.penalties import PENALTIES

FOLDER = Path(__file__).parents[1] / "experiments" / "notebooks"
NAMES = sorted(file.stem for file in FOLDER.glob("*.py"))
MOST_BYTES = 400_000


@pytest.fixture
def slots_as_they_were():
    """What a notebook registers is forgotten after it."""
    before = [(slot, dict(slot)) for slot in (CORRUPTIONS, PENALTIES)]
    yield
    for slot, entries in before:
        slot.clear()
        slot.update(entries)


@pytest.mark.parametrize("name", NAMES)
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
