"""A page taken apart and checked; a finished run's files without the run."""

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from PIL import Image

from ae_jax.resolve.config import load_config
from experiments.pages import one_run

VOID = {"meta", "img", "br"}
SCRIPT = Path(one_run.__file__).with_name("templates") / "page.js"


class Tags(HTMLParser):
    """Checks that tags nest, and gathers what a page loads, links to and says."""

    def __init__(self, text):
        super().__init__()
        self.open, self.sources, self.links, self.ids, self.said = [], [], [], [], []
        self.scripts, self.tags = [], []
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.sources += [v for k, v in attributes if k in ("src", "srcset", "data", "poster")]
        self.links += [found["href"]] if "href" in found and tag != "image" else []
        self.sources += [found["href"]] if tag == "image" and "href" in found else []
        self.tags.append((tag, found))
        assert not [name for name in found if name.startswith("on")], found
        self.ids += [found["id"]] if "id" in found else []
        assert tag not in ("link", "iframe", "object", "foreignobject", "animate", "set"), tag
        if tag == "script":
            assert not found, "its text is in the page"
            self.scripts.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "script" in self.open:
            self.scripts[-1] += data
        elif "style" not in self.open:
            self.said.append(data)


def checked(file):
    """The parsed page; it must load nothing, link only to itself, and run one known script."""
    text = Path(file).read_text()
    assert text.startswith("<!doctype html>") and 'name="viewport"' in text
    assert "prefers-color-scheme: dark" in text and "@import" not in text
    assert all(shown.startswith("#") for shown in re.findall(r"url\((.)", text))
    tags = Tags(text)
    assert tags.scripts == [SCRIPT.read_text()]
    digest = base64.b64encode(hashlib.sha256(SCRIPT.read_bytes()).digest()).decode()
    (policy,) = (a["content"] for _, a in tags.tags if "http-equiv" in a)
    assert policy == (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'"
    )
    assert all(source.startswith("data:image/") for source in tags.sources)
    assert all(link.startswith("#") for link in tags.links)
    assert {link.removeprefix("#") for link in tags.links} <= set(tags.ids)
    assert len(tags.ids) == len(set(tags.ids)), "an id is one element's"
    return tags


def png(value, side=8):
    buffer = io.BytesIO()
    Image.fromarray(np.full((side, side), value, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def made(path, name="denoise", mse=0.005953, seconds=12.5, **changes):
    """A finished run's files without the run."""
    (path / "figures").mkdir(parents=True)
    config = load_config(name, **changes)
    summary = {
        "config_name": config.name,
        "dataset": "mnist5k",
        "n_train": 4000,
        "n_test": 1000,
        "params": 785284,
        "epochs": 3,
        "steps": 48,
        "params_sha256": "ab" * 32,
        "test": {"mse": mse, "psnr": 22.25, "sse": 4.6, "loss": 0.05},
        "controls": {
            "pca": 0.0000766,
            "pca_uncentred": 0.0000776,
            "mean_image": 0.0691,
            "untrained": 0.2437,
        },
        "denoise": {"noisy_mse": 0.2311, "denoised_mse": 0.0128, "linear_denoiser_mse": 0.0189},
        "seed": 0,
        "timing": {"wall_s": seconds, "train_images_per_s": 19469},
        "versions": {"jax": "0.10.2"},
    }
    (path / "config.json").write_text(json.dumps(config.to_dict()))
    (path / "summary.json").write_text(json.dumps(summary))
    rows = [
        {"step": 16 * e, "epoch": e, "split": "test", "loss": 0.1 / e, "mse": mse * 4 / e}
        for e in (1, 2, 3)
    ]
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for shade, figure in enumerate(("curves", "denoising", "reconstructions", "filters")):
        (path / "figures" / f"{figure}.png").write_bytes(png(shade))
    return path


def sheet_of(file):
    """What stands in a playground's page, beside its script."""
    found = re.search(r'<script type="application/json" id="run">(.*?)</script>', file.read_text())
    return json.loads(found[1])


def floats(text, *shape):
    """Numbers that a page holds as base64."""
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(shape or -1)
