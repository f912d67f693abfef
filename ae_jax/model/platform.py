"""The kind of device that a program is traced for: layers choose what is fast there.

It is the kind of the machine's default device, unless a program is made for another machine.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import jax

_asked: ContextVar[str | None] = ContextVar("platform", default=None)


def on_cpu() -> bool:
    """Whether what is traced now will run on CPUs."""
    return (_asked.get() or jax.default_backend()) == "cpu"


@contextmanager
def traced_for(platform: str) -> Iterator[None]:
    """What is traced inside is for 'cpu', 'cuda' or 'tpu'.

    Compiled functions that were traced before stay as they are: make new ones inside.
    """
    token = _asked.set(platform)
    try:
        yield
    finally:
        _asked.reset(token)
