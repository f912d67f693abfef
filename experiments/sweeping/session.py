"""One sweep in a directory: train the groups, evaluate the members, summarize, draw."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ae_jax.errors import CheckpointError
from ae_jax.evaluate import baselines
from ae_jax.figures.charts import save
from ae_jax.figures.sweep_chart import LINES, sweep_curve
from ae_jax.files import json_file
from ae_jax.resolve.config import changes
from ae_jax.run import sources
from ae_jax.sweep import ensemble
from ae_jax.sweep.members import CODE_SIZE
from ae_jax.train.checkpoint import FORMAT

from ..workdirs import place
from . import halving, table
from .plan import Plan, of_sizes
from .training import Each, Job, progress

MOST_BYTES = 1 << 28  # of a sweep's file: some hundred bytes per member


def run(p: Plan, path: Path, each: Each, started: float) -> int:
    """The whole sweep in a directory, `each` of whose jobs is trained; returns the exit code."""
    asked = _asked(p)
    file = path / "sweep.json"
    if old := _read(file, asked):
        print(f"{path}: already complete, {len(p.members)} members")
        print(table.table(old["summary"]))
        return _code(old["summary"])
    if file.exists():
        print(f"{file} is of another sweep; it will be replaced")
    _announce(p)
    train_all = halving.train_all if p.reduction else _train_all
    before = _read(path / "ended.json", asked)
    ended = train_all(p, path / "ended.json", asked, each, before)
    rows = {i: row for e in ended for i, row in zip(e["rows"], e["members"], strict=True)}
    results = [
        {"seed": m.seed, "overrides": dict(m.point), **rows[i]} for i, m in enumerate(p.members)
    ]
    summary = table.summarize(results)
    (path / "figures").mkdir(exist_ok=True)
    _draw(p, asked["grid"], table.finished(summary), path / "figures" / "sweep.png")
    reports = [e["report"] for e in ended]
    timing = {
        "wall_s": round(time.perf_counter() - started, 2),
        **{k: round(sum(r[k] for r in reports), 2) for k in ("compile_s", "step_s")},
        "groups": reports,
    }
    methods = ",".join(sorted({report["method"] for report in reports}))
    found = {**asked, "method": methods, "timing": timing, "members": results, "summary": summary}
    json_file.write(file, json_ready(found))
    (path / "ended.json").unlink()
    halving.clear(path)
    print(table.table(summary))
    if len(summary) > 1 and not p.config.data.n_valid:
        print("no best member: that needs validation images, --config.data.n_valid=0.1")
    print(f"done in {timing['wall_s']:.1f} s; {file}")
    return _code(summary)


def _code(summary: Sequence[Mapping[str, Any]]) -> int:
    return 3 if all(point["diverged"] == point["seeds"] for point in summary) else 0


def _train_all(
    p: Plan, file: Path, asked: Mapping[str, Any], each: Each, before: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """What became of every group; `file` keeps those that have ended, `before` is what it has."""
    ended: list[dict[str, Any]] = before.get("groups", [])
    done = {tuple(e["rows"]) for e in ended}
    jobs, steps = [], {True: 0, False: 0}
    for group, dataset, n in zip(p.groups, p.data, p.steps, strict=True):
        steps[group.rows in done] += n * len(group.seeds)
        if group.rows not in done:
            jobs.append(Job(group, dataset))
    with progress(sum(steps.values()), steps[True]) as bar:
        if ended:
            bar.write(f"{len(ended)} of {len(p.groups)} programs had ended before", sys.stdout)
        for job, found in each(jobs, bar):
            rows = job.group.rows
            ended.append({"rows": rows, "members": found.members, "report": found.report})
            ended.sort(key=lambda e: tuple(e["rows"]))
            json_file.write(file, {**asked, "groups": ended})
    return ended


def _asked(p: Plan) -> dict[str, Any]:
    """What makes two sweeps the same; of `config` the places of the data do not count."""
    grid = {
        field: list(dict.fromkeys(member.point[field] for member in p.members))
        for field in p.members[0].point
    }
    asked = {
        "format": FORMAT,
        "config_name": p.config.name,
        "config": p.config.to_dict(),
        "grid": grid,
        "seeds": sorted({member.seed for member in p.members}),
        "search": f"halving, reduction {p.reduction}" if p.reduction else "grid",
        "images": [place.facts(d) for d in {id(d): d for d in p.data}.values()],
    }
    if any(p.sources):
        asked["init_sha256"] = [source and source.sha256 for source in p.sources]
    return json.loads(json.dumps(asked))


def _read(file: Path, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What is in `file` if it is of this sweep, else nothing.

    Raises:
      CheckpointError: it is of this sweep on other images.
    """
    try:
        found = json_file.read(file, most_bytes=MOST_BYTES)
        if changes(found["config"], asked["config"], ("data.name", "data.manual_dir")):
            return {}
        # The order of the grid's fields is that of the members.
        if any(
            json.dumps(found[k]) != json.dumps(asked[k])
            for k in ("format", "config_name", "grid", "seeds")
        ):
            return {}
        if found.get("search", "grid") != asked["search"]:
            return {}
        if found.get("init_sha256") != asked.get("init_sha256"):
            return {}
        pairs = zip(found["images"], asked["images"], strict=True)
        wrong = [line for pair in pairs for line in place.differences(*pair)]
    except (CheckpointError, ValueError, LookupError, TypeError, AttributeError):
        return {}
    if wrong:
        listed = "; ".join(wrong)
        raise CheckpointError(f"--workdir: {file} is of a sweep on other images\n{listed}")
    return found


def _announce(p: Plan) -> None:
    seeds, programs = len({member.seed for member in p.members}), len(p.groups)
    print(
        f"{p.config.name}: {p.data[0].name}, {len(p.members)} members ({len(p.members) // seeds} "
        f"points x {seeds} seeds) in {programs} program{'s' if programs > 1 else ''}"
    )
    for text in dict.fromkeys(_of_sources(p)):
        print(text)
    for group in p.groups:
        if CODE_SIZE in group.values:
            sizes = ", ".join(str(k) for k in sorted(set(group.values[CODE_SIZE].tolist())))
            widest = group.config.model.code_size
            random = group.config.bottleneck.name != "identity"
            note = "; the noise of the code is drawn for that width" if random else ""
            print(f"code sizes {sizes} are masks on one network of {widest}{note}")
    sys.stdout.flush()


def _of_sources(p: Plan) -> Iterator[str]:
    """What the members of each group take of other runs."""
    for group, dataset, source in zip(p.groups, p.data, p.sources, strict=True):
        if source is not None:
            for trainer in of_sizes(group, ensemble.check(group, dataset.train)):
                yield "\n".join(sources.lines(source, trainer))


def _draw(
    p: Plan, grid: Mapping[str, Sequence[Any]], summary: Sequence[Mapping[str, Any]], file: Path
) -> None:
    """Error against the code size, or else against the first field of numbers; none: no figure."""
    numeric = [
        field
        for field, values in grid.items()
        if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    ]
    if not numeric:
        return
    field = CODE_SIZE if CODE_SIZE in numeric else numeric[0]
    curves: dict[str, list[tuple[float, float, float]]] = {}
    for point in summary:
        others = {f: v for f, v in point["overrides"].items() if f != field}
        name = ", ".join(f"{f.rpartition('.')[2]} {v}" for f, v in others.items()) or p.config.name
        mse = point["test"].get("mse", {"mean": np.nan, "sd": np.nan})
        curves.setdefault(name, []).append(
            (point["overrides"][field], mse["mean"], mse["sd"] or 0.0)
        )
    pca = []
    if field == CODE_SIZE and not any(f.startswith("data.") for f in grid):
        images = p.data[0].train.images, p.data[0].test.images
        pca = [(k, baselines.pca_mse(*images, k)) for k in grid[field]]
    kept = dict(list(curves.items())[:LINES])
    title = (
        f"{p.config.name} on {p.data[0].name}: mean and deviation of {summary[0]['seeds']} seeds"
    )
    save(sweep_curve(kept, field, pca, title), file)


def json_ready(value: object) -> Any:
    """JSON has no NaN and no infinity: they become null."""
    if isinstance(value, Mapping):
        return {key: json_ready(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_ready(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
