"""The training loop: compiled steps over an index array, in chunks of steps.

No random state is carried along. The order of epoch e comes from fold_in(stream(key, 'order'), e),
the noise of step s from fold_in(stream(key, 'noise'), s). A `TrainState` and the key of the run are
enough to resume with the same bits, also within an epoch.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from ae_jax.data.arrays import Split, stays_on_disk
from ae_jax.errors import DivergedError
from ae_jax.model import scaling
from ae_jax.model.pipeline import Batch, Tree
from ae_jax.streams import stream
from ae_jax.train import devices, feed, frozen, microbatch
from ae_jax.train.setup import Metrics, Trainer, TrainState, part

Programs = dict[int, Any]  # compiled steps by size of batch
CHUNK_SECONDS = 0.25  # how long compiled code may run before Python may log, save or stop
# Slow steps may run longer: each call begins with fresh memory, and touching its pages for the
# first time costs as much as half a step on images of 64x64.
SLOW_STEPS, SLOW_SECONDS = 16, 1.0


class Carry(NamedTuple):
    """What the compiled loop hands from step to step."""

    state: TrainState
    metrics: Metrics  # of the epoch, as `Trainer.metrics` makes room for them


class Chunk(NamedTuple):
    """Where training stands after some compiled steps."""

    state: TrainState
    epoch: int  # epochs finished
    steps: tuple[int, int]  # the steps of this chunk, [first, last)
    terms: dict[str, np.ndarray]  # 'loss' and its terms, one number per step, of this chunk
    seconds: float
    compile_s: float


def train_step(
    trainer: Trainer, state: TrainState, batch: Batch, key: jax.Array
) -> tuple[TrainState, Metrics]:
    """One optimizer step on a batch -> (state, loss and its terms *before* the step)."""
    epoch = state.step / trainer.steps_per_epoch

    def loss_of(params: Tree, batch: Batch) -> Any:
        params = frozen.stopped(trainer.frozen, params)
        return trainer.objective({"params": params, **state.statistics}, batch, key, True, epoch)

    batch = trainer.model.drawn(batch, key)
    alone = trainer.mesh is None  # several devices have their share already
    n = images = len(batch.x)
    if alone:
        images = microbatch.size(trainer.config, trainer.model, n)
    if images < n:
        corrupted = trainer.model.corrupt(stream(key, "corruption"), batch.x)
        batch = batch._replace(corrupted=corrupted)
    gradients = microbatch.mean_over(jax.value_and_grad(loss_of, has_aux=True), images)
    (loss, (terms, variables)), grads = gradients(state.params, batch)
    updates, optimizer = trainer.optimizer.update(grads, state.optimizer, state.params)
    before = {"params": state.params, **state.statistics}
    after = {**variables, "params": optax.apply_updates(state.params, updates)}
    params, statistics = part(frozen.kept(trainer.frozen, before, after))
    return TrainState(state.step + 1, params, statistics, optimizer), {"loss": loss, **terms}


def run_steps(
    trainer: Trainer,
    size: int,
    carry: Carry,
    images: jax.Array,
    labels: jax.Array | None,
    order: jax.Array,
    first: jax.Array,
    last: jax.Array,
    key: jax.Array,
) -> Carry:
    """Batches [first, last) of an epoch in the given `order`, `size` images each.

    `images` are [n, H, W, C] as stored (uint8, or float in [0,1]), `labels` [n] or None, and
    `order` indexes both. The bounds are arguments, so one compilation serves every chunk. The
    metrics of every step take their place among those of the epoch.
    """
    rows = images.reshape(len(images), -1)  # gathering images as rows is twice as fast on CPUs

    def body(i: jax.Array, carry: Carry) -> Carry:
        state, epoch = carry
        start = i * trainer.config.train.batch_size
        indices = jax.lax.dynamic_slice(order, (start,), (size,))
        indices = devices.spread(trainer.mesh, indices)
        x = scaling.to_network(rows[indices], trainer.model.scale).reshape(size, *images.shape[1:])
        batch = Batch(x, None if labels is None else labels[indices])
        step = state.step % trainer.steps_per_epoch
        state, metrics = train_step(trainer, state, batch, jax.random.fold_in(key, state.step))
        return Carry(state, {name: epoch[name].at[step].set(v) for name, v in metrics.items()})

    return jax.lax.fori_loop(first, last, body, carry)


@partial(jax.jit, static_argnums=1)
def epoch_order(key: jax.Array, n: int, epoch: jax.Array) -> jax.Array:
    """The order of the n training images in an epoch: a permutation from fold_in(key, epoch)."""
    return jax.random.permutation(jax.random.fold_in(key, epoch), n)


def train(
    trainer: Trainer,
    state: TrainState,
    data: Split,
    key: jax.Array,
    chunk_steps: int = 0,
    programs: Programs | None = None,
) -> Iterator[Chunk]:
    """Trains from `state` to the end of `config.train.epochs`, yielding after every chunk.

    A chunk ends at the end of an epoch, at every multiple of `chunk_steps` (0: none), and after
    about a quarter of a second, of slow steps after a second at most. The caller may log, save or
    stop there; `state`, and each state it was given, is donated to the next chunk, so what it wants
    to keep it must copy. `key` is that of the run, of which the state at step 0 was made.
    `programs` are the compiled steps by size of batch of an earlier call with such a trainer and so
    many rows, and are added to.

    Raises:
      DivergedError: a loss that is not finite; names the step and the first offending leaf.
    """
    full, rest = trainer.batches
    everywhere = partial(devices.replicate, trainer.mesh)
    carry, noise = everywhere((Carry(state, trainer.metrics()), stream(key, "noise")))
    labels = data.labels if trainer.model.conditional else None
    compiled, k_order = {} if programs is None else programs, stream(key, "order")

    def order_of(epoch: int) -> jax.Array:
        return epoch_order(k_order, trainer.n_train, jax.device_put(epoch))

    chunk, done = 1, int(state.step)
    for window in feed.feed(trainer, data.images, labels, order_of, done):
        images, labels, order = everywhere(window[:3])
        begin, waited = window.start % trainer.steps_per_epoch, window.waited
        while done < window.stop:
            first = done % trainer.steps_per_epoch
            size = trainer.config.train.batch_size if first < full else rest
            last = min(first + chunk, begin + window.stop - window.start)
            last = min(last, full) if first < full else last
            if chunk_steps:
                last = min(last, first + chunk_steps - done % chunk_steps)
            bounds = everywhere(jax.device_put((first - begin, last - begin)))
            args = (carry, images, labels, order, *bounds, noise)
            compile_s = 0.0
            if size not in compiled:
                sizes = [n for n in trainer.sizes if n not in compiled]
                made, compile_s = compile_steps(trainer, sizes, args)
                compiled |= made
            start = time.perf_counter() - waited
            carry = compiled[size](*args)
            state = carry.state
            terms = {name: np.asarray(v)[first:last] for name, v in carry.metrics.items()}
            seconds, waited = time.perf_counter() - start, 0.0
            _check_finite(trainer, state, terms, done)
            steps = (done, done + last - first)
            done = steps[1]
            yield Chunk(state, done // trainer.steps_per_epoch, steps, terms, seconds, compile_s)
            (chunk,) = devices.agree(next_chunk(steps[1] - steps[0], seconds))


def next_chunk(steps: int, seconds: float) -> int:
    """How many steps the next chunk has, where so many have taken so long.

    Those of CHUNK_SECONDS, or if that is more SLOW_STEPS, but no more than SLOW_SECONDS; one at
    least.
    """
    speed = steps / max(seconds, 1e-6)
    return int(max(1, speed * CHUNK_SECONDS, min(SLOW_STEPS, speed * SLOW_SECONDS)))


def compile_ahead(trainer: Trainer, data: Split, key: jax.Array) -> tuple[Programs, float]:
    """(`programs` for `train`, seconds it took), before there is a state: beside what makes one.

    Nothing where several devices share a batch, or the images stay on disk.
    """
    if trainer.mesh is not None or stays_on_disk(data.images):
        return {}, 0.0
    like = partial(jax.tree.map, lambda v: jax.ShapeDtypeStruct(v.shape, v.dtype))
    labels = data.labels if trainer.model.conditional else None
    epoch_order.lower(stream(key, "order"), trainer.n_train, 0).compile()
    args = (
        Carry(trainer.abstract(), jax.eval_shape(trainer.metrics)),
        *like((data.images, labels)),
        jax.eval_shape(lambda: epoch_order(key, trainer.n_train, 0)),
        *(0, 1),
        jax.eval_shape(lambda: stream(key, "noise")),
    )
    return compile_steps(trainer, trainer.sizes, args)


def compile_steps(trainer: Trainer, sizes: Sequence[int], args: Any) -> tuple[Programs, float]:
    """(`run_steps` for these arguments by size of batch, seconds it took); compiled at once."""
    start = time.perf_counter()
    places = devices.everywhere(trainer.mesh) if trainer.mesh else None
    steps = {size: partial(run_steps, trainer, size) for size in sizes}
    lowered = [
        jax.jit(step, donate_argnums=0, out_shardings=places).lower(*args)
        for step in steps.values()
    ]
    alone = jax.process_count() == 1  # several processes compile in one order
    with ThreadPoolExecutor(None if alone else 1) as pool:
        made = list(pool.map(lambda program: program.compile(), lowered))
    return dict(zip(steps, made, strict=True)), time.perf_counter() - start


def _check_finite(
    trainer: Trainer, state: TrainState, terms: dict[str, np.ndarray], step: int
) -> None:
    if all(np.isfinite(values).all() for values in terms.values()):
        return
    bad = np.min([np.argmin(np.isfinite(v)) for v in terms.values() if not np.isfinite(v).all()])
    culprits = [name for name, values in terms.items() if not np.isfinite(values[bad])]
    raise _diverged(trainer, state, step + int(bad), culprits[-1])


def check_state(trainer: Trainer, state: TrainState) -> None:
    """For what is to be kept: the loss is recorded before the update, which may have been the end.

    Raises:
      DivergedError: a number in the state is not finite.
    """
    if _first_bad(state):
        raise _diverged(trainer, state, int(state.step) - 1, "the update")


def _diverged(trainer: Trainer, state: TrainState, step: int, what: str) -> DivergedError:
    epoch, batch = divmod(step, trainer.steps_per_epoch)
    return DivergedError(
        f"diverged at step {step} (epoch {epoch + 1}, batch {batch}): {what} is not finite\n"
        f"first parameter that is not finite: {_first_bad(state.variables) or 'none'}; "
        f"optim.learning_rate is {trainer.config.optim.learning_rate:g}"
    )


def _first_bad(tree: Tree) -> str | None:
    """The path of the first leaf that is not finite."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if not np.isfinite(np.asarray(leaf)).all():
            return jax.tree_util.keystr(path, simple=True, separator="/")
    return None
