"""What a reader of HTML sees of it: the cells of its tables, and its pictures."""

import base64
import io
from html.parser import HTMLParser

import numpy as np
from PIL import Image

ALONE = {"img"}  # elements without an end


class Page(HTMLParser):
    """Rows of cells, captions and pictures; every element that begins must end."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.captions, self.pictures, self.open, self.tags = [], [], [], [], set()
        self.feed(text)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag in ("caption", "figcaption"):
            self.captions.append("")
        elif tag == "img":
            head, data = dict(attrs)["src"].split(",")
            assert head == "data:image/png;base64"
            self.pictures.append(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))))
        if tag not in ALONE:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data
        elif {"caption", "figcaption"} & set(self.open):
            self.captions[-1] += data

    @property
    def said(self):
        """Name -> value of the rows of two cells."""
        return {row[0]: row[1] for row in self.rows if len(row) == 2}
