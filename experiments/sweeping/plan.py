"""What a sweep is to train: its members, by program, and their data; refused before it begins."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ae_jax.config.sections import Config
from ae_jax.data.load import Dataset, of_config
from ae_jax.errors import ConfigError
from ae_jax.run import sources
from ae_jax.run.ready import ready
from ae_jax.run.sources import Source
from ae_jax.sweep import ensemble
from ae_jax.sweep import members as members_lib
from ae_jax.sweep.members import Group, Member
from ae_jax.train import setup
from ae_jax.train.setup import Trainer


class Plan(NamedTuple):
    """A sweep of which nothing needs to be refused any more."""

    config: Config
    members: Sequence[Member]
    groups: Sequence[Group]
    data: Sequence[Dataset]  # of every group
    steps: Sequence[int]  # of each member, for every group
    sources: Sequence[Source | None]  # of every group: whose weights its members begin with
    reduction: int = 0  # of successive halving; 0: every point is trained to its end


def plan(config: Config, members: Sequence[Member], reduction: int = 0, largest: int = 0) -> Plan:
    """Loads the data; where `largest` is given, no group has more members.

    Raises what `load_data`, `hold_out`, `ensemble.check` and `sources.of_trainer` do, and
    ConfigError where members would stop early, or `reduction` is asked for and there is nothing to
    choose from or by.
    """
    if any(member.config.train.patience for member in members):
        raise ConfigError(
            "train.patience: a sweep trains every member to its end; set it to 0; "
            "data.n_valid selects the best member"
        )
    groups = members_lib.groups(members, largest)
    settled = [ready(g.config, d) for g, d in zip(groups, _datasets(groups), strict=True)]
    groups = [g._replace(config=c) for g, (c, _) in zip(groups, settled, strict=True)]
    data = [d for _, d in settled]
    fixed = [ensemble.check(group, d.train) for group, d in zip(groups, data, strict=True)]
    for f, d in zip(fixed, data, strict=True):
        setup.check_labels(f.config, d.test, "test", d.label_names)
    steps = [f.config.train.epochs * f.steps_per_epoch for f in fixed]
    if reduction:
        _check_search(members, data)
    begun = [_source(*of) for of in zip(groups, fixed, strict=True)]
    return Plan(config, members, groups, data, steps, begun, reduction)


def of_sizes(group: Group, fixed: Trainer) -> Iterator[Trainer]:
    """A trainer for each code size of a group, of which `fixed` has the largest."""
    for size in members_lib.sizes(group):
        config = members_lib.of_size(group.config, size)
        yield setup.prepare(config, fixed.model.shape, fixed.n_train)


def _source(group: Group, fixed: Trainer) -> Source | None:
    """Whose weights the members begin with, which each of them can."""
    if group.config.train.init_from is None:
        return None
    first, *_ = (sources.of_trainer(trainer) for trainer in of_sizes(group, fixed))
    return first


def points_of(members: Sequence[Member]) -> list[list[int]]:
    """The members of every point, in the order of the points."""
    points: list[tuple[Any, list[int]]] = []
    for row, member in enumerate(members):
        mine = next((rows for point, rows in points if point == member.point), None)
        if mine is None:
            points.append((member.point, [row]))
        else:
            mine.append(row)
    return [rows for _, rows in points]


def _check_search(members: Sequence[Member], data: Sequence[Dataset]) -> None:
    """ConfigError where there is nothing to choose from, or by."""
    if any(dataset.valid is None for dataset in data):
        raise ConfigError(
            "--search: halving compares on validation images, and there are none\n"
            "hold some out: --config.data.n_valid=0.1"
        )
    if len(points_of(members)) < 2:
        raise ConfigError("--search: halving needs two points at least; give it a --grid")
    if len({member.config.train.epochs for member in members}) > 1:
        raise ConfigError("--search: with halving, train.epochs cannot be in the grid")


def _datasets(groups: Sequence[Group]) -> list[Dataset]:
    """Every group's data; those that need the same get the same object."""
    known: dict[Any, Dataset] = {}
    found = []
    for group in groups:
        d = group.config.data
        dealt = d.split == "random" or d.n_valid
        key = (d, group.seeds[0] if dealt else None)
        if key not in known:
            known[key] = of_config(group.config, group.seeds[0])
        found.append(known[key])
    return found
