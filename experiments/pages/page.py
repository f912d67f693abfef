"""One self-contained HTML page: text is escaped, pictures are inside, no script, no network.

Light or dark as the reader's system is; a chart's white paper becomes dark with the page, pictures
of data keep their colours. On a narrow screen wide pictures and tables are panned, not shrunk.
"""

import base64
import html
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1f23; --soft: #5b6167; --line: #e2e4e7; --paper: #fff;
  --tint: #f4f6f8; --us: #0072b2; --them: #b9c0c7; --mark: #d55e00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ea; --soft: #9aa2aa; --line: #2f353b;
  --paper: #14171a; --tint: #1d2125; --us: #56b4e9; --them: #4d555d; --mark: #e69f00; }
  figure.chart img { filter: invert(1) hue-rotate(180deg); mix-blend-mode: screen; }
  figure.data img { filter: brightness(.92); } }
* { box-sizing: border-box; }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 68rem; margin: 0 auto; padding: 1.6rem 1rem 4rem; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .2rem 0; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .6rem; padding-top: .7rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
a { color: var(--us); } .soft, figcaption, th { color: var(--soft); }
p, ul { max-width: 46rem; margin: .4rem 0; } li { margin: .3rem 0; } ul { padding-left: 1.2rem; }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin: .8rem 0; font-size: .92rem; }
code, pre { font: .88em/1.45 ui-monospace, monospace; background: var(--tint); border-radius: 4px; }
code { padding: .1em .3em; } pre { padding: .8rem; overflow-x: auto; }
.tiles { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1rem 0; }
.tiles div { background: var(--tint); border-radius: 8px; padding: .6rem .9rem; flex: 1 1 8.5rem; }
.tiles b { display: block; font-size: 1.45rem; line-height: 1.25;
  font-variant-numeric: tabular-nums; }
.tiles span { color: var(--soft); font-size: .85rem; }
.tiles div:first-child b { color: var(--us); }
.pan { overflow-x: auto; } table { border-collapse: collapse; font-size: .92rem; }
td, th { padding: .3rem .8rem .3rem 0; text-align: left; font-weight: 400; vertical-align: top;
  border-bottom: 1px solid var(--line); } thead th { vertical-align: bottom; }
td { font-variant-numeric: tabular-nums; } table.bars td { white-space: nowrap; }
.us, .us th, b.best { color: var(--us); font-weight: 600; }
table.bars { width: 100%; max-width: 46rem; }
table.bars td:last-child { width: 50%; padding-right: 0; }
.bar { display: block; height: .8rem; margin-top: .35rem; min-width: 2px; border-radius: 2px;
  background: var(--them); } .us .bar { background: var(--us); }
.advice { border-left: 4px solid var(--mark); padding-left: 1rem; }
.advice li { list-style: none; } .advice ul { padding: 0; }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
figure { margin: .6rem 0; max-width: 100%; } figure img { display: block; max-width: 100%; }
figure.data img { border-radius: 6px; } figcaption { font-size: .88rem; margin-top: .3rem; }
details { margin: .6rem 0; } summary { cursor: pointer; color: var(--soft); }
@media (max-width: 40rem) { figure img { max-width: none; width: max(100%, min(var(--w), 36rem)); }
  h1 { font-size: 1.4rem; } table.bars td:last-child { width: 30%; }
  td, th { padding-right: .6rem; } }
"""


class Markup(str):
    """Text that is HTML already; any other is escaped."""


class Section(NamedTuple):
    """A heading and what stands under it; `id` is what links point to."""

    id: str
    title: str
    body: Markup


def text(value: object) -> Markup:
    """Escaped, with what stands between backticks as code."""
    if isinstance(value, Markup):
        return value
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(str(value))))


def join(parts: Iterable[Markup]) -> Markup:
    """Markup after markup."""
    return Markup("".join(parts))


def paragraph(value: object, kind: str = "") -> Markup:
    """A paragraph; `kind` 'soft' is grey."""
    return Markup(f'<p class="{kind}">{text(value)}</p>')


def bullets(values: Iterable[Any]) -> Markup:
    """A list; nothing where it is empty."""
    lines = "".join(f"<li>{text(v)}</li>" for v in values)
    return Markup(f"<ul>{lines}</ul>" if lines else "")


def tiles(values: Mapping[str, str]) -> Markup:
    """Large numbers, each over its name; the first is the one that counts."""
    each = (f"<div><b>{text(v)}</b><span>{text(name)}</span></div>" for name, v in values.items())
    return Markup(f'<div class="tiles">{"".join(each)}</div>')


def table(header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Markup:
    """A table whose first column names the rows."""
    head = "".join(f"<th>{text(cell)}</th>" for cell in header)
    lines = (
        f"<tr><th>{text(first)}</th>{''.join(f'<td>{text(cell)}</td>' for cell in rest)}</tr>"
        for first, *rest in rows
    )
    head = f"<thead><tr>{head}</tr></thead>" if head else ""
    return Markup(f'<div class="pan"><table>{head}{"".join(lines)}</table></div>')


def bars(values: Mapping[str, float], show: Callable[[float], str], ours: str) -> Markup:
    """A bar for every number >= 0, from 0; `show` writes a number, `ours` names the one to see."""
    most = max(values.values()) or 1.0
    lines = "".join(
        f'<tr class="{"us" if name == ours else ""}"><th>{text(name)}</th><td>{text(show(v))}</td>'
        f'<td><span class="bar" style="width:{100 * v / most:.2f}%"></span></td></tr>'
        for name, v in values.items()
    )
    return Markup(f'<table class="bars">{lines}</table>')


def details(title: str, body: Markup) -> Markup:
    """Shown on a click."""
    return Markup(f"<details><summary>{text(title)}</summary>{body}</details>")


def preformatted(value: object) -> Markup:
    """Text as it stands."""
    return Markup(f"<pre>{html.escape(str(value))}</pre>")


def picture(source: Path | bytes, alt: str, kind: str = "data", caption: str = "") -> Markup:
    """A PNG or GIF inside the page; nothing where there is none, or it is no picture.

    `kind` is 'chart' (turns dark with the page) or 'data' (keeps its colours).
    """
    try:
        content = source if isinstance(source, bytes) else source.read_bytes()
        with Image.open(io.BytesIO(content), formats=("PNG", "GIF")) as image:
            (width, height), form = image.size, str(image.format).lower()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return Markup()
    least = f"{width}px" if width > 1.6 * height else "0px"  # of a narrow screen it may overflow
    data = base64.b64encode(content).decode()
    below = f"<figcaption>{text(caption)}</figcaption>" if caption else ""
    return Markup(
        f'<figure class="{kind}"><div class="pan"><img alt="{html.escape(alt)}" '
        f'style="--w:{least}" src="data:image/{form};base64,{data}"></div>{below}</figure>'
    )


def pictures(found: Iterable[Markup]) -> Markup:
    """Side by side where there is room."""
    inside = join(found)
    return Markup(f'<div class="pictures">{inside}</div>') if inside else Markup()


def document(title: str, lead: Markup, sections: Sequence[Section]) -> str:
    """The page: title, lead, links to the sections, the sections that are not empty."""
    shown = [s for s in sections if s.body]
    links = "".join(f'<a href="#{html.escape(s.id)}">{text(s.title)}</a>' for s in shown)
    parts = "".join(f'<h2 id="{html.escape(s.id)}">{text(s.title)}</h2>\n{s.body}\n' for s in shown)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n<body>"
        f"<h1>{html.escape(title)}</h1>{lead}<nav>{links}</nav>\n{parts}</body></html>\n"
    )


def number(value: Any) -> str:
    """Three digits that count, without an exponent; 0.0128, 0.0000766."""
    if isinstance(value, int) or not np.isfinite(value) or abs(value) >= 1000:
        return f"{value:,.0f}" if np.isfinite(value) else str(value)
    return np.format_float_positional(value, precision=3, fractional=False, trim="-")


def setting(value: object) -> str:
    """A field's value as it is read; a list as 400, 200."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
