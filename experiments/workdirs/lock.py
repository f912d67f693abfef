"""Lock: only one process uses a work directory at a time."""

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from ae_jax.errors import CheckpointError

NAME = ".lock"


@contextlib.contextmanager
def hold(workdir: Path) -> Iterator[None]:
    """Makes the directory and holds its lock; one where nothing was written is gone after an error.

    The lock is the kernel's (flock on workdir/.lock), so that a process that is killed leaves none
    behind; the file says who holds it, or held it last.

    Raises:
      CheckpointError: another process holds it, named; or the directory cannot be written.
    """
    with _locked(workdir / NAME) as file:
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        try:
            yield
        except BaseException:
            with contextlib.suppress(OSError):
                if os.listdir(workdir) == [NAME]:
                    (workdir / NAME).unlink()
                    workdir.rmdir()
            raise


def _locked(name: Path) -> TextIO:
    """The file `name`, open, its lock held."""
    while True:
        try:
            name.parent.mkdir(parents=True, exist_ok=True)
            file = name.open("a+")
        except OSError as error:
            raise CheckpointError(
                f"--workdir: cannot write {name.parent}: {error.strerror}"
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file.fileno()), name.stat()):
                return file
            file.close()  # the one who held it took it away with the directory: once more
        except FileNotFoundError:
            file.close()  # the same
        except OSError as error:
            file.close()
            what = f"cannot be locked: {error.strerror}"
            if isinstance(error, BlockingIOError):
                what = f"is in use by {_holder(name)}\nwait for it or stop it, or choose another"
            raise CheckpointError(f"--workdir: {name.parent} {what}") from error


def _holder(name: Path) -> str:
    """Who wrote the lock file; it may be about to."""
    for _ in range(10):
        with contextlib.suppress(FileNotFoundError):
            if text := name.read_text()[:200].strip():
                return text
        time.sleep(0.05)
    return "another process"
