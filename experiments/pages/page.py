"""One self-contained HTML page: text is escaped, images are embedded, nothing is loaded.

Charts are drawings that say their values where one points, taps or moves with the keyboard; figures
are enlarged on a click. One script does it, `templates/page.js`, and the page allows no other: its
policy has the script's digest. Without scripts, or on paper, the same figures are pictures.

Light or dark as the reader's system is: charts with the page, images of data keep their colors. On
a narrow screen figures shrink and panels of a chart stand under each other; wide tables scroll. The
HTML is in `templates/`; the functions here provide its content.
"""

import base64
import functools
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import numpy as np
from markupsafe import Markup, escape
from PIL import Image

from . import chart as charts

TEMPLATES = Path(__file__).with_name("templates")
__all__ = ["Markup", "Section"]


class Section(NamedTuple):
    """A heading and what stands under it; `id` is what links point to."""

    id: str
    title: str
    body: Markup


def text(value: object) -> Markup:
    """Escaped, with what stands between backticks as code; what is HTML already stays."""
    if isinstance(value, Markup):
        return value
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(value))))


@functools.cache
def _templates() -> jinja2.Environment:
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    found.filters["text"] = text
    return found


def _part(name: str, *values: Any) -> Markup:
    """A macro of parts.html.j2."""
    return getattr(_templates().get_template("parts.html.j2").module, name)(*values)


def join(parts: Iterable[Markup]) -> Markup:
    """Markup after markup."""
    return Markup().join(parts)


def paragraph(value: object, kind: str = "") -> Markup:
    """A paragraph; `kind` 'soft' is gray."""
    return _part("paragraph", value, kind)


def heading(value: object) -> Markup:
    """The title of a part of a section."""
    return _part("heading", value)


def bullets(values: Iterable[object]) -> Markup:
    """A list; nothing where it is empty."""
    return _part("bullets", list(values))


def advice(values: Sequence[object]) -> Markup:
    """A list that is to be seen."""
    return _part("advice", values)


def best(value: object) -> Markup:
    """A cell that is marked as the best of its column."""
    return _part("best", value)


def tiles(values: Mapping[str, str]) -> Markup:
    """Large numbers, each over its name; the first is the one that counts."""
    return _part("tiles", values)


def table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> Markup:
    """A table whose first column names the rows."""
    return _part("table", header, list(rows))


def bars(values: Mapping[str, float], show: Callable[[float], str], ours: str) -> Markup:
    """A bar for every number >= 0, from 0; `show` writes a number, `ours` names the one to see."""
    return _part("bars", values, max(values.values()) or 1.0, show, ours)


def details(title: str, body: Markup) -> Markup:
    """Shown on a click."""
    return _part("details", title, body)


def preformatted(value: object) -> Markup:
    """Text as it stands."""
    return _part("preformatted", value)


def picture(source: Path | bytes, alt: str, kind: str = "data", caption: str = "") -> Markup:
    """A PNG or GIF inside the page; nothing where there is none, or it is no picture.

    `kind` is 'chart' (turns dark with the page) or 'data' (keeps its colors).
    """
    if (found := _pixels(source)) is None:
        return Markup()
    (width, _), data = found
    return _part("picture", data, alt, kind, caption, width)


def _pixels(source: Path | bytes) -> tuple[tuple[int, int], str] | None:
    """((width, height), what `src` is) of a PNG or GIF; None where it is none."""
    try:
        content = source if isinstance(source, bytes) else source.read_bytes()
        with Image.open(io.BytesIO(content), formats=("PNG", "GIF")) as image:
            size, form = image.size, str(image.format).lower()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return size, f"data:image/{form};base64,{base64.b64encode(content).decode()}"


def chart(source: Path | bytes, alt: str, name: str, caption: str = "", sheet: str = "") -> Markup:
    """An SVG of `ae_jax.figures.vector` as part of the page; nothing where there is none.

    `name` is its own on the page. `sheet` is that of `contact_sheet` with the examples of its
    points.
    """
    if (found := charts.read(source, name)) is None or not found.panels:
        return Markup()
    return _part("chart", found, alt, caption, sheet)


def figure(file: Path, alt: str, kind: str = "data", caption: str = "", sheet: str = "") -> Markup:
    """The chart beside a PNG, or where there is none the PNG as a picture of `kind`."""
    name = re.sub(r"[^\w-]", "_", f"{file.parent.name}-{file.stem}", flags=re.ASCII)
    shown = chart(file.with_suffix(".svg"), alt, name, caption, sheet)
    return shown or picture(file, alt, kind, caption)


def contact_sheet(file: Path, title: str, id: str) -> Markup:
    """A sheet of `ae_jax.figures.contact_sheet`, of which charts show one image at a time."""
    if (found := _pixels(file)) is None:
        return Markup()
    (width, height), data = found
    with Image.open(file) as image:
        said = [str(image.info.get(name, "")) for name in ("columns", "number")]
    if not all(re.fullmatch("[1-9][0-9]{0,5}", number) for number in said):
        return Markup()
    columns, number = map(int, said)
    lines = -(-number // columns)
    if width % columns or height % lines:
        return Markup()
    each = (width // columns, height // lines)
    return _part("contact_sheet", data, title, id, columns, number, *each)


def pictures(found: Iterable[Markup]) -> Markup:
    """Side by side where there is room; nothing where there is none."""
    inside = join(found)
    return _part("pictures", inside) if inside else inside


def document(title: str, lead: Markup, sections: Sequence[Section]) -> str:
    """The page: title, lead, links to the sections, the sections that are not empty."""
    shown = [section for section in sections if section.body]
    script, digest = _script()
    values = {"title": title, "lead": lead, "sections": shown}
    return rendered("page.html.j2", values | {"script": Markup(script), "digest": digest})


def rendered(template: str, values: Mapping[str, Any]) -> str:
    """A template of `templates/` with these values."""
    return _templates().get_template(template).render(values)


def link(href: str, text: str) -> Markup:
    """A paragraph that is a link to a file beside the page."""
    return _part("link", href, text)


@functools.cache
def _script() -> tuple[str, str]:
    """What runs on a page, and the SHA-256 by which a browser knows it."""
    text = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    return text, base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


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
