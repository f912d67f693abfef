"""R6, R7, R8, R9: runs that must not start, or must not go on; each says why."""

import random
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ae_jax.config.schema import Text
from ae_jax.data import load
from ae_jax.data.arrays import from_arrays
from ae_jax.errors import AeJaxError, CheckpointError, DivergedError
from ae_jax.model.pipeline import Tree
from ae_jax.resolve import config as config_lib
from experiments import cli
from experiments.running import session
from experiments.running.prepared import Session
from experiments.workdirs import workdir
from tests.reliability import commands
from tests.reliability.commands import SMALL, Command
from tests.reliability.tally import Tally


def races(tally: Tally, folder: Path, n: int) -> None:
    """R6: two commands started at once in one work directory.

    Checked: one trains; the other ends within 3 seconds (imports not counted) with exit 2, naming
    the first; the first, killed, leaves a good checkpoint and a lock the next command takes over.
    """
    for race in range(n):
        path = folder / f"race{race}"
        two = [Command(path, *SMALL, "--config.train.epochs=1000") for _ in range(2)]
        while all(command.process.is_alive() for command in two):
            time.sleep(0.001)
        loser, winner = sorted(two, key=lambda command: command.process.is_alive())
        done = loser.wait()
        tally.most("slowest_refusal_s", done.seconds)
        named = f"in use by process {winner.process.pid} on " in done.stderr
        good = done.code == 2 and named and done.seconds < 3
        tally.check(good, f"loser: exit {done.code} after {done.seconds:.1f} s: {done.stderr}")
        trained = winner.until((path / "checkpoints" / "42").exists)
        winner.send(signal.SIGKILL)
        tally.check(trained and winner.wait().code == -9, "winner: did not train")
        step = commands.saved(path)[0]
        tally.check(step > 0, "winner: no good checkpoint")
    heir = Command(path, *SMALL, "--config.train.epochs=1000")
    took_over = heir.until(lambda: "resuming at step" in heir.said)
    heir.send(signal.SIGKILL)
    tally.check(took_over, f"a dead holder's lock: {heir.wait().stderr}")


# Written down apart from config.MAY_CHANGE, which is what is tested.
FREE = {"train.epochs", "train.log_every", "train.checkpoint_every", "data.manual_dir"}
FREE |= {"train.patience", "data.streaming", "eval.batch_size", "eval.every"}
CONFIGS = ("denoise_contractive_tied", "conv_strided:batchnorm", "cvae", "sparse_kl", "spiral")


class _Raw:
    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw

    def to_dict(self) -> dict[str, Any]:
        return self.raw


def changed_configs(tally: Tally, folder: Path) -> None:
    """R7: a work directory entered again with each field of several configs changed.

    Checked: every field is either free to change or refused with `field: old -> new`.
    """
    for name in CONFIGS:
        config = config_lib.load_config(name)
        path = folder / name
        path.mkdir()
        workdir.claim(path, config)
        tally.check(_refusal(path, config.to_dict()) is None, f"{name}: refused unchanged")
        for field, old in config_lib.flat(config):
            new = "another" if old is None or isinstance(old, str | tuple) else old + 1
            said = _refusal(path, _with(config.to_dict(), field, new))
            if field in FREE:
                good = said is None
                workdir.claim(path, config)
            else:
                good = said is not None and f"{field}: {old!r} -> {new!r}" in said
            tally.check(good, f"{name}: {field}: {said}")


def _refusal(path: Path, raw: dict[str, Any]) -> str | None:
    try:
        workdir.claim(path, _Raw(raw))
    except CheckpointError as error:
        return str(error)
    return None


def _with(raw: dict[str, Any], field: str, value: object) -> dict[str, Any]:
    head, _, rest = field.partition(".")
    return {**raw, head: _with(raw[head], rest, value) if rest else value}


def divergence(tally: Tally, folder: Path) -> None:
    """R8: a gradient that is NaN at the first, a middle and a saving step; a far too large rate.

    Checked: the step and a parameter are named, exit code 3, the last checkpoint is finite. Data
    that are not finite never reach training.
    """
    images = np.random.default_rng(0).integers(0, 256, (80, 8, 8)).astype(np.uint8)
    raw = {"model": {"code_size": 4}, "train": {"batch_size": 8, "epochs": 2}}
    for at in (0, 4, 7, 9, 10, 19):  # 10 steps per epoch, a checkpoint every 5
        s = _session(raw, images)
        poisoned = optax.chain(_nan_at(at), s.trainer.optimizer)
        s = s._replace(trainer=s.trainer._replace(optimizer=poisoned))
        path = folder / f"nan{at}"
        said, code = _trained(s, path)
        seen = (
            at if at in (4, 9, 19) else at + 1
        )  # when it is saved or evaluated, or the next loss is
        good = code == 3 and f"at step {seen} " in said and "params/decoder" in said
        tally.check(good, f"NaN at {at}: exit {code}: {said}")
        found = session.start(s, path)[0] if (path / "checkpoints").exists() else None
        finite = found is None or all(np.isfinite(v).all() for v in jax.tree.leaves(found))
        tally.check(finite and (at < 5) == (found is None), f"NaN at {at}: checkpoint")
    for rate in (1e30, 1e38):
        s = _session({**raw, "optim": {"name": "sgd", "learning_rate": rate}}, images)
        said, code = _trained(s, folder / f"rate{rate:g}")
        tally.check(code == 3 and f"{rate:g}" in said, f"rate {rate:g}: exit {code}: {said}")
    for bad, said in ((np.nan, "data.missing"), (np.inf, "must be in [0,1]")):
        try:
            data = from_arrays(np.where(images == 7, bad, images / 255.0), images[:8] / 255.0)
            session.prepare(config_lib.load_config("linear", **raw), data)
            tally.check(False, f"{bad} in the data: accepted")
        except AeJaxError as error:
            tally.check(said in str(error), f"{bad} in the data: {error}")


def _session(raw: dict[str, Any], images: np.ndarray) -> Session:
    raw = {**raw, "train": {**raw["train"], "checkpoint_every": 5}}
    return session.prepare(config_lib.load_config("linear", **raw), from_arrays(images, images[:8]))


def _nan_at(step: int) -> optax.GradientTransformation:
    """A transformation that makes the gradients of one step NaN."""

    def update(grads: Tree, count: jax.Array, params: Tree = None) -> Any:
        return jax.tree.map(lambda g: jnp.where(count == step, jnp.nan, g), grads), count + 1

    return optax.GradientTransformation(lambda params: jnp.int32(0), update)


def _trained(s: Session, path: Path) -> tuple[str, int]:
    path.mkdir()
    workdir.claim(path, s.config)
    try:
        return "", session.train(s, path, time.perf_counter())
    except DivergedError as error:
        return str(error), error.exit_code


WRONG = (
    "abc",
    "",
    "-1",
    "0",
    "1e999",
    "nan",
    "None",
    "1.5",
    "[1,2]",
    "True",
    "9" * 30,
    "2000000000",
    "()",
    "é",
)


def fuzzed(n: int) -> Iterator[tuple[str, dict[str, str]]]:
    """(config, overrides): typos, wrong types and sizes, files that do not exist."""
    rng = random.Random(9)
    names = sorted(p.stem for p in (Path(config_lib.__file__).parents[2] / "configs").glob("*.py"))
    for i in range(n):
        name = rng.choice(names)
        fields = [f for f, _ in config_lib.flat(config_lib.load_config(name)) if "." in f]
        field = rng.choice(fields)
        match i % 4:
            case 0:
                cut = rng.randrange(1, len(field))
                yield name, {field[:cut] + rng.choice("qz_.") + field[cut:]: "1"}
            case 1 | 2:
                yield name, {field: rng.choice(WRONG)}
            case 3:
                other = rng.choice(fields)
                value = rng.choice(WRONG)
                yield name, {field: value, other: rng.choice(WRONG)}
    for missing in ("no_such", "configs", "/dev/null", "denoise:no_such", "README.md"):
        yield missing, {}


def fuzz(tally: Tally, folder: Path, n: int) -> None:
    """R9: `n` fuzzed configs, up to where training would start, in this process.

    Checked: each can be trained, or is refused in at most three lines that name a field that was
    set; nothing else is ever raised.
    """
    digits, refused = load.load_data("mnist5k"), 0
    for i, (name, overrides) in enumerate(fuzzed(n)):
        if i % 50 == 0:
            jax.clear_caches()  # every model traced stays in memory otherwise
        try:
            config = cli.load(name, {k: Text(v) for k, v in overrides.items()})
            if config.data.name == "mnist5k":
                part = load.subset(digits, config.data.n_train, config.data.n_test)
                session.prepare(config, part)
            good, said = True, ""
        except AeJaxError as error:
            refused, said = refused + 1, str(error)
            good = _names(said, name, overrides)
        except Exception as error:
            good, said = False, f"{type(error).__name__}: {error}"
        tally.check(good, f"{name} {overrides}: {said}")
    tally.facts |= {"refused": refused}


def fuzzed_commands(tally: Tally, folder: Path, n: int) -> None:
    """R9: the same as commands: exit 2, no traceback, in 5 seconds; or it starts to train."""
    refused = 0
    for i, (name, overrides) in enumerate(fuzzed(n)):
        fields = (f"--config.{field}={value}" for field, value in overrides.items())
        command = Command(folder / f"w{i}", f"--config={name}", *fields)
        if command.until(lambda c=command: "\nworkdir" in c.said):
            command.send(signal.SIGKILL)
            command.wait()
            tally.check(True, "")
            continue
        done = command.wait()
        refused += 1
        tally.most("slowest_refusal_s", done.seconds)
        good = done.code == 2 and done.seconds < 5 and _names(done.stderr, name, overrides)
        tally.check(good, f"{name} {overrides}: exit {done.code}: {done.stderr[-300:]}")
    tally.facts |= {"refused": refused}


def _names(said: str, name: str, overrides: Mapping[str, str]) -> bool:
    """Whether at most three lines name a field that was set, or its section, or the config."""
    words = [Path(name.partition(":")[2] or name).stem]
    for field in overrides:
        parts = field.split(".")
        words += [".".join(parts[:i]) for i in range(1, len(parts) + 1)]
    return len(said.strip().splitlines()) <= 3 and any(w and w in said for w in words)
