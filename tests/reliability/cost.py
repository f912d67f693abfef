"""R14, R15: what checkpoints cost, and fits that are interrupted in a notebook."""

import contextlib
import os
import signal
import threading
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ae_jax.data.load import load_data, subset
from ae_jax.model.weights import params_sha256
from ae_jax.resolve.config import load_config
from ae_jax.run import fitting
from ae_jax.train import checkpoint
from experiments.running import session, stepping
from experiments.running.progress import Timing
from experiments.workdirs import workdir
from tests.reliability.tally import Tally

# How the command saves by default; 0.4 MB and 9 MB of state, and short and long steps.
RUNS: dict[str, dict[str, Any]] = {
    "undercomplete": {"epochs": 150},
    "denoise": {"epochs": 40},
    "conv_strided": {"epochs": 2},
}


def overhead(tally: Tally, folder: Path, runs: Mapping[str, dict[str, Any]] = RUNS) -> None:
    """R14: seconds spent in `checkpoint.save` beside seconds spent in steps.

    Checked: under 5 % over each run, the first and the last save not counted, which every run
    has. A save blocks for `save_ms` (median).
    """
    for name, train in runs.items():
        config = load_config(name, train=train)
        s = session.prepare(config, load_data(config.data.name))
        path = folder / name
        path.mkdir()
        workdir.claim(path, config)
        begun = time.perf_counter()
        with timed_saves() as saves, contextlib.redirect_stdout(None):
            state, record, _ = session.start(s, path)
            timing = Timing(begun)
            stepping.to_the_end(s, path, state, record, workdir.MetricsLog(path, 0), timing, {})
        share = sum(saves[1:-1]) / timing.step_s
        tally.check(share < 0.05, f"{name}: {share:.1%}")
        tally.facts[name] = {
            "share": round(share, 4),
            "saves": len(saves),
            "save_ms": round(1e3 * float(np.median(saves)), 1),
            "step_s": round(timing.step_s, 2),
        }


@contextlib.contextmanager
def timed_saves() -> Any:
    """The seconds that each `checkpoint.save` takes, as a list."""
    saves: list[float] = []
    save = checkpoint.save

    def timed(*args: Any, **kwargs: Any) -> None:
        begun = time.perf_counter()
        save(*args, **kwargs)
        saves.append(time.perf_counter() - begun)

    checkpoint.save = timed
    try:
        yield saves
    finally:
        checkpoint.save = save


NOTEBOOK = {
    "corruption": {"name": "gaussian"},
    "bottleneck": {"name": "dropout"},
    "train": {"batch_size": 40, "epochs": 200},
}


def interrupted_fits(tally: Tally, folder: Path, n: int) -> None:
    """R15: `ae_jax.fit` interrupted at a random moment as by a kernel's stop button, and continued.

    Checked: what has been trained comes back and can be used; continued, it ends with the bits
    and the history of a fit that was not interrupted; the run it was continued from is intact.
    """
    data, key = subset(load_data("mnist5k"), 400, 100), jax.random.key(0)
    begun = time.monotonic()
    whole = fitting.fit(NOTEBOOK, data, key, progress=False)
    seconds, truth = time.monotonic() - begun, params_sha256(whole.state)
    rng, used = np.random.default_rng(15), 0
    for _ in range(10 * n):
        stop = threading.Timer(rng.uniform(0.2, seconds), os.kill, (os.getpid(), signal.SIGINT))
        stop.start()
        try:
            part = fitting.fit(NOTEBOOK, data, key, progress=False)
        except KeyboardInterrupt:
            part = None  # before the first step, when nothing is lost
        finally:
            stop.cancel()
        step = len(part.history.get("loss", ())) if part else 0
        if not part or not 0 < step < len(whole.history["loss"]):
            continue
        before = params_sha256(part.state)
        rest = fitting.fit(NOTEBOOK, data, key, progress=False, start=part)
        good = params_sha256(rest.state) == truth
        good = good and np.array_equal(rest.history["loss"], whole.history["loss"])
        good = good and params_sha256(part.state) == before
        good = good and bool(np.isfinite(part.reconstruct(data.test.images[:4])).all())
        tally.check(good, f"interrupted at step {step}")
        used += 1
        if used == n:
            break
    tally.check(used == n, f"only {used} of {n} interrupts came in time")


CELLS = (
    f"import jax, ae_jax; NOTEBOOK = {NOTEBOOK}\n"
    "from ae_jax.model.weights import params_sha256\n"
    "data, key = ae_jax.load_data('mnist5k'), jax.random.key(0)\n",
    "config = {**NOTEBOOK, 'train': {'batch_size': 40, 'epochs': 60}}\n"
    "run = ae_jax.fit(config, data, key, progress=False)",
    "first = int(run.state.step); run = ae_jax.fit(config, data, key, progress=False, start=run)",
    "whole = ae_jax.fit(config, data, key, progress=False)\n"
    "print(first, int(run.state.step), params_sha256(run.state) == params_sha256(whole.state))",
)


def kernel(tally: Tally, folder: Path) -> None:
    """R15: the same in a real kernel, its stop button pressed; where jupyter is installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from jupyter_client.manager import start_new_kernel
    except ImportError:
        tally.facts["kernel"] = "jupyter_client and ipykernel are not installed"
        return
    manager, client = start_new_kernel()
    said: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        content = message["content"]
        said.append(str(content.get("text") or content.get("traceback") or ""))

    try:
        for i, cell in enumerate(CELLS):
            if i == 1:
                threading.Timer(4, manager.interrupt_kernel).start()
            client.execute_interactive(cell, timeout=300, output_hook=hear)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    words = "".join(said).split()
    good = len(words) >= 3 and words[-1] == "True" and 0 < int(words[-3]) < int(words[-2])
    tally.check(good, f"kernel: {' '.join(said)[-300:]}")
