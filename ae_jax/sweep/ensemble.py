"""Trains sweep members together: the steps of single runs, for all members, in one program.

A member sees the same order and noise as the single run with its seed, and all members share the
images. Three methods give the same numbers up to rounding. Which one is fastest depends on the
widths and the machine; `autotune.choose` measures it:

    vmap  every operation works on all members at once (`jax.vmap`)
    map   inside the program one member takes its steps, then the next (`jax.lax.map`)
    loop  a program of one member, called for each in turn

With several devices, vmap and map give each device an equal share of the members.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from ae_jax.data.arrays import Split
from ae_jax.errors import ConfigError
from ae_jax.evaluate import metrics
from ae_jax.model.pipeline import Tree, Variables
from ae_jax.streams import stream
from ae_jax.sweep import members
from ae_jax.sweep.members import Group
from ae_jax.train import loop, setup
from ae_jax.train.loop import Carry
from ae_jax.train.setup import Trainer, TrainState

METHODS = ("vmap", "map", "loop")
Compiled = dict[int, Any]  # batch size -> program


class Own(NamedTuple):
    """What a member has for itself beside its state; of all members, with an axis [rows]."""

    order: jax.Array  # of the images in the epoch [n_train]
    noise: jax.Array  # key
    values: Mapping[str, jax.Array]  # of fields that are open, see `ae_jax.config.numbers`


class Shared(NamedTuple):
    """What all members have in common."""

    images: Any
    labels: Any  # or None
    first: Any  # batches [first, last) of the epoch
    last: Any


class Ensemble(NamedTuple):
    """A group made ready for one training set, as the method wants it."""

    group: Group
    method: str
    fixed: Trainer  # for what no member changes: batches, epochs
    initial: Sequence[TrainState]  # of every row, in arrays of NumPy; what `start` gives
    images: jax.Array  # on the device, or on each of them
    labels: jax.Array | None
    order: jax.Array  # keys [rows]: the members, and the last of them repeated to fill the devices
    noise: jax.Array  # keys [rows]
    values: Mapping[str, jax.Array]  # [rows]
    mesh: Mesh | None  # of several devices

    def trainer(self, values: Mapping[str, Any]) -> Trainer:
        """The trainer of the member that has these `values`."""
        return members.trainer_of(self.group, values, self.fixed.model.shape, self.fixed.n_train)


class Chunk(NamedTuple):
    """Where training stands after some compiled steps."""

    states: Any  # all members', a list or one with a member axis; see `results`
    steps: tuple[int, int]  # [first, last)
    terms: dict[str, np.ndarray]  # 'loss' and its terms [members, steps of this chunk]
    diverged: dict[int, int]  # member -> the first step whose loss was not finite
    seconds: float
    compile_s: float


def check(group: Group, data: Split) -> Trainer:
    """The trainer of the group's own config, for what no member changes.

    Raises:
      ConfigError: a batch larger than the training set, labels that are missing, or images that
        are not in memory.
    """
    if group.config.data.streaming or not isinstance(data.images, np.ndarray):
        raise ConfigError("data.streaming: a sweep holds its images in memory; set it to False")
    setup.check_labels(group.config, data)
    return setup.prepare(group.config, data.images.shape[1:], len(data.images))


def prepare(
    group: Group,
    data: Split,
    method: str,
    devices: Sequence[jax.Device] | None = None,
    initial: Sequence[TrainState] | None = None,
) -> Ensemble:
    """The group and its training set on `devices` (None: all there are); errors of `check`.

    `initial`, where the states are known already: those at step 0, or those to go on from.
    """
    fixed = check(group, data)
    if initial is None:
        mean = setup.mean_image(data.images, fixed.model)
        initial = members.initial_states(group, fixed.model.shape, fixed.n_train, mean)
    n = len(group.seeds)
    used = [] if method == "loop" else (devices or jax.devices())[:n]
    mesh = Mesh(np.asarray(used), ("members",)) if len(used) > 1 else None
    # Every device needs as many: the last member is repeated.
    rows = [*range(n), *[n - 1] * (-n % len(used) if mesh else 0)]
    keys = jnp.stack([jax.random.key(group.seeds[i]) for i in rows])
    order, noise = (_streams(keys, name) for name in ("order", "noise"))
    values = {field: jnp.asarray(v[rows]) for field, v in group.values.items()}
    images, labels = jax.device_put(
        (data.images, data.labels if fixed.model.conditional else None),
        NamedSharding(mesh, P()) if mesh else None,
    )
    states = [initial[i] for i in rows]
    return Ensemble(group, method, fixed, states, images, labels, order, noise, values, mesh)


@partial(jax.jit, static_argnums=1)
def _streams(keys: jax.Array, name: str) -> jax.Array:
    return jax.vmap(lambda key: stream(key, name))(keys)


def start(e: Ensemble) -> Any:
    """The initial states: a list, or for vmap and map one state with a member axis."""
    return _placed(e, e.initial)


def carry_of(e: Ensemble, states: Tree) -> Any:
    """The states with room for the metrics of an epoch: a list, or one with a member axis."""
    shapes = jax.eval_shape(lambda own: e.trainer(own).metrics(), _row(e.values, 0))
    room = jax.tree.map(lambda shape: np.zeros(shape.shape, shape.dtype), shapes)
    metrics = _placed(e, [room] * len(e.initial))
    return list(map(Carry, states, metrics)) if e.method == "loop" else Carry(states, metrics)


def _placed(e: Ensemble, trees: Sequence[Any]) -> Any:
    if e.method == "loop":
        return [jax.device_put(jax.tree.map(np.copy, tree)) for tree in trees]
    return _shared_out(jax.tree.map(lambda *leaves: np.stack(leaves), *trees), e.mesh)


def train(
    e: Ensemble, states: Tree, compiled: Compiled | None = None, epochs: int | None = None
) -> Iterator[Chunk]:
    """Trains from `states`, at the end of an epoch or at the start, yielding after every chunk.

    It ends after `epochs`, those before counted; None: after those of `config.train.epochs`.
    A chunk ends at the end of an epoch and where one of `loop.train` would. A member whose loss is
    not finite is reported in `diverged` and disturbs no other. The states are donated to the next
    chunk; `compiled` holds programs that exist already.
    """
    compiled = {} if compiled is None else compiled
    fixed, full = e.fixed, e.fixed.batches[0]
    diverged: dict[int, int] = {}
    carry = carry_of(e, states)
    chunk, done = 1, done_by(e, states)
    epochs = fixed.config.train.epochs if epochs is None else epochs
    while (epoch := done // fixed.steps_per_epoch) < epochs:
        own = own_of(e, epoch)
        first = 0
        while first < fixed.steps_per_epoch:
            size = fixed.config.train.batch_size if first < full else fixed.batches[1]
            last = min(first + chunk, full) if first < full else first + 1
            shared = Shared(e.images, e.labels, first, last)
            compile_s = 0.0
            if size not in compiled:
                compiled[size], compile_s = compile_steps(e, size, carry, own, shared)
            begun = time.perf_counter()
            carry = advance(e, compiled[size], carry, own, shared, diverged)
            terms = _terms(e, carry, first, last)
            seconds = time.perf_counter() - begun
            diverged = _diverged(terms, done, diverged)
            steps = (done, done + last - first)
            first, done = last, steps[1]
            states = [c.state for c in carry] if e.method == "loop" else carry.state
            yield Chunk(states, steps, terms, diverged, seconds, compile_s)
            chunk = loop.next_chunk(steps[1] - steps[0], seconds)


def done_by(e: Ensemble, states: Tree) -> int:
    """The step at which all members are."""
    return int(states[0].step if e.method == "loop" else states.step[0])


def results(e: Ensemble, states: Tree) -> list[TrainState]:
    """Every member's state, in arrays of NumPy."""
    states = jax.tree.map(np.asarray, states)
    rows = range(len(e.group.seeds))
    return [states[i] if e.method == "loop" else _row(states, i) for i in rows]


def evaluator(e: Ensemble) -> Callable[..., metrics.Metrics]:
    """`f(member, variables, data, key) -> metrics`, as `metrics.evaluator`, one program."""
    size = e.fixed.config.eval.batch_size
    evaluate = metrics.evaluator_of(lambda values: e.trainer(values).objective, size)

    def of_member(i: int, variables: Variables, data: Split, key: jax.Array) -> metrics.Metrics:
        return evaluate(variables, data, key, {f: v[i] for f, v in e.group.values.items()})

    return of_member


def _member_steps(e: Ensemble, size: int, carry: Carry, own: Own, shared: Shared) -> Carry:
    """The steps of one member, whose numbers are arguments."""
    images, labels, first, last = shared
    mine = e.trainer(own.values)
    return loop.run_steps(mine, size, carry, images, labels, own.order, first, last, own.noise)


def compile_steps(
    e: Ensemble, size: int, carry: Any, own: Own, shared: Shared
) -> tuple[Any, float]:
    """(program for batches of `size`, seconds)."""
    begun = time.perf_counter()
    steps: Any = partial(_member_steps, e, size)
    steps = {"vmap": _vmapped, "map": _mapped, "loop": _of_row}[e.method](steps)
    args = (carry[0], own, shared, 0) if e.method == "loop" else (carry, own, shared)
    if e.mesh:
        of_members = P("members")
        steps = jax.shard_map(
            steps,
            mesh=e.mesh,
            in_specs=(of_members, of_members, P()),
            out_specs=of_members,
            check_vma=False,
        )
    program = jax.jit(steps, donate_argnums=0).lower(*args).compile()
    return program, time.perf_counter() - begun


def _vmapped(steps: Callable[..., Any]) -> Any:
    axes: Any = (None, 0, 0, 0)  # all are at one step; what it indexes stays a plain slice
    stacked: Any = Carry(TrainState(*axes), 0)  # type: ignore[arg-type]

    def together(carry: Carry, own: Own, shared: Shared) -> Carry:
        steps_done = carry.state.step
        every = jax.vmap(steps, in_axes=(stacked, 0, None), out_axes=stacked)
        one = carry._replace(state=carry.state._replace(step=steps_done[0]))
        state, metrics = every(one, own, shared)
        step = jnp.broadcast_to(state.step, steps_done.shape)
        return Carry(state._replace(step=step), metrics)

    return together


def _mapped(steps: Callable[..., Any]) -> Any:
    return lambda carry, own, shared: jax.lax.map(lambda m: steps(*m, shared), (carry, own))


def _of_row(steps: Callable[..., Any]) -> Any:
    return lambda carry, own, shared, i: steps(carry, _row(own, i), shared)


def own_of(e: Ensemble, epoch: int) -> Own:
    """The members' own part in an epoch."""
    # On one device whatever the method, so that the sorting is compiled once.
    orders = _orders(e.order, e.fixed.n_train, epoch)
    return _shared_out(Own(orders, e.noise, e.values), e.mesh)


@partial(jax.jit, static_argnums=1)
def _orders(keys: jax.Array, n: int, epoch: jax.Array) -> jax.Array:
    return jax.vmap(lambda key: loop.epoch_order(key, n, epoch))(keys)


def advance(
    e: Ensemble,
    program: Callable[..., Any],
    carry: Any,
    own: Own,
    shared: Shared,
    diverged: Mapping[int, int],
) -> Any:
    """What is after batches [shared.first, shared.last); 'loop' rests the diverged members."""
    if e.method != "loop":
        return program(carry, own, shared)
    return [one if i in diverged else program(one, own, shared, i) for i, one in enumerate(carry)]


def _terms(e: Ensemble, carry: Any, first: int, last: int) -> dict[str, np.ndarray]:
    if e.method == "loop":
        found = [c.metrics for c in carry]
        return {n: np.stack([np.asarray(m[n])[first:last] for m in found]) for n in found[0]}
    n = len(e.group.seeds)
    return {name: np.asarray(v)[:n, first:last] for name, v in carry.metrics.items()}


def _diverged(terms: dict[str, np.ndarray], step: int, known: dict[int, int]) -> dict[int, int]:
    finite = np.all([np.isfinite(values) for values in terms.values()], axis=0)
    new = {int(i): step + int(np.argmin(finite[i])) for i in np.flatnonzero(~finite.all(axis=1))}
    return {**new, **known}


def _shared_out(tree: Tree, mesh: Mesh | None) -> Any:
    """On the default device, or by rows on the mesh."""
    return jax.device_put(tree, NamedSharding(mesh, P("members")) if mesh else None)


def _row(tree: Tree, i: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[i], tree)
