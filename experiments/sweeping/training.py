"""Trains a group of a sweep, or some epochs of it, and evaluates its members."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from tqdm import tqdm

from ae_jax.data.load import Dataset
from ae_jax.model.weights import params_sha256
from ae_jax.run import sources
from ae_jax.streams import stream
from ae_jax.sweep import autotune, ensemble
from ae_jax.sweep.members import Group, initial_states
from ae_jax.train import setup
from ae_jax.train.setup import TrainState

from ..measuring import provenance


class Job(NamedTuple):
    """A group to be trained: from the start, or on from `initial`, until `epochs` are done."""

    group: Group
    dataset: Dataset
    initial: Sequence[TrainState] | None = None  # of its members
    epochs: int | None = None  # None: the config's


class Trained(NamedTuple):
    """A group after some epochs."""

    members: list[dict[str, Any]]  # what became of each
    report: dict[str, Any]  # how it went
    steps: int  # of each member
    states: list[TrainState]  # in arrays of NumPy


# Trains jobs and says when one is done, in whatever order; a bar counts their steps.
Each = Callable[[Sequence[Job], tqdm], Iterator[tuple[Job, Trained]]]


def here(method: str, jobs: Sequence[Job], bar: tqdm) -> Iterator[tuple[Job, Trained]]:
    """One job after another in this process."""
    for job in jobs:
        found = train(job, method, bar)
        bar.write(speed(found.report), sys.stdout)
        yield job, found


def use_cores(members: int) -> None:
    """A processor's cores count as devices, so that members can be spread over them."""
    jax.config.update("jax_num_cpu_devices", min(provenance.cores(), members))


def progress(steps: int, done: int = 0, label: str = "sweep") -> tqdm:
    """A bar of so many steps of members, where there is a terminal."""
    return tqdm(
        total=steps,
        initial=done,
        unit="step",
        disable=not sys.stderr.isatty(),
        desc=label,
        dynamic_ncols=True,
    )


def train(job: Job, method: str, bar: tqdm) -> Trained:
    """A job in this process, by the method or, with 'auto', by the fastest."""
    group, dataset, initial, epochs = job
    begun = time.perf_counter()
    initial = initial or _with_weights(group, dataset)
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
        digest = params_sha256(state.variables["params"])
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
    return Trained(found, report, steps - begin, ended)


def _with_weights(group: Group, dataset: Dataset) -> Sequence[TrainState] | None:
    """The states at step 0 where they have weights of another run; None: they are random."""
    trainer = ensemble.check(group, dataset.train)
    if (source := sources.of_trainer(trainer)) is None:
        return None
    mean = setup.mean_image(dataset.train.images, trainer.model)
    return initial_states(group, trainer.model.shape, trainer.n_train, mean, source.arrays)


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
