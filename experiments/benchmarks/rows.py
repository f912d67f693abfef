"""The rows of `experiments.bench`: the same work, done by ae_jax and by PyTorch in turns.

A side is a `Work`: called with n, it does at least n units (training steps, passes over a set) and
returns the result of each. `interleave` alternates the rounds of all sides, so other load on the
machine affects them equally. A row holds the medians over the rounds.
"""

import itertools
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from ae_jax.config.sections import Config
from ae_jax.data import batches, load
from ae_jax.data.arrays import Split
from ae_jax.evaluate import metrics
from ae_jax.model import scaling
from ae_jax.model.layers import ConvTranspose, Layer
from ae_jax.model.pipeline import Model
from ae_jax.resolve import config
from ae_jax.run.trained import Run
from ae_jax.train import loop, setup
from experiments.measuring.published import sourced

Work = Callable[[int], Sequence[Any]]
Row = dict[str, Any]

N_IMAGES = 6000  # rounded to whole batches
FOREVER = 10**6  # epochs
MATMUL = 1024  # rows and columns of the float32 matrices whose product is the machine's peak
# Where nothing of the published network changes, but a number would differ from step to step.
OVERRIDES: dict[str, dict[str, Any]] = {
    "contractive": {"penalties.contractive.warmup_epochs": 0},
    "dense": {"model.init": "keras"},
}


class Pace(NamedTuple):
    """How often and how long every side works, and what is called after each of its rounds."""

    rounds: int = 7
    seconds: float = 0.7
    tick: Callable[[], Any] = lambda: None


def interleave(sides: Mapping[str, Work], pace: Pace) -> dict[str, list[float]]:
    """Seconds a unit in each round of each side, after a warm-up; the sides take turns."""
    units = {side: _units(work, pace.seconds) for side, work in sides.items()}
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(pace.rounds):
        for side, work in sides.items():
            start = time.perf_counter()
            done = len(work(units[side]))
            seconds[side].append((time.perf_counter() - start) / done)
            pace.tick()
    return seconds


def _units(work: Work, seconds: float) -> int:
    """How many units take about so long, found by doubling, which warms the side up as well."""
    work(1)  # compiles, imports
    n = 1
    while True:
        start = time.perf_counter()
        done = len(work(n))
        took = time.perf_counter() - start
        if took > seconds / 4:
            return max(1, round(done * seconds / took))
        n *= 2


def compared(name: str, seconds: Mapping[str, list[float]], **more: Any) -> Row:
    """A row: medians in milliseconds a unit, ratio = torch / ours, and every round."""
    medians = {side: 1e3 * statistics.median(values) for side, values in seconds.items()}
    times = {f"{side}_ms": round(ms, 4) for side, ms in medians.items()}
    rounds = {side: [round(1e3 * s, 4) for s in values] for side, values in seconds.items()}
    ratio = round(medians["torch"] / medians["ours"], 3)
    return {"name": name, **times, "ratio": ratio, **more, "rounds_ms": rounds}


def matmul(n: int) -> list[jax.Array]:
    """n products of large matrices: what the machine can do, in turns with what is measured."""
    a = jnp.full((MATMUL, MATMUL), 0.5, jnp.float32)
    return [(a @ a).block_until_ready()[0, 0] for _ in range(n)]


def digits(n: int) -> np.ndarray:
    """n real digits, uint8 [n, 28, 28, 1]; repeated where n is more than there are."""
    images = load.load_data("mnist5k").train.images
    return np.resize(images, (n, *images.shape[1:]))


def tensor(torch_side: ModuleType, images: np.ndarray, resolved: Config) -> Any:
    """The images as PyTorch's users hold them: float32, scaled already, flat for dense networks."""
    x = np.asarray(scaling.to_network(images, resolved.data.scale))
    shape = (-1, 784) if resolved.encoder.name == "dense" else (-1, 1, 28, 28)
    return torch_side.torch.from_numpy(x.reshape(shape).copy())


class Ours(NamedTuple):
    """ae_jax's side of a training row."""

    config: Config
    trainer: setup.Trainer
    images: np.ndarray
    work: Work
    compile_s: float


def ours(name: str, overrides: Mapping[str, Any]) -> Ours:
    """The training loop of `experiments.run` itself, between whose chunks nothing is done."""
    resolved = config.load_config(sourced(name), **{"train.epochs": FOREVER, **overrides})
    batch = resolved.train.batch_size
    images = digits(batch * round(N_IMAGES / batch))
    trainer = setup.prepare(resolved, images.shape[1:], len(images))
    key = jax.random.key(0)
    state = trainer.init(key, setup.mean_image(images, trainer.model))
    chunks = loop.train(trainer, state, Split(images, None), key)
    first = next(chunks)  # one step, and the compilation
    chunks = itertools.chain([first], chunks)

    def work(n: int) -> list[float]:
        losses: list[float] = []
        while len(losses) < n:
            losses.extend(next(chunks).terms["loss"].tolist())
        return losses

    return Ours(resolved, trainer, images, work, first.compile_s)


def taking(n: int, steps: Iterator[float]) -> list[float]:
    """The next n losses of an endless iterator."""
    return [next(steps) for _ in range(n)]


def torch_work(
    torch_side: ModuleType, name: str, side: Ours, loss: Callable[..., Any] | None = None
) -> Work:
    """PyTorch's side of a training row, on the images and numbers of ours."""
    network = torch_side.network(name, keras_init=side.config.model.init == "keras")
    x = tensor(torch_side, side.images, side.config)
    steps = torch_side.train(network, loss or torch_side.LOSSES[name], side.config, x)
    return partial(taking, steps=steps)


def train(torch_side: ModuleType, name: str, pace: Pace) -> Row:
    """A published network: a training step."""
    side = ours(name, OVERRIDES.get(name, {}))
    sides = {"ours": side.work, "torch": torch_work(torch_side, name, side)}
    # Both start from weights of one distribution, so that equal work leaves nearly equal losses.
    epoch = side.trainer.steps_per_epoch
    losses = {f"{s}_loss": float(np.mean(work(epoch)[:epoch])) for s, work in sides.items()}
    seconds = interleave({**sides, "matmul": matmul}, pace)
    peak = 2 * MATMUL**3 / statistics.median(seconds.pop("matmul")) / 1e9
    row = compared(name, seconds)
    flops = step_flops(side.trainer.model, side.config.train.batch_size)
    return {
        **row,
        "kind": "train",
        "batch_size": side.config.train.batch_size,
        "mflop": round(flops / 1e6, 3),
        "gflops": round(flops / row["ours_ms"] / 1e6, 2),
        "peak_gflops": round(peak, 1),
        "compile_s": round(side.compile_s, 2),
        **losses,
    }


def penalty(torch_side: ModuleType, name: str, base: str, pace: Pace) -> Row:
    """A training step with the contractive penalty, against PyTorch's three general ways to it.

    Beside it the same step of ours without the penalty, and with the naive vmap(jacfwd).
    """
    wanted = {"penalties.contractive.weight": 0.1, "train.batch_size": 256}
    common = {**OVERRIDES["contractive"], **wanted}
    side = ours(base, common)
    sides = {
        "ours": side.work,
        "without": ours(base, {**common, "penalties.contractive.weight": 0.0}).work,
        "naive": ours(base, {**common, "penalties.contractive.method": "naive"}).work,
    }
    for method, function in torch_side.PENALTIES.items():
        loss = partial(torch_side.contractive, penalty=function)
        sides[f"torch_{method}"] = torch_work(torch_side, base, side, loss)
    seconds = interleave(sides, pace)
    row = compared(name, {"torch": seconds.pop("torch_jacrev"), **seconds})
    return {**row, "kind": "penalty", "torch_method": "torch.func.jacrev", "batch_size": 256}


def throughput(torch_side: ModuleType, kind: str, base: str, pace: Pace) -> Row:
    """`evaluate`: the metrics of a whole set; `encode`: its codes as a NumPy array."""
    resolved, images = config.load_config(sourced(base)), digits(N_IMAGES)
    trainer = setup.prepare(resolved, images.shape[1:], N_IMAGES)
    key = jax.random.key(0)
    state = trainer.init(key, setup.mean_image(images, trainer.model))
    network = torch_side.network(base, keras_init=resolved.model.init == "keras")
    x, size = tensor(torch_side, images, resolved), resolved.eval.batch_size
    if kind == "evaluate":
        evaluate = metrics.evaluator(trainer.objective, size)
        split = Split(images, None)
        calls = {
            "ours": lambda: evaluate(state.variables, split, key),
            "torch": lambda: torch_side.evaluate(network, x, size),
        }
    else:
        run = Run(resolved, trainer.model, state.variables, {})
        calls = {
            "ours": lambda: run.encode(images),
            "torch": lambda: torch_side.encode(network, x, batches.BATCH),
        }
    sides = {side: partial(_again, call) for side, call in calls.items()}
    row = compared(f"{kind}:{base}", interleave(sides, pace))
    rates = {f"{s}_images_per_s": round(1e3 * N_IMAGES / row[f"{s}_ms"]) for s in sides}
    return {**row, **rates, "kind": kind}


def _again(call: Callable[[], Any], n: int) -> list[Any]:
    return [call() for _ in range(n)]


def start(torch_side: ModuleType, base: str, pace: Pace) -> Row:
    """From the command to the end of the first epoch on mnist5k, in a fresh process.

    First with an empty cache of compiled programs, then again with what that start left there.
    """
    with tempfile.TemporaryDirectory() as folder:
        first, second = (_first_epoch_s(base, Path(folder), f"run_{i}") for i in range(2))
    pace.tick()
    times = {"ours_ms": round(1e3 * first), "second_ms": round(1e3 * second)}
    return {"name": f"start:{base}", **times, "torch_ms": None, "ratio": None, "kind": "start"}


def _first_epoch_s(base: str, folder: Path, workdir: str) -> float:
    arguments = ["run", f"--config={sourced(base)}", f"--workdir={folder / workdir}"]
    return seconds_until("epoch ", folder / "cache", *arguments, "--config.data.name=mnist5k")


def seconds_until(sign: str, cache: Path, command: str, *arguments: str) -> float:
    """From the start of `python -m experiments.<command>` to its first line that begins so.

    It is killed there. Data and compiled programs are looked for in `cache`, and left there.
    """
    words = [sys.executable, "-m", f"experiments.{command}", *arguments]
    started = time.perf_counter()
    with subprocess.Popen(
        words,
        env={**os.environ, "AE_JAX_CACHE": str(cache)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None
        seen = []
        for line in process.stdout:
            seen.append(line)
            if line.startswith(sign):
                took = time.perf_counter() - started
                process.send_signal(signal.SIGKILL)
                return took
    raise RuntimeError(f"{' '.join(words)} never said {sign!r}:\n{''.join(seen)}")


def layer_products(model: Model) -> list[int]:
    """Multiplications of one image in each dense and convolutional layer, first to last.

    As in the network's definition, whatever way they are computed: output pixels times the size of
    the kernel, for a transposed convolution input pixels; what falls on padding counts.
    """
    counts: list[int] = []

    def count(
        layer: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        context: nn.module.InterceptorContext,
    ) -> Any:
        y = layer(*args, **kwargs)
        module = context.module
        if isinstance(module, Layer) and context.method_name == "__call__":
            kernel: jax.Array = module.get_variable("params", "kernel")
            pixels = args[0] if isinstance(module, ConvTranspose) else y
            counts.append(kernel.size * math.prod(pixels.shape[1:-1]))
        return y

    with nn.intercept_methods(count):
        jax.eval_shape(model.init, jax.random.key(0), jnp.zeros(model.shape))
    return counts


def step_flops(model: Model, batch: int) -> int:
    """Of a training step: 2 per product forward, 2 for the gradient of the weights, 2 for that of
    the input, which the first layer does not need. Dense and convolutional layers only."""
    products = layer_products(model)
    return 2 * batch * (3 * sum(products) - products[0])
