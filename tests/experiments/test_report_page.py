"""Pages: whole, self-contained, escaped, and with the numbers of the files they were made from."""

import base64
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from ae_jax.errors import CheckpointError
from ae_jax.resolve.config import load_config
from experiments.pages import comparison, gallery, one_run, page
from experiments.workdirs import finished
from tests.experiments.pages import Tags, checked, made, png

ROOT = Path(__file__).parents[2]


def test_the_page_holds_the_runs_numbers_pictures_and_advice(tmp_path):
    path = made(tmp_path / "run")
    tags = checked(one_run.write(finished.read(path)))
    said = " ".join(tags.said)
    for number in ("0.00595", "0.0128", "0.0189", "0.231", "0.0691", "0.244"):
        assert number in said
    assert "0.0000766" not in said, "500 numbers copy any digit"
    assert "PCA, equal code size, does not apply" in said and "0.11 % of the variance" in said
    assert "785,284" in said and "ab" * 32 in said and "19,469" in said
    assert "still falling" in said, "loss 0.05 -> 0.033 at the last epoch"
    held = {base64.b64decode(source.split(",")[1]) for source in tags.sources}
    assert held == {file.read_bytes() for file in (path / "figures").iterdir()}


def test_bars_are_as_long_as_their_numbers():
    shown = page.bars({"ours": 0.1, "theirs": 0.4, "none": 0.0}, page.number, "ours")
    assert re.findall(r"width:([\d.]+)%", shown) == ["25.00", "100.00", "0.00"]
    assert shown.count('class="us"') == 1 and Tags(shown)


def test_text_of_a_stranger_stays_text(tmp_path):
    path = made(tmp_path / "<b>run")
    evil = "<script>alert('1')</script>"
    for file in ("config.json", "summary.json"):
        content = json.loads((path / file).read_text())
        content["name" if file == "config.json" else "dataset"] = evil
        (path / file).write_text(json.dumps(content))
    (path / "analysis").mkdir()
    outside = [f"{'../' * up}secret.png" for up in (1, 2, 3)]
    record = {"sentence": evil, "numbers": {evil: evil}, "figures": [*outside, evil]}
    (path / "analysis" / "pca.json").write_text(json.dumps(record))
    (path / "analysis" / "anomaly.json").write_text(json.dumps({"skipped": evil}))
    (path / "analysis" / "caption.json").write_text(json.dumps({"failed": evil}))
    secret = png(200)
    (tmp_path / "secret.png").write_bytes(secret)
    pages = [
        one_run.write(finished.read(path)),
        gallery.write(path, ["pca", "anomaly", "caption"]),
        comparison.write([finished.read(path), finished.read(made(tmp_path / "b"))]),
    ]
    for file in pages:
        tags = checked(file)
        assert evil in " ".join(tags.said)
        assert base64.b64encode(secret).decode() not in file.read_text()


def test_pages_tell_skipped_from_failed_and_name_the_reasons(tmp_path):
    path = made(tmp_path / "run")
    (path / "analysis").mkdir()
    records = {
        "pca": {"sentence": "a tie", "numbers": {}, "control": {}, "figures": []},
        "anomaly": {"skipped": "the data have one class"},
        "caption": {"failed": "ValueError: no captions"},
    }
    for name, record in records.items():
        (path / "analysis" / f"{name}.json").write_text(json.dumps(record))
    for file in (gallery.write(path, list(records)), one_run.write(finished.read(path))):
        said = [text.strip() for text in checked(file).said]
        assert "a tie" in said
        for why in ("skipped", "failed"):
            heading = next(i for i, text in enumerate(said) if text in (why, why.capitalize()))
            name, reason = next((n, r[why]) for n, r in records.items() if why in r)
            assert f"{name}: {reason}" in said[heading:]
            assert said.count(name) == 0, "it has no section of its own"


@pytest.mark.parametrize(
    "content", [b"", b"no picture", png(1)[:40], b"<svg onload='alert(1)'></svg>"]
)
def test_what_is_no_picture_is_left_out(tmp_path, content):
    (tmp_path / "x.png").write_bytes(content)
    assert page.picture(tmp_path / "x.png", "x") == ""
    assert page.picture(tmp_path / "missing.png", "x") == ""


def test_the_config_shows_what_differs_from_the_defaults_of_its_choices(tmp_path):
    changes = {"optim.learning_rate": 5e-4, "corruption.rate": 0.3}
    run = finished.read(made(tmp_path / "run", "denoise", **changes))
    rows = re.findall(
        r"<tr><th><code>(.*?)</code></th><td>(.*?)</td><td>(.*?)</td></tr>", one_run.config(run)
    )
    found = {field: (value, default) for field, value, default in rows}
    assert found["optim.learning_rate"] == ("0.0005", "0.001")
    assert found["corruption.name"] == ("dropout", "none")
    assert found["corruption.rate"] == ("0.3", "0.5")
    assert not {"optim.b1", "seed", "data.name", "eval.every"} & set(found)
    for config in (p.stem for p in (ROOT / "configs").glob("*.py")):  # any mix of slots
        assert one_run.defaults(load_config(config))["optim.b1"] == 0.9


def test_a_comparison_marks_the_best_and_lists_exactly_the_differences(tmp_path):
    runs = [
        finished.read(made(tmp_path / "a", mse=0.02)),
        finished.read(made(tmp_path / "b", mse=0.01, **{"optim.learning_rate": 0.1})),
        finished.read(made(tmp_path / "c", mse=0.03, **{"train.epochs": 7})),
    ]
    tags = checked(comparison.write(runs, str(tmp_path / "out.html")))
    assert all(name in tags.said for name in "abc")
    table = comparison.numbers(["a", "b", "c"], runs, mark=True)
    assert '<b class="best">0.01</b>' in table and "0.02</b>" not in table
    assert "best" not in comparison.numbers(["a", "b", "c"], runs, mark=False)
    shown = comparison.differences(["a", "b", "c"], runs)
    fields = re.findall(r"<th><code>(.*?)</code></th>", shown)
    assert fields == ["optim.learning_rate", "train.epochs"]
    assert "the same" in comparison.differences(["a", "a"], [runs[0], runs[0]])
    drawn = [word for word in tags.said if "epoch 3" in word]
    assert any(word.startswith("b: epoch 3, mse per pixel 0.01") for word in drawn), "the curves"


def test_lines_of_a_stranger_are_passed_over(tmp_path):
    runs = [finished.read(made(tmp_path / name)) for name in "ab"]
    odd = [{"step": 1, "epoch": [1], "split": "test", "loss": "x", "mse": None}, {"step": 2}]
    odd += [{"step": 3, "epoch": 3, "split": "train", "loss": [1]}]
    runs = [run._replace(rows=run.rows[:2] + odd) for run in runs]
    checked(one_run.write(runs[0]))
    checked(comparison.write(runs))


def test_names_of_runs_are_told_apart(tmp_path):
    assert comparison.names_of([tmp_path / "a", tmp_path / "b"]) == ["a", "b"]
    same = [tmp_path / "x" / "run", tmp_path / "y" / "run"]
    assert comparison.names_of(same) == [str(p) for p in same]


@pytest.mark.parametrize(
    "value, shown",
    [(0.0128019, "0.0128"), (7.66e-5, "0.0000766"), (785284, "785,284"), (22.25, "22.2"),
     (19469.4, "19,469"), (0.0, "0"), (float("inf"), "inf"), (0.5, "0.5")],
)  # fmt: skip
def test_numbers_have_three_digits_that_count(value, shown):
    assert page.number(value) == shown


def damage(section, value):
    """An edit of summary.json that puts `value` there."""

    def edit(path):
        content = json.loads((path / "summary.json").read_text())
        content[section] = value
        (path / "summary.json").write_text(json.dumps(content))

    return edit


@pytest.mark.parametrize(
    "edit, words",
    [
        (lambda path: (path / "config.json").unlink(), "holds no run"),
        (lambda path: (path / "summary.json").unlink(), "has not finished"),
        (lambda path: (path / "summary.json").write_text("[1]"), "has no JSON object"),
        (damage("test", {"psnr": 20.0}), "test.mse is missing"),
        (damage("denoise", {"noisy_mse": 0.2}), "denoise.denoised_mse is missing"),
        (damage("denoise", [1]), "denoise.noisy_mse is missing"),
        (damage("timing", {"wall_s": "long"}), "timing.wall_s"),
        (damage("timing", 3), "timing is not a section"),
        (damage("code", {"dead_units": [3]}), "code.dead_units"),
        (damage("dataset", None), "dataset is missing"),
    ],
)
def test_what_is_no_finished_run_is_refused_by_name(tmp_path, edit, words):
    path = made(tmp_path / "run")
    edit(path)
    with pytest.raises(CheckpointError, match=words) as refused:
        finished.read(path)
    assert len(str(refused.value).splitlines()) <= 3


def test_the_strangest_rows_say_why():
    reasons = [
        {"column": "job", "value": "nurse", "expected": "<miner>", "share": 2 / 3},
        {"column": "income", "value": 200.0, "expected": 150.04, "share": 1 / 3},
    ]
    found = {"row": 7, "score": 3.0, "label": "odd", "reasons": reasons}
    shown = one_run.strangest(SimpleNamespace(summary={"strangest": [found]}))
    for text in ("7", "odd", "job nurse, expected &lt;miner&gt; (67% of the error)"):
        assert text in shown
    assert "income 200, expected 150 (33% of the error)" in shown
    assert not one_run.strangest(SimpleNamespace(summary={}))
