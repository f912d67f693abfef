"""One process at a time in a work directory."""

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from ae_jax.errors import CheckpointError

NAME = ".lock"


@contextlib.contextmanager
def hold(workdir: Path) -> Iterator[None]:
    """Makes the directory and holds its lock.

    The lock is the kernel's (flock on workdir/.lock), so that a process that is killed leaves none
    behind; the file says who holds it, or held it last.

    Raises:
      CheckpointError: another process holds it, named; or the directory cannot be written.
    """
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        file = (workdir / NAME).open("a+")
    except OSError as error:
        raise CheckpointError(f"--workdir: cannot write {workdir}: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CheckpointError(
                f"--workdir: {workdir} is in use by {_holder(workdir / NAME)}\n"
                "wait for it or stop it, or choose another --workdir"
            ) from error
        except OSError as error:
            raise CheckpointError(f"--workdir: cannot lock {workdir}: {error.strerror}") from error
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield


def _holder(file: Path) -> str:
    """Who wrote the lock file; it may be about to."""
    for _ in range(10):
        if text := file.read_text()[:200].strip():
            return text
        time.sleep(0.05)
    return "another process"
