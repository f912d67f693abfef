"""Charts on a page: what they say, what of a stranger's is left out, what a reader does."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from ae_jax import figures
from experiments.pages import chart, one_run, page
from experiments.workdirs import finished
from tests.experiments.pages import SCRIPT, checked, made

RNG = np.random.default_rng(0)
IMAGES = RNG.random((60, 8, 8, 1)).astype(np.float32)
CODES, LABELS = RNG.normal(size=(60, 2)), np.arange(60) % 3
EVIL = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
 onload="alert(1)"><title>&lt;script&gt;alert(2)&lt;/script&gt;</title>
<style>body {{ display: none }}</style><script>alert(3)</script>
<g><g class="panel" data-box="0 0 9 9" onclick="alert(4)">{}</g></g></svg>"""
BAD = [
    "<script>alert(5)</script>",
    "<foreignObject><body xmlns='http://www.w3.org/1999/xhtml' onload='alert(6)'/></foreignObject>",
    "<path d='M0 0' onmouseover='alert(7)'/>",
    "<use href='https://evil.example/x.svg#a'/>",
    "<use xlink:href='javascript:alert(8)'/>",
    "<image href='https://evil.example/x.png'/>",
    "<image href='data:image/svg+xml;base64,AAAA'/>",
    "<a href='https://evil.example'><text>here</text></a>",
    "<animate attributeName='href' to='javascript:alert(9)'/><set attributeName='onload' to='x'/>",
    "<path style='fill: url(https://evil.example/x)'/>",
    "<path fill='url(https://evil.example/x)' clip-path='url( https://evil.example/y )'/>",
    "<path style='position: fixed; background: url(//evil.example)'/>",
    "<path style='fill: red; fill: \\75rl(https://evil.example)'/>",
    "<text>&lt;script&gt;alert(10)&lt;/script&gt;</text>",
    "<path id='x&quot; onload=&quot;alert(11)'/>",
    "<g class='panel tip'/>",
]


def drawn(tmp_path):
    """A finished run's files, with charts of codes and a sheet of their images."""
    path = made(tmp_path / "run")
    figures.contact_sheet(path / "figures" / "examples.png", IMAGES)
    names = ("ant", "bee", "cow")
    codes = figures.code_scatter(CODES, LABELS, label_names=names)
    figures.save_both(codes, path / "figures" / "code_scatter_2d.png")
    rows = finished.read(path).rows
    figures.save_both(figures.curves(rows, "A run"), path / "figures" / "curves.png")
    return path


def test_charts_are_drawings_whose_every_value_is_on_the_page(tmp_path):
    path = drawn(tmp_path)
    tags = checked(one_run.write(finished.read(path)))
    said = "\n".join(tags.said)
    for row in finished.read(path).rows:
        assert f"test: epoch {row['epoch']}, loss {row['loss']:.4g}" in said
    circles = [a["data-example"] for tag, a in tags.tags if tag == "circle" and "data-example" in a]
    assert sorted(map(int, circles)) == list(range(60))
    (sheet,) = [a for _, a in tags.tags if a.get("id") == "examples"]
    assert (sheet["data-columns"], sheet["data-number"]) == ("50", "60")
    assert (sheet["data-width"], sheet["data-height"]) == ("8", "8")
    assert not [a for tag, a in tags.tags if tag == "img" and a["alt"] == "codes in the plane"]
    (panel,) = [
        a for tag, a in tags.tags if tag == "svg" and a["aria-label"] == "codes in the plane"
    ]
    assert panel["tabindex"] == "0" and panel["role"] == "img"


@pytest.mark.parametrize("bad", BAD)
def test_of_a_strangers_drawing_looks_alone_are_taken_over(tmp_path, bad):
    path = made(tmp_path / "run")
    (path / "figures" / "curves.svg").write_text(EVIL.format(bad))
    file = one_run.write(finished.read(path))
    checked(file)
    text = file.read_text().replace(SCRIPT.read_text(), "")
    assert "evil.example" not in text and "<script>alert" not in text
    assert not re.search(r"<[^>]* on[a-z]+=", text)
    assert "&lt;script&gt;alert(2)" in text, "the title, as text"


@pytest.mark.parametrize(
    "content",
    [
        b"", b"no drawing", b"<svg", b"<svg/>",
        b'<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg><g><g data-box="0 0 1 1"/></g></svg>',
        b'<svg><g><g data-box="0 0 nan 1"/></g></svg>',
        b'<svg><g><g data-box="0 0 1"/></g></svg>',
        b'<svg><g><g data-box="0 0 1 1e9"/></g></svg>',
        b'<svg><g><g data-box="zero"/></g></svg>',
    ],
)  # fmt: skip
def test_what_is_no_chart_leaves_the_picture(tmp_path, content):
    path = made(tmp_path / "run")
    (path / "figures" / "curves.svg").write_bytes(content)
    tags = checked(one_run.write(finished.read(path)))
    assert "loss and error against the epoch" in [a.get("alt") for _, a in tags.tags]
    assert page.chart(content, "x", "x") == ""


def test_ids_of_two_charts_differ_and_ink_is_the_pages():
    svg = figures.svg(figures.code_scatter(CODES, LABELS))
    one, other = (page.chart(svg, "codes", name) for name in ("a", "b"))
    ids = [set(re.findall(r'\bid="([^"]+)"', str(text))) for text in (one, other)]
    assert ids[0] and not ids[0] & ids[1]
    for text, name in ((one, "a"), (other, "b")):
        assert set(re.findall(r'href="#([^"]+)"', text)) <= set(re.findall(r'id="([^"]+)"', text))
        assert set(re.findall(r"url\(#(.)", text)) == {name}
    assert "var(--ink,#000000)" in one or "fill:var(--soft,#555555)" in one
    assert len(chart.read(svg, "a").panels) == 1


@pytest.mark.parametrize(
    "text", [{}, {"columns": "0", "number": "5"}, {"columns": "3", "number": "x"},
             {"columns": "7", "number": "60"}]
)  # fmt: skip
def test_a_picture_that_is_no_sheet_is_none(tmp_path, text):
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    said = PngInfo()
    for name, value in text.items():
        said.add_text(name, value)
    Image.fromarray(np.zeros((16, 80), np.uint8)).save(tmp_path / "x.png", pnginfo=said)
    assert page.contact_sheet(tmp_path / "x.png", "x", "x") == ""


READER = """<script>addEventListener("load", async () => {
  const seen = {}, tip = document.getElementById("tip"), dialog = document.querySelector("dialog");
  const said = () => tip.hidden ? "" : tip.querySelector("span").textContent;
  const panels = [...document.querySelectorAll("svg.panel")];
  const find = words => panels.find(panel => panel.getAttribute("aria-label") === words);
  const fire = (what, on, more) =>
    on.dispatchEvent(new what(more.type, { bubbles: true, cancelable: true, ...more }));
  const over = (panel, i) => {
    panel.scrollIntoView();
    const box = panel.querySelector(`[data-example="${i}"]`).getBoundingClientRect();
    fire(PointerEvent, panel, { type: "pointermove", clientX: box.x + box.width / 2,
                                clientY: box.y + box.height / 2 });
  };
  const codes = find("codes in the plane"), curves = find("loss and error against the epoch");
  const first = codes.querySelector(`[data-example="57"]`);
  over(codes, 57); // in the sheet's second line
  seen.hover = [said(), first.textContent];
  const canvas = tip.querySelector("canvas");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const factor = canvas.width / 8;
  seen.example = +first.dataset.example;
  seen.image = [...Array(64).keys()].map(i =>
    pixels[4 * ((Math.floor(i / 8) * factor + 1) * canvas.width + (i % 8) * factor + 1)]);
  const key = name => {
    fire(KeyboardEvent, curves, { type: "keydown", key: name });
    return said();
  };
  seen.keys = ["ArrowRight", "ArrowRight", "End", "ArrowLeft", "Home", "Escape"].map(key);
  const button = codes.closest("figure").querySelector("button.enlarge");
  button.click();
  seen.enlarged = [dialog.open, dialog.querySelectorAll("svg.panel").length];
  over(dialog.querySelector("svg.panel"), 7);
  seen.inside = said();
  dialog.close();
  seen.closed = dialog.open;
  document.querySelector("figure.data img").click();
  seen.picture = [dialog.open, dialog.querySelectorAll("img").length];
  dialog.querySelector(".close").click();
  const wide = [...document.querySelectorAll("figure img, svg.panel")].filter(
    e => e.getBoundingClientRect().right > innerWidth);
  seen.cut = [wide.length, document.documentElement.scrollWidth <= innerWidth, innerWidth];
  document.body.textContent = "SEEN" + JSON.stringify(seen) + "SEEN";
});</script></body>"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium")
@pytest.mark.parametrize("width", [500, 1280])
def test_a_reader_points_types_and_enlarges(tmp_path, width):
    """In a browser; the policy of the page, which allows no other script, is taken out for it."""
    path = drawn(tmp_path)
    text = one_run.write(finished.read(path)).read_text()
    text, n = re.subn(r"<meta http-equiv[^>]*>", "", text)
    assert n == 1
    (tmp_path / "page.html").write_text(text.replace("</body>", READER))
    seen = in_a_browser(tmp_path / "page.html", width)
    assert seen["hover"][0] == seen["hover"][1] and ": z_0 " in seen["hover"][0]
    expected = np.rint(IMAGES[seen["example"]].ravel() * 255)
    assert np.abs(np.array(seen["image"]) - expected).max() <= 1, "its own image"
    losses = ["test: epoch 1, loss 0.1", "test: epoch 2, loss 0.05", "test: epoch 3, loss 0.03333"]
    assert seen["keys"] == [losses[0], losses[1], losses[2], losses[1], losses[0], ""]
    assert seen["enlarged"] == [True, 1] and ": z_0 " in seen["inside"]
    assert not seen["closed"] and seen["picture"] == [True, 1]
    assert seen["cut"][:2] == [0, True], "no figure is cut"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium")
def test_the_pages_own_policy_lets_its_script_run_and_no_other(tmp_path):
    path = drawn(tmp_path)
    text = one_run.write(finished.read(path)).read_text()
    (tmp_path / "page.html").write_text(
        text.replace("</body>", '<script>document.title = "run"</script></body>')
    )
    dom = loaded(tmp_path / "page.html", 1280)
    assert re.search(r'<html [^>]*class="js"', dom), "ours ran"
    assert "<title>run</title>" not in dom, "the other did not"


def in_a_browser(file, width):
    """What the reader saw."""
    return json.loads(loaded(file, width).split("SEEN")[1].replace("&amp;", "&"))


def loaded(file, width):
    line = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900",
            f"--user-data-dir={file.parent / 'profile'}", "--virtual-time-budget=3000",
            "--dump-dom", f"file://{file}"]  # fmt: skip
    return subprocess.run(line, capture_output=True, text=True, timeout=60).stdout
