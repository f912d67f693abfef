"""R3, R4, R5, R11: files damaged, missing, strange, or impossible to write."""

import gzip
import hashlib
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.data import idx_files
from ae_jax.errors import CheckpointError, DataError
from ae_jax.model.weights import params_sha256
from ae_jax.resolve.config import load_config
from ae_jax.train import checkpoint, setup
from tests.reliability.tally import Tally

Change = Callable[[bytes], bytes | None]  # None: the file is deleted
DAMAGES: dict[str, Change] = {
    "deleted": lambda b: None,
    "empty": lambda b: b"",
    "half": lambda b: b[: len(b) // 2],
    "bit flip": lambda b: flip(b, len(b) * 4),
    "garbage": lambda b: bytes(np.random.default_rng(0).integers(0, 256, len(b), np.uint8)),
}


def flip(content: bytes, bit: int) -> bytes:
    """One bit changed."""
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def _flip(part: int, content: bytes) -> bytes:
    """A bit changed `part` sixths into it."""
    return flip(content, len(content) * 8 * part // 6)


def _change(change: Change, file: str, directory: Path) -> None:
    apply(change, directory / file)


def _add(number: int, leaf: jax.Array) -> jax.Array:
    return leaf + jnp.asarray(number, leaf.dtype)


def apply(change: Change, file: Path) -> None:
    """Changes a file as `change` says."""
    content = change(file.read_bytes())
    file.unlink() if content is None else file.write_bytes(content)


class Kept:
    """A work directory with checkpoints of steps 10 and 20, and how to read them."""

    def __init__(self, path: Path) -> None:
        """Writes them."""
        self.path = path
        config = load_config("undercomplete", model={"code_size": 4}, train={"batch_size": 8})
        self.trainer = setup.prepare(config, (8, 8, 1), 40)
        state = self.trainer.init(jax.random.key(0), jnp.zeros((8, 8, 1)))
        self.state, self.digests = state, {}
        for step in (10, 20):
            self.state = jax.tree.map(partial(_add, step), state)
            checkpoint.save(path, step, self.state, {"shape": [8, 8, 1]})
            self.digests[step] = params_sha256(self.state)

    def resume(self) -> tuple[int, str, str]:
        """(step, digest, what was passed over) of a resume; AeJaxError where it is refused."""
        found = checkpoint.resume(self.path, lambda meta: self.trainer.abstract())
        if found is None:
            return 0, "", ""
        return found.step, params_sha256(found.state), str(found.passed_over)

    @contextmanager
    def copy(self) -> Iterator["Kept"]:
        """A copy to be damaged."""
        other = Kept.__new__(Kept)
        other.__dict__.update(self.__dict__, path=self.path.with_name("copy"))
        shutil.copytree(self.path, other.path, symlinks=True)
        yield other
        shutil.rmtree(other.path)


def bit_rot(tally: Tally, folder: Path, n: int) -> None:
    """R3: every file of the newest step in five ways, and `n` random bits.

    Checked: what is restored is bit for bit what was saved, of the damaged step or of the one
    before; where it is the one before, the file is named. The undamaged step is the control.
    """
    kept = Kept(folder / "kept")
    with kept.copy() as control:
        tally.check(control.resume() == (20, kept.digests[20], "{}"), "control: did not load")
    files = [f for f in sorted((kept.path / "checkpoints/20").rglob("*")) if f.is_file()]
    cases = [(f, name, change) for f in files for name, change in DAMAGES.items()]
    rng = np.random.default_rng(3)
    sizes = np.array([f.stat().st_size for f in files])
    for i in rng.choice(len(files), n, p=sizes / sizes.sum()):
        bit = int(rng.integers(8 * sizes[i]))
        cases.append((files[i], f"bit {bit}", partial(flip, bit=bit)))
    fell_back = 0
    for file, name, change in cases:
        with kept.copy() as copy:
            apply(change, copy.path / file.relative_to(kept.path))
            step, digest, over = copy.resume()
            fell_back += step == 10
            good = digest == kept.digests.get(step) and (step == 20) == (over == "{}")
            good = good and (step == 20 or file.name in over)
            tally.check(good, f"{file.name} {name}: step {step} {over}")
    tally.facts |= {"files": len(files), "fell_back": fell_back}


def nothing_good(tally: Tally, folder: Path) -> None:
    """R4: all steps bad, a stray 999/, empty directories: never from scratch without a word."""
    kept = Kept(folder / "kept")

    def refused(copy: Kept, words: str) -> bool:
        try:
            copy.resume()
        except CheckpointError as error:
            return words in str(error) and len(str(error).splitlines()) <= 3
        return False

    with kept.copy() as copy:
        for step in (10, 20):
            apply(DAMAGES["half"], copy.path / f"checkpoints/{step}/step.json")
        tally.check(refused(copy, "none of 2 checkpoints"), "all bad: went on")
        tally.check(refused(copy, "none of 2 checkpoints"), "all bad: the second time went on")
    with kept.copy() as copy:
        (copy.path / "checkpoints/999").mkdir()
        step, digest, over = copy.resume()
        tally.check(step == 20 and digest == kept.digests[20] and "999" in over, "stray 999/")
        tally.check(copy.resume()[2] == "{}", "stray 999/: not set aside")
    with kept.copy() as copy:
        for step in (10, 20):
            shutil.rmtree(copy.path / f"checkpoints/{step}")
        (copy.path / "checkpoints/999/state").mkdir(parents=True)
        tally.check(refused(copy, "none of 1 checkpoint"), "only 999/: went on")
    with kept.copy() as copy:
        (copy.path / "checkpoints/20").rename(copy.path / "checkpoints/30")
        tally.check("30" in copy.resume()[2], "a step under another number")
    with kept.copy() as copy:
        (copy.path / "checkpoints/30.tmp/state").mkdir(parents=True)
        (copy.path / "checkpoints/notes.txt").write_text("mine")
        tally.check(copy.resume()[0] == 20, "half a save, and a stranger's file")
        tally.check(not (copy.path / "checkpoints/30.tmp").exists(), "half a save: left there")
        tally.check((copy.path / "checkpoints/notes.txt").exists(), "a stranger's file: removed")


def disk_full(tally: Tally, folder: Path) -> None:
    """R5: no room. Checked: MB are named, the last step is intact, no debris is left."""
    kept = Kept(folder / "kept")
    big = {"a": jax.random.normal(jax.random.key(0), (400_000,))}

    def full(path: Path, name: str) -> None:
        try:
            checkpoint.save(path, 30, big, {})
            tally.check(False, f"{name}: saved")
        except CheckpointError as error:
            words = "disk full: up to 1.6 MB are needed" in str(error)
            tally.check(words and "step 20 is kept" in str(error), f"{name}: {error}")
        names = sorted(p.name for p in (path / "checkpoints").iterdir())
        tally.check(names == ["10", "20"], f"{name}: left {names}")
        with kept.copy() as copy:
            tally.check(copy.resume()[1] == kept.digests[20], f"{name}: damaged")

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        full(kept.path, "file size limit")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with _small_disk(folder / "disk", kept.path) as small:
        if small:
            full(small, "1 MB file system")
        tally.facts["small_file_system"] = bool(small)


@contextmanager
def _small_disk(mount: Path, kept: Path) -> Iterator[Path | None]:
    """A copy of `kept` on a file system of 1 MB; None where mounting is not allowed."""
    mount.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mount)]
    try:
        mounted = subprocess.run(options, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        yield None
        return
    try:
        yield Path(shutil.copytree(kept, mount / "kept"))
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def data_files(tally: Tally, folder: Path) -> None:
    """R11: files of a published set truncated, flipped, swapped, of another kind; all named.

    On the real MNIST where AE_JAX_MANUAL_DIR has it, else on a set of the same make.
    """
    name, source = _published(folder)
    control = Path(shutil.copytree(source, folder / "control"))
    idx_files.check_folder(name, control)
    images, labels = idx_files.PARTS["test_images"], idx_files.PARTS["test_labels"]
    cases: dict[str, tuple[str, Callable[[Path], Any]]] = {
        "swapped": (images, lambda d: shutil.copy(d / labels, d / images)),
        "missing": (labels, lambda d: (d / labels).unlink()),
        "wrong magic": (images, lambda d: (d / images).write_bytes(gzip.compress(b"\1\2\3\4"))),
    }
    for file in (images, labels):
        for what in ("empty", "half", "garbage"):
            cases[f"{file} {what}"] = (file, partial(_change, DAMAGES[what], file))
        for part in range(1, 6):  # beyond the gzip header, whose name and time mean nothing
            cases[f"{file} bit flip {part}"] = (file, partial(_change, partial(_flip, part), file))
    for what, (file, damage) in cases.items():
        copy = Path(shutil.copytree(source, folder / "copy"))
        damage(copy)
        try:
            idx_files.check_folder(name, copy)
            tally.check(False, f"{what}: accepted")
        except DataError as error:
            lines = str(error).splitlines()
            tally.check(file in str(error) and len(lines) <= 3, f"{what}: {error}")
        shutil.rmtree(copy)
    tally.facts["data"] = name


def _published(folder: Path) -> tuple[str, Path]:
    real = Path(os.environ.get("AE_JAX_MANUAL_DIR", "/nowhere")) / "mnist"
    if real.is_dir():
        return "mnist", real
    made, rng = folder / "made", np.random.default_rng(0)
    made.mkdir()
    files = {}
    for part, file in idx_files.PARTS.items():
        shape = (50, 28, 28) if "images" in part else (50,)
        array = rng.integers(0, 10, shape, np.uint8)
        header = bytes([0, 0, 8, array.ndim]) + np.asarray(shape, ">u4").tobytes()
        (made / file).write_bytes(packed := gzip.compress(header + array.tobytes()))
        digest = hashlib.sha256(packed).hexdigest()
        files[part] = idx_files.IdxFile(digest, idx_files.idx_sha256(array))
    idx_files.IDX_SETS["made"] = idx_files.IdxSet("https://example.org/", files)
    return "made", made
