"""Atomic writes: a reader sees the old file or the new one, never a part of one."""

import os
import secrets
from pathlib import Path


def write(file: str | Path, content: str | bytes) -> Path:
    """Writes `content` to `file`, whose folders are made; returns where.

    It is written beside it under a name of its own and then renamed, so several processes may
    write the same file; the last one wins.
    """
    file = Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}.tmp")
    try:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)
    return file
