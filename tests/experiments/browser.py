"""Scripts of the playground run by Node, and its pages by Chromium, where these are installed."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from experiments.pages import playground

NODE, CHROMIUM = shutil.which("node"), shutil.which("chromium")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
PURE = ("compile", "products", "indexing", "steps", "network", "noise")  # these need no page


def node(script, given=None):
    """What the pure scripts and then `script`, which sees `given`, return."""
    text = "\n".join([*map(playground.script, PURE), "const given = JSON.parse(text);"])
    program = (
        'const text = require("fs").readFileSync(0, "utf8");\n'
        f"{text}\nconsole.log(JSON.stringify((() => {{{script}}})()));"
    )
    done = subprocess.run(
        [NODE, "-e", program], input=json.dumps(given), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@cache
def _said(file, script, width):
    page = file.with_name(f"{file.stem}.tested.html")
    begin = "const said = (v) => { const e = document.createElement('pre'); e.id = 'tested';"
    end = "e.textContent = JSON.stringify(v); document.body.append(e); };"
    drives = Path(__file__).with_name("playground.js").read_text()
    caught = (
        f"(async () => {{ {drives} return {script}; }})().then(said, (e) => said(`${{e.stack}}`));"
    )
    text = file.read_text().replace("</body></html>", "")
    page.write_text(f"{text}<script>{begin}{end}{caught}</script></body></html>")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},1000"]
    command = [CHROMIUM, *options, "--virtual-time-budget=20000", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    _, found, rest = done.stdout.partition('<pre id="tested">')
    assert found, done.stderr[-2000:]
    return rest.partition("</pre>")[0]


def chromium(file, script, width=1000):
    """What the expression `script`, by functions of playground.js, is at the end of a page."""
    text = _said(file, script, width)
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, char)
    return json.loads(text)
