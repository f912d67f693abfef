"""How a run shows itself: in a line, and in a notebook as a table."""

from typing import Any, TypeAlias

import jax
import numpy as np

from ae_jax.inputs import shown
from ae_jax.inputs.examples import PLURALS

Run: TypeAlias = Any  # that of `ae_jax.run.trained`, which imports this


def line(run: Run) -> str:
    """Such as 'Run(vae: images 28 x 28 x 1, code of 2, 3,000 parameters, 20 steps)'."""
    size, steps = run.config.model.code_size, _steps(run)
    done = "" if steps is None else f", {steps:,} steps"
    return (
        f"Run({run.config.name}: {_kind(run)}, code of {size}, {_parameters(run):,} parameters"
        f"{done})"
    )


def html(run: Run) -> str:
    """A table: what was trained on what, how far, and the last losses (means over a batch)."""
    c = run.config
    noise = f"{c.corruption.name} noise -> " if run.model.corrupts else ""
    network = f"{noise}{c.encoder.name} -> {c.model.code_size} -> {c.decoder.name}"
    data = "" if run.origin is None else f"{run.origin.name}, {run.origin.n_train:,} training "
    steps = _steps(run)
    done = "" if steps is None else f"; {steps:,} steps done"
    rows: list[tuple[str, object]] = [
        ("data", data + _kind(run)),
        ("network", network),
        ("code size", c.model.code_size),
        ("parameters", f"{_parameters(run):,}"),
        ("epochs", f"{c.train.epochs:,} in the config{done}"),
        ("loss", f"{c.loss.name} per {c.loss.per}"),
    ]
    last = {name: values[-1] for name, values in run.history.items() if len(values)}
    rows += [(f"last {name}", f"{value:.6g}") for name, value in last.items()]
    if run.valid is not None and len(run.valid.losses):
        rows.append(("last validation loss", f"{run.valid.losses[-1]:.6g}"))
        if run.valid.best is not None:
            rows.append(("lowest", f"{np.nanmin(run.valid.losses):.6g}, step {run.valid.best:,}"))
    return str(shown.table(f"Run {c.name}", rows))


def _kind(run: Run) -> str:
    """'images 28 x 28 x 1', 'rows 30'."""
    if run.scaler is None:
        return f"images {shown.by(run.model.shape)}"
    of = run.scaler.examples
    return f"{PLURALS[of.kind]} {shown.by(of.outer(run.model.shape))}"


def _parameters(run: Run) -> int:
    return sum(int(np.size(leaf)) for leaf in jax.tree.leaves(run.variables["params"]))


def _steps(run: Run) -> int | None:
    """How many were done; None: neither state nor history came along, as after an export."""
    if run.state is not None:
        return int(run.state.step)
    return len(run.history["loss"]) if "loss" in run.history else None
