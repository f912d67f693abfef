"""The rows of `experiments.bench` that ae_jax and PyTorch compute in turns, in one process."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import jax
import numpy as np

from ae_jax.config.sections import Config
from ae_jax.data import batches
from ae_jax.data.arrays import Split
from ae_jax.errors import ConfigError
from ae_jax.evaluate import metrics
from ae_jax.model import scaling
from ae_jax.resolve import config
from ae_jax.run.trained import Run
from ae_jax.train import setup

from .flops import step_flops
from .subjects import N_IMAGES, TRAINED, Ours, digits, ours
from .turns import (
    Pace,
    Row,
    Work,
    compared,
    interleave,
    matmul,
    peak_gflops,
)

PENALIZED = {"penalties.contractive.weight": 0.1, "penalties.contractive.warmup_epochs": 0}


def load_torch() -> ModuleType:
    """PyTorch's side, on all cores; ConfigError where PyTorch is missing."""
    try:
        import torch as pytorch

        from . import torch
    except ImportError as error:
        raise ConfigError(
            f"the bench compares with PyTorch, which is not installed ({error})\n"
            "install it: pip install -e '.[bench]'"
        ) from None
    pytorch.set_num_threads(os.cpu_count() or 1)
    return torch


def tensor(torch_side: ModuleType, images: np.ndarray, resolved: Config) -> Any:
    """The images as PyTorch's users hold them: float32, scaled already.

    [n, numbers] for dense networks, [n, C, H, W] for convolutions, [n, C, length] for those of
    signals.
    """
    x = np.asarray(scaling.to_network(images, resolved.data.scale))
    if resolved.encoder.name == "dense":
        x = x.reshape(len(x), -1)
    else:
        x = np.moveaxis(x, 3, 1)
        x = x[:, :, 0] if x.shape[2] == 1 else x
    return torch_side.torch.from_numpy(x.copy()).to(place())


def place() -> str:
    """PyTorch's name of the device that JAX uses."""
    return {"gpu": "cuda"}.get(jax.default_backend(), "cpu")


def taking(n: int, steps: Iterator[Any]) -> list[float]:
    """The next n losses of an endless iterator; looked at when all are done."""
    losses = [next(steps) for _ in range(n)]
    return [float(loss) for loss in losses]


def torch_work(
    torch_side: ModuleType,
    name: str,
    side: Ours,
    loss: Callable[..., Any] | None = None,
    compiled: bool = False,
) -> Work:
    """PyTorch's side of a training row, on the images and numbers of ours."""
    network = torch_side.network(name, side.config.model.init == "keras", place())
    x = tensor(torch_side, side.images, side.config)
    loss = loss or torch_side.LOSSES[name]
    steps = torch_side.train(network, loss, side.config, x, compiled)
    return partial(taking, steps=steps)


def train(torch_side: ModuleType, name: str, kind: str, pace: Pace) -> Row:
    """A training step of a network, against PyTorch's as it is written and compiled."""
    side = ours(TRAINED[name])
    sides = {"ours": side.work, "torch": torch_work(torch_side, name, side)}
    # Both start from weights of one distribution, so that equal work leaves nearly equal losses.
    epoch = side.trainer.steps_per_epoch
    losses = {f"{s}_loss": float(np.mean(work(epoch)[:epoch])) for s, work in sides.items()}
    compiled = torch_side.compiles() and torch_work(torch_side, name, side, compiled=True)
    more = {"compiled": compiled} if compiled else {}
    seconds = interleave({**sides, **more, "matmul": matmul}, pace)
    peak = peak_gflops(seconds.pop("matmul"))
    row = compared(name, seconds)
    batch = side.config.train.batch_size
    flops = step_flops(side.trainer.model, batch)
    faster = row["compiled_ms"] / row["ours_ms"] if compiled else None
    return {
        **row,
        "kind": kind,
        "compiled_ratio": faster and round(faster, 3),
        "batch_size": batch,
        "images_per_s": round(1e3 * batch / row["ours_ms"]),
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
    common = {**PENALIZED, "train.batch_size": 256}
    side = ours(TRAINED[base], common)
    sides = {
        "ours": side.work,
        "without": ours(TRAINED[base], {**common, "penalties.contractive.weight": 0.0}).work,
        "naive": ours(TRAINED[base], {**common, "penalties.contractive.method": "naive"}).work,
    }
    for method, function in torch_side.PENALTIES.items():
        loss = partial(torch_side.contractive, penalty=function)
        sides[f"torch_{method}"] = torch_work(torch_side, base, side, loss)
    seconds = interleave(sides, pace)
    row = compared(name, {"torch": seconds.pop("torch_jacrev"), **seconds})
    return {**row, "kind": "penalty", "torch_method": "torch.func.jacrev", "batch_size": 256}


def throughput(torch_side: ModuleType, kind: str, base: str, pace: Pace) -> Row:
    """`evaluate`: the metrics of a whole set; `encode`: its codes as a NumPy array."""
    resolved = config.load_config(TRAINED[base].config, **TRAINED[base].overrides)
    images = digits(N_IMAGES)
    trainer = setup.prepare(resolved, images.shape[1:], N_IMAGES)
    key = jax.random.key(0)
    state = trainer.init(key, setup.mean_image(images, trainer.model))
    network = torch_side.network(base, resolved.model.init == "keras", place())
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
