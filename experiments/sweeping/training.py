"""Trains a group of a sweep, or some epochs of it, and evaluates its members."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from tqdm import tqdm

from ae_jax.config.sections import Config
from ae_jax.data.load import Dataset
from ae_jax.model.weights import params_sha256
from ae_jax.streams import stream
from ae_jax.sweep import autotune, ensemble
from ae_jax.sweep.members import Group, Member
from ae_jax.train.setup import TrainState


class Plan(NamedTuple):
    """A sweep of which nothing needs to be refused any more."""

    config: Config
    members: Sequence[Member]
    groups: Sequence[Group]
    data: Sequence[Dataset]  # of every group
    steps: Sequence[int]  # of each member, for every group
    reduction: int = 0  # of successive halving; 0: every point is trained to its end


class Trained(NamedTuple):
    """A group after some epochs."""

    members: list[dict[str, Any]]  # what became of each
    report: dict[str, Any]  # how it went
    states: list[TrainState]  # in arrays of NumPy


def train(
    group: Group,
    dataset: Dataset,
    method: str,
    bar: tqdm,
    initial: Sequence[TrainState] | None = None,
    epochs: int | None = None,
) -> Trained:
    """Trains from the start, or on from `initial`, until `epochs` (None: the config's) are done."""
    begun = time.perf_counter()
    programs: ensemble.Compiled = {}
    ms: dict[str, float] = {}
    if method == "auto":
        e, programs, ms = autotune.choose(group, dataset.train, None, initial, epochs)
    else:
        e = ensemble.prepare(group, dataset.train, method, initial=initial)
    states = ensemble.start(e)
    begin = steps = ensemble.done_by(e, states)
    compile_s, step_s = time.perf_counter() - begun, 0.0
    diverged: dict[int, int] = {}
    for chunk in ensemble.train(e, states, programs, epochs):
        states, diverged, steps = chunk.states, chunk.diverged, chunk.steps[1]
        compile_s, step_s = compile_s + chunk.compile_s, step_s + chunk.seconds
        bar.update((chunk.steps[1] - chunk.steps[0]) * len(group.seeds))
    evaluate = ensemble.evaluator(e)
    found = []
    ended = ensemble.results(e, states)
    for i, state in enumerate(ended):
        if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state)):
            diverged.setdefault(i, steps - 1)  # a loss is recorded before its update
        key = stream(jax.random.key(group.seeds[i]), "summary")
        parts = {"test": dataset.test, "valid": dataset.valid}
        keys = {"test": key, "valid": stream(jax.random.key(group.seeds[i]), "validation")}
        measured = {
            name: None if i in diverged else evaluate(i, state.variables, part, keys[name])
            for name, part in parts.items()
            if part is not None
        }
        digest = params_sha256(state.params)
        found.append({"diverged": diverged.get(i), **measured, "params_sha256": digest})
    report = {
        "method": e.method,
        "devices": 1 if e.mesh is None else e.mesh.size,
        "members": len(group.seeds),
        "compile_s": round(compile_s, 2),
        "step_s": round(step_s, 3),
        "ms_per_member_step": round(1e3 * step_s / max((steps - begin) * len(group.seeds), 1), 4),
        "measured_ms": {name: round(value, 4) for name, value in ms.items()},
    }
    return Trained(found, report, ended)


def speed(report: Mapping[str, Any]) -> str:
    """The method, and how it compares."""
    line = f"{report['members']} members by {report['method']}"
    if report["devices"] > 1:
        line += f" on {report['devices']} devices"
    line += f": {report['ms_per_member_step']:.3g} ms per member and step"
    measured = report["measured_ms"]
    if len(measured) > 1:
        listed = ", ".join(f"{name} {ms:.3g}" for name, ms in measured.items())
        ratio = measured["loop"] / measured[report["method"]]
        line += f" (measured {listed}; {ratio:.2f} times the speed of one after the other)"
    return line
