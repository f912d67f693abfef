"""One HTML page of a run, complete in itself: every application's sentence, figures, numbers."""

import base64
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ae_jax.animation import write_atomically

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem;
  color: #222; } h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
img { max-width: 100%; display: block; margin: .6rem 0; } a { color: #0072b2; }
p.won { font-weight: 600; } nav a { margin-right: .8rem; } .skipped { color: #777; }
pre { background: #f5f5f5; padding: .7rem; overflow-x: auto; font-size: 12.5px; }
"""


def write(path: Path, names: Sequence[str]) -> Path:
    """Writes gallery.html from analysis/*.json and figures/analysis, in the order of `names`."""
    found = {}
    for name in names:
        file = path / "analysis" / f"{name}.json"
        if file.exists():
            found[name] = json.loads(file.read_text())
    shown = {name: record for name, record in found.items() if "skipped" not in record}
    title = f"What {path.name} is good for"
    links = "".join(f'<a href="#{name}">{name}</a>' for name in shown)
    parts = [_section(path, name, record) for name, record in shown.items()]
    skipped = "".join(
        f"<li>{name}: {html.escape(record['skipped'])}</li>"
        for name, record in found.items()
        if name not in shown
    )
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{html.escape(title)}</h1>{_headline(path)}<nav>{links}</nav>"
        + "".join(parts)
        + (f'<h2>Skipped</h2><ul class="skipped">{skipped}</ul>' if skipped else "")
    )
    return write_atomically(path / "gallery.html", page.encode())


def _headline(path: Path) -> str:
    """What the run is, from summary.json where there is one."""
    file = path / "summary.json"
    if not file.exists():
        return ""
    s = json.loads(file.read_text())
    return (
        f"<p>{html.escape(s['config_name'])} on {html.escape(s['dataset'])}, {s['params']:,} "
        f"parameters, {s['epochs']} epochs: test mse {s['test']['mse']:.5f} per pixel in [0,1] "
        f"units, PCA of equal size {s['controls']['pca']:.5f}.</p>"
    )


def _section(path: Path, name: str, record: dict[str, Any]) -> str:
    images = "".join(
        f'<img alt="{name}" src="data:image/png;base64,'
        f'{base64.b64encode((path / file).read_bytes()).decode()}">'
        for file in record["figures"]
        if (path / file).exists()
    )
    numbers = {"numbers": record["numbers"], "control": record["control"]}
    return (
        f'<h2 id="{name}">{name.replace("_", " ")}</h2>'
        f'<p class="won">{html.escape(record["sentence"])}</p>{images}'
        f"<details><summary>numbers, and those of the control</summary>"
        f"<pre>{html.escape(json.dumps(numbers, indent=1))}</pre></details>"
    )
