"""Checkpoints in the work directory of a run. Only this module uses Orbax.

    checkpoints/1200/state/      the arrays, written by Orbax
                     record.npz  history, moments of the codes: see `ae_jax.train.record`
                     step.json   format; array names, types, shapes; validation loss; `meta`
                     SHA256SUMS  of all of these
    checkpoints/1200.tmp         being written or removed; never read
    checkpoints/1200.damaged     found damaged, kept for inspection

A rename makes a checkpoint appear under its step, complete or not at all. Checksums are verified
before anything is read from a checkpoint, because Orbax restores a flipped bit without an error.
"""

import contextlib
import json
import logging
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import orbax.checkpoint as ocp

from ae_jax.errors import AeJaxError, CheckpointError
from ae_jax.files import checksums, json_file, npz
from ae_jax.files.checksums import DamagedError
from ae_jax.model.pipeline import Tree
from ae_jax.train import devices
from ae_jax.train import record as record_lib
from ae_jax.train.record import Record

FORMAT = 2  # of work directories; 1 had the history in the state, and `best` by the test set
KEEP = 3  # newest steps kept, besides the one with the lowest validation loss
FACTS = "step.json"
RECORD = "record.npz"
FULL = ("No space left", "File too large", "Disk quota exceeded")


class Restored(NamedTuple):
    """A state with its record, and the newer steps passed over: step -> what is wrong with it."""

    step: int
    state: Any
    record: Record
    passed_over: dict[int, str]


def save(
    workdir: Path,
    step: int,
    state: Tree,
    meta: dict[str, Any],
    loss: float | None = None,
    record: Record = Record(),  # noqa: B008  a tuple, which nobody can change
) -> None:
    """Writes `state`, a pytree of arrays, as `step`; returns when it is on disk.

    Args:
      workdir: of the run.
      step: must be new.
      state: waited for, so that it may be donated to the next step.
      meta: JSON; handed to `like` when the state is restored.
      loss: on the validation images, where it is known: the step with the lowest is kept.
      record: what the steps up to this one have shown.

    Raises:
      CheckpointError: it was not written; what was there before is untouched.
    """
    folder = _folder(workdir)
    part = folder / f"{step}.tmp"
    facts = {"format": FORMAT, "step": step, "loss": loss, "meta": meta, "leaves": _leaves(state)}
    try:
        devices.by_first(lambda: _remove(part))
        with _orbax() as checkpointer:
            checkpointer.save(part / "state", args=ocp.args.StandardSave(state))
        devices.by_first(lambda: _publish(part, folder / str(step), facts, record))
    except jax.errors.JaxRuntimeError:
        raise  # another process is gone, which is not this disk's fault
    except Exception as error:  # Orbax reports a full disk as one of three types
        _remove(part)
        raise CheckpointError(_not_written(folder, step, state, error)) from error
    devices.by_first(lambda: _retire(folder))


def restore(
    workdir: Path,
    like: Callable[[dict[str, Any]], Any],
    sharding: jax.sharding.Sharding | None = None,
    best: bool = False,
) -> Restored | None:
    """The newest state whose files are what was written, or None where there never was one.

    Args:
      workdir: of the run.
      like: `like(meta)` gives the state's structure, shapes and dtypes: these never come from the
        files alone.
      sharding: where the arrays go, whatever they were on when saved; None: the first device.
      best: the step with the lowest validation loss instead of the newest; None is the answer
        where no step has one.

    Raises:
      CheckpointError: there are checkpoints but none can be read, or they do not fit `like`.
    """
    folder = _folder(workdir)
    passed_over: dict[int, str] = {}
    steps = _steps(folder)
    if best:
        losses = {step: _loss(folder, step) for step in steps}
        steps = sorted((s for s in steps if math.isfinite(losses[s])), key=lambda s: -losses[s])
    for step in reversed(steps):
        try:
            facts = _facts(folder, step)
        except DamagedError as damage:
            passed_over[step] = str(damage)
            continue
        abstract = _build(like, facts)
        try:
            record = record_lib.unpack(npz.read(folder / str(step) / RECORD), step)
            state = _read(folder / str(step), abstract, sharding)
            return Restored(step, state, record, passed_over)
        except Exception as error:  # intact, but of an Orbax that this one cannot read
            passed_over[step] = _first_line(error)
    if passed_over:
        step, why = next(iter(passed_over.items()))
        raise CheckpointError(
            f"{folder}: none of {len(passed_over)} checkpoints can be read\n"
            f"step {step}: {why}\nmove the work directory away to start over"
        )
    return None


def resume(
    workdir: Path,
    like: Callable[[dict[str, Any]], Any],
    sharding: jax.sharding.Sharding | None = None,
) -> Restored | None:
    """`restore` for the one who will write: sets damaged steps aside, removes what a kill left.

    Arguments and errors are those of `restore`.
    """
    folder = _folder(workdir)
    restored = restore(workdir, like, sharding)

    def tidy() -> None:
        for part in folder.glob("*.tmp"):
            _remove(part)
        for step in restored.passed_over if restored else ():
            _remove(folder / f"{step}.damaged")
            os.rename(folder / str(step), folder / f"{step}.damaged")

    devices.by_first(tidy)
    return restored


def meta(workdir: Path) -> dict[str, Any] | None:
    """What `save` was told with the newest good step; None where there is none."""
    folder = _folder(workdir)
    for step in reversed(_steps(folder)):
        with contextlib.suppress(DamagedError):
            found: dict[str, Any] = _facts(folder, step)["meta"]
            return found
    return None


def steps(workdir: Path) -> list[int]:
    """The steps there are, good or not, oldest first."""
    return _steps(_folder(workdir))


def _folder(workdir: Path) -> Path:
    return Path(workdir).absolute() / "checkpoints"


def _steps(folder: Path) -> list[int]:
    """The steps there are, good or not, oldest first."""
    names = [path.name for path in folder.glob("*") if path.is_dir()]
    return sorted(int(name) for name in names if name.isdecimal() and name == str(int(name)))


def _orbax() -> ocp.Checkpointer:
    # Orbax reports every save at INFO, and an error at ERROR with its traceback before raising it.
    logging.getLogger("absl").setLevel(logging.CRITICAL)
    return ocp.Checkpointer(ocp.StandardCheckpointHandler())


def _publish(part: Path, final: Path, facts: dict[str, Any], record: Record) -> None:
    (part / FACTS).write_text(json.dumps(facts))
    npz.write(part / RECORD, record_lib.pack(record))
    checksums.write(part)
    os.rename(part, final)


def _not_written(folder: Path, step: int, state: Tree, error: Exception) -> str:
    full = any(words in str(error) for words in FULL)
    free = shutil.disk_usage(_existing(folder)).free
    last = _steps(folder)[-1:]
    return (
        f"checkpoint of step {step} not written in {folder}\n"
        f"{'disk full' if full else _first_line(error)}: up to {_bytes(state) / 1e6:.1f} MB are "
        f"needed, {free / 1e6:.1f} MB are free\n"
        + (f"step {last[0]} is kept; run again to resume from it" if last else "none is kept yet")
    )


def _retire(folder: Path) -> None:
    """Keeps the newest `KEEP` steps and the best; a step goes by a rename first, so never half."""
    losses = {step: _loss(folder, step) for step in _steps(folder)}
    best = min(losses, key=lambda step: losses[step])
    for step in list(losses)[:-KEEP]:
        if step != best or not math.isfinite(losses[best]):
            part = folder / f"{step}.tmp"
            _remove(part)
            os.rename(folder / str(step), part)
            _remove(part)


def _facts(folder: Path, step: int) -> dict[str, Any]:
    """step.json of a step whose files have all been checked."""
    try:
        facts = json_file.read(folder / str(step) / FACTS)  # first: it is short, or not ours
    except CheckpointError as error:
        raise DamagedError(str(error)) from error
    checksums.check(folder / str(step))
    if facts.get("step") != step or not all(
        isinstance(facts.get(name), dict) for name in ("meta", "leaves")
    ):
        raise DamagedError(f"{FACTS}: is not of step {step}")
    if (found := facts.get("format", 1)) != FORMAT:
        raise CheckpointError(
            f"{folder.parent}: is a work directory of format {found}, this ae_jax reads {FORMAT}\n"
            "train the config again in another directory, or open it with the ae_jax that wrote it"
        )
    return facts


def _loss(folder: Path, step: int) -> float:
    """The validation loss of a step; infinite where it is unknown or not a number."""
    try:
        loss = json_file.read(folder / str(step) / FACTS).get("loss")
    except CheckpointError:
        return math.inf
    return loss if isinstance(loss, float) and math.isfinite(loss) else math.inf


def _build(like: Callable[[dict[str, Any]], Any], facts: dict[str, Any]) -> Any:
    """The state that is expected; refused where it is another, or larger than the memory."""
    step = facts["step"]
    try:
        abstract = like(facts["meta"])
    except AeJaxError:
        raise
    except Exception as error:  # a forged file may say anything
        raise CheckpointError(
            f"checkpoint of step {step}: {FACTS} describes no model ({_first_line(error)})"
        ) from error
    _check_fits(step, facts["leaves"], _leaves(abstract))
    devices.check_fits(f"checkpoint of step {step}", abstract)
    return abstract


def _leaves(state: Tree) -> dict[str, str]:
    """{'params/encoder/layer_0/kernel': 'float32[784,32]', ...}."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): (
            f"{leaf.dtype}[{','.join(map(str, leaf.shape))}]"
        )
        for path, leaf in jax.tree_util.tree_leaves_with_path(state)
    }


def _bytes(state: Tree) -> int:
    return sum(math.prod(v.shape) * v.dtype.itemsize for v in jax.tree.leaves(state))


def _check_fits(step: int, stored: dict[str, str], wanted: dict[str, str]) -> None:
    """Raises CheckpointError: names each leaf of another type or shape. Orbax would cast."""
    wrong = [
        f"{name}: {stored.get(name, 'absent')} -> {wanted.get(name, 'absent')}"
        for name in sorted(stored.keys() | wanted.keys())
        if stored.get(name) != wanted.get(name)
    ]
    if wrong:
        listed = "; ".join(wrong[:3]) + ("; ..." if len(wrong) > 3 else "")
        raise CheckpointError(f"checkpoint of step {step} is of another model\n{listed}")


def _read(directory: Path, abstract: Tree, sharding: jax.sharding.Sharding | None) -> Any:
    sharding = sharding or devices.everywhere(None)
    target = jax.tree.map(
        lambda v: jax.ShapeDtypeStruct(v.shape, v.dtype, sharding=sharding), abstract
    )
    with _orbax() as checkpointer:
        # Orbax begins to read whatever is there, and what it began complains on stderr at the end.
        stored = checkpointer.metadata(directory / "state").item_metadata.tree
        if _leaves(stored) != _leaves(abstract):
            raise DamagedError(f"the arrays are not those that {FACTS} lists")
        return checkpointer.restore(directory / "state", args=ocp.args.StandardRestore(target))


def _remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
