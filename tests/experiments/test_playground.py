"""The playground: a page that needs nothing but itself, whose numbers are Python's."""

import base64
import re
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest

import ae_jax
from ae_jax.errors import ConfigError
from ae_jax.evaluate.code_statistics import principal_directions
from ae_jax.export import trace, weights
from ae_jax.export.description import Threshold
from ae_jax.run import exporting, playing
from ae_jax.run.ready import ready
from experiments import cli
from experiments import playground as command
from experiments.pages import one_run, playground
from experiments.workdirs import finished
from tests.experiments.browser import chromium, needs_chromium
from tests.experiments.pages import VOID, floats, made, sheet_of
from tests.export.runs import run_of
from tests.resolve.small import small
from tests.run.doors import SMALL, X, fit

EVIL = "</script><script>alert('1')</script>"


@pytest.fixture(scope="module", params=["dense", "rows", "signal"])
def shown(request, tmp_path_factory):
    """(run, its data as the network sees them, the page) of one config of each kind."""
    run, _, _ = run_of(request.param)
    _, data = ready(*small(request.param))
    threshold = Threshold(1.5, 0.05, 99)
    out = tmp_path_factory.mktemp(request.param) / "page.html"
    return run, data, playground.write(run, out, data, threshold, "A run")


class Elements(HTMLParser):
    """Every element's tag and attributes, and the words inside its labels."""

    def __init__(self, text):
        super().__init__()
        self.all, self.open = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.all.append((tag, dict(attributes), "label" in self.open))
        if tag not in {*VOID, "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_asks_no_host(shown):
    text = shown[2].read_text()
    outside = set(re.findall(r"https?://[^\s\"'`)]*", text)) - {"http://www.w3.org/2000/svg"}
    assert not outside, "the name of SVG is no request"
    assert "default-src 'none'" in text
    assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|importScripts|eval)\b", text)
    assert "@import" not in text and "url(" not in text
    tags = Elements(text).all
    assert not [
        tag for tag, a, _ in tags if {"src", "href"} & a.keys() or tag in ("link", "iframe")
    ]
    assert len(text) < 8e6


def test_controls_have_names_and_ids_are_met(shown):
    tags = Elements(shown[2].read_text()).all
    ids = [a["id"] for _, a, _ in tags if "id" in a]
    assert len(ids) == len(set(ids))
    for tag, a, labelled in tags:
        if tag in ("input", "select"):
            assert labelled or "aria-label" in a, a
        assert {a.get("for"), a.get("aria-labelledby")} <= {None, *ids}
        if "tabindex" in a:
            assert "role" in a
    assert {a.get("role") for _, a, _ in tags} >= {"status", "alert", "group", "application"}
    used = set(re.findall(r'\b(?:byId|box)\("([\w-]+)"\)', shown[2].read_text()))
    assert {"clear", "level", "map", "part"} < used
    of_kinds = {
        "parts",
        "drawing",
        "erase",
        "invert",
        "pen",
        "color",
        "file",
        "class",
        "reconstruction",
    }
    assert used <= {*ids, *of_kinds, "error"}


def test_weights_and_examples_are_those_of_the_run(shown):
    run, data, file = shown
    sheet = sheet_of(file)
    arrays, start = weights.named(run.variables), 0
    content = base64.b64decode(sheet["weights"]["data"])
    for a in sheet["weights"]["arrays"]:
        array = arrays[a["name"]]
        assert (list(array.shape), str(array.dtype)) == (a["shape"], a["stored"])
        assert content[start : start + array.nbytes] == array.tobytes()
        start += array.nbytes
    assert start == len(content)
    kept = base64.b64decode(sheet["examples"]["data"])
    held = np.frombuffer(kept, sheet["examples"]["dtype"]).reshape(-1, *run.model.shape)
    ours = np.asarray(data.test.images, held.dtype)
    assert 2 <= len(held) <= playing.EXAMPLES
    same = [np.isclose(ours, one, rtol=0, atol=0, equal_nan=True) for one in held]
    assert all(s.all((1, 2, 3)).any() for s in same)
    assert sheet["threshold"]["score"] == 1.5


def test_directions_are_those_of_the_training_codes(shown):
    run, data, file = shown
    codes = run.inner.encode(data.train.images).astype(np.float64)
    sheet = sheet_of(file)["codes"]
    k = codes.shape[1]
    V = floats(sheet["vectors"], -1, k)
    _, sizes, theirs = np.linalg.svd(codes - codes.mean(0), full_matrices=False)
    np.testing.assert_allclose(floats(sheet["mean"]), codes.mean(0), atol=1e-5)
    m = min(len(V), 2)
    np.testing.assert_allclose(np.abs(np.sum(V[:m] * theirs[:m], 1)), 1, atol=1e-4)
    scale = sizes[0] / np.sqrt(len(codes) - 1)
    np.testing.assert_allclose(floats(sheet["deviations"])[0], scale, rtol=1e-4)
    low, high = np.quantile((codes - codes.mean(0)) @ V[0], [0.01, 0.99])
    np.testing.assert_allclose(
        [floats(sheet["low"])[0], floats(sheet["high"])[0]], [low, high], atol=1e-4
    )


def test_directions_of_a_covariance_that_is_known():
    turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    variances, rows = principal_directions(turn.T @ np.diag([1.0, 9.0]) @ turn)
    np.testing.assert_allclose(variances, [9, 1])
    np.testing.assert_allclose(rows, [[0.8, -0.6], [0.6, 0.8]], atol=1e-12)


def test_the_page_has_every_step_of_the_configs():
    assert set(trace.USED) <= playground.known_steps()
    sheet = {"name": "mine", "encode": {"steps": [{"op": "fft"}]}, "decode": {"steps": []}}
    with pytest.raises(ConfigError, match="cannot show 'mine': the page has no step fft"):
        playground.check_steps(sheet)


def test_what_no_step_can_say_is_refused(monkeypatch):
    def unknown(*_):
        raise playing.UnknownStepError("the step 'while'")

    run, _, _ = run_of("rows")
    monkeypatch.setattr(playing, "graph_of", unknown)
    with pytest.raises(ConfigError, match="cannot show 'rows': the step 'while'"):
        playing.sheet(run, None, None)


def test_large_weights_are_halved_where_that_changes_little(monkeypatch):
    run, _, _ = run_of("rows")
    monkeypatch.setattr(playing, "MOST_BYTES", 0)
    stored = playing.sheet(run, None, None)["weights"]["arrays"]
    assert {a["stored"] for a in stored if a["dtype"] == "float32"} == {"float16"}
    # What float16 cannot hold stays as it is.
    huge = {**run.variables}
    kernel = huge["params"]["encoder"]["layer_0"]["kernel"]
    layer = {**huge["params"]["encoder"]["layer_0"], "kernel": kernel.at[0, 0].set(1e5)}
    encoder = {**huge["params"]["encoder"], "layer_0": layer}
    huge["params"] = {**huge["params"], "encoder": encoder}
    stored = playing.sheet(run._replace(variables=huge), None, None)["weights"]["arrays"]
    assert {a["stored"] for a in stored} == {"float32"}


def test_without_data_the_moments_of_the_codes_give_the_ranges():
    run, _, _ = run_of("rows")
    k = run.config.model.code_size
    run = run._replace(code_mean=np.ones(k, np.float32), code_cov=4 * np.eye(k, dtype=np.float32))
    sheet = playing.sheet(run, None, None)
    np.testing.assert_allclose(floats(sheet["codes"]["high"]), 2 * 2.326, rtol=1e-4)
    np.testing.assert_allclose(floats(sheet["codes"]["mean"]), 1)
    assert sheet["examples"]["data"] == "" and sheet["threshold"] is None
    assert "beyond 2.3 standard deviations" in playground.html({**sheet, "no_threshold": ""}, "a")
    unknown = playing.sheet(run._replace(code_mean=None), None, None) | {"no_threshold": ""}
    assert "is not known without the data" in playground.html(unknown, "a")


def test_text_of_a_stranger_stays_text(tmp_path):
    run, _, _ = run_of("rows")
    names = (EVIL, f"{EVIL}2")
    file = playground.write(run._replace(label_names=names), tmp_path / "p.html", title=EVIL)
    assert EVIL not in file.read_text()
    assert sheet_of(file)["class_names"] == list(names)
    assert [tag for tag, _, _ in Elements(file.read_text()).all].count("script") == 2


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """Of a run whose data are in a file beside it."""
    folder = tmp_path_factory.mktemp("playground")
    np.savez(folder / "x.npz", train=X, test=X[::-1])
    run = fit(ae_jax.load_data(str(folder / "x.npz")), {**SMALL, "data": {"n_valid": 20}})
    run.save(folder / "run")
    return folder / "run"


@pytest.fixture
def main(workdir, monkeypatch):
    def called(**asked):
        flags = {"workdir": str(workdir), "out": None, "data": None, "best": False}
        flags |= {"false_alarms": 0.1, "pretrained": None, **asked}
        monkeypatch.setattr(cli.flags, "FLAGS", SimpleNamespace(**flags))
        return command.main([], {})

    return called


def test_the_command_writes_the_page_with_the_threshold_of_an_export(main, workdir, capsys):
    assert main() == 0
    file = workdir / "playground.html"
    assert f"playground: {file}, 0." in capsys.readouterr().out
    run, held = ae_jax.restore(str(workdir)), X[40:]
    sheet = sheet_of(file)
    assert sheet["threshold"]["examples"] == 20, "the validation part"
    meta = run.door.shape, run.config.data.n_valid
    assert meta == ((8, 6, 1), 20) and len(held) == 20
    scores = run.score(X)
    assert np.isclose(scores, sheet["threshold"]["score"], rtol=1e-5).any()
    assert exporting.params_sha256(run.variables["params"]) == sheet["run"]["params_sha256"]


def test_a_network_of_the_package_is_shown(main, tmp_path):
    out = tmp_path / "p.html"
    assert main(workdir=None, pretrained="dense", data="mnist5k", out=str(out)) == 0
    run, sheet = ae_jax.pretrained("dense"), sheet_of(out)
    assert sheet["run"]["params_sha256"] == exporting.params_sha256(run.variables["params"])
    assert sheet["threshold"] is not None, "data that were named are the user's choice"
    with pytest.raises(ae_jax.ConfigError, match="did you mean 'dense'"):
        main(workdir=None, pretrained="dens", out=str(out))


def test_digits_it_was_trained_on_give_no_threshold(main, tmp_path, monkeypatch):
    monkeypatch.delenv("AE_JAX_MANUAL_DIR", raising=False)
    monkeypatch.setenv("AE_JAX_CACHE", str(tmp_path))
    out = tmp_path / "p.html"
    assert main(workdir=None, pretrained="dense", data=None, out=str(out)) == 0
    sheet = sheet_of(out)
    assert sheet["threshold"] is None and "it was trained on the digits" in sheet["no_threshold"]


def test_too_few_examples_for_a_threshold_are_no_reason_to_stop(main, tmp_path):
    assert main(out=str(tmp_path / "p.html"), false_alarms=0.001) == 0
    sheet = sheet_of(tmp_path / "p.html")
    assert sheet["threshold"] is None and "too few for a rate of 0.001" in sheet["no_threshold"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"false_alarms": 1.0}, "--false_alarms: must be in"),
        ({"workdir": "/nowhere/run"}, "no config.json here"),
        ({"out": "/nowhere/p.html"}, "/nowhere: no file can be written there"),
    ],
)
def test_wrong_flags_are_refused(main, asked, said):
    with pytest.raises(ae_jax.AeJaxError, match=said):
        main(**asked)


def test_the_report_links_the_page_where_it_is(tmp_path):
    path = made(tmp_path / "run")
    assert "playground.html" not in one_run.write(finished.read(path)).read_text()
    (path / "playground.html").write_text("")
    assert '<a href="playground.html">' in one_run.write(finished.read(path)).read_text()


@needs_chromium
@pytest.mark.slow
def test_signals_and_rows_are_changed_by_their_controls(shown):
    run, _, file = shown
    found = chromium(file, "edits()")
    length = run.model.shape[1]
    least, most = {"image": (0, 0), "rows": (1, 1), "signal": (length // 3, length)}[
        sheet_of(file)["kind"]
    ]
    assert least <= found["changed"] <= most and found["off"] == 0
    assert "the threshold 1.5" in found["said"] and found["charts"] >= 2
