"""R10: work directories made to do harm when they are opened."""

import contextlib
import gc
import io
import os
import pickle
import resource
import shutil
import sys
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.data.arrays import from_arrays
from ae_jax.errors import AeJaxError
from ae_jax.files import checksums, json_file
from ae_jax.resolve.config import load_config, resolve
from ae_jax.run import keeping
from ae_jax.train import checkpoint, setup
from ae_jax.train.record import Moments, Record
from experiments.running import session
from experiments.workdirs import workdir
from tests.reliability import commands
from tests.reliability.tally import Tally

WATCHED: tuple[str, ...] = ("exec", "import", "subprocess", "pickle", "marshal", "ctypes")
WATCHED += ("os.system", "os.exec", "os.posix_spawn", "os.fork")
WATCHED += ("socket.connect", "socket.bind", "socket.getaddrinfo")
MOST_SECONDS, MOST_BYTES = 2.0, 500e6


def make(path: Path) -> None:
    """A small run as it is left by the command."""
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8)).astype(np.uint8)
    config = load_config("linear", model={"code_size": 4}, train={"batch_size": 8})
    s = session.prepare(config, from_arrays(images, images[:8]))
    path.mkdir()
    workdir.claim(path, config)
    state = s.trainer.init(s.key, jnp.zeros((8, 8, 1)))
    moments = Moments(np.zeros(4), np.eye(4))
    record = Record({"loss": np.ones(10, np.float32)}, moments)
    checkpoint.save(path, 10, state, s.meta, record=record)


def _resum(path: Path) -> None:
    """Checksums as whoever made the directory would have them."""
    step = path / "checkpoints/10"
    (step / checksums.NAME).unlink()
    checksums.write(step)


class _Touch:
    """Touches the canary when it is unpickled."""

    def __init__(self, canary: str) -> None:
        self.canary = canary

    def __reduce__(self) -> Any:
        return open, (self.canary, "w")


def _facts(path: Path, **changes: Any) -> None:
    file = path / "checkpoints/10/step.json"
    json_file.write(file, json_file.read(file) | changes)
    _resum(path)


def _record(path: Path, content: bytes | dict[str, np.ndarray]) -> None:
    """Another record, under checksums that agree with it."""
    file = path / "checkpoints/10" / checkpoint.RECORD
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        np.savez(file, **content)  # type: ignore[arg-type]
    _resum(path)


def _npz_of(steps: int) -> bytes:
    """An archive with a history that says how long it is, and is not."""
    entry, file = io.BytesIO(), io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (steps,)}
    np.lib.format.write_array_header_1_0(entry, header)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("history/loss.npy", entry.getvalue())
    return file.getvalue()


def _huge(path: Path) -> None:
    """Ten to the twelfth pixels, in every place that says so."""
    config = resolve(json_file.read(path / "config.json"))
    meta = {"shape": [10**6, 10**6, 1], "n_train": 40}
    leaves = checkpoint._leaves(setup.prepare(config, (10**6, 10**6, 1), 40).abstract())
    _facts(path, meta=meta, leaves=leaves)


def _other_arrays(path: Path) -> None:
    """Arrays of another shape than step.json says."""
    step = path / "checkpoints/10"
    facts = json_file.read(step / "step.json")
    shutil.rmtree(step)
    config = load_config("linear", model={"code_size": 4000}, train={"batch_size": 8})
    trainer = setup.prepare(config, (8, 8, 1), 40)
    checkpoint.save(path, 10, trainer.init(jax.random.key(0), jnp.zeros((8, 8, 1))), {})
    json_file.write(step / "step.json", facts)
    _resum(path)


def _sparse(file: Path) -> None:
    with file.open("r+b") as f:
        f.truncate(10**9)


def _largest(path: Path) -> Path:
    """Of the files with the arrays; not their equals in the writing process's own folder."""
    files = (f for f in (path / "checkpoints/10/state/d").rglob("*") if f.is_file())
    return max(files, key=lambda f: f.stat().st_size)


def cases(canary: Path) -> dict[str, Callable[[Path], Any]]:
    """What is done to a good work directory."""
    evil = pickle.dumps(_Touch(str(canary)))
    code = f"open({str(canary)!r}, 'w')\n"

    def python(d: Path) -> None:
        for name in ("config.py", "ae_jax.py", "sitecustomize.py", "checkpoints/__init__.py"):
            (d / name).write_text(code)

    def named(d: Path) -> None:
        raw = json_file.read(d / "config.json")
        json_file.write(d / "config.json", {**raw, "encoder": {"name": "os:system"}})

    def pickled_step(d: Path) -> None:
        _largest(d).write_bytes(evil)
        _resum(d)

    def link(d: Path) -> None:
        file, elsewhere = _largest(d), d.parent / "elsewhere"
        shutil.move(file, elsewhere)  # the bytes agree with SHA256SUMS, but lie outside
        file.symlink_to(elsewhere)

    def dots(d: Path) -> None:
        with (d / "checkpoints/10" / checksums.NAME).open("a") as f:
            f.write(f"{'0' * 64}  ../../../../canary\n")

    def pipe(d: Path) -> None:
        (d / "config.json").unlink()
        os.mkfifo(d / "config.json")

    def long_step(d: Path) -> None:
        _sparse(d / "checkpoints/10/step.json")
        _resum(d)

    tag = f"!!python/object/apply:os.system ['touch {canary}']"
    objects = np.array([_Touch(str(canary))], dtype=object)
    return {
        "python beside it": python,
        "pickled config": lambda d: (d / "config.json").write_bytes(evil),
        "YAML tags": lambda d: (d / "config.json").write_text(tag),
        "an import path for a name": named,
        "pickle in record.npz": lambda d: _record(d, {"codes/mean": objects}),
        "record.npz is a pickle": lambda d: _record(d, evil),
        "record.npz of 10^12 steps": lambda d: _record(d, _npz_of(10**12)),
        "record.npz of other steps": lambda d: _record(d, {"history/loss": np.ones(9, "f4")}),
        "record.npz of another code": lambda d: _record(
            d, {"codes/mean": np.zeros(5), "codes/cov": np.eye(5)}
        ),
        "pickle for an array": pickled_step,
        "link out of it": link,
        "path out of it": dots,
        "pipe for config.json": pipe,
        "10^12 pixels": _huge,
        "arrays of another shape": _other_arrays,
        "step.json describes nothing": lambda d: _facts(d, meta={"shape": "os.system"}),
        "1 GB config.json": lambda d: _sparse(d / "config.json"),
        "1 GB step.json": long_step,
        "deep config.json": lambda d: (d / "config.json").write_text("[" * 100_000),
        "a list for config.json": lambda d: (d / "config.json").write_text("[]"),
        "an integer without end": lambda d: (d / "config.json").write_text(
            '{"seed": ' + "9" * 9999
        ),
    }


def workdirs(tally: Tally, folder: Path) -> None:
    """R10: opened under an audit hook, in a process of its own.

    Checked: nothing is executed, imported, unpickled, started or connected to; refused (or, where
    only strangers' files lie beside it, loaded) within 2 seconds and 500 MB.
    """
    make(folder / "good")
    canary = folder / "canary"
    for name, harm in cases(canary).items():
        shutil.copytree(folder / "good", folder / "bad" / name)
        harm(folder / "bad" / name)
    tally.check(not canary.exists(), "the canary: touched by making the directories")
    found = commands.forked(_open_all, folder)
    tally.check(found.pop("good") == ["loaded", 0.0, 0.0, []], "control: a good directory")
    tally.check(bool(found.pop("control")), "control: the hook sees nothing")
    for name, (outcome, seconds, grown, events) in found.items():
        expected = "loaded" if name == "python beside it" else "refused"
        good = outcome == expected and seconds < MOST_SECONDS and grown < MOST_BYTES
        tally.check(good and not events, f"{name}: {outcome} {seconds:.1f} s {grown} {events}")
        tally.most("slowest_s", seconds)
        tally.most("most_MB", grown / 1e6)
    tally.check(not canary.exists(), "the canary: touched")


def _open_all(folder: Path) -> dict[str, Any]:
    """name -> (outcome, seconds, bytes, events) for the directories below `folder`."""
    events: list[str] = []
    watching = False

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if watching and event.startswith(WATCHED):
            events.append(f"{event} {str(args)[:80]}")

    found: dict[str, Any] = {}
    for _ in range(2):  # whatever is imported at first use has been
        for path in (folder / "good", folder / "bad/link out of it", folder / "bad/YAML tags"):
            _outcome(path)
    warnings.simplefilter("ignore")
    sys.addaudithook(hook)
    for path in (folder / "good", *(p for p in sorted((folder / "bad").iterdir()) if p.is_dir())):
        gc.collect()  # what the last one left behind is not this one's
        events.clear()
        before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
        watching = True
        outcome = _outcome(path)
        watching = False
        seconds = time.monotonic() - begun
        grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        found[path.name] = (outcome, seconds, grown, list(events))
    found["good"] = [found["good"][0], 0.0, 0.0, found["good"][3]]
    watching = True
    with contextlib.suppress(FileNotFoundError):
        eval("__import__('pickle').loads(__import__('pickle').dumps(open))")
    watching = False
    found["control"] = list(events)
    return found


def _outcome(path: Path) -> str:
    try:
        keeping.restore(str(path))
    except AeJaxError as error:
        return "refused" if len(str(error).splitlines()) <= 3 else f"refused at length: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300]
    return "loaded"
