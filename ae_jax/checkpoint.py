"""Checkpoints of a run's work directory: the only user of Orbax."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from ae_jax.errors import CheckpointError

KEEP = 3


@contextlib.contextmanager
def manager(workdir: Path) -> Iterator[ocp.CheckpointManager]:
    """The checkpoint manager of a work directory, closed at the end.

    Saves are synchronous: a state that is donated to the next step must not be written later.
    """
    logging.getLogger("absl").setLevel(logging.ERROR)  # Orbax reports every save at INFO
    options = ocp.CheckpointManagerOptions(
        max_to_keep=KEEP, enable_async_checkpointing=False, cleanup_tmp_directories=True
    )
    directory = Path(workdir).absolute() / "checkpoints"
    try:
        opened = ocp.CheckpointManager(directory, options=options)
    except OSError as error:
        raise CheckpointError(f"workdir: cannot write {directory}: {error}") from error
    with opened:
        yield opened


def save(m: ocp.CheckpointManager, step: int, state: Any, meta: dict[str, Any]) -> None:
    """Writes `state` (a pytree of arrays) and `meta` as `step`; an existing step is left alone.

    Raises:
      CheckpointError: the step was not written.
    """
    if m.latest_step() == step:
        return
    try:
        items = ocp.args.Composite(state=ocp.args.StandardSave(state), meta=ocp.args.JsonSave(meta))
        saved = m.save(step, args=items, force=True)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"checkpoint of step {step} not written: {error}") from error
    if not saved:
        raise CheckpointError(f"checkpoint of step {step} not written: a newer one exists")


def restore(m: ocp.CheckpointManager, like: Callable[[dict[str, Any]], Any]) -> Any | None:
    """The newest state, or None if there is none.

    `like(meta)` gives the state's structure, shapes and dtypes: what is read never comes from the
    files alone.

    Raises:
      CheckpointError: the newest step cannot be read.
    """
    step = m.latest_step()
    if step is None:
        return None
    device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    try:
        meta = m.restore(step, args=ocp.args.Composite(meta=ocp.args.JsonRestore()))["meta"]
        abstract = jax.tree.map(
            lambda v: jax.ShapeDtypeStruct(v.shape, v.dtype, sharding=device), like(meta)
        )
        items = ocp.args.Composite(state=ocp.args.StandardRestore(abstract))
        return m.restore(step, args=items)["state"]
    except Exception as error:  # Orbax raises six different types for damaged files
        reason = str(error).splitlines()[0][:200]
        raise CheckpointError(
            f"checkpoint of step {step} in {m.directory} cannot be read: {reason}"
        ) from error
