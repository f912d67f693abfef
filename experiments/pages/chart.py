"""Charts of a run's directory as parts of a page.

The file is a drawing of `ae_jax.figures.vector`, or of a stranger: nothing but shapes, text and
their looks is taken over, so that a page never holds what does something.
"""

import re
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from markupsafe import Markup, escape

MOST_BYTES = 8_000_000
INSIDE = {"x", "y", "dx", "dy", "width", "height", "cx", "cy", "r", "d", "transform", "id", "style",
          "class", "clip-path", "preserveAspectRatio", "fill", "pointer-events",
          "data-example"}  # fmt: skip
DRAWN = {"g", "path", "use", "defs", "clipPath", "rect", "text", "tspan", "circle", "title",
         "image"}  # fmt: skip
LOOKS = re.compile(r"(fill|stroke|font|text)[a-z-]*|opacity|letter-spacing|white-space")
NAME = re.compile(r"[\w.-]+", re.ASCII)
REFERENCE = re.compile(r"url\(#([\w.-]+)\)")
PIXELS = re.compile(r"data:image/png;base64,[A-Za-z0-9+/=\s]+")
# What is ink and paper on white is so on black as well; other colors are of the data.
INK = {
    "#000000": "--ink",
    "#ffffff": "--paper",
    "#555555": "--soft",
    "#777777": "--soft",
    "#8a8a8a": "--axis",
    "#999999": "--axis",
    "#e8e8e8": "--line",
    "#f2f2f2": "--tint",  # the walls of a space
    "#ececec": "--tint",
    "#e6e6e6": "--tint",
}


class Panel(NamedTuple):
    """One of the parts that stand beside each other where there is room."""

    box: tuple[float, ...]  # left, top, width, height
    inside: Markup
    values: int  # how many can be asked for


class Chart(NamedTuple):
    """A chart taken apart."""

    title: str
    panels: list[Panel]


def read(source: Path | bytes, name: str) -> Chart | None:
    """The chart in a file; None where there is none, or it is no chart.

    `name` makes its ids differ from those of other charts of the page.
    """
    try:
        content = source if isinstance(source, bytes) else source.read_bytes()
        if len(content) > MOST_BYTES or b"<!" in content:  # no entities, which may grow
            return None
        root = ElementTree.fromstring(content)
        return Chart(_text(root.find("./{*}title")), _panels(root, name))
    except (OSError, ValueError, ElementTree.ParseError):
        return None


def _text(element: ElementTree.Element | None) -> str:
    return "" if element is None else (element.text or "")


def _panels(root: ElementTree.Element, name: str) -> list[Panel]:
    """The panels of a drawing; the first has what all refer to, such as the shapes of marks."""
    shared = Markup().join(_markup(e, name) for e in root if _tag(e) == "defs")
    found = []
    for group in root.iterfind("./{*}g/{*}g[@data-box]"):
        box = tuple(float(number) for number in group.get("data-box", "").split())
        if len(box) != 4 or not all(0 < side < 1e4 for side in box[2:]):
            raise ValueError("no box")
        parts = Markup().join(_markup(child, name) for child in group)
        found.append(Panel(box, shared + parts, len(group.findall(".//{*}circle"))))
        shared = Markup()
    return found


def _tag(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _markup(element: ElementTree.Element, name: str) -> Markup:
    """An element with what it holds, as far as it is allowed."""
    tag = _tag(element)
    if tag not in DRAWN:
        return Markup()
    kept = {}
    for key, value in element.attrib.items():
        plain = key.rpartition("}")[2]
        if (shown := _attribute(tag, plain, value, name)) is not None:
            kept[plain] = shown
    inside = escape(element.text or "") + Markup().join(
        _markup(child, name) + escape(child.tail or "") for child in element
    )
    attributes = Markup().join(Markup(' {}="{}"').format(*pair) for pair in kept.items())
    return Markup("<{0}{1}>{2}</{0}>").format(tag, attributes, inside)


def _attribute(tag: str, key: str, value: str, name: str) -> str | None:
    """An attribute's value for the page; None where it is left out."""
    if key == "href":
        if NAME.fullmatch(value[1:]) and value.startswith("#"):
            return f"#{name}-{value[1:]}"
        return value if tag == "image" and PIXELS.fullmatch(value) else None
    if key not in INSIDE:
        return None
    if key == "style":
        value = _style(value)
    elif key == "id":
        return f"{name}-{value}" if NAME.fullmatch(value) else None
    elif key == "class":
        return value if value == "values" else None
    local = REFERENCE.sub(rf"url(#{name}-\1)", value)
    return None if "url(" in REFERENCE.sub("", value) else local


def _style(value: str) -> str:
    """The looks of a style: colors, lines and fonts, with the page's own ink and paper."""
    kept = []
    for part in value.split(";"):
        key, _, look = (word.strip() for word in part.partition(":"))
        if LOOKS.fullmatch(key) and not re.search(r"[\\<>@{}]|/\*", look):
            ink = INK.get(look.lower())
            kept.append(f"{key}:var({ink},{look})" if ink else f"{key}:{look}")
    return ";".join(kept)
