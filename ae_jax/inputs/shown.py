"""Pieces of HTML by which a notebook shows a data set or a run. Whatever is put in is escaped."""

import base64
import io
from collections.abc import Iterable, Sequence

import numpy as np
from markupsafe import Markup

MOST_SIDE = 96  # pixels of a picture; larger ones are made smaller
SHOWN_SIDE = 56  # pixels of the longer side on the page
CELL = Markup("<td style='text-align:left'>{}</td>")


def by(shape: Iterable[int]) -> str:
    """'28 x 28 x 1'."""
    return " x ".join(map(str, shape))


def table(title: str, rows: Iterable[tuple[str, object]]) -> Markup:
    """A title over a table of names and values."""
    line = Markup("<tr><th style='text-align:left'>{}</th>{}</tr>")
    body = Markup("").join(line.format(name, CELL.format(value)) for name, value in rows)
    return Markup("<table><caption><b>{}</b></caption>{}</table>").format(title, body)


def numbers(columns: Sequence[str], rows: np.ndarray) -> Markup:
    """A table of numbers [n, D] to four digits under the names of their columns; NaN is missing."""
    head = Markup("").join(Markup("<th>{}</th>").format(name) for name in columns)
    said = [["missing" if np.isnan(v) else f"{v:.4g}" for v in row] for row in rows.tolist()]
    cells = (Markup("").join(Markup("<td>{}</td>").format(v) for v in row) for row in said)
    body = Markup("").join(Markup("<tr>{}</tr>").format(row) for row in cells)
    return Markup("<table><tr>{}</tr>{}</table>").format(head, body)


def pictures(images: np.ndarray, captions: Sequence[str]) -> Markup:
    """Images [n, H, W, C], uint8 or float in [0,1], as pictures over their captions."""
    longer = "width" if images.shape[2] >= images.shape[1] else "height"
    one = Markup(
        "<figure style='display:inline-block;margin:2px;text-align:center'>"
        "<img alt='{}' src='data:image/png;base64,{}' "
        "style='{}:{}px;image-rendering:pixelated'><figcaption>{}</figcaption></figure>"
    )
    found = (
        one.format(caption, base64.b64encode(png(x)).decode(), longer, SHOWN_SIDE, caption)
        for x, caption in zip(images, captions, strict=True)
    )
    return Markup("<div>{}</div>").format(Markup("").join(found))


def png(image: np.ndarray) -> bytes:
    """A PNG of an image [H, W, C]: gray, RGB or RGBA; of any other C the first channel, in gray.

    Floats are rounded to the nearest of 256 levels; what is NaN is black.
    """
    from PIL import Image

    x = image if image.shape[-1] in (3, 4) else image[..., 0]
    if x.dtype != np.uint8:
        x = np.rint(255 * np.clip(np.nan_to_num(x.astype(np.float32)), 0, 1)).astype(np.uint8)
    picture = Image.fromarray(x)
    picture.thumbnail((MOST_SIDE, MOST_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, format="png")
    return buffer.getvalue()
