"""A chart as SVG: its panels apart from each other, and at each of its marks the value in words.

The file is matplotlib's drawing, its text as text. What belongs to one of the axes is in a
`<g class="panel" data-box="x y width height">`, at whose end is a `<g class="values">`: for every
line, or cloud of points, a `<g>` of circles that are not seen, and whose `<title>` a browser shows.
A circle of an example has its number, `data-example`. The same figure is the same file.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np

from ae_jax.figures.charts import DPI, Figure, in_plane, save, styled
from ae_jax.files import atomic

SVG = "http://www.w3.org/2000/svg"
LINK = "http://www.w3.org/1999/xlink"
MOST = 500  # values of a line; of more, some that are evenly spaced
REACH = 6  # radius of a circle, in points
MARGIN = 4  # about a panel: fonts of readers differ
HUNDREDTHS = re.compile(r"(\.\d\d)\d+")
ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", LINK)


class Series(NamedTuple):
    """The values of a line or a cloud."""

    places: np.ndarray  # [n, 2], points from the top left
    words: Sequence[str]
    examples: Sequence[int] | None


class Panel(NamedTuple):
    """What is drawn together."""

    ids: list[str]  # of the axes, or of a legend
    box: tuple[float, float, float, float]  # left, top, width, height, in points
    series: list[Series]


def save_both(figure: Figure, path: str | Path) -> Path:
    """`save`, and of a chart an SVG beside it; an SVG of what is none would be of another figure.

    A chart is a figure that has values and no images.
    """
    path = save(figure, path)
    figure.set_layout_engine("none")  # all is in its place
    beside = path.with_suffix(".svg")
    if (content := svg(figure)) is None:
        beside.unlink(missing_ok=True)
    else:
        atomic.write(beside, content)
    return path


@styled  # places of ticks depend on it
def svg(figure: Figure) -> bytes | None:
    """The file of a chart; None where the figure is none."""
    if any(axes.images or _is_map(axes) for axes in figure.axes):
        return None
    for i, artist in enumerate([*figure.axes, *figure.legends]):
        for part in (artist, *_axes_of_space(artist)):
            part.set_gid(f"part_{i}")
    plain = figure.as_svg()
    found = panels(figure)
    figure.set_dpi(DPI)
    if not any(panel.series for panel in found):
        return None
    root = ElementTree.fromstring(plain)
    _simplify(root, figure.get_suptitle())
    drawing = root.find(f"{{{SVG}}}g")
    assert drawing is not None
    _widen(root, [panel.box for panel in found])
    for panel in found:
        drawing.append(_grouped(drawing, panel))
    return ElementTree.tostring(root, encoding="utf-8")


def panels(figure: Figure) -> list[Panel]:
    """Those of a figure that has been drawn, and whose places are points."""
    height = figure.bbox.height
    bars = {m.colorbar.ax: axes for axes in figure.axes for m in axes.collections if m.colorbar}
    found = []
    for axes in figure.axes:
        if axes in bars or not axes.get_visible():
            continue
        parts = [axes, *(bar for bar, of in bars.items() if of is axes)]
        series = [_placed(axes, height, *said) for said in values(figure, axes)]
        found.append(_panel(parts, height, [one for one in series if len(one.places)]))
    return found + [_panel([legend], height, []) for legend in figure.legends]


def _panel(parts: Sequence[Any], height: float, series: list[Series]) -> Panel:
    boxes = [part.get_tightbbox() for part in parts]
    left, right = min(b.x0 for b in boxes) - MARGIN, max(b.x1 for b in boxes) + MARGIN
    low, high = min(b.y0 for b in boxes) - MARGIN, max(b.y1 for b in boxes) + MARGIN
    return Panel(
        [p.get_gid() for p in parts], (left, height - high, right - left, high - low), series
    )


def values(
    figure: Figure, axes: Any
) -> Iterator[tuple[np.ndarray, Sequence[str], Sequence[int] | None]]:
    """(places, words, examples) of every line with a name, and of what the figure says itself."""
    for line in [] if hasattr(axes, "get_zlim") else axes.lines:
        name = str(line.get_label())
        if name.startswith("_"):
            continue
        points = np.asarray(line.get_xydata(), np.float64)
        if line.get_transform() != axes.transData:  # across the axes, at one value
            yield from _level(axes, line, name)
            continue
        points = points[np.isfinite(points).all(axis=1)]
        if len(points) > MOST:
            points = points[np.linspace(0, len(points) - 1, MOST).round().astype(int)]
        yield points, [f"{name}: {_said(axes, *point)}" for point in points], None
    for said in figure.said:
        if said.axes is axes:
            yield in_plane(axes, said.places), said.words, said.examples


def _level(axes: Any, line: Any, name: str) -> Iterator[Any]:
    """The one value of a line that goes across the axes, at its middle."""
    x, y = (np.asarray(v, np.float64) for v in line.get_data())
    across = x[0] != x[1]
    at = axes.transData.inverted().transform(axes.transAxes.transform((0.5, 0.5)))
    at[int(across)] = (y if across else x)[0]
    yield at[None], [f"{name}: {(y if across else x)[0]:.4g}"], None


def _said(axes: Any, x: float, y: float) -> str:
    """'epoch 5, loss 0.0231'."""
    named = ((axes.get_xlabel(), x), (axes.get_ylabel(), y))
    return ", ".join(f"{label.replace('$', '')} {value:.4g}".strip() for label, value in named)


def _placed(
    axes: Any, height: float, places: np.ndarray, words: Sequence[str], examples: Any
) -> Series:
    """Within the axes, in points from the top left."""
    if not len(places):
        return Series(places, words, examples)
    x, y = axes.transData.transform(places).T
    seen = [int(i) for i in np.flatnonzero(np.isfinite(x + y)) if axes.bbox.contains(x[i], y[i])]
    return Series(
        np.stack([x, height - y], axis=-1)[seen],
        [words[i] for i in seen],
        None if examples is None else [examples[i] for i in seen],
    )


def _axes_of_space(artist: Any) -> list[Any]:
    """In space they are drawn beside their axes, not in them."""
    return [artist.xaxis, artist.yaxis, artist.zaxis] if hasattr(artist, "get_zlim") else []


def _is_map(axes: Any) -> bool:
    """Whether there are colored fields, as many as pixels; a color bar's are few."""
    return axes.get_label() != "<colorbar>" and any(
        hasattr(c, "get_coordinates") for c in axes.collections
    )


def _simplify(root: ElementTree.Element, title: str) -> None:
    """What no reader needs goes, and the title comes."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{{{SVG}}}metadata":
                parent.remove(child)
        for name in {"d", "x", "y"} & parent.attrib.keys():
            parent.set(name, HUNDREDTHS.sub(r"\1", parent.attrib[name]))
        marks = [child for child in parent if child.tag == f"{{{SVG}}}use"]
        looks = {mark.get("style") for mark in marks}
        if len(marks) > 1 and len(looks) == 1 and None not in looks and not parent.get("style"):
            parent.set("style", str(looks.pop()))  # said once
            for mark in marks:
                del mark.attrib["style"]
    named = ElementTree.Element(f"{{{SVG}}}title")
    named.text = title
    root.insert(0, named)


def _widen(root: ElementTree.Element, boxes: Sequence[tuple[float, ...]]) -> None:
    """The paper holds every panel: words are a little wider here than in pixels."""
    corners = np.array([(0, 0, *map(float, root.attrib["viewBox"].split()[2:])), *boxes])
    left, top = corners[:, :2].min(0)
    width, height = (corners[:, :2] + corners[:, 2:]).max(0) - (left, top)
    root.set("viewBox", f"{left:.2f} {top:.2f} {width:.2f} {height:.2f}")
    root.attrib |= {"width": f"{width:.2f}pt", "height": f"{height:.2f}pt"}


def _grouped(drawing: ElementTree.Element, panel: Panel) -> ElementTree.Element:
    """A panel's parts, taken out of the drawing, and its values."""
    box = " ".join(f"{number:.2f}" for number in panel.box)
    group = ElementTree.Element(f"{{{SVG}}}g", {"class": "panel", "data-box": box})
    for part in [child for child in drawing if child.get("id") in panel.ids]:
        drawing.remove(part)
        del part.attrib["id"]
        group.append(part)
    if panel.series:
        look = {"class": "values", "fill": "none", "pointer-events": "all"}
        inside = ElementTree.SubElement(group, f"{{{SVG}}}g", look)
        for series in panel.series:
            _circles(ElementTree.SubElement(inside, f"{{{SVG}}}g"), series)
    return group


def _circles(group: ElementTree.Element, series: Series) -> None:
    for i, ((x, y), word) in enumerate(zip(series.places, series.words, strict=True)):
        look = {"cx": f"{x:.2f}", "cy": f"{y:.2f}", "r": str(REACH)}
        if series.examples is not None:
            look["data-example"] = str(series.examples[i])
        circle = ElementTree.SubElement(group, f"{{{SVG}}}circle", look)
        ElementTree.SubElement(circle, f"{{{SVG}}}title").text = word
