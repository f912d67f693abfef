"""What a run itself shows: its table of layers, its page at the end, TensorBoard; and refusals."""

import io
import json
import re
import struct
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from PIL import Image

from ae_jax.data.load import subset
from ae_jax.model.pipeline import Batch, build
from ae_jax.objective import objective
from ae_jax.resolve.config import load_config
from experiments.running import session
from experiments.running.architecture import count, layers
from experiments.workdirs import workdir
from tests.experiments.pages import checked, made

ROOT = Path(__file__).parents[2]


def command(module, *arguments):
    line = [sys.executable, "-m", f"experiments.{module}", *map(str, arguments)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
def test_bad_input_ends_with_2_in_three_lines(tmp_path):
    path = made(tmp_path / "run")
    done = command("report", f"--workdir={path}", tmp_path / "none")
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) <= 3, done.stderr
    assert "Traceback" not in done.stderr and f"--workdir: {tmp_path / 'none'}" in done.stderr
    done = command("report", f"--workdir={path}", "--out=/proc/nowhere/x.html")
    assert done.returncode == 2 and "--out: cannot write" in done.stderr


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


def test_the_table_of_layers_ends_with_what_a_penalty_owns():
    config = load_config("aae", **{"penalties.adversarial.hidden": (9,), "model.code_size": 2})
    model = build(config, (28, 28, 1))
    whole = objective.build(config, model)
    key = jax.random.key(0)
    variables = jax.eval_shape(lambda: whole.init(model.init(key), key))
    lines = [line.split() for line in layers(model, variables).splitlines()[1:]]
    assert lines[-2] == ["penalties/adversarial/layer_0", "27", *["kernel", "2x9,", "bias", "9"]]
    assert lines[-1] == ["penalties/adversarial/logit", "10", *["kernel", "9x1,", "bias", "1"]]
    assert lines[0][0] == "encoder/layer_0" and lines[-3][0].startswith("decoder")


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


@pytest.mark.slow
def test_a_run_ends_with_its_page_and_tensorboard_has_its_numbers(tmp_path, digits, capsys):
    pytest.importorskip("tensorboardX")
    path = tmp_path / "run"
    config = load_config("undercomplete", **{"train.epochs": 2, "train.batch_size": 40})
    s = session.prepare(config, subset(digits, 200, 50))
    workdir.claim(path, config)
    assert session.train(s, path, time.perf_counter(), ("tensorboard",)) == 0
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
