"""Pages: whole, self-contained, escaped, and with the numbers of the files they were made from."""

import base64
import io
import json
import re
import struct
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from ae_jax.config import load_config
from ae_jax.data import subset
from ae_jax.errors import CheckpointError, ConfigError
from ae_jax.model import Batch, build
from experiments import board, comparison, finished, gallery, page, report, session, workdir
from experiments.summary import count, layers

ROOT = Path(__file__).parents[1]
VOID = {"meta", "img", "br"}


class Tags(HTMLParser):
    """Checks that tags nest, and gathers what a page loads, links to and says."""

    def __init__(self, text):
        super().__init__()
        self.open, self.sources, self.links, self.ids, self.said = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.sources += [v for k, v in attributes if k in ("src", "srcset", "data", "poster")]
        self.links += [found["href"]] if "href" in found else []
        self.ids += [found["id"]] if "id" in found else []
        assert tag not in ("script", "link", "iframe", "object"), tag
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.said.append(data)


def checked(file):
    """The parsed page; it must load nothing and link only to itself."""
    text = Path(file).read_text()
    assert text.startswith("<!doctype html>") and 'name="viewport"' in text
    assert "prefers-color-scheme: dark" in text and "@import" not in text and "url(" not in text
    tags = Tags(text)
    assert all(source.startswith("data:image/") for source in tags.sources)
    assert {link.removeprefix("#") for link in tags.links} <= set(tags.ids)
    return tags


def png(value, side=8):
    buffer = io.BytesIO()
    Image.fromarray(np.full((side, side), value, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def made(path, name="denoise", mse=0.005953, seconds=12.5, **changes):
    """A finished run's files without the run."""
    (path / "figures").mkdir(parents=True)
    config = load_config(name, **changes)
    summary = {
        "config_name": config.name,
        "dataset": "mnist5k",
        "n_train": 4000,
        "n_test": 1000,
        "params": 785284,
        "epochs": 3,
        "steps": 48,
        "params_sha256": "ab" * 32,
        "test": {"mse": mse, "psnr": 22.25, "sse": 4.6, "loss": 0.05},
        "controls": {
            "pca": 0.0000766,
            "pca_uncentred": 0.0000776,
            "mean_image": 0.0691,
            "untrained": 0.2437,
        },
        "denoise": {"noisy_mse": 0.2311, "denoised_mse": 0.0128, "linear_denoiser_mse": 0.0189},
        "seed": 0,
        "timing": {"wall_s": seconds, "train_images_per_s": 19469},
        "versions": {"jax": "0.10.2"},
    }
    (path / "config.json").write_text(json.dumps(config.to_dict()))
    (path / "summary.json").write_text(json.dumps(summary))
    rows = [
        {"step": 16 * e, "epoch": e, "split": "test", "loss": 0.1 / e, "mse": mse * 4 / e}
        for e in (1, 2, 3)
    ]
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for shade, figure in enumerate(("curves", "denoising", "reconstructions", "filters")):
        (path / "figures" / f"{figure}.png").write_bytes(png(shade))
    return path


def test_the_page_holds_the_runs_numbers_pictures_and_advice(tmp_path):
    path = made(tmp_path / "run")
    tags = checked(report.write(finished.read(path)))
    said = " ".join(tags.said)
    for number in ("0.00595", "0.0128", "0.0189", "0.231", "0.0000766", "0.0691", "0.244"):
        assert number in said
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
    secret = png(200)
    (tmp_path / "secret.png").write_bytes(secret)
    pages = [
        report.write(finished.read(path)),
        gallery.write(path, ["pca", "anomaly"]),
        comparison.write([finished.read(path), finished.read(made(tmp_path / "b"))]),
    ]
    for file in pages:
        tags = checked(file)
        assert evil in " ".join(tags.said)
        assert base64.b64encode(secret).decode() not in file.read_text()


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
        r"<tr><th><code>(.*?)</code></th><td>(.*?)</td><td>(.*?)</td></tr>", report.config(run)
    )
    found = {field: (value, default) for field, value, default in rows}
    assert found["optim.learning_rate"] == ("0.0005", "0.001")
    assert found["corruption.name"] == ("dropout", "none")
    assert found["corruption.rate"] == ("0.3", "0.5")
    assert not {"optim.b1", "seed", "data.name", "eval.every"} & set(found)
    for config in (p.stem for p in (ROOT / "configs").glob("*.py")):  # any mix of slots
        assert report.defaults(load_config(config))["optim.b1"] == 0.9


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
    assert any(s.startswith("data:image/png") for s in tags.sources), "the curves"


def test_lines_of_a_stranger_are_passed_over(tmp_path):
    runs = [finished.read(made(tmp_path / name)) for name in "ab"]
    odd = [{"step": 1, "epoch": [1], "split": "test", "loss": "x", "mse": None}, {"step": 2}]
    odd += [{"step": 3, "epoch": 3, "split": "train", "loss": [1]}]
    runs = [run._replace(rows=run.rows[:2] + odd) for run in runs]
    checked(report.write(runs[0]))
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
        (lambda path: (path / "summary.json").write_text("[1]"), "holds no JSON object"),
        (damage("test", {"psnr": 20.0}), "test.mse is missing"),
        (damage("denoise", {"noisy_mse": 0.2}), "denoise.denoised_mse is missing"),
        (damage("denoise", [1]), "denoise.noisy_mse is missing"),
        (damage("timing", {"wall_s": "long"}), "timing.wall_s"),
        (damage("timing", 3), "timing is no section"),
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


def command(module, *arguments):
    line = [sys.executable, "-m", f"experiments.{module}", *map(str, arguments)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True)


def test_bad_input_ends_with_2_in_three_lines(tmp_path):
    path = made(tmp_path / "run")
    done = command("report", f"--workdir={path}", tmp_path / "none")
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) <= 3, done.stderr
    assert "Traceback" not in done.stderr and f"--workdir: {tmp_path / 'none'}" in done.stderr
    done = command("report", f"--workdir={path}", "--out=/proc/nowhere/x.html")
    assert done.returncode == 2 and "--out: cannot write" in done.stderr


def test_without_the_extra_tensorboard_is_refused_by_its_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)  # as if it were not there
    with pytest.raises(ConfigError, match="--tensorboard") as refused:
        board.check()
    assert "pip install 'ae_jax[tensorboard]'" in str(refused.value)


@pytest.mark.parametrize("name", ["conv_pool", "conv_strided:batchnorm", "tied:tanh", "cvae"])
def test_the_table_of_layers_says_what_flax_says(name):
    model = build(load_config(name), (28, 28, 1))
    variables = jax.eval_shape(lambda: model.init(jax.random.key(0)))
    x, labels = jnp.zeros((1, 28, 28, 1)), jnp.zeros(1, jnp.int32)
    wide = {"width": 400, "force_terminal": False}
    flax = model.module.tabulate(
        jax.random.key(0), Batch(x, labels), x, None, False, console_kwargs=wide
    )
    blocks = {b.split("│")[1].strip(): b for b in re.split(r"├.*┤", flax) if "│" in b}
    lines = [line.split() for line in layers(model, variables).splitlines()[1:]]
    for path, out, size, *_ in lines:
        shape = ",".join(["1", *out.split("x")])
        assert f"float32[{shape}]" in blocks[path] and re.search(rf"\b{size} \(", blocks[path])
    assert sum(int(line[2].replace(",", "")) for line in lines) == count(variables["params"])


def events(folder):
    """Every value in TensorBoard's files: records of length, checksum, protobuf, checksum."""
    from tensorboardX.proto.event_pb2 import Event

    for file in sorted(folder.iterdir()):
        content, at = file.read_bytes(), 0
        while at < len(content):
            (size,) = struct.unpack_from("<Q", content, at)
            event = Event.FromString(content[at + 12 : at + 12 + size])
            at += size + 16
            yield from ((event.step, value) for value in event.summary.value)


def test_a_run_ends_with_its_page_and_tensorboard_has_its_numbers(tmp_path, digits, capsys):
    pytest.importorskip("tensorboardX")
    path = tmp_path / "run"
    config = load_config("undercomplete", **{"train.epochs": 2, "train.batch_size": 40})
    s = session.prepare(config, subset(digits, 200, 50))
    workdir.claim(path, config)
    assert session.train(s, path, time.perf_counter(), tensorboard=True) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"report: {path / 'report.html'}"
    checked(path / "report.html")
    found = list(events(path / "tensorboard"))
    scalars = {(step, v.tag): v.simple_value for step, v in found if v.HasField("simple_value")}
    for line in (path / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        for name in row.keys() - {"step", "epoch", "split"}:
            value = scalars.pop((row["step"], f"{name}/{row['split']}"))
            assert value == pytest.approx(row[name], rel=1e-6)
    assert scalars == {}, "nothing else"
    histograms = {(step, v.tag): v.histo for step, v in found if v.HasField("histo")}
    assert histograms[10, "params/encoder/layer_0/kernel"].num == 784 * 30
    assert histograms[10, "code"].num == 50 * 30
    seen = [Image.open(io.BytesIO(v.image.encoded_image_string)) for _, v in found
            if v.HasField("image")]  # fmt: skip
    assert len(seen) == 2 and seen[0].size == (8 * 84 + 7 * 4, 2 * 84 + 4)
    page_ = (path / "report.html").read_bytes()
    (path / "report.html").unlink()
    assert session.train(s, path, time.perf_counter()) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"report: {path / 'report.html'}"
    assert (path / "report.html").read_bytes() == page_, "from the files as from memory"
