"""A sweep by successive halving: rung after rung, the better points go on from where they are.

Points are compared by their mean loss on the validation images over the seeds; the test set decides
nothing. Between rungs the states of those that go on are in a file, so that a search that was cut
short goes on with the rung it was in.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ae_jax.errors import ConfigError
from ae_jax.files import json_file, npz
from ae_jax.sweep import halving
from ae_jax.sweep.members import Group, chosen, trainer_of
from ae_jax.train.setup import TrainState

from .plan import Plan, points_of
from .training import Each, Job, Trained, progress

States = dict[int, TrainState]  # of members by their number in the sweep


def train_all(
    p: Plan, file: Path, asked: Mapping[str, Any], each: Each, before: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """What became of every member, of those that were left out when they were.

    `each` trains the jobs; `before` is what `file` has from a search cut short.
    """
    points = points_of(p.members)
    plan = halving.rungs(len(points), p.config.train.epochs, p.reduction)
    begin = before.get("rungs", 0)
    left = before.get("left", list(range(len(points))))
    ended: list[dict[str, Any]] = before.get("groups", [])
    states = _read(p, _states_file(file, begin)) if begin else {}
    if begin:
        print(f"{begin} of {len(plan)} rungs had ended before")
    for r in range(begin, len(plan)):
        rows = [row for point in left for row in points[point]]
        trained = _rung(p, rows, states, plan[r].epochs, each)
        losses = {k: float(np.mean([_loss(trained, row) for row in points[k]])) for k in left}
        going = halving.best(losses, plan[r + 1].points) if r + 1 < len(plan) else []
        on = {row for point in going for row in points[point]}
        ended += [_entry(group, done, on, plan[r].epochs) for group, done in trained]
        rest = f"{len(going)} go on" if going else "the end"
        print(f"rung {r + 1} of {len(plan)}: {len(left)} points, {plan[r].epochs} epochs; {rest}")
        left, states = going, {row: state for row, state in _states(trained) if row in on}
        if going:
            _write(_states_file(file, r + 1), states)
            json_file.write(file, {**asked, "rungs": r + 1, "left": left, "groups": ended})
            _states_file(file, r).unlink(missing_ok=True)
    return ended


def clear(folder: Path) -> None:
    """Removes the states of a search that has ended."""
    for file in folder.glob("states_*.npz*"):
        file.unlink()


def _rung(
    p: Plan, rows: Sequence[int], states: States, epochs: int, each: Each
) -> list[tuple[Group, Trained]]:
    """The members that take part, by program, after so many epochs."""
    jobs, steps = [], 0
    done = int(states[rows[0]].step) if states else 0
    for whole, dataset, n in zip(p.groups, p.data, p.steps, strict=True):
        if (group := chosen(whole, set(rows))).rows:
            initial = [states[row] for row in group.rows] if states else None
            jobs.append(Job(group, dataset, initial, epochs))
            steps += (n * epochs // p.config.train.epochs - done) * len(group.seeds)
    with progress(steps, label=f"{len(rows)} members") as bar:
        trained = {job.group.rows: (job.group, found) for job, found in each(jobs, bar)}
    return [trained[job.group.rows] for job in jobs]


def _entry(group: Group, done: Trained, on: Container[int], epochs: int) -> dict[str, Any]:
    """For the file: what became of those of a program that do not go on, and how it went."""
    out = [
        (row, {**member, "epochs": epochs})
        for row, member in zip(group.rows, done.members, strict=True)
        if row not in on
    ]
    rows, members = [row for row, _ in out], [member for _, member in out]
    return {"rows": rows, "members": members, "report": done.report}


def _states(trained: Sequence[tuple[Group, Trained]]) -> Iterator[tuple[int, TrainState]]:
    for group, done in trained:
        yield from zip(group.rows, done.states, strict=True)


def _loss(trained: Sequence[tuple[Group, Trained]], row: int) -> float:
    """Of a member on the validation images; of one that diverged infinite."""
    (member,) = (
        done.members[group.rows.index(row)] for group, done in trained if row in group.rows
    )
    return float("inf") if member["diverged"] is not None else float(member["valid"]["loss"])


def _states_file(file: Path, rung: int) -> Path:
    return file.with_name(f"states_{rung}.npz")


def _write(file: Path, states: States) -> None:
    """Written beside and then renamed, so that a file is whole."""
    arrays = {
        f"{row}/{i}": np.asarray(leaf)
        for row, state in states.items()
        for i, leaf in enumerate(jax.tree.leaves(state))
    }
    partial = file.with_name(f"{file.name}.partial")
    npz.write(partial, arrays)
    partial.replace(file)


def _read(p: Plan, file: Path) -> States:
    """The states that `_write` wrote.

    Raises:
      ConfigError: the file is gone or damaged.
    """
    try:
        arrays = npz.read(file)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"--workdir: the states of the search cannot be read ({error})\n"
            f"delete {file.with_name('ended.json')} to start it over"
        ) from error
    states: States = {}
    for group, dataset in zip(p.groups, p.data, strict=True):
        shape, n = dataset.train.images.shape[1:], len(dataset.train.images)
        for i, row in enumerate(group.rows):
            if f"{row}/0" not in arrays:
                continue
            values = {field: v[i] for field, v in group.values.items()}
            like = trainer_of(group, values, shape, n).abstract()
            leaves = [arrays[f"{row}/{j}"] for j in range(len(jax.tree.leaves(like)))]
            states[row] = jax.tree.unflatten(jax.tree.structure(like), leaves)
    return states
