"""Small JSON files: written atomically, read without trust."""

import json
from pathlib import Path
from typing import Any

from ae_jax.errors import AeJaxError, CheckpointError
from ae_jax.files import atomic

MOST_BYTES = 1 << 20


def read(
    file: Path, error: type[AeJaxError] = CheckpointError, most_bytes: int = MOST_BYTES
) -> dict[str, Any]:
    """The object in `file`.

    Raises:
      error: it is missing, unreadable, larger than any of ours, or holds no object.
    """
    try:
        if not file.is_file():
            raise error(f"{file}: is missing, or not a file")
        if file.stat().st_size > most_bytes:
            raise error(f"{file}: is larger than {most_bytes:,} bytes, not written by ae_jax")
        value = json.loads(file.read_text())
    except (OSError, ValueError, RecursionError) as reason:
        raise error(f"{file}: cannot be read ({reason})") from reason
    if not isinstance(value, dict):
        raise error(f"{file}: has no JSON object")
    return value


def write(file: Path, value: Any) -> None:
    """Atomic: a reader sees the old file or the new one."""
    atomic.write(file, json.dumps(value, indent=2) + "\n")
