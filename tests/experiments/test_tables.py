"""The pages' tables: put in place from the files, and what they are now."""

import json
import re
from pathlib import Path

import pytest

from ae_jax.errors import CheckpointError, DataError
from experiments import tables
from experiments.measuring import docstrings, measured


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
    with pytest.raises(DataError, match=r"bench\*\.json: not found"):
        tables.filled("<!-- speed -->\nx\n<!-- /speed -->", tmp_path)


def test_damaged_files_are_named(tmp_path):
    page = "<!-- literature -->\nx\n<!-- /literature -->"
    for text, error in (("{", CheckpointError), ('{"rows": [{}]}', DataError), ("{}", DataError)):
        (tmp_path / "literature.json").write_text(text)
        with pytest.raises(error, match=r"literature\.json"):
            tables.filled(page, tmp_path)


@pytest.mark.parametrize("page", tables.PAGES)
def test_the_pages_say_what_the_files_say(page):
    top = Path(__file__).parents[2]
    text = (top / page).read_text()
    assert tables.filled(text, top / tables.RESULTS) == text
    assert "<!-- " in text


TOP = Path(__file__).parents[2]
CONFIGS = sorted((TOP / "configs").glob("*.py"))


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_docstrings_say_what_the_files_say(file):
    text = file.read_text()
    assert docstrings.filled(file.stem, text, TOP / tables.RESULTS) == text


def results(folder, **changes):
    """A folder with one measurement of `conv_pool`, of its config as it is but for `changes`."""
    protocol = {"config": {**measured.fields_of("conv_pool", {}), **changes}}
    row = {"name": "conv_pool", "mean": {"mse": 0.0123}, "std": {"mse": 0.0004}, "missed": {}}
    row["measured"] = {"run": {"protocol": protocol, "by_seed": {"0": {}, "1": {}}}}
    for name in docstrings.FILES:
        rows = [row] if name == "defaults.json" else []
        (folder / name).write_text(json.dumps({"rows": rows}))
    return folder


def test_numbers_of_a_docstring_are_put_in_place(tmp_path):
    text = 'x\n\nMeasured:\nold, 0.5\n"""\n\nCONFIG = {}\n'
    found = docstrings.filled("conv_pool", text, results(tmp_path))
    said = "`conv_pool` (2 seeds): mse 0.0123 ± 0.0004."
    assert found == f'x\n\nMeasured:\n{said}\n"""\n\nCONFIG = {{}}\n'
    assert docstrings.filled("conv_pool", found, tmp_path) == found
    empty = docstrings.filled("dense", text.replace("old, 0.5\n", ""), tmp_path)
    assert "nothing yet" in empty and empty.endswith('\n"""\n\nCONFIG = {}\n')


def test_numbers_of_another_config_are_refused(tmp_path):
    folder = results(tmp_path, **{"train.batch_size": 200})
    with pytest.raises(
        DataError, match=r"conv_pool .*train\.batch_size: 200 -> 50.*--only=conv_po"
    ):
        docstrings.filled("conv_pool", 'Measured:\n"""\n', folder)


def test_numbers_of_a_paper_are_of_the_config_as_it_is_or_said_to_be_older(tmp_path):
    text = (TOP / tables.RESULTS / "literature.json").read_text()
    rows = [row for row in json.loads(text)["rows"] if row["name"] == "hinton2006"]
    quoted, changed = 'Measured:\n"""\n', rows[0]["measured"]["run"]["protocol"]["config"]
    for name in docstrings.FILES:
        mine = rows if name == "literature.json" else []
        (tmp_path / name).write_text(json.dumps({"rows": mine}))
    assert "sse" in docstrings.filled("hinton2006", quoted, tmp_path)
    changed["train.epochs"] += 1
    (tmp_path / "literature.json").write_text(json.dumps({"rows": rows}))
    with pytest.raises(DataError, match=r"train\.epochs: 101 -> 100.*literature --only=hinton"):
        docstrings.filled("hinton2006", quoted, tmp_path)
    rows[0]["older"] = True
    (tmp_path / "literature.json").write_text(json.dumps({"rows": rows}))
    assert "by an older protocol" in docstrings.filled("hinton2006", quoted, tmp_path)


def test_a_docstring_without_a_place_for_its_numbers_is_named(tmp_path):
    with pytest.raises(DataError, match=r"configs/conv_pool\.py.*'Measured:'"):
        docstrings.filled("conv_pool", '"""Words."""\n', results(tmp_path))
    assert docstrings.filled("dense", '"""Words."""\n', tmp_path) == '"""Words."""\n'
    (tmp_path / "defaults.json").unlink()
    with pytest.raises(DataError, match=r"defaults\.json: not found"):
        docstrings.filled("dense", "", tmp_path)


def test_the_published_table_says_where_a_number_stands():
    text = (TOP / "experiments/results/README.md").read_text()
    assert "| `dense:published` | 0.0117 | companion notebook |" in text
    assert "| `deep:published` | 0.025885 | text |" in text


@pytest.mark.parametrize("page", [Path("README.md"), Path("experiments/results/README.md")])
def test_links_and_images_of_the_pages_resolve(page):
    """Anchors are GitHub's: the heading in lower case, hyphens for spaces, no punctuation."""
    text = (TOP / page).read_text()
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    assert targets
    for target in targets:
        file, _, anchor = target.partition("#")
        linked = (TOP / page).parent / file if file else TOP / page
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(), re.MULTILINE)
            names = [re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings]
            assert names.count(anchor) == 1, target


def test_the_readme_begins_with_two_commands():
    """`.ci/run` runs them."""
    first = (TOP / "README.md").read_text().split("```")[1]
    assert first.splitlines()[0] == "bash" and len(first.splitlines()) == 3


def test_only_rows_measured_in_the_same_way_are_compared():
    def row(name, epochs, *errors, what="test error (%)"):
        by_seed = {
            str(i): {what: e, "date": "2026-01-01", "seconds": 90 * e} for i, e in enumerate(errors)
        }
        config = {"penalties.of": name, "train.epochs": 3}
        run = {"protocol": {"config": config, "epochs": epochs}, "by_seed": by_seed}
        mean = {what: sum(errors) / len(errors)}
        return {"name": name, "config": name, "differs": "so", "published": {what: 1},
                "mean": mean, "std": {what: 0.1}, "measured": {"run": run}}  # fmt: skip

    where = {
        "date": "2026-01-01",
        "machine": {"cpu": "x", "cores": 1},
        "versions": {"python": "3", "jax": "1"},
    }
    plain = row("rifai2011", 5, 2.0, 3.0)
    for other, said in ((row("rifai2011:contractive", 5, 1.0, 1.5), True),
                        (row("rifai2011:contractive", 6, 1.0, 1.5), False)):  # fmt: skip
        text = tables.literature({**where, "rows": [other, plain]})
        rows = "| `rifai2011:contractive` - `rifai2011` "
        assert (f"{rows}| test error (%) | -1.25 ± 0.35 (2 seeds" in text) == said
        assert "- `rifai2011:contractive`, `rifai2011`: so." in text
    nats = [row(f"burda2016{v}", 5, e, what="NLL (nats)") for v, e in (("", 90), (":iwae50", 88))]
    drawn = [{"rate": 0.1, "held-out error (%)": 3.0}, {"rate": 0.2, "held-out error (%)": 2.0}]
    nats[0]["measured"]["run"]["by_seed"]["0"]["search"] = drawn
    nats[0]["mean"]["rate"] = 0.2
    text = tables.literature({**where, "rows": nats})
    assert "| 1 | 135 | of 2 settings rate 0.2 |" in text  # 90 * 90 seconds
    assert "| `burda2016:iwae50` - `burda2016` | NLL (nats) | -2.00 (one seed)" in text
