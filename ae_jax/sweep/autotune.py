"""Selects the fastest method for an ensemble by measuring each method on it."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax

from ae_jax.data.arrays import Split
from ae_jax.sweep import ensemble
from ae_jax.sweep.ensemble import Compiled, Ensemble
from ae_jax.sweep.members import Group
from ae_jax.train.setup import TrainState

ROUNDS, ROUND_SECONDS = 3, 0.1  # how often and for how long each method steps
WORTH = 6.0  # times its compilation is what a training must last before others are compiled


class _Trial(NamedTuple):
    """A method made ready to be measured."""

    members: Ensemble
    programs: Compiled
    compile_s: float
    steps: Callable[[int], float]  # so many steps -> ms per step and member


def choose(
    group: Group,
    data: Split,
    devices: Sequence[jax.Device] | None = None,
    initial: Sequence[TrainState] | None = None,
    epochs: int | None = None,
) -> tuple[Ensemble, Compiled, dict[str, float]]:
    """The fastest method for this group: (ensemble, its program, method -> ms per member and step).

    The methods take the epoch's first batches in turns and the best of their rounds counts; these
    states are thrown away. One member, and trainings that would be over before the other methods
    were compiled, are left to 'loop'. `initial` and `epochs` are those of `ensemble`.
    """
    trials = {"loop": _trial(ensemble.prepare(group, data, "loop", initial=initial))}
    e, programs, compile_s, steps = trials["loop"]
    ms = {"loop": steps(2)}
    n, full = len(group.seeds), e.fixed.batches[0]
    whole = (e.fixed.config.train.epochs if epochs is None else epochs) * e.fixed.steps_per_epoch
    rest_s = ms["loop"] / 1e3 * n * (whole - int(e.initial[0].step))
    if n == 1 or rest_s < WORTH * compile_s:
        return e, programs, ms
    for method in ("vmap", "map"):
        trials[method] = _trial(ensemble.prepare(group, data, method, devices, e.initial))
    count = max(1, min(full, int(ROUND_SECONDS * 1e3 / ms["loop"] / n)))
    rounds = [{m: trial.steps(count) for m, trial in trials.items()} for _ in range(ROUNDS)]
    ms = {method: min(times[method] for times in rounds) for method in trials}
    best = trials[min(ms, key=lambda method: ms[method])]
    return best.members, best.programs, ms


def _trial(e: Ensemble) -> _Trial:
    carry = ensemble.carry_of(e, ensemble.start(e))
    own = ensemble.own_of(e, 0)
    shared = ensemble.Shared(e.images, e.labels, 0, 1)
    size = e.fixed.config.train.batch_size
    program, compile_s = ensemble.compile_steps(e, size, carry, own, shared)

    def steps(count: int) -> float:
        nonlocal carry
        begun = time.perf_counter()
        carry = ensemble.advance(e, program, carry, own, shared._replace(last=count), {})
        jax.block_until_ready(carry)
        return (time.perf_counter() - begun) / count / len(e.group.seeds) * 1e3

    steps(1)  # the first call does more than later ones
    return _Trial(e, {size: program}, compile_s, steps)
