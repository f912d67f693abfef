"""Deferred signal handling."""

import signal
import sys
import threading
from types import FrameType
from typing import Any


class Interrupt:
    """`with Interrupt(SIGINT) as stop`: the first signal sets `stop.code`, the second acts as ever.

    The loop inside looks at `stop.code` (128 + the signal's number; 0: none came) where nothing is
    half done. Outside the main thread, where Python allows no handlers, nothing is changed.
    """

    def __init__(self, *numbers: int) -> None:
        """The signals to wait with."""
        self.code = 0
        self.numbers = numbers
        self.before: dict[int, Any] = {}

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():
            self.before = {n: signal.signal(n, self._note) for n in self.numbers}
        return self

    def __exit__(self, *raised: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.code = 128 + number
        signal.signal(number, self.before[number])
        print("\nstopping after these steps; a second signal stops at once", file=sys.stderr)
