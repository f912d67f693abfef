"""Results of a sweep over its seeds: mean and standard deviation, and a table for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..pages.table import terminal


def summarize(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One entry for each point: mean and deviation over the seeds of every metric.

    On the test set, and on the validation images where there are any. The deviation is the sample's
    (divided by n - 1), None where there is one seed. Members that diverged are counted and left
    out; `best` marks the lowest mean mse on the validation images among the points of which no
    member did. Without such images no point is called the best. Of a search that left points out on
    the way each has the 'epochs' it was trained for, and only those of the longest can be the best.
    """
    points: list[dict[str, Any]] = []
    for result in results:
        if not any(point["overrides"] == result["overrides"] for point in points):
            points.append({"overrides": result["overrides"]})
    for point in points:
        mine = [r for r in results if r["overrides"] == point["overrides"]]
        sound = [r for r in mine if r["diverged"] is None]
        point["seeds"] = len(mine)
        point["diverged"] = len(mine) - len(sound)
        for part in ("test", "valid"):
            point[part] = _over_seeds([r[part] for r in sound if r.get(part)])
        point["best"] = False
        if "epochs" in mine[0]:  # of a search that did not train all of them to the end
            point["epochs"] = mine[0]["epochs"]
    known = [p for p in finished(points) if not p["diverged"] and p["valid"]]
    if len(points) > 1 and known:
        min(known, key=lambda point: point["valid"]["mse"]["mean"])["best"] = True
    return points


def finished(points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that were not left out on the way."""
    longest = max((point.get("epochs", 0) for point in points), default=0)
    return [point for point in points if point.get("epochs", 0) == longest]


def _over_seeds(found: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    names = found[0] if found else ()
    return {name: _moments([metrics[name] for metrics in found]) for name in names}


def _moments(values: Sequence[float]) -> dict[str, float | None]:
    mean = float(np.mean(values))
    return {"mean": mean, "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None}


def table(summary: Sequence[Mapping[str, Any]]) -> str:
    """One line per point, mean ± deviation on the test set; the best on the validation images has a
    star."""
    fields = list(summary[0]["overrides"])
    names = [n for n in ("mse", "denoised_mse", "psnr", "loss") if n in _metrics(summary)]
    seeds = summary[0]["seeds"]
    epochs = ["epochs"] if "epochs" in summary[0] else []
    rows = [[*fields, *epochs, *names, f"{seeds} seed{'s' if seeds > 1 else ''}"]]
    for point in summary:
        note = "* best" if point["best"] else ""
        if point["diverged"]:
            note = f"{point['diverged']} diverged"
        cells = [_cell(point["test"].get(name)) for name in names]
        values = [*point["overrides"].values(), *(point[name] for name in epochs)]
        rows.append([*map(str, values), *cells, note])
    return terminal(rows)


def _metrics(summary: Sequence[Mapping[str, Any]]) -> set[str]:
    return {name for point in summary for name in point["test"]}


def _cell(moments: Mapping[str, float | None] | None) -> str:
    if moments is None or moments["mean"] is None:
        return "-"
    deviation = moments["sd"]
    return f"{moments['mean']:.5g}" + ("" if deviation is None else f" ± {deviation:.2g}")
