"""What a run's examples are called, and the units of its errors."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Words(NamedTuple):
    """Of one kind of examples."""

    many: str  # what examples are called
    one: str
    mse: str  # what an error is: completes 'mse ...'
    mean: str  # the baseline that knows nothing of an example
    section: str  # of a report


IMAGES = Words("images", "image", "per pixel in [0,1] units", "the mean image", "Images")


def of_summary(summary: Mapping[str, Any]) -> Words:
    """The words for the run of a summary.json; of one that says no kind, those of images."""
    data = summary.get("data", {})
    if data.get("binarize"):
        return IMAGES._replace(mse=f"{IMAGES.mse}, each drawn black or white")
    return of(data.get("kind", "image"), data.get("scale", "unit"))


def of(kind: str, scale: str) -> Words:
    """The words for examples of a kind, brought to a scale."""
    units = f"per number, in units of data.scale '{scale}'"
    if kind == "rows":
        return Words("rows", "row", units, "the column means", "Columns")
    if kind == "signal":
        return Words("signals", "signal", units, "the channel means", "Signals")
    return IMAGES
