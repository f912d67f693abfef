"""The pages' tables: put in place from the files, and what they are now."""

import json
from pathlib import Path

import pytest

from ae_jax.errors import CheckpointError, DataError
from experiments import tables


def test_a_table_is_replaced_by_what_its_file_says(tmp_path):
    where = {
        "date": "2026-01-02",
        "machine": {"cpu": "a processor", "cores": 2},
        "versions": {"python": "3.11.7", "jax": "0.10.2"},
    }
    rows = {
        "R10": {"what": "harm", "tried": 1234, "failed": 0},
        "R2": {"what": "a", "tried": 5, "failed": 1},
    }
    (tmp_path / "reliability.json").write_text(json.dumps({**where, **rows}))
    page = "before\n<!-- reliability -->\nold\n<!-- /reliability -->\nafter\n"
    found = tables.filled(page, tmp_path)
    assert found == (
        "before\n<!-- reliability -->\n"
        "|  | what is tried | tried | failed |\n| --- | --- | ---: | ---: |\n"
        "| R2 | a | 5 | 1 |\n| R10 | harm | 1,234 | 0 |\n\n"
        "2026-01-02, a processor, 2 cores, Python 3.11.7, jax 0.10.2.\n"
        "<!-- /reliability -->\nafter\n"
    )
    assert tables.filled(found, tmp_path) == found


def test_unknown_tables_and_missing_files_are_named(tmp_path):
    with pytest.raises(DataError, match=r"tablet.*there are published"):
        tables.filled("<!-- tablet -->\nx\n<!-- /tablet -->", tmp_path)
    with pytest.raises(DataError, match=r"bench\.json: not there"):
        tables.filled("<!-- speed -->\nx\n<!-- /speed -->", tmp_path)


def test_damaged_files_are_named(tmp_path):
    page = "<!-- literature -->\nx\n<!-- /literature -->"
    for text, error in (("{", CheckpointError), ('{"rows": [{}]}', DataError), ("{}", DataError)):
        (tmp_path / "literature.json").write_text(text)
        with pytest.raises(error, match=r"literature\.json"):
            tables.filled(page, tmp_path)


@pytest.mark.parametrize("page", tables.PAGES)
def test_the_pages_say_what_the_files_say(page):
    top = Path(__file__).parents[1]
    text = (top / page).read_text()
    assert tables.filled(text, top / tables.RESULTS) == text
    assert "<!-- " in text
