"""The page in which a run's network works: one file, no request to any host.

The arithmetic is our own (`browser/steps.js` and what it takes): it does each step of a traced
graph, for any config. A kept runtime was weighed first. The program of onnxruntime-web takes 14 MB.
TensorFlow.js (4.22, of 2024) takes 1.1 MB in a file that cannot be read, has neither dot_general
nor convolutions of an input with holes, and is slower where WebGL is not there: 23 ms for
784-1000-500-250-30 and back, here 5; 13 ms for the convolutions of `conv_pool`, here 7 (one core).
"""

import json
import re
from pathlib import Path
from typing import Any

from ae_jax.data.arrays import Dataset
from ae_jax.errors import ConfigError
from ae_jax.export.description import Threshold
from ae_jax.files import atomic
from ae_jax.run import playing
from ae_jax.run.trained import Run

from . import page

BROWSER = Path(__file__).with_name("browser")
SCRIPTS = (  # in this order
    *("compile", "products", "indexing", "steps", "network", "noise"),
    *("views", "images", "signals", "rows", "codes", "page"),
)
HOW = {
    "image": "With mouse, finger or arrow keys, or drop a picture on the page: the network sees "
    "every stroke.",
    "signal": "Draw into the chart with mouse or finger, or change it with the arrow keys.",
    "rows": "Each column has its control; what the network makes of the row stands beside it.",
}
DRAWABLE = (1, 3, 4)  # channels of images that a browser can read


def write(
    run: Run,
    out: Path,
    dataset: Dataset | None = None,
    threshold: Threshold | None = None,
    title: str = "",
    no_threshold: str = "no threshold is known",
) -> Path:
    """Writes the page of a run; returns where.

    Args:
      run: a trained one.
      out: the file.
      dataset: its data as the network sees them (`scales.scaled`); None: a page without examples.
      threshold: of the anomaly score.
      title: of the page; default the config's name.
      no_threshold: why there is none.

    Raises:
      ConfigError: the network does what the page cannot.
    """
    sheet = playing.sheet(run, dataset, threshold) | {"no_threshold": no_threshold}
    check_steps(sheet)
    return atomic.write(out, html(sheet, title or run.config.name))


def check_steps(sheet: dict[str, Any]) -> None:
    """Raises ConfigError where a graph has steps that `steps.js` has not."""
    steps = {step["op"] for name in ("encode", "decode") for step in sheet[name]["steps"]}
    if missing := sorted(steps - known_steps()):
        raise ConfigError(
            f"playground: cannot show '{sheet['name']}': the page has no step {', '.join(missing)}"
        )


def known_steps() -> set[str]:
    """The steps of `steps.js`, by the names in its table."""
    table = script("steps").partition("const OPS = {")[2]
    return set(re.findall(r'[{,\s]"?([a-z][\w-]*)"?:\s', table))


def script(name: str) -> str:
    """The text of a script."""
    return (BROWSER / f"{name}.js").read_text()


def html(sheet: dict[str, Any], title: str) -> str:
    """The page of a `playing.sheet`."""
    kind = sheet["kind"]
    lead = (
        f"The network `{sheet['name']}` itself, {_size(kind, sheet['shape'])} to a code of "
        f"{sheet['code_size']} and back, computed in this page; nothing is sent anywhere."
    )
    values = {
        "title": title,
        "kind": kind,
        "lead": page.paragraph(lead, "soft"),
        "how": HOW[kind],
        "walk": _walk(sheet["codes"]),
        "channels": sheet["shape"][-1],
        "drawable": sheet["shape"][-1] in DRAWABLE,
        "classes": sheet["classes"],
        "prior": sheet["prior"] is not None,
        "sheet": embedded(sheet),
        "scripts": [page.Markup(script(name)) for name in SCRIPTS],
    }
    return page.rendered("playground.html.j2", values)


def _walk(codes: dict[str, Any]) -> str:
    if codes["of"] == "nothing":
        return "The first numbers of the code; how far codes go is not known without the data."
    ends = "the 1 % and 99 % quantiles" if codes["of"] == "examples" else "2.3 standard deviations"
    return (
        f"The first {len(codes['shares'])} principal directions of the training codes, ordered by "
        f"variance, with the share of each. Sliders reach a quarter beyond {ends}."
    )


def _size(kind: str, shape: list[int]) -> str:
    height, width, channels = shape
    if kind == "rows":
        return f"rows of {channels} numbers"
    inner = f"{height} x {width} x {channels}" if kind == "image" else f"{width} x {channels}"
    return f"{kind}s of {inner}"


def embedded(sheet: dict[str, Any]) -> page.Markup:
    """JSON inside an element `script`, which no text in it can end."""
    said = json.dumps(sheet, separators=(",", ":"), allow_nan=False)
    return page.Markup(said.replace("<", "\\u003c"))
